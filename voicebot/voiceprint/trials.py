"""Trials as a call makes them: recordings of many people, each played as calls against every voiceprint.

Pure on embeddings. For each voice, calls are played from several starting windows (each call goes round, so that all
have their length; who has no window has no call): the running mean of the windows so far is scored against every
voiceprint, after each window and also part of a window later, as a decision that cannot wait does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voicebot.model.voice import Embedding, Voiceprint, VoiceQuality
from voicebot.voiceprint import quality as sound
from voicebot.voiceprint.arousal import Manner
from voicebot.voiceprint.cohort import Cohort
from voicebot.voiceprint.evidence import unit

#: Calls per voice, and net seconds after which a call's trials end.
STARTS = 4
CALL_S = 14.0
#: Two names whose voiceprints are this close are probably one person.
SAME_PERSON = 0.8

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TestWindow:
    """One window of a voice that is tested. `parts`: embeddings of its first seconds alone, as (seconds, embedding)."""

    __test__ = False  # not a test case, whatever pytest thinks of its name

    embedding: Embedding
    net_s: float
    quality: VoiceQuality = field(default_factory=VoiceQuality)
    parts: tuple[tuple[float, Embedding], ...] = ()
    manner: Manner | None = None


@dataclass(frozen=True, slots=True)
class Speaker:
    """One person: the voiceprint from the enrolment recording, the windows of the others in their order."""

    name: str
    voiceprint: Voiceprint
    windows: tuple[TestWindow, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A moment of a call: net seconds and quality so far, the scores against every voiceprint, the last whole window's
    scores (None in the middle of a window)."""

    net_s: float
    scores: Array
    last: Array | None
    quality: VoiceQuality


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the voice number `voice`: its windows in their order, and its moments."""

    voice: int
    windows: tuple[TestWindow, ...]
    steps: tuple[Step, ...]


class Scorer:
    """`evidence.scored` for one vector against many voiceprints at once."""

    def __init__(self, prints: Sequence[Voiceprint], cohort: Sequence[Embedding] = ()) -> None:
        groups = [np.stack([unit(e) for e in p.embeddings]) for p in prints]
        self._vectors = np.concatenate(groups)
        self._starts = np.cumsum([0, *(len(g) for g in groups[:-1])])
        self._centres = np.stack([unit(g.mean(axis=0)) for g in groups])
        self._cohort = Cohort(cohort) if cohort else None
        spreads = [self._cohort.spread(centre) for centre in self._centres] if self._cohort else []
        self._spreads = np.array(spreads)

    def __call__(self, vector: Array) -> Array:
        """One score per voiceprint."""
        single = unit(vector)
        best = np.maximum.reduceat(self._vectors @ single, self._starts)
        scores = np.clip(0.5 * (self._centres @ single + best), -1.0, 1.0)
        if self._cohort is None:
            return scores
        mean, deviation = self._cohort.spread(single)
        known_mean, known_deviation = self._spreads[:, 0], self._spreads[:, 1]
        return np.asarray(0.5 * ((scores - mean) / deviation + (scores - known_mean) / known_deviation))


def play(
    speakers: Sequence[Speaker], starts: int = STARTS, call_s: float = CALL_S, cohort: Sequence[Embedding] = ()
) -> list[Call]:
    """Up to `starts` calls of each speaker, evenly spread over the windows, each at most `call_s` of net speech.
    `cohort`: the calibration's."""
    scorer = Scorer([s.voiceprint for s in speakers], cohort)
    calls = []
    for number, speaker in enumerate(speakers):
        count = len(speaker.windows)
        for start in sorted({round(i * count / starts) % count for i in range(starts)} if count else ()):
            windows = tuple(_until([*speaker.windows[start:], *speaker.windows[:start]], call_s))
            calls.append(Call(number, windows, tuple(_steps(windows, scorer, call_s))))
    return calls


def suspected(speakers: Sequence[Speaker]) -> frozenset[tuple[int, int]]:
    """Pairs of different names, both ways round, that look like one person."""
    means = [unit(np.mean([unit(e) for e in s.voiceprint.embeddings], axis=0)) for s in speakers]
    pairs = ((i, j) for i in range(len(means)) for j in range(len(means)) if i != j)
    return frozenset((i, j) for i, j in pairs if float(means[i] @ means[j]) > SAME_PERSON)


def _until(windows: Sequence[TestWindow], call_s: float) -> Iterator[TestWindow]:
    """The windows up to the first that ends at `call_s` or after."""
    seconds = 0.0
    for window in windows:
        yield window
        seconds += window.net_s
        if seconds >= call_s - 1e-6:
            return


def _steps(windows: Sequence[TestWindow], scorer: Scorer, call_s: float) -> Iterator[Step]:
    total = np.zeros(len(windows[0].embedding))
    seconds = 0.0
    quality = VoiceQuality()
    for window in windows:
        for part_s, part in window.parts:
            if seconds + part_s <= call_s + 1e-6:
                so_far = sound.merge([(seconds, quality), (part_s, window.quality)])
                yield Step(seconds + part_s, scorer(total + part_s * unit(part)), None, so_far)
        total = total + window.net_s * unit(window.embedding)
        quality = sound.merge([(seconds, quality), (window.net_s, window.quality)])
        seconds += window.net_s
        if seconds <= call_s + 1e-6:
            yield Step(seconds, scorer(total), scorer(unit(window.embedding)), quality)
