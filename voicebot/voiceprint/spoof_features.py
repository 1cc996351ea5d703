"""What of a voice's movement tells a synthetic one: how its spectrum moves, not what it is.

104 numbers of a window of net speech: the spread of the first and second differences of 20 linear-frequency cepstral
coefficients (LFCC; Sahidullah, Kinnunen, Hanilci, Interspeech 2015), and the modulation spectrum of eight bands from
0.4 to 43 Hz. The spectrum itself is left out on purpose: it tells the line and the speaker, not the machine. Kept after
looking at twelve groups of features, each on engines it was not fitted with (docs/voiceprint.md).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voicebot.model.audio import MEDIA_RATE

Array = NDArray[np.float64]
#: 32 ms windows every 10 ms; triangular bands from 100 to 3,700 Hz, all equally wide.
_SIZE, _HOP, _BANDS, _COEFFICIENTS = 256, 80, 24, 20
_LOW_HZ, _HIGH_HZ = 100.0, 3700.0
#: Three neighbouring bands together move as one; limits of the modulation's ranges, in bins of 100/256 Hz.
_TOGETHER = 3
_RANGES = (1, 3, 6, 10, 16, 26, 42, 68, 110)
_MODULATION = 256
#: Shorter windows have no modulation to speak of.
SHORTEST_S = 1.4

COUNT = 2 * _COEFFICIENTS + (len(_RANGES) - 1) * (_BANDS // _TOGETHER)


def _triangles() -> Array:
    edges = np.linspace(_LOW_HZ, _HIGH_HZ, _BANDS + 2)[:, None]
    hz = np.arange(_SIZE // 2 + 1)[None] * MEDIA_RATE / _SIZE
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    return np.maximum(0.0, np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)))


_FILTERS = _triangles()
_COSINES: Array = np.cos(
    np.pi * np.arange(_COEFFICIENTS)[:, None] * (np.arange(_BANDS)[None] + 0.5) / _BANDS
) * np.sqrt(2 / _BANDS)


def features(pcm16: bytes, rate: int) -> Array | None:
    """COUNT numbers of one window of net speech (16-bit mono); None where it is too short, silent or of another rate
    than MEDIA_RATE."""
    samples = np.frombuffer(pcm16[: len(pcm16) // 2 * 2], dtype=np.int16).astype(np.float64)
    if rate != MEDIA_RATE or samples.size < SHORTEST_S * rate:
        return None
    samples = samples - samples.mean()
    loud = float(np.sqrt(np.mean(np.square(samples))))
    if loud < 1.0:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(samples / loud, _SIZE)[::_HOP] * np.hanning(_SIZE)
    bands = np.log(np.abs(np.fft.rfft(windows)) ** 2 @ _FILTERS.T + 1e-3)
    first = np.gradient(bands @ _COSINES.T, axis=0)
    second = np.gradient(first, axis=0)
    return np.concatenate((_spread(second), _spread(first), _modulation(bands)))


def _spread(values: Array) -> Array:
    return np.asarray(np.log(values.std(axis=0) + 1e-6))


def _modulation(bands: Array) -> Array:
    """Log power of each group of bands in each range of modulation."""
    groups = bands.reshape(len(bands), -1, _TOGETHER).mean(axis=2)
    moving = (groups - groups.mean(axis=0)) * np.hanning(len(groups))[:, None]
    power = np.abs(np.fft.rfft(moving, _MODULATION, axis=0)) ** 2
    return np.concatenate([np.log(power[a:b].mean(axis=0) + 1e-6) for a, b in pairwise(_RANGES)])
