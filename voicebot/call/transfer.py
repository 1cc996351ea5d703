"""Handing a call to a human. Attended: the agent is called first, hears in one sentence what it is about, takes it with
the key 1, and only then is the customer handed over (RFC 3515, RFC 3891); nobody takes it: the customer stays with the
bot. Where the trunk cannot do that, the bot connects the two itself (bridge.py). Blind: the customer is sent to the
agent's number at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, replace

from voicebot.call import bridge
from voicebot.call.announcement import TEMPLATE, Announcer
from voicebot.call.line import Line
from voicebot.call.prompter import Prompter
from voicebot.errors import CallEnded, VoicebotError
from voicebot.flow.state import FlowState
from voicebot.model.audio import AudioFrame
from voicebot.model.flow import Say
from voicebot.model.ports import CallLeg, Signaling
from voicebot.model.records import Turn
from voicebot.settings import AgentSettings

logger = logging.getLogger(__name__)

ACCEPT_KEY = "1"
SUMMARY = "agent_summary"
#: What became of it, as the turn with the summary stores it.
ACCEPTED, DECLINED, SILENT, HUNG_UP = "AgentAccepted", "AgentDeclined", "AgentSilent", "AgentHungUp"


@dataclass(frozen=True, slots=True)
class Request:
    """Why the customer is handed over; `verified`: the right party was verified. `on_bridge`: called with the longest
    time (s) that customer and agent may talk through us."""

    reason: str
    verified: bool
    on_bridge: Callable[[float], None] = lambda _: None


def summary_block(request: Request, blocks: Collection[str]) -> str:
    """Which announcement tells the agent what it is about. Before the right party is verified it says only that
    somebody wants a person: why is the customer's business."""
    if not request.verified:
        return SUMMARY
    wanted = (f"{SUMMARY}_{request.reason}", f"{SUMMARY}_verified")
    return next((block for block in wanted if block in blocks), SUMMARY)


@dataclass(frozen=True, slots=True)
class Handover:
    """What is needed to hand one customer over."""

    leg: CallLeg
    announcer: Announcer
    prompter: Prompter
    signaling: Signaling | None
    settings: AgentSettings

    async def run(self, request: Request) -> bool:
        """True where a human took the customer. The customer hears that we are still there while it lasts."""
        if not self.settings.uri:
            return False
        try:
            if self.settings.mode == "blind" or self.signaling is None:
                await self.leg.drain()
                return await self.leg.transfer(self.settings.uri)
            return await self._attended(self.signaling, request)
        except VoicebotError as error:
            logger.info("nobody took the call: %s", error.code)
            return False

    @contextlib.asynccontextmanager
    async def _company(self) -> AsyncIterator[None]:
        """Every few seconds a word, said to its end, so that nobody waits in silence."""
        over = asyncio.Event()

        async def keep() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), self.settings.company_s)
                    return
                await self.announcer.say("still_there")

        task = asyncio.create_task(keep())
        try:
            yield
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            over.set()
            await asyncio.gather(task, return_exceptions=True)

    async def _attended(self, signaling: Signaling, request: Request) -> bool:
        agent = await signaling.dial(self.settings.uri)
        try:
            async with self._company():
                await agent.wait_answered(self.settings.ring_s)
                taken = await self._agent_takes_it(agent, request)
            if not taken or self.leg.ended is not None:
                return False
            await self.leg.drain()
            return await self.leg.transfer_to(agent) or await self._between(agent, request)
        finally:
            await agent.hang_up()

    async def _between(self, agent: CallLeg, request: Request) -> bool:
        """The trunk did not hand the customer over: stay between the two. True where they were connected."""
        if not self.settings.bridge or self.leg.ended is not None or agent.ended is not None:
            return False
        await agent.resume()
        logger.info("customer and agent are connected by the bot")
        request.on_bridge(self.settings.bridge_s)
        await bridge.connect(self.leg, self.announcer.line, agent, self.settings.bridge_s)
        return True

    async def _agent_takes_it(self, agent: CallLeg, request: Request) -> bool:
        """Say the summary, then wait for the key. What was said, heard and pressed is stored as a turn."""
        pressed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def key(name: str) -> None:
            if not pressed.done():
                pressed.set_result(name)

        def gone(_: object) -> None:
            key("")

        agent.on_dtmf(key)
        agent.on_end(gone)
        line = Line(agent, None)
        clock = asyncio.create_task(line.run())
        block = summary_block(request, self.prompter.announcements(TEMPLATE))
        step = f"{TEMPLATE}.{block}"
        state = FlowState(root=TEMPLATE, flow=TEMPLATE, step=block)
        text, sound = await self.prompter.prepare(state, Say(step, step, barge_in=False))
        began, heard_s = self.announcer.line.t, 0.0
        saying = asyncio.create_task(_play(line, sound))
        answer: str | None = None
        try:
            async with asyncio.timeout(sound.duration + self.settings.accept_s):
                answer = await pressed
        except TimeoutError:
            logger.info("the agent pressed nothing")
        finally:
            line.stop()
            heard_s = await saying
            clock.cancel()
            await asyncio.gather(clock, return_exceptions=True)
            self._store(Turn(step, step, text, began, self.announcer.line.t), answer, heard_s, sound.duration)
        return answer == ACCEPT_KEY

    def _store(self, turn: Turn, answer: str | None, heard_s: float, whole_s: float) -> None:
        now = self.announcer.line.t
        events = {None: SILENT, "": HUNG_UP, ACCEPT_KEY: ACCEPTED}
        self.announcer.reporter.turn(
            replace(
                turn,
                heard_s=None if heard_s >= whole_s else heard_s,
                event=events.get(answer, DECLINED),
                reply_text=answer or None,
                reply_t0=now if answer else None,
                reply_t1=now if answer else None,
                asr_engine="dtmf" if answer else None,
            )
        )


async def _play(line: Line, sound: AudioFrame) -> float:
    """Seconds of it that were heard."""
    try:
        played = await line.play(sound)
    except CallEnded:
        return 0.0
    return sound.duration if played.completed else played.heard_s
