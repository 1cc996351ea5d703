"""What Vosk returns (JSON text with n-best lists) as hypotheses and utterances. Pure.

With alternatives on, Vosk gives each hypothesis an unnormalised log-likelihood and no word confidences. The softmax
over the list is the probability of each hypothesis; a word's confidence is the sum over those that have it there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from voicebot.model.speech import Utterance, Word


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of a segment; `probability` within its n-best list."""

    words: tuple[Word, ...]
    probability: float

    @property
    def text(self) -> str:
        """The words, with spaces."""
        return " ".join(word.text for word in self.words)


#: The hypotheses of one stretch of speech, best first.
Segment = tuple[Hypothesis, ...]


def parse(result: str, offset: float, not_words: frozenset[str]) -> Segment:
    """A result's JSON text; `offset`: call time of the first sample; `not_words`: its marks for unknown sound."""
    found = json.loads(result).get("alternatives", [])
    if not found:
        return ()
    top = max(float(a.get("confidence", 0.0)) for a in found)
    weights = [math.exp(max(-50.0, float(a.get("confidence", 0.0)) - top)) for a in found]
    total = sum(weights)
    merged: dict[str, tuple[list[Word], float]] = {}
    for alternative, weight in zip(found, weights, strict=True):
        words = [
            Word(str(w["word"]), offset + float(w["start"]), offset + float(w["end"]), 0.0)
            for w in alternative.get("result", [])
            if w["word"] not in not_words
        ]
        key = " ".join(w.text for w in words)
        kept, probability = merged.get(key, (words, 0.0))
        merged[key] = (kept, probability + weight / total)
    ranked = sorted(merged.values(), key=lambda item: -item[1])
    return tuple(Hypothesis(_with_confidence(words, ranked), probability) for words, probability in ranked)


def join(segments: Sequence[Segment], t0: float, t1: float, n_best: int) -> Utterance:
    """All segments as one utterance from `t0` to `t1` (call time), with up to `n_best` hypotheses."""
    if not segments:
        return Utterance("", confidence=0.0, t0=t0, t1=t1)
    # a few of each segment's readings are enough to fill the list, and keep the product small
    readings = product(*(segment[: 3 if len(segments) < 5 else 1] for segment in segments))
    ranked = sorted(readings, key=lambda reading: -math.prod(h.probability for h in reading))
    texts = list(dict.fromkeys(" ".join(h.text for h in reading if h.words) for reading in ranked))
    best = ranked[0]
    words = tuple(word for hypothesis in best for word in hypothesis.words)
    confidence = sum(w.confidence for w in words) / len(words) if words else 0.0
    # where "none of these words" is likeliest, the phrases left over are what a cough was bent into
    others = tuple(text for text in texts[1:] if text)[: n_best - 1] if texts[0] else ()
    return Utterance(texts[0], words, confidence, t0, t1, alternatives=others)


def _with_confidence(words: list[Word], ranked: list[tuple[list[Word], float]]) -> tuple[Word, ...]:
    def share(word: Word) -> float:
        return sum(p for others, p in ranked if any(_same(word, other) for other in others))

    return tuple(Word(w.text, w.t0, w.t1, min(1.0, share(w))) for w in words)


def _same(a: Word, b: Word) -> bool:
    return a.text == b.text and a.t0 < b.t1 and b.t0 < a.t1
