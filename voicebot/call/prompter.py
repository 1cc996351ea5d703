"""From a Say to words and sound. The loan is in the template's context only while the flow's state says `verified`."""

from __future__ import annotations

from datetime import date

from voicebot.call.kit import Kit
from voicebot.call.workers import run
from voicebot.flow.prompts import PromptContext, Prompts
from voicebot.flow.state import FlowState
from voicebot.model.audio import AudioFrame
from voicebot.model.flow import Say
from voicebot.model.portfolio import Account


class Prompter:
    """One per call. `today`: the day at the customer's place; `recording`: is this call recorded."""

    def __init__(
        self, kit: Kit, account: Account | None, today: date, direction: str, *, recording: bool = True
    ) -> None:
        self._kit = kit
        self._account = account
        self._today = today
        self._direction = direction
        self._recording = recording

    async def prepare(self, state: FlowState, say: Say) -> tuple[str, AudioFrame]:
        """The words and their sound. Raises PromptError (a private word before its time), EngineError."""
        context = PromptContext(
            bank=self._kit.settings.bank,
            account=self._account,
            today=self._today,
            verified=state.verified,
            facts=state.facts,
            direction=self._direction,
            recording=self._recording,
        )
        text = self._kit.prompts.render(state.flow, say, context)
        return text, await run(self._kit.workers.tts, self._kit.voice.get, text)

    def announcements(self, flow: str) -> tuple[str, ...]:
        """Names of the blocks of a template."""
        return tuple(self._kit.prompts.blocks(flow))

    async def warm(self) -> None:
        """Speak into the cache, before the call, every prompt whose words are known now: the customer never waits for
        the synthesizer. What is rendered here is not said: the gate is on saying (`prepare`)."""
        await run(self._kit.workers.ahead, self._warm)

    def _warm(self) -> None:
        context = PromptContext(
            bank=self._kit.settings.bank,
            account=self._account,
            today=self._today,
            verified=self._account is not None,
            direction=self._direction,
            recording=self._recording,
        )
        for text in self._kit.prompts.static_texts(
            all_prompts(self._kit.prompts, tuple(self._kit.book.flows)), context
        ):
            self._kit.voice.get(text)


def all_prompts(prompts: Prompts, flows: tuple[str, ...]) -> tuple[str, ...]:
    """Names of all prompts of these flows, as "flow.block"."""
    return tuple(f"{flow}.{name}" for flow in flows for name in prompts.blocks(flow))
