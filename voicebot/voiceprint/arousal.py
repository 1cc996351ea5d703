"""How raised a voice is, against the same person's calm voice: pitch, level and brightness of net speech.

Five numbers a window, no model. Anger moves a voice: enrolled calm and tested angry, a customer's score falls towards
an impostor's (EER 15.7 % on acted anger, arXiv 2002.05039 finds the same). So a raised voice can still be a match but
no mismatch. It says nothing about what anybody feels, and is used for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voicebot.voiceprint.quality import samples_of

#: Mean pitch and its 90th percentile (semitones over 1 Hz), level (dB), spectral centroid (octaves over 1 Hz), energy
#: above 1 kHz against below (dB).
Manner = tuple[float, ...]
#: How much each of them spreads in calm speech of one person.
SPREADS = np.array([1.0, 1.6, 2.7, 0.22, 3.5])
#: From here on a voice counts as raised: of 42 calm callers' windows, one in a hundred is (docs/voiceprint.md).
RAISED = 1.4
#: Newest windows of a call that are looked at together.
WINDOWS = 3
#: A number counts at most so many spreads: one wild pitch must not decide.
LIMIT = 3.0
#: Pitch is looked for between these, Hz; a frame is voiced where its sound repeats itself this well.
_LOW_HZ, _HIGH_HZ = 65.0, 400.0
_VOICED = 0.5
#: Twice a period repeats as well as one: each octave down must be better by this to be taken.
_PER_OCTAVE = 0.1
_FRAME_S, _HOP_S = 0.04, 0.04
#: Fewer voiced frames than this give no pitch.
_LEAST = 10

Array = NDArray[np.float64]


def manner(pcm16: bytes, rate: int) -> Manner | None:
    """The five numbers of some net speech; None where there is too little voiced sound in it."""
    samples = samples_of(pcm16)
    size, hop = round(_FRAME_S * rate), round(_HOP_S * rate)
    if samples.size < size:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * np.hanning(size)
    pitch = _pitch(frames, rate)
    if pitch.size < _LEAST:
        return None
    spectrum = np.mean(np.abs(np.fft.rfft(frames, axis=1)) ** 2, axis=0) + 1e-9
    hertz = np.fft.rfftfreq(size, 1 / rate)
    band = (hertz >= 200) & (hertz <= 3400)
    low, high = band & (hertz < 1000), band & (hertz >= 1000)
    centroid = float((hertz[band] * spectrum[band]).sum() / spectrum[band].sum())
    semitones = 12 * np.log2(pitch)
    return (
        float(np.mean(semitones)),
        float(np.percentile(semitones, 90)),
        float(10 * np.log10(np.mean(np.square(samples)) + 1e-9)),
        float(np.log2(centroid)),
        float(10 * np.log10(spectrum[high].sum() / spectrum[low].sum())),
    )


def mean_manner(parts: Sequence[tuple[float, Manner | None]]) -> Manner | None:
    """Mean weighted by seconds, over those that have one."""
    known = [(seconds, m) for seconds, m in parts if m is not None and seconds > 0]
    if not known:
        return None
    total = sum(seconds for seconds, _ in known)
    return tuple(sum(s * m[i] for s, m in known) / total for i in range(len(known[0][1])))


def raised(now: Manner, calm: Manner) -> float:
    """How far above the calm voice: mean of the five differences in spreads, each limited."""
    return float(np.mean(np.clip((np.array(now) - np.array(calm)) / SPREADS, -LIMIT, LIMIT)))


def _pitch(frames: Array, rate: int) -> Array:
    """Hz of each voiced frame, by the highest peak of the autocorrelation (normalised by the window's own)."""
    size = frames.shape[1]
    width = 2 * size
    sums = np.fft.irfft(np.abs(np.fft.rfft(frames, width, axis=1)) ** 2, axis=1)[:, :size]
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(size), width)) ** 2)[:size]
    first, last = int(rate / _HIGH_HZ), min(int(rate / _LOW_HZ), size - 1)
    similar = (sums / (sums[:, :1] + 1e-9)) / (window / window[0] + 1e-9)
    lags = similar[:, first : last + 1]
    octaves = np.log2(np.arange(first, last + 1) / first)
    best = np.argmax(lags - _PER_OCTAVE * octaves, axis=1)
    loud = sums[:, 0] > 0.05 * np.percentile(sums[:, 0], 90)
    voiced = loud & (lags[np.arange(len(lags)), best] > _VOICED)
    result: Array = rate / (first + best[voiced]).astype(np.float64)
    return result
