"""When does the far end speak? Energy per 20 ms frame, with a hangover: pure, counts audio time, never the clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sip_sim.g711 import FRAME, RATE, Samples

FRAME_S: Final = FRAME / RATE
_FLOOR_RMS: Final = 60.0  # of 32768: above G.711's idle noise, under the softest phone speech
_OVER_NOISE: Final = 4.0


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The far end began to speak at `t` seconds after the answer."""

    t: float


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The far end spoke from `t0` to `t1` and has been silent for the hangover; `samples` is what was heard (8 kHz)."""

    t0: float
    t1: float
    samples: Samples


@dataclass(slots=True)
class SpeechDetector:
    """Feed 20 ms frames in order; `hangover_s` of silence ends an utterance, `onset` loud frames start one."""

    hangover_s: float = 0.6
    onset: int = 3
    lead_in_s: float = 0.2
    _noise: float = 20.0
    _frames: list[Samples] = field(default_factory=list)
    _loud_run: int = 0
    _quiet_run: int = 0
    _start: float | None = None

    def feed(self, t: float, frame: Samples) -> SpeechStarted | SpeechEnded | None:
        """`t` is when the frame begins; at most one event per frame."""
        loud = self._is_loud(frame)
        self._frames.append(frame)
        if self._start is None:
            return self._while_silent(t, loud)
        self._quiet_run = 0 if loud else self._quiet_run + 1
        if self._quiet_run * FRAME_S >= self.hangover_s:
            return self.flush(t + FRAME_S)
        return None

    def _is_loud(self, frame: Samples) -> bool:
        rms = math.sqrt(float(np.mean(frame.astype(np.float32) ** 2)))
        if rms < self._noise * _OVER_NOISE:
            self._noise += 0.02 * (min(rms, 400.0) - self._noise)
        return rms > max(_FLOOR_RMS, self._noise * _OVER_NOISE)

    def _while_silent(self, t: float, loud: bool) -> SpeechStarted | None:
        self._loud_run = self._loud_run + 1 if loud else 0
        keep = round(self.lead_in_s / FRAME_S) + self.onset
        del self._frames[:-keep]
        if self._loud_run < self.onset:
            return None
        self._start = t - (self.onset - 1) * FRAME_S
        self._loud_run = self._quiet_run = 0
        return SpeechStarted(self._start)

    def flush(self, now: float) -> SpeechEnded | None:
        """End the open utterance, if there is one, at audio time `now` (also when the call ends)."""
        if self._start is None:
            return None
        ended = SpeechEnded(self._start, now - self._quiet_run * FRAME_S, np.concatenate(self._frames))
        self._frames.clear()
        self._start = None
        self._quiet_run = 0
        return ended


def speech_spans(samples: Samples, *, join_s: float = 0.6) -> list[tuple[float, float]]:
    """(start, end) in seconds of each stretch of speech in a recording; pauses under `join_s` do not split.

    Resolution is 20 ms. The threshold is relative to the recording's own quiet (10th percentile of frame energy).
    """
    count = samples.size // FRAME
    if count == 0:
        return []
    frames = samples[: count * FRAME].reshape(count, FRAME).astype(np.float32)
    rms: NDArray[np.float32] = np.sqrt(np.mean(frames**2, axis=1))
    quiet = float(np.percentile(rms, 10))
    loud = rms > max(_FLOOR_RMS, min(quiet, 100.0) * _OVER_NOISE)
    spans: list[tuple[float, float]] = []
    for index in np.flatnonzero(loud):
        start, end = float(index) * FRAME_S, float(index + 1) * FRAME_S
        if spans and start - spans[-1][1] < join_s:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return [span for span in spans if span[1] - span[0] >= 3 * FRAME_S]
