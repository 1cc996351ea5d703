"""The conversation of one call: takes the flow engine's effects, does them on the line, and feeds back what happened.

Data flows one way: engine -> effects -> line and listener -> event -> engine. The engine decides; nothing here does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from voicebot.call.answered import Answered
from voicebot.call.challenge import challenge_codes
from voicebot.call.checker import Checker
from voicebot.call.line import Line, Played
from voicebot.call.listener import Listener, Question
from voicebot.call.prompter import Prompter
from voicebot.call.reporter import Reporter
from voicebot.call.transfer import Handover, Request
from voicebot.call.understanding import Understanding
from voicebot.call.voice_watch import VoiceWatch
from voicebot.errors import CallEnded
from voicebot.flow.book import FlowBook, VoicePolicy
from voicebot.flow.engine import start, step, voice_policy
from voicebot.flow.outcomes import outcome
from voicebot.flow.state import FlowState
from voicebot.model.audio import AudioFrame
from voicebot.model.flow import (
    CallStarted,
    CheckDone,
    Effect,
    EndCall,
    Event,
    Heard,
    HungUp,
    Listen,
    NoInput,
    NoMatch,
    RunCheck,
    Say,
    Transfer,
    TransferDone,
    VoiceLost,
)
from voicebot.model.outcome import Outcome
from voicebot.model.ports import CallLeg, LegEnd
from voicebot.model.records import Turn
from voicebot.model.speech import Digits, Utterance
from voicebot.voiceprint.decision import Policy

logger = logging.getLogger(__name__)
T = TypeVar("T")
#: Stores answers that must not wait for the end of the call: the facts, the step, seconds from the answer, now.
Keeper = Callable[[Mapping[str, object], str, float, datetime], None]

#: How long after the end of the leg a transfer may still report that it worked.
TRANSFER_REPORT_S = 2.0


@dataclass(frozen=True, slots=True)
class CallParts:
    """What a conversation works with."""

    leg: CallLeg
    line: Line
    listener: Listener
    voice: VoiceWatch | None
    policy: Callable[[VoicePolicy], Policy]
    understanding: Understanding
    prompter: Prompter
    checker: Checker
    keepers: Sequence[Keeper]
    reporter: Reporter
    handover: Handover
    max_call_s: float
    answered: Answered | None = None


class Conversation:
    """Runs one flow on one answered leg; `run` returns the outcome and never raises for the far end's sake."""

    def __init__(self, book: FlowBook, flow: str, direction: str, parts: CallParts) -> None:
        self._book = book
        self._direction = direction
        self._parts = parts
        self._state = start(book, flow, {"challenge_codes": challenge_codes()})
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turn: Turn | None = None
        self._reply_end: float | None = None
        self._answered_at: float | None = None
        self._limit: asyncio.Timeout | None = None
        parts.leg.on_end(self._on_end)

    def _on_end(self, end: LegEnd) -> None:
        del end
        if not self._ended.done():
            self._ended.set_result(None)

    @property
    def state(self) -> FlowState:
        """Where the flow stands."""
        return self._state

    async def run(self) -> Outcome:
        """Talk until the flow ends, the caller hangs up or `max_call_s` is over."""
        event: Event | None = CallStarted(self._direction)
        hung_up_by: str | None = None
        error: str | None = None
        try:
            async with asyncio.timeout(self._parts.max_call_s) as self._limit:
                while event is not None:
                    event = await self._act(self._step(event))
        except CallEnded:
            end = self._parts.leg.ended
            hung_up_by = end.by if end is not None and end.by != "network" else None
            error = None if hung_up_by else "media_lost"
            if hung_up_by:
                self._step(HungUp())
        except TimeoutError:
            logger.warning("the call reached its longest time", extra={"step": self._state.at})
            hung_up_by = "bot"
        except asyncio.CancelledError:  # a machine answered, or the process ends: what was said stays on record
            self._report_turn(event_name=None)
            raise
        self._report_turn(event_name="HungUp" if hung_up_by else None)
        self._state = await self._parts.checker.at_the_end(self._state)
        return outcome(self._book, self._state, hung_up_by=hung_up_by, error=error)

    def _step(self, event: Event) -> tuple[Effect, ...]:
        effects: tuple[Effect, ...] = ()
        lost = self._parts.voice.lost() if self._parts.voice is not None and self._state.verified else None
        if lost is not None and not isinstance(event, HungUp):
            # The phone was handed over: take the permission away before anything private is said.
            self._state, effects = step(self._book, self._state, VoiceLost(lost))
        if not effects:  # a check or transfer that runs is heard out first
            self._state, effects = step(self._book, self._state, event)
        self._parts.reporter.step(self._state.at)
        if self._parts.voice is not None:
            self._parts.voice.tracker.use(self._parts.policy(voice_policy(self._book, self._state)))
        for keep in self._parts.keepers:
            keep(self._state.facts, self._state.at, self._parts.line.t, datetime.now(UTC))
        return effects

    async def _act(self, effects: Sequence[Effect]) -> Event | None:
        """Do the effects in order; the last one gives the next event (None: the call is over)."""
        says = [e for e in effects if isinstance(e, Say)]
        last = effects[-1] if effects else None
        match last:
            case Listen():
                return await self._ask(says, last)
            case RunCheck():
                await self._say_all(says)
                return await self._check(last)
            case Transfer():
                await self._say_all(says)
                return await self._transfer(last)
            case EndCall():
                if self._parts.leg.ended is None:  # a transfer has ended it already
                    await self._say_all(says)
                    await self._unless_ended(self._parts.leg.drain())
                    await self._parts.leg.hang_up()
                return None
            case _:
                raise CallEnded("the flow gave no way to go on")

    # -- prompts and answers -----------------------------------------------------------------------------------

    async def _ask(self, says: Sequence[Say], listen: Listen) -> Event:
        barge_in = bool(says) and says[-1].barge_in
        question = Question(listen.expects, listen.no_input_s, barge_in)
        await self._say_all(says[:-1], says[-1:])
        listening = asyncio.create_task(self._parts.listener.listen(question)) if barge_in else None
        try:
            await self._say_all(says[-1:])
            answer = await self._unless_ended(listening or self._parts.listener.listen(question))
        finally:
            if listening is not None:
                listening.cancel()
        return self._understand(answer, listen)

    def _understand(self, answer: Utterance | Digits | None, listen: Listen) -> Event:
        if answer is None:
            self._report_turn(event_name="NoInput")
            if self._parts.answered is not None:
                self._parts.answered.no_reply()
            return NoInput()
        intents = self._parts.understanding.intents(answer, listen.expects)
        event: Event = Heard(intents, answer) if intents else NoMatch(answer)
        self._reply_end = answer.t1
        self._answered_at = answer.t0 if isinstance(answer, Utterance) else None
        if self._parts.answered is not None:
            self._parts.answered.heard(answer, fits=bool(intents))
        self._parts.reporter.heard(answer)
        self._report_turn(event_name=type(event).__name__, answer=answer, event=event)
        return event

    async def _say_all(self, says: Sequence[Say], then: Sequence[Say] = ()) -> None:
        """Say them; `then` is said next. The notice is given when the last of a row of whole prompts was heard."""
        for say, after in zip(says, [*says[1:], *then, None], strict=False):
            await self._say(say)
            if not say.barge_in and (after is None or after.barge_in):
                self._parts.reporter.notice_given()

    async def _say(self, say: Say) -> None:
        self._report_turn(event_name=None)
        text, sound = await self._unless_ended(self._parts.prompter.prepare(self._state, say))
        t0 = self._parts.line.t
        gap = None if self._reply_end is None else t0 - self._reply_end
        self._reply_end = None
        decision = self._parts.voice.decision() if self._parts.voice is not None else None
        self._turn = Turn(
            step=say.step,
            prompt=say.prompt,
            prompt_text=text,
            prompt_t0=t0,
            prompt_t1=t0,
            reply_gap_s=gap,
            voice_state=decision.state.value if decision is not None else None,
        )
        self._parts.reporter.said(text, t0)
        played = await self._play(sound)
        self._turn = replace(self._turn, prompt_t1=played.t1, heard_s=None if played.completed else played.heard_s)

    async def _play(self, sound: AudioFrame) -> Played:
        try:
            return await self._parts.line.play(sound)
        except (CallEnded, asyncio.CancelledError):
            if self._turn is not None:
                heard = max(0.0, self._parts.line.t - self._turn.prompt_t0)
                self._turn = replace(self._turn, prompt_t1=self._parts.line.t, heard_s=heard)
            raise

    def _report_turn(
        self, *, event_name: str | None, answer: Utterance | Digits | None = None, event: Event | None = None
    ) -> None:
        """Store the turn that is open: its prompt, and the answer where there was one."""
        turn, self._turn = self._turn, None
        if turn is None:
            if answer is None:
                return
            turn = Turn(self._state.at, "", "", answer.t0, answer.t0)  # listened on without a prompt ("wait")
        turn = replace(turn, event=event_name)
        if isinstance(answer, Utterance):
            turn = replace(
                turn,
                reply_text=answer.text,
                reply_t0=answer.t0,
                reply_t1=answer.t1,
                reply_confidence=answer.confidence,
                barged_in=answer.barged_in,
                asr_engine=self._parts.listener.engine,
            )
        elif isinstance(answer, Digits):
            turn = replace(turn, reply_text=answer.keys, reply_t0=answer.t0, reply_t1=answer.t1, asr_engine="dtmf")
        if isinstance(event, Heard):
            best = event.intents[0]
            turn = replace(turn, intent=best.name, slots={k: str(v) for k, v in best.slots.items()})
        self._parts.reporter.turn(turn)

    # -- checks, transfer, hang-up -----------------------------------------------------------------------------

    async def _check(self, effect: RunCheck) -> CheckDone:
        run = self._parts.checker.run(self._state, effect, self._parts.line.t, self._answered_at)
        return await self._unless_ended(run)

    async def _transfer(self, effect: Transfer) -> Event | None:
        wanted = Request(effect.reason, self._state.verified, self._talks_to_an_agent)
        handing = asyncio.create_task(self._parts.handover.run(wanted))
        both: set[asyncio.Future[Any]] = {handing, self._ended}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not handing.done():  # the end of the call may be the transfer itself: its report is on the way
                await asyncio.wait({handing}, timeout=TRANSFER_REPORT_S)
            if not handing.done():
                raise CallEnded("the customer hung up while an agent was called")
        finally:
            handing.cancel()
        accepted = handing.result()
        logger.info("transfer %s", "accepted" if accepted else "failed", extra={"reason": effect.reason})
        return TransferDone(accepted=accepted)

    def _talks_to_an_agent(self, longest_s: float) -> None:
        """`max_call_s` is for the bot."""
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time() + longest_s + TRANSFER_REPORT_S)

    async def _unless_ended(self, work: Coroutine[Any, Any, T] | asyncio.Task[T]) -> T:
        """Wait for `work`, or for the end of the call, which raises CallEnded."""
        task = asyncio.ensure_future(work)
        both: set[asyncio.Future[Any]] = {task, self._ended}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        finally:
            task.cancel()  # nothing where it is done; else nobody waits for it any more
        raise CallEnded("the call ended")
