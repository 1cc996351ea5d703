"""Prompts known by their sound: what a bot renders beforehand need not be recognised again by every caller.

A folder holds index.json, `[{"text": …, "wav": …}]`, and the WAV files (8 kHz, 16 bit, mono). An utterance is compared
with the ends of all prompts and of their sentences; it is the prompt whose end it has. What is cut off, or not known,
is left to the recogniser. Pure but for reading the files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sip_sim.audio import read_wav
from sip_sim.g711 import FRAME, RATE, Samples

INDEX: Final = "index.json"
#: What stands for a sentence inside a prompt, whose words come with the prompt's last one.
INSIDE: Final = "..."
_PIECE: Final = 2 * RATE // 5
_SLACK: Final = RATE // 10
_SIZE: Final = 8192
_SAME: Final = 0.8
_FLOOR_RMS: Final = 60.0
_PAUSE_FRAMES: Final = 15


@dataclass(frozen=True, slots=True)
class Known:
    """`spectra`: conjugate spectra of the ends, each of unit energy; `texts`: what each is the end of."""

    spectra: NDArray[np.complex64]
    texts: tuple[str, ...]

    def text_of(self, utterance: Samples) -> str | None:
        """The words, INSIDE for a sentence inside a prompt, None where no end is like this one's."""
        ends = sentence_ends(utterance)
        if not ends or not self.texts:
            return None
        part = np.zeros(_PIECE + 2 * _SLACK, dtype=np.float32)
        first = ends[-1] - _PIECE - _SLACK
        there = utterance[max(0, first) : ends[-1] + _SLACK].astype(np.float32)
        part[max(0, -first) : max(0, -first) + there.size] = there
        product = np.fft.irfft(np.fft.rfft(part, _SIZE) * self.spectra, _SIZE)[:, : 2 * _SLACK + 1]
        energy = np.concatenate([[0.0], np.cumsum(part.astype(np.float64) ** 2)])
        local = np.sqrt(np.maximum(energy[_PIECE:] - energy[:-_PIECE], 1.0))
        quality = (product / local).max(axis=1)
        best = int(np.argmax(quality))
        return self.texts[best] if quality[best] >= _SAME else None


def sentence_ends(sound: Samples) -> list[int]:
    """The samples at which sound ends before a pause of 0.3 s or for good."""
    count = sound.size // FRAME
    frames = sound[: count * FRAME].reshape(count, FRAME).astype(np.float32)
    loud = np.flatnonzero(np.sqrt(np.mean(frames**2, axis=1)) > _FLOOR_RMS) if count else np.zeros(0, dtype=np.int64)
    last = [int(a) for a, b in pairwise(loud) if b - a > _PAUSE_FRAMES]
    return [(frame + 1) * FRAME for frame in [*last, *(int(a) for a in loud[-1:])]]


def known_of(prompts: list[tuple[str, Samples]]) -> Known:
    """All ends of these prompts."""
    pieces: list[NDArray[np.float32]] = []
    texts: list[str] = []
    for text, sound in prompts:
        ends = sentence_ends(sound)
        for end in ends:
            piece = np.zeros(_PIECE, dtype=np.float32)
            there = sound[max(0, end - _PIECE) : end].astype(np.float32)
            piece[_PIECE - there.size :] = there
            pieces.append(piece / max(1.0, float(np.sqrt(np.sum(piece**2)))))
            texts.append(text if end == ends[-1] else INSIDE)
    if not pieces:
        return Known(np.zeros((0, _SIZE // 2 + 1), dtype=np.complex64), ())
    return Known(np.conj(np.fft.rfft(np.stack(pieces), _SIZE)).astype(np.complex64), tuple(texts))


def load_known(folder: Path) -> Known | None:
    """None where the folder has no index yet."""
    index = folder / INDEX
    if not index.is_file():
        return None
    rows = json.loads(index.read_text(encoding="utf-8"))
    return known_of([(row["text"], read_wav(folder / row["wav"])) for row in rows])
