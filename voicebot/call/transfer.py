"""Handing a call to a human. Attended: the agent is called first, hears in one sentence what it is about, takes it with
the key 1, and only then is the customer handed over (RFC 3515, RFC 3891); nobody takes it: the customer stays with the
bot. Blind: the customer is sent to the agent's number at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from voicebot.call.announcement import Announcer
from voicebot.call.line import Line
from voicebot.call.prompter import Prompter
from voicebot.errors import CallError, VoicebotError
from voicebot.flow.state import FlowState
from voicebot.model.flow import Say
from voicebot.model.ports import CallLeg, Signaling
from voicebot.settings import AgentSettings

logger = logging.getLogger(__name__)

ACCEPT_KEY = "1"
SUMMARY = Say("announcements.agent_summary", "announcements.agent_summary", barge_in=False)


@dataclass(frozen=True, slots=True)
class Handover:
    """What is needed to hand one customer over."""

    leg: CallLeg
    announcer: Announcer
    prompter: Prompter
    signaling: Signaling | None
    settings: AgentSettings

    async def run(self) -> bool:
        """True where a human took the customer. The customer hears that we are still there while it lasts."""
        if not self.settings.uri:
            return False
        if self.settings.mode == "blind" or self.signaling is None:
            await self.leg.drain()
            return await self.leg.transfer(self.settings.uri)
        async with self._company():
            try:
                return await self._attended(self.signaling)
            except VoicebotError as error:
                logger.info("nobody took the call: %s", error.code)
                return False

    @contextlib.asynccontextmanager
    async def _company(self) -> AsyncIterator[None]:
        """Every few seconds a word, so that nobody waits in silence."""

        async def keep() -> None:
            while True:
                await asyncio.sleep(self.settings.company_s)
                await self.announcer.say("still_there")

        task = asyncio.create_task(keep())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _attended(self, signaling: Signaling) -> bool:
        agent = await signaling.dial(self.settings.uri)
        try:
            await agent.wait_answered(self.settings.ring_s)
            if not await self._agent_takes_it(agent):
                return False
            return await self.leg.transfer_to(agent)
        finally:
            await agent.hang_up()

    async def _agent_takes_it(self, agent: CallLeg) -> bool:
        """Say the summary, then wait for the key. Raises CallEnded where the agent hangs up."""
        pressed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def key(name: str) -> None:
            if not pressed.done():
                pressed.set_result(name == ACCEPT_KEY)

        def gone(_: object) -> None:
            if not pressed.done():
                pressed.set_exception(CallError("the agent hung up"))

        agent.on_dtmf(key)
        agent.on_end(gone)
        line = Line(agent, None)
        clock = asyncio.create_task(line.run())
        state = FlowState(root="announcements", flow="announcements", step="agent_summary")
        _, sound = await self.prompter.prepare(state, SUMMARY)
        saying = asyncio.create_task(line.play(sound))
        try:
            async with asyncio.timeout(sound.duration + self.settings.accept_s):
                return await pressed
        except TimeoutError:
            return False
        finally:
            for task in (saying, clock):
                task.cancel()
            await asyncio.gather(saying, clock, return_exceptions=True)
