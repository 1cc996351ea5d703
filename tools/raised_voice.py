"""A calm recording made to sound raised: pitch, level and brightness up, words and formants left as they are.

It stands in for angry telephone speech, of which there is none at hand. What anger does to articulation (formants that
move, words that run together, a pressed voice) is not in it, and the resynthesis leaves traces of its own that a model
may hear. So it shows what a rule does, not how often angry customers are turned away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import firwin2, lfilter, oaconvolve, resample

from voicebot.model.audio import MEDIA_RATE, AudioFrame

Sound = NDArray[np.float64]
_ORDER = 12  # of the linear prediction: the formants under 4 kHz
_FRAME, _HOP = 240, 80  # 30 and 10 ms
_PIECE, _SEARCH = 320, 100  # stretching in time: pieces of 40 ms, moved by at most 12.5 ms to fit


@dataclass(frozen=True, slots=True)
class Raise:
    """`pitch`: factor; `level_db`: louder; `tilt_db`: more above 1 kHz than below."""

    name: str
    pitch: float
    level_db: float
    tilt_db: float


RAISES = (
    Raise("as it was, resynthesised", 1.0, 0.0, 0.0),
    Raise("livelier", 1.15, 4.0, 2.0),
    Raise("raised", 1.3, 8.0, 4.0),
)


def raised(recording: AudioFrame, how: Raise) -> AudioFrame:
    """The recording (8 kHz) in a raised voice. Loud samples clip, as on a line."""
    sound = np.frombuffer(recording.pcm16, dtype=np.int16).astype(np.float64)
    filters = _filters(sound)
    breath = _framewise(sound, [(a, np.ones(1)) for a in filters])
    if how.pitch != 1.0:
        breath = resample(_stretched(breath, how.pitch), breath.size)
    voice = _framewise(np.asarray(breath), [(np.ones(1), a) for a in filters])
    voice *= np.sqrt(np.mean(sound**2) / (np.mean(voice**2) + 1e-9)) * 10 ** (how.level_db / 20)
    if how.tilt_db:
        shelf = firwin2(65, [0, 700, 1400, 4000], 10 ** (np.array([0, 0, 1, 1]) * how.tilt_db / 20), fs=MEDIA_RATE)
        voice = oaconvolve(voice, shelf, "same")
    return AudioFrame(np.clip(np.rint(voice), -32124, 32124).astype(np.int16).tobytes(), MEDIA_RATE, recording.t)


def _filters(sound: Sound) -> list[Sound]:
    """The prediction error filter of every 10 ms."""
    padded = np.pad(sound, _FRAME)
    window = np.hanning(_FRAME)
    found = []
    for at in range(0, sound.size, _HOP):
        part = padded[at + _FRAME + _HOP // 2 - _FRAME // 2 :][:_FRAME] * window
        lags = np.correlate(part, part, "full")[_FRAME - 1 : _FRAME + _ORDER]
        lags[0] = lags[0] * 1.0001 + 1.0
        found.append(np.concatenate(([1.0], -solve_toeplitz(lags[:-1], lags[1:]))))
    return found


def _framewise(sound: Sound, filters: list[tuple[Sound, Sound]]) -> Sound:
    """Each 10 ms through its own filter (numerator, denominator), faded into the next one's."""
    result = np.zeros(sound.size + _FRAME)
    fade = np.hanning(2 * _HOP + 1)[:-1]
    before = 4 * _HOP  # the filter's own past
    padded = np.pad(sound, (before, _FRAME))
    for number, (top, bottom) in enumerate(filters):
        at = number * _HOP
        part = lfilter(top, bottom, padded[at : at + before + 2 * _HOP])[before:]
        result[at : at + 2 * _HOP] += part * fade
    return result[: sound.size]


def _stretched(sound: Sound, factor: float) -> Sound:
    """Longer by `factor`, pitch as it was (waveform similarity overlap-add)."""
    step = _PIECE // 2
    size = round(sound.size * factor)
    padded = np.pad(sound, (_SEARCH, 2 * _PIECE + _SEARCH))
    result = np.zeros(size + 2 * _PIECE)
    window = np.hanning(_PIECE + 1)[:-1]
    at = _SEARCH
    for place in range(0, size, step):
        result[place : place + _PIECE] += padded[at : at + _PIECE] * window
        wanted = padded[at + step : at + step + _PIECE]
        ideal = min(round((place + step) / factor) + _SEARCH, padded.size - _PIECE - _SEARCH - 1)
        around = padded[ideal - _SEARCH : ideal + _SEARCH + _PIECE]
        if wanted.size < _PIECE:
            break
        alike = np.correlate(around, wanted, "valid")
        energy = np.convolve(around**2, np.ones(_PIECE), "valid")
        at = ideal - _SEARCH + int(np.argmax(alike / np.sqrt(energy + 1.0)))
    return result[:size]
