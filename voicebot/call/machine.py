"""What the bot does where a machine answered: the limited message after the beep, who calls and why, or nothing at all.

The flow's prompts stop at once. A machine hears the blocks of announcements.j2 only, rendered with nothing private in
their context, whatever the flow had reached (docs/answering_machines.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from voicebot.call.announcement import TEMPLATE, Announcer
from voicebot.call.answered import Answered, Said
from voicebot.call.conversation import Conversation
from voicebot.call.line import Line
from voicebot.call.prompter import Prompter
from voicebot.call.reporter import Reporter
from voicebot.errors import CallEnded
from voicebot.model.outcome import AnsweredBy, Disposition, Outcome
from voicebot.model.ports import CallLeg
from voicebot.nlu.answering import BARRED, HOLD, IVR, NOT_IN_SERVICE, SCREENING, UNREACHABLE, VOICEMAIL
from voicebot.turn.amd import ANNOUNCEMENTS, Verdict

#: After "please hold" so short a sound is a person's, whatever is recognised ("hello?" often comes out as "thank you").
HELLO_S = 0.8
#: Before it less is a noise.
CLICK_S = 0.25
#: No announcement is longer.
MESSAGE_S = 60.0

#: What each ends with where nobody comes on: a mailbox took the message; else nobody was reached; a number that is
#: not one is no attempt at a person at all.
DISPOSITIONS = {
    VOICEMAIL: Disposition.VOICEMAIL,
    IVR: Disposition.NO_ANSWER,
    SCREENING: Disposition.NO_ANSWER,
    UNREACHABLE: Disposition.NO_ANSWER,
    NOT_IN_SERVICE: Disposition.FAILED,
    BARRED: Disposition.FAILED,
}


@dataclass(frozen=True, slots=True)
class MachineOptions:
    """Seconds of audio."""

    beep_wait_s: float = 30.0  # from the decision on
    silence_s: float = 2.0  # a greeting without a beep is over
    after_beep_s: float = 0.4
    beep_fresh_s: float = 3.0  # a beep so long ago is the one to speak after
    turn_s: float = 0.8  # silence after which a machine wants an answer
    turn_wait_s: float = 15.0
    person_wait_s: float = 30.0
    answers: int = 2  # how often a screening telephone is told who calls


@dataclass(frozen=True, slots=True)
class MachineParts:
    """What is needed to deal with a machine. `restart`: forget what was heard before a person came on."""

    leg: CallLeg
    line: Line
    prompter: Prompter
    reporter: Reporter
    answered: Answered
    restart: Callable[[], Awaitable[None]]


class OutboundCall:
    """Runs the conversation of an outbound call, and takes over where no person answered."""

    def __init__(
        self, parts: MachineParts, begin: Callable[[], Conversation], options: MachineOptions | None = None
    ) -> None:
        self._parts = parts
        self._begin = begin
        self._options = options or MachineOptions()
        self._kind = ""
        self._last_step = ""
        self._announcer = Announcer(parts.line, parts.prompter, parts.reporter)
        #: False where only a machine was on the line.
        self.person = True
        parts.leg.on_end(lambda _: parts.answered.on_end())

    async def run(self) -> Outcome:
        """The outcome; like Conversation.run it never raises for the far end's sake."""
        try:
            while True:
                outcome = await self._talk()
                if outcome is not None:
                    return outcome
                self.person = await self._take_over()
                if not self.person:
                    return self._outcome()
                await self._parts.restart()
        except CallEnded:
            self.person = False
            return self._outcome()
        finally:
            await self._parts.answered.finish()

    async def _talk(self) -> Outcome | None:
        """The flow from its first step; None where it was broken off because a machine listens."""
        talking = asyncio.create_task(self._begin().run())
        found = asyncio.create_task(self._parts.answered.machine())
        try:
            await asyncio.wait({talking, found}, return_when=asyncio.FIRST_COMPLETED)
            if talking.done():
                return talking.result()
        finally:
            found.cancel()
            talking.cancel()
            await asyncio.gather(talking, found, return_exceptions=True)
        self._parts.line.stop()
        return None

    async def _take_over(self) -> bool:
        """Deal with the machine; True where a person came on."""
        answered, options = self._parts.answered, self._options
        if answered.verdict.kind != VOICEMAIL:  # its next words may say more
            self._is(answered.verdict)
            await answered.until(lambda: answered.silence_s() >= options.turn_s, options.turn_wait_s)
        while answered.verdict.machine:
            self._is(answered.verdict)
            if self._kind == SCREENING:
                return await self._screening()
            if self._kind != VOICEMAIL:
                return await self._no_use()
            ready = await self._mailbox_ready(lambda: answered.verdict.kind != VOICEMAIL)
            if ready and not await self._leave_message(lambda: not answered.verdict.machine):
                return False
        self._parts.reporter.answered_by(answered.verdict.answered_by, answered.verdict.cause)
        answered.close()
        return True

    def _is(self, verdict: Verdict) -> None:
        self._kind = verdict.kind
        self._parts.reporter.answered_by(verdict.answered_by, verdict.cause)

    def _outcome(self) -> Outcome:
        """Where nobody came on. A screening telephone that ends the call was told to by its owner."""
        end = self._parts.leg.ended
        by = end.by if end is not None else None
        disposition = DISPOSITIONS[self._kind]
        if self._kind == SCREENING and by == "caller":
            disposition = Disposition.HUNG_UP
        return Outcome(
            disposition,
            hung_up_by="caller" if by == "caller" else None,
            last_step=self._last_step or None,
            error=f"announcement_{self._kind}" if self._kind in ANNOUNCEMENTS else None,
        )

    # -- kinds -------------------------------------------------------------------------------------------------

    async def _no_use(self) -> bool:
        """A menu, or a carrier's announcement: nobody to talk to."""
        if self._kind == IVR:
            await self._say("ivr")
        await self._hang_up()
        return False

    async def _mailbox_ready(self, wrong: Callable[[], bool]) -> bool:
        """Wait for the beep, or for the greeting's end where none comes; False where it is no mailbox after all."""
        answered, options = self._parts.answered, self._options
        since = answered.t

        def ready() -> bool:
            beep = answered.beep
            if beep is not None and beep.t1 >= since - options.beep_fresh_s:
                return answered.t >= beep.t1 + options.after_beep_s
            return answered.silence_s() >= options.silence_s

        await answered.until(lambda: ready() or wrong(), options.beep_wait_s)
        return not wrong()

    async def _leave_message(self, wrong: Callable[[], bool] = lambda: False) -> bool:
        """Say the limited message; once more where the beep comes while it is said: only then it is recorded. True
        where it is `wrong`: a person who was taken for a mailbox because of his silence speaks up."""
        answered = self._parts.answered
        began = answered.t
        saying = asyncio.create_task(self._say("voicemail"))
        try:
            late = await answered.until(
                lambda: saying.done() or wrong() or (answered.beep is not None and answered.beep.t1 > began), MESSAGE_S
            )
            if late and not saying.done():
                self._parts.line.stop()
                await saying
                if wrong():
                    return True
                await answered.until(lambda: False, self._options.after_beep_s)
                await self._say("voicemail")
            await saying
        finally:
            saying.cancel()
            await asyncio.gather(saying, return_exceptions=True)
        await self._hang_up()
        return False

    async def _screening(self) -> bool:
        """Say who calls; True where a person comes on, False where the call is over."""
        answered, options = self._parts.answered, self._options
        answered.every_word()
        since, times, held = answered.t, 1, False
        await self._say("screening")
        end = answered.t + options.person_wait_s
        while True:
            said = await answered.utterance(since, max(0.0, end - answered.t), or_beep=True)
            cues = answered.phrases.find(said.text if said is not None else "")
            kinds, sure = {cue.kind for cue in cues}, {cue.kind for cue in cues if cue.strong}
            if VOICEMAIL in sure or answered.beep_since(since):
                return await self._mailbox_after_screening()
            if said is None:
                break
            if SCREENING in sure and times < options.answers:
                times += 1
                await self._say("screening")
            elif self._a_person(said, kinds, sure, held):
                self._parts.reporter.answered_by(AnsweredBy.HUMAN, "call screening, then a person came on")
                answered.close()
                return True
            held = held or HOLD in kinds
        await self._hang_up()
        return False

    @staticmethod
    def _a_person(said: Said, kinds: set[str], sure: set[str], held: bool) -> bool:
        """Whether the owner of a screening telephone came on: after its "please hold" any sound of speech is his."""
        if held and not sure - {HOLD} and said.length <= HELLO_S:
            return True
        if kinds & {HOLD, SCREENING, VOICEMAIL}:  # "not available" may be the refusal
            return False
        return held or said.length >= CLICK_S

    async def _mailbox_after_screening(self) -> bool:
        """The assistant takes a message. One that hangs up first has refused: a mailbox it is only when it listens."""
        await self._mailbox_ready(lambda: False)
        self._is(Verdict(VOICEMAIL, "call screening, then its mailbox", self._parts.answered.t))
        return await self._leave_message()

    # -- saying ------------------------------------------------------------------------------------------------

    async def _say(self, block: str) -> None:
        self._last_step = f"{TEMPLATE}.{block}"
        await self._announcer.say(block)

    async def _hang_up(self) -> None:
        await self._parts.leg.drain()
        await self._parts.leg.hang_up()
