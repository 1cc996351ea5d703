"""What else is on the line besides the customer's words: noise at a given SNR, the echo of the bot's voice. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sip_sim.g711 import FRAME, RATE, Samples
from sip_sim.network import EchoSpec

#: Level of rendered speech (audio.to_phone), dBFS: what an SNR is measured from.
SPEECH_DB: Final = -23.0
_NOISE_S: Final = 20.0
_LONGEST_ECHO_S: Final = 1.0


def white(seed: int, seconds: float = _NOISE_S) -> Samples:
    """Gaussian white noise, 8 kHz, its level not yet set."""
    sound = np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * 3000
    return np.clip(sound, -32768, 32767).astype(np.int16)


def babble(voices: Sequence[Samples], seed: int, seconds: float = _NOISE_S) -> Samples:
    """Several people talking at once: each recording repeated from a place of its own, all added up."""
    rng = np.random.default_rng(seed)
    total: NDArray[np.float32] = np.zeros(round(seconds * RATE), dtype=np.float32)
    for voice in voices:
        if voice.size:
            repeated = np.resize(np.roll(voice, int(rng.integers(voice.size))), total.size)
            total += repeated.astype(np.float32) / max(1, len(voices))
    return np.clip(total, -32768, 32767).astype(np.int16)


def at_snr(noise: Samples, snr_db: float, speech_db: float = SPEECH_DB) -> Samples:
    """The noise with its RMS `snr_db` below speech of `speech_db` dBFS; silence stays silence."""
    rms = float(np.sqrt(np.mean(noise.astype(np.float64) ** 2))) if noise.size else 0.0
    if rms == 0.0:
        return noise
    wanted = 32768.0 * 10.0 ** ((speech_db - snr_db) / 20.0)
    scaled = np.round(noise.astype(np.float64) * (wanted / rms))
    return np.asarray(np.clip(scaled, -32768, 32767), dtype=np.int16)


@dataclass(slots=True)
class LineSound:
    """Adds noise and echo to what the phone sends, a frame at a time."""

    noise: Samples = field(default_factory=lambda: np.zeros(0, dtype=np.int16))
    echo: EchoSpec | None = None
    _at: int = 0
    _past: Samples = field(default_factory=lambda: np.zeros(round(_LONGEST_ECHO_S * RATE) + FRAME, dtype=np.int16))

    @property
    def silent(self) -> bool:
        """Is there neither noise nor echo?"""
        return self.noise.size == 0 and self.echo is None

    def mix(self, spoken: Samples, heard: Samples) -> Samples:
        """`spoken`: the customer's frame; `heard`: the bot's of the same 20 ms. Returns what goes out."""
        if self.silent:
            return spoken
        total = spoken.astype(np.float32)
        if self.noise.size:
            index = (self._at + np.arange(FRAME)) % self.noise.size
            total += self.noise[index]
            self._at = (self._at + FRAME) % self.noise.size
        if self.echo is not None:
            self._past = np.concatenate([self._past[FRAME:], heard])
            late = min(round(self.echo.delay_ms / 1000.0 * RATE), self._past.size - FRAME)
            end = self._past.size - late
            total += self._past[end - FRAME : end].astype(np.float32) * 10.0 ** (self.echo.gain_db / 20.0)
        return np.clip(np.round(total), -32768, 32767).astype(np.int16)
