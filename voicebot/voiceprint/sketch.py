"""The sketch of a stretch of speech: where its loudest spectral peaks lie, and the landmarks they make in pairs.

Wang, An Industrial-Strength Audio Search Algorithm (ISMIR 2003): peaks outlive codecs, noise and another line, and the
distance between two of them in time and frequency is the same whenever the same recording is played, and hardly ever
when the same person says the same words again. Measured in docs/voiceprint.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voicebot.errors import StorageError
from voicebot.model.audio import MEDIA_RATE, AudioFrame

Ints = NDArray[np.int64]
#: 64 ms windows every 16 ms; bins of 15.6 Hz, from 312 to 3,406 Hz: what every telephone lets pass.
WINDOW, HOP = 512, 128
LOW, HIGH = 20, 218
#: A peak is the loudest within so many bins and frames either side.
NEAR_BINS, NEAR_FRAMES = 6, 8
#: Peaks kept of each second of sound.
PEAKS_PER_S = 50
#: A peak is paired with so many of those that follow it, within so many frames (0.6 s) and bins (1 kHz).
FAN, MIN_FRAMES, MAX_FRAMES, MAX_BINS = 10, 2, 38, 64
#: Between two stretches of one sketch: more than a pair can span.
GAP_FRAMES = 64
#: Under the level that 65 % of the windows reach, a peak must not lie by more than this (natural log of amplitude).
_UNDER = 1.0
_MARK = b"SK1\0"
_TYPE = np.dtype([("frame", "<u2"), ("bin", "u1")])
_MOST_FRAMES = 65_000

NO_PEAKS: Ints = np.zeros((0, 2), dtype=np.int64)


def peaks(sound: AudioFrame) -> Ints:
    """The peaks of sound at MEDIA_RATE: rows of (frame, bin above LOW), in order of time."""
    if sound.rate != MEDIA_RATE or len(sound.pcm16) < 4 * WINDOW:
        return NO_PEAKS
    samples = np.frombuffer(sound.pcm16[: len(sound.pcm16) // 2 * 2], dtype=np.int16).astype(np.float64)
    padded = np.pad(samples - samples.mean(), WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW)
    level = np.log(np.abs(np.fft.rfft(windows))[:, LOW:HIGH] / 32768.0 + 1e-6)
    # The line's own slope out: else a telephone that favours some frequencies moves the choice of peaks.
    level -= np.convolve(np.pad(level.mean(axis=0), 15, mode="edge"), np.ones(31) / 31, mode="valid")
    highest = _around(_around(level, NEAR_FRAMES).T, NEAR_BINS).T
    least = np.quantile(level.max(axis=1), 0.35) - _UNDER
    found = np.argwhere((level == highest) & (level > least))
    return _loudest(found.astype(np.int64), level)


def _around(values: NDArray[np.float64], near: int) -> NDArray[np.float64]:
    """The maximum within `near` rows either side."""
    padded = np.pad(values, ((near, near), (0, 0)), constant_values=-np.inf)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * near + 1, axis=0).max(axis=-1))


def _loudest(found: Ints, level: NDArray[np.float64]) -> Ints:
    loud = level[found[:, 0], found[:, 1]]
    second = found[:, 0] * HOP // MEDIA_RATE
    order = np.lexsort((-loud, second))
    place = np.arange(len(order)) - np.searchsorted(second[order], second[order])  # its rank within its second
    return found[np.sort(order[place < PEAKS_PER_S])]


def landmarks(found: Ints) -> Ints:
    """Pairs of peaks: rows of (frame, bin, bins up to the other, frames to the other), in order of time."""
    rows = []
    for ahead in range(1, 8 * FAN):
        if ahead >= len(found):
            break
        first, other = found[:-ahead], found[ahead:]
        frames, bins = other[:, 0] - first[:, 0], other[:, 1] - first[:, 1]
        fits = (frames >= MIN_FRAMES) & (frames <= MAX_FRAMES) & (np.abs(bins) <= MAX_BINS)
        row = np.column_stack((first[:, 0], first[:, 1], bins, frames, np.arange(len(first))))
        rows.append(row[fits])
    if not rows:
        return np.zeros((0, 4), dtype=np.int64)
    pairs = np.concatenate(rows)
    pairs = pairs[np.argsort(pairs[:, 4], kind="stable")]
    nth = np.arange(len(pairs)) - np.searchsorted(pairs[:, 4], pairs[:, 4])
    return np.asarray(pairs[nth < FAN, :4])


def hashes(marks: Ints, bin_off: int = 0, bins_off: int = 0, frames_off: int = 0) -> Ints:
    """One number a landmark, two of each unit thrown together; with the offsets, what a neighbour of it would have."""
    first = (marks[:, 1] + bin_off) // 2
    up = (marks[:, 2] + bins_off + 128) // 2
    return np.asarray((first << 16) + (up << 8) + (marks[:, 3] + frames_off) // 2)


def joined(parts: Sequence[Ints]) -> Ints:
    """Several stretches' peaks one after the other, so far apart that no pair spans two; the first that fit."""
    at, kept = 0, []
    for part in parts:
        if not len(part):
            continue
        if at + int(part[-1, 0]) > _MOST_FRAMES:
            break
        kept.append(part + np.array([at, 0]))
        at += int(part[-1, 0]) + GAP_FRAMES
    return np.concatenate(kept) if kept else NO_PEAKS


def encode(found: Ints) -> bytes:
    """Three bytes a peak: what is sealed and stored."""
    packed = np.zeros(len(found), dtype=_TYPE)
    packed["frame"], packed["bin"] = found[:, 0], found[:, 1]
    return _MARK + packed.tobytes()


def decode(data: bytes) -> Ints:
    """Inverse of `encode`. Raises StorageError."""
    body = data[len(_MARK) :]
    if not data.startswith(_MARK) or len(body) % _TYPE.itemsize:
        raise StorageError(
            "a stored sketch of a call is spoiled", hint="it is of no further use: revoke and enrol anew"
        )
    packed = np.frombuffer(body, dtype=_TYPE)
    return np.column_stack((packed["frame"].astype(np.int64), packed["bin"].astype(np.int64)))
