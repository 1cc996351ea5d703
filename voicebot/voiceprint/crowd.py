"""Other people talking around the caller, told by loudness: a voice activity detector knows speech, not whose.

Between other people the detector is never silent, and what it calls speech in the caller's pauses is theirs. So where
even the quietest moments are loud, and speech, only what stands out above them is the caller's. Where they are silence
or noise, as on most lines, nothing is judged by its level.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicebot.model.audio import SpeechChunk

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CrowdSettings:
    """Seconds, dB, dBFS and probabilities. The figures of docs/voiceprint.md under babble rest on `over_db`: 7 was the
    best of 7, 9 and half the range. `probability` and the levels were set so that clean recordings stay whole."""

    memory_s: float = 8.0
    known_s: float = 1.5  # less sound says nothing about a crowd
    probability: float = 0.5  # of speech, the mean of the quietest fifth
    least_dbfs: float = -56.0  # level from which the quiet may be a crowd
    over_db: float = 7.0  # over the quiet: the caller
    range_db: tuple[float, float] = (9.0, 30.0)  # loud over quiet: nobody stands out; what is quiet disturbs nobody
    #: The caller's own quiet moments are the dips between syllables, shorter than this in fluent speech; other people
    #: are heard all through the caller's pauses.
    lasts_s: float = 0.3


@dataclass(frozen=True, slots=True)
class _Heard:
    t: float
    seconds: float
    power: float
    probability: float


#: Shares of the sound, the quietest first: the quiet, what is asked whether it is speech, and the loud.
_QUIET, _ASKED, _LOUD = 0.1, 0.2, 0.95
_FULL_SCALE = 32768.0**2


class Crowd:
    """The last seconds of a call's sound. Not shared between threads."""

    def __init__(self, settings: CrowdSettings | None = None) -> None:
        self._settings = settings or CrowdSettings()
        self._heard: deque[_Heard] = deque()
        self._seconds = 0.0

    def add(self, chunk: SpeechChunk, power: float) -> None:
        """A decision of the detector, and the mean square of its samples (16 bit)."""
        self._heard.append(_Heard(chunk.t0, chunk.t1 - chunk.t0, power, chunk.probability))
        self._seconds += chunk.t1 - chunk.t0
        while self._seconds > self._settings.memory_s:
            self._seconds -= self._heard.popleft().seconds

    def others(self) -> dict[float, float]:
        """The remembered decisions that are not the caller's, as beginning (s) -> power; empty without a crowd."""
        settings = self._settings
        if self._seconds < settings.known_s:
            return {}
        powers = np.array([heard.power for heard in self._heard])
        levels = _levels(powers)
        order = np.argsort(levels)
        asked = order[: max(1, int(len(order) * _ASKED))]
        quiet, loud = (float(levels[order[int(len(order) * share)]]) for share in (_QUIET, _LOUD))
        least, most = settings.range_db
        speech = float(np.mean([self._heard[int(i)].probability for i in asked])) >= settings.probability
        if not speech or quiet < settings.least_dbfs or not least <= loud - quiet <= most:
            return {}
        below = levels < quiet + settings.over_db
        if self._longest(below) < settings.lasts_s:
            return {}
        return {h.t: h.power for h, other in zip(self._heard, below, strict=True) if other}

    def _longest(self, below: NDArray[np.bool_]) -> float:
        """Seconds of the longest stretch without a break that is quiet, and speech all the same."""
        longest = lasts = 0.0
        for heard, quiet in zip(self._heard, below, strict=True):
            lasts = lasts + heard.seconds if quiet and heard.probability >= self._settings.probability else 0.0
            longest = max(longest, lasts)
        return longest


def _levels(powers: Array) -> Array:
    """dBFS of each chunk and its neighbours together: a crowd's peaks are short."""
    sums = np.convolve(powers, np.ones(3), "same")
    counts = np.convolve(np.ones_like(powers), np.ones(3), "same")
    levels: Array = 10 * np.log10(sums / counts / _FULL_SCALE + 1e-10)
    return levels
