"""Who wants to follow a call live: the demo's screen, the console. Observers see personal data; they are no log."""

from __future__ import annotations

from typing import Protocol

from voicebot.model.outcome import Outcome
from voicebot.model.voice import VoiceDecision


class CallObserver(Protocol):
    """All times in seconds from the answer."""

    def attempt_started(self, attempt_id: int, account_id: str | None, flow: str, direction: str) -> None:
        """An attempt begins (the INVITE has not left yet)."""
        ...

    def bot_says(self, attempt_id: int, text: str, t: float) -> None:
        """A prompt begins."""
        ...

    def caller_says(self, attempt_id: int, text: str, t: float) -> None:
        """What was recognised of the caller's answer (or the keys)."""
        ...

    def voice_decided(self, attempt_id: int, decision: VoiceDecision) -> None:
        """A check of the voice was made."""
        ...

    def attempt_ended(self, attempt_id: int, outcome: Outcome) -> None:
        """The attempt's one outcome is stored."""
        ...


class NoObserver:
    """Nobody looks."""

    def attempt_started(self, attempt_id: int, account_id: str | None, flow: str, direction: str) -> None:
        """Ignored."""

    def bot_says(self, attempt_id: int, text: str, t: float) -> None:
        """Ignored."""

    def caller_says(self, attempt_id: int, text: str, t: float) -> None:
        """Ignored."""

    def voice_decided(self, attempt_id: int, decision: VoiceDecision) -> None:
        """Ignored."""

    def attempt_ended(self, attempt_id: int, outcome: Outcome) -> None:
        """Ignored."""
