"""What an answer means, in the language and on the day of the call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from voicebot.model.intent import Intent
from voicebot.model.speech import Digits, Utterance
from voicebot.nlu.complete import Completeness, backchannel, completeness
from voicebot.nlu.grammar import phrases
from voicebot.nlu.language import Language
from voicebot.nlu.understand import understand, understand_keys


@dataclass(frozen=True, slots=True)
class Understanding:
    """Binds nlu to one call. `today`: the day at the customer's place."""

    language: Language
    today: date

    def intents(self, source: Utterance | Digits, expects: Sequence[str]) -> tuple[Intent, ...]:
        """Meanings, best first, over all hypotheses; () = not understood."""
        if isinstance(source, Digits):
            return understand_keys(source.keys, expects, self.language, self.today)
        return understand(source.hypotheses, expects, self.language, self.today)

    def completeness(self, text: str, expects: Sequence[str]) -> Completeness:
        """Whether an answer sounds finished."""
        return completeness(text, expects, self.language, self.today)

    def backchannel(self, text: str) -> bool:
        """Whether an utterance only shows that somebody listens."""
        return backchannel(text, self.language)

    def phrases(self, expects: Sequence[str], *, grammar: bool) -> tuple[str, ...] | None:
        """The recogniser's phrase list for a question; None = free speech. `grammar`: the engine hears nothing else, so
        what may be said at any moment is in it too; otherwise the list is a hint of what is asked."""
        return phrases(expects, self.language, everywhere=grammar)
