"""Sound as arrays, for the engines: conversion, resampling, and the finish every synthesized prompt gets.

Arrays are float32 mono in [-1, 1]. Nothing here keeps state.
"""

from __future__ import annotations

import re

import numpy as np
import soxr
from numpy.typing import NDArray

from voicebot.model.audio import AudioFrame

Samples = NDArray[np.float32]

#: Loudness of every prompt, dB below full scale (RMS of the spoken parts), and the highest peak it may have.
TARGET_RMS_DBFS = -20.0
MAX_PEAK_DBFS = -3.0
#: What is left of the silence before and after the speech, and the fades that keep the cut from clicking (seconds).
EDGE_S = 0.02
FADE_S = 0.005
#: A block counts as speech down to this much below the loudest block.
_SPEECH_RANGE_DB = 40.0
_BLOCK_S = 0.01

_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*\s+|\n+")
_CLAUSE_END = re.compile(r"(?<=[,;:—、，；：])\s*")


def to_float(pcm16: bytes) -> Samples:
    """16-bit PCM bytes to samples."""
    return np.frombuffer(pcm16, dtype="<i2").astype(np.float32) / np.float32(32768.0)


def to_pcm16(samples: Samples) -> bytes:
    """Samples to 16-bit PCM bytes; what is out of range is clipped."""
    pcm: NDArray[np.int16] = np.clip(np.rint(samples * 32767.0), -32768, 32767).astype("<i2")
    return pcm.tobytes()


def resample(samples: Samples, rate: int, target: int) -> Samples:
    """`samples` at `rate` Hz as samples at `target` Hz (soxr, high quality)."""
    if rate == target or not samples.size:
        return samples
    return np.asarray(soxr.resample(samples, rate, target, quality="HQ"), dtype=np.float32)


def frame_at(frame: AudioFrame, rate: int) -> Samples:
    """A frame's sound as samples at `rate` Hz."""
    return resample(to_float(frame.pcm16), frame.rate, rate)


def level_dbfs(samples: Samples) -> float:
    """RMS level in dB below full scale; -120 for silence."""
    if not samples.size:
        return -120.0
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return 10.0 * float(np.log10(max(power, 1e-12)))


def finish_prompt(samples: Samples, rate: int) -> Samples:
    """Make prompts of any engine sound alike: silence trimmed to EDGE_S, short fades, TARGET_RMS_DBFS, peak limit."""
    speech = _blocks_with_speech(samples, rate)
    if not speech.any():
        return np.zeros(0, dtype=np.float32)
    block = max(1, round(rate * _BLOCK_S))
    spoken = np.flatnonzero(speech)
    edge = round(rate * EDGE_S)
    start = max(0, int(spoken[0]) * block - edge)
    stop = min(samples.size, (int(spoken[-1]) + 1) * block + edge)
    cut = samples[start:stop].astype(np.float32, copy=True)
    fade = min(round(rate * FADE_S), cut.size // 2)
    if fade:
        ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
        cut[:fade] *= ramp
        cut[-fade:] *= ramp[::-1]
    return _limited(cut * np.float32(_gain(samples, speech, block)))


def has_words(text: str) -> bool:
    """True where there is anything to speak."""
    return any(character.isalnum() for character in text)


def split_text(text: str, limit: int) -> tuple[str, ...]:
    """`text` as pieces of at most `limit` characters, cut after sentences, then clauses, then words."""
    pieces: list[str] = []
    for sentence in _SENTENCE_END.split(text):
        if sentence.strip():
            pieces.extend(_cut(sentence.strip(), limit))
    return tuple(pieces)


def _cut(sentence: str, limit: int) -> list[str]:
    if len(sentence) <= limit:
        return [sentence]
    parts = [p for p in _CLAUSE_END.split(sentence) if p.strip()]
    if len(parts) == 1:
        parts = [word[i : i + limit] for word in sentence.split() for i in range(0, len(word), limit)]
    pieces: list[str] = []
    for part in (piece for p in parts for piece in ([p] if len(p) <= limit else _cut(p, limit))):
        if pieces and len(pieces[-1]) + 1 + len(part) <= limit:
            pieces[-1] = f"{pieces[-1]} {part.strip()}"
        else:
            pieces.append(part.strip())
    return pieces


def _blocks_with_speech(samples: Samples, rate: int) -> NDArray[np.bool_]:
    block = max(1, round(rate * _BLOCK_S))
    count = samples.size // block
    if not count:
        return np.zeros(0, dtype=np.bool_)
    power = np.mean(np.square(samples[: count * block].reshape(count, block), dtype=np.float64), axis=1)
    loudest = float(power.max())
    if loudest < 1e-8:
        return np.zeros(count, dtype=np.bool_)
    return np.asarray(power > loudest * 10 ** (-_SPEECH_RANGE_DB / 10), dtype=np.bool_)


def _gain(samples: Samples, speech: NDArray[np.bool_], block: int) -> float:
    spoken = samples[: speech.size * block].reshape(speech.size, block)[speech]
    return float(10 ** ((TARGET_RMS_DBFS - level_dbfs(spoken.reshape(-1))) / 20))


def _limited(samples: Samples) -> Samples:
    """Peaks bent softly under the limit: one loud syllable must not make a whole prompt quiet."""
    limit = 10 ** (MAX_PEAK_DBFS / 20)
    knee = 0.6 * limit
    size = np.abs(samples)
    bent = knee + (limit - knee) * np.tanh((size - knee) / (limit - knee))
    return np.asarray(np.where(size > knee, np.sign(samples) * bent, samples), dtype=np.float32)
