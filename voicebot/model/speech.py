"""What was heard: utterances from the recogniser and keys from the telephone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word; times in seconds from the answer."""

    text: str
    t0: float
    t1: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the caller said in one turn.

    `text` is the best hypothesis, `alternatives` the others, best first (one misheard answer must never end a call, so
    understanding tries every one). `confidence` in [0, 1]. `barged_in`: spoken while the bot was still talking.
    """

    text: str
    words: tuple[Word, ...] = ()
    confidence: float = 1.0
    t0: float = 0.0
    t1: float = 0.0
    barged_in: bool = False
    alternatives: tuple[str, ...] = ()

    @property
    def hypotheses(self) -> tuple[str, ...]:
        """All hypotheses, best first."""
        return (self.text, *self.alternatives)


@dataclass(frozen=True, slots=True)
class Digits:
    """Keys pressed on the telephone (RFC 4733), e.g. "42#"; times in seconds from the answer."""

    keys: str
    t0: float
    t1: float
