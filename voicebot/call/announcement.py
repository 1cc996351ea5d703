"""Said outside a flow, from announcements.j2, with nothing private in its context whatever the flow had reached."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from voicebot.call.line import Line
from voicebot.call.prompter import Prompter
from voicebot.call.reporter import Reporter
from voicebot.errors import VoicebotError
from voicebot.flow.state import FlowState
from voicebot.model.flow import Say
from voicebot.model.ports import CallLeg
from voicebot.model.records import Turn

logger = logging.getLogger(__name__)

TEMPLATE = "announcements"
#: An apology takes no longer, whatever happens.
APOLOGY_S = 8.0


@dataclass(frozen=True, slots=True)
class Announcer:
    """Says a block of the announcements on one call's line; each is stored as a turn."""

    line: Line
    prompter: Prompter
    reporter: Reporter

    async def say(self, block: str) -> None:
        """Say it to its end. Raises CallEnded, PromptError, EngineError."""
        step = f"{TEMPLATE}.{block}"
        state = FlowState(root=TEMPLATE, flow=TEMPLATE, step=block)
        text, sound = await self.prompter.prepare(state, Say(step, step, barge_in=False))
        self.reporter.step(step)
        turn = Turn(step, step, text, prompt_t0=self.line.t, prompt_t1=self.line.t, heard_s=0.0)
        self.reporter.said(text, turn.prompt_t0)
        try:
            played = await self.line.play(sound)
            turn = replace(turn, prompt_t1=played.t1, heard_s=None if played.completed else played.heard_s)
        finally:
            self.reporter.turn(turn)

    async def apologise(self, leg: CallLeg) -> None:
        """Our side fails or stops: nobody is left with a dead line. Never raises, takes at most APOLOGY_S."""
        if leg.ended is not None:
            return
        self.line.stop()
        try:
            async with asyncio.timeout(APOLOGY_S):
                await self.say("technical")
                await leg.drain()
        except (VoicebotError, TimeoutError) as error:
            logger.warning("the call ends without an apology: %s", type(error).__name__)
