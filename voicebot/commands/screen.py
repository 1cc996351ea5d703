"""Prints calls live: who says what. For a terminal in front of a person who may see it, never for a log."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from voicebot.model.outcome import Outcome
from voicebot.model.voice import VoiceDecision

#: Error codes in words, where a person can do something about them.
_ERRORS = {"network": "the SIP server does not answer: is trunk.server right?", "interrupted": "stopped by hand"}
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red", "bright_cyan", "bright_magenta")


class Screen:
    """A CallObserver (voicebot.call.observer)."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._labels: dict[int, str] = {}

    def attempt_started(self, attempt_id: int, account_id: str | None, flow: str, direction: str) -> None:
        """A line with the attempt's label."""
        self._labels[attempt_id] = f"{account_id or 'unknown'} {flow}"
        does = "is called" if direction == "outbound" else "calls the bank"
        self._print(attempt_id, None, "", f"{does} (attempt {attempt_id})", "dim")

    def bot_says(self, attempt_id: int, text: str, t: float) -> None:
        """What the bot says."""
        self._print(attempt_id, t, "bot", text, "bold")

    def caller_says(self, attempt_id: int, text: str, t: float) -> None:
        """What the bot heard."""
        self._print(attempt_id, t, "heard", text, "")

    def voice_decided(self, attempt_id: int, decision: VoiceDecision) -> None:
        """The check of the voice."""
        score = "" if decision.score is None else f", score {decision.score:.2f}"
        why = f" ({decision.reason})" if decision.reason else ""
        text = f"{decision.state}{why}{score}, {decision.net_speech_s:.1f} s of speech"
        self._print(attempt_id, None, "voice", text, "italic")

    def attempt_ended(self, attempt_id: int, outcome: Outcome) -> None:
        """The outcome."""
        why = f" ({_ERRORS.get(outcome.error, outcome.error)})" if outcome.error else ""
        self._print(attempt_id, None, "ends", f"{outcome.disposition}{why}", "reverse")

    def _print(self, attempt_id: int, t: float | None, who: str, text: str, style: str) -> None:
        self.line(self._labels.get(attempt_id, ""), t, who, text, style)

    def line(self, label: str, t: float | None, who: str, text: str, style: str) -> None:
        """One line: whose call, seconds from the answer, who, what."""
        when = "" if t is None else f"{t:.1f} s"
        line = Text(f"{label:<20} ", style=_COLOURS[sum(label.encode()) % len(_COLOURS)])
        line.append(f"{when:>8}  {who:<6} ", style="dim")
        line.append(text, style=style)
        self.console.print(line, soft_wrap=True)
