"""Sound as the benchmark looks at it: where a recording is loud, and where in it a known sound lies. Pure, 8 kHz."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 8000
FRAME = 160
FRAME_S = FRAME / RATE
#: RMS (of 32768) over which a frame is sound: above G.711's idle noise, under the softest speech.
FLOOR = 60.0
#: Least correlation at which a piece of a recording is taken for the known sound. G.711 leaves 0.999 of it.
SAME = 0.8
#: Silence at both ends of the simulator's sentences, seconds.
MARGIN_S = 0.04
#: RMS of a recording's quiet (10th percentile of its frames) that is noise.
_NOISY = FLOOR / 2

Samples = NDArray[np.int16]
Span = tuple[float, float]


def read_stereo(path: Path) -> tuple[Samples, Samples]:
    """(the caller as sent, the bot as heard) of a caller's recording; 16 bit, equally long."""
    with wave.open(str(path), "rb") as source:
        sound = np.frombuffer(source.readframes(source.getnframes()), dtype="<i2").reshape(-1, 2)
    return sound[:, 0].astype(np.int16), sound[:, 1].astype(np.int16)


def from_pcm(pcm16: bytes) -> Samples:
    """16-bit mono bytes."""
    return np.frombuffer(pcm16, dtype=np.int16)


def levels(samples: Samples) -> NDArray[np.float64]:
    """RMS of each 20 ms frame."""
    count = samples.size // FRAME
    frames = samples[: count * FRAME].reshape(count, FRAME).astype(np.float64)
    return np.asarray(np.sqrt(np.mean(frames**2, axis=1)))


def spans(samples: Samples, join_s: float = 0.3, least_s: float = 0.06) -> list[Span]:
    """(start, end) in seconds of each stretch of sound, to 20 ms; pauses under `join_s` do not split it, and what is
    shorter than `least_s` is left out."""
    found: list[Span] = []
    for index in np.flatnonzero(levels(samples) > FLOOR):
        start, end = float(index) * FRAME_S, float(index + 1) * FRAME_S
        if found and start - found[-1][1] < join_s:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return [(round(a, 3), round(b, 3)) for a, b in found if b - a >= least_s]


def loud_within(samples: Samples, span: Span) -> Span:
    """The first and last sound of what was said within a span, the simulator's own times of it.

    On a clean line it is heard. In a noise the soft ends of words are not, but the simulator's sentences have 0.04 s of
    silence at both ends, no more and no less: then that is taken off.
    """
    rms = levels(samples)
    first, last = int(span[0] / FRAME_S), int(np.ceil(span[1] / FRAME_S))
    if rms.size and float(np.percentile(rms, 10)) > _NOISY:
        return (round(span[0] + MARGIN_S, 3), round(span[1] - MARGIN_S, 3))
    loud = np.flatnonzero(rms[first:last] > FLOOR)
    if loud.size == 0:
        return span
    return (round((first + int(loud[0])) * FRAME_S, 3), round((first + int(loud[-1]) + 1) * FRAME_S, 3))


def find(piece: Samples, recording: Samples, start: int, end: int) -> tuple[int, float]:
    """Where in recording[start:end] the piece lies best: (sample, correlation from 0 to 1); (start, 0) where it can't.

    Normalised cross-correlation, by FFT.
    """
    start, end = max(0, start), min(end, recording.size)
    size = piece.size
    if end - start < size or size == 0:
        return max(0, start), 0.0
    part = recording[start:end].astype(np.float64)
    known = piece.astype(np.float64)
    length = 1 << int(part.size + size - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(part, length) * np.conj(np.fft.rfft(known, length)), length)
    product = product[: part.size - size + 1]
    energy = np.concatenate([[0.0], np.cumsum(part**2)])
    local = np.sqrt(np.maximum(energy[size:] - energy[:-size], 1.0)[: product.size])
    own = float(np.sqrt(np.sum(known**2)))
    if own == 0.0:
        return start, 0.0
    quality = product / (local * own)
    best = int(np.argmax(quality))
    return start + best, max(0.0, float(quality[best]))
