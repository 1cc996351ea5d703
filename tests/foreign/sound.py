"""Tones as they go over a telephone line, and how much of one is in a recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from sip_sim.g711 import encode


def tone(hz: float, seconds: float) -> np.ndarray:
    """8 kHz, 16 bit."""
    return (8000 * np.sin(2 * np.pi * hz * np.arange(int(8000 * seconds)) / 8000)).astype(np.int16)


def packets(hz: float, seconds: float, codec: str = "PCMA") -> list[bytes]:
    """The payloads of a tone, 20 ms each."""
    coded = encode(codec, tone(hz, seconds))
    return [coded[i : i + 160] for i in range(0, len(coded), 160)]


def seconds_of(hz: float, sound: np.ndarray) -> float:
    """For how many seconds of `sound` (8 kHz) this tone is most of what is heard."""
    found = 0
    wave = np.exp(-2j * np.pi * hz * np.arange(160) / 8000)
    for start in range(0, len(sound) - 159, 160):
        piece = sound[start : start + 160].astype(float)
        energy = float((piece**2).sum())
        # Of a pure tone, |sum(x * wave)|^2 is half of n * sum(x^2).
        found += energy > 160 * 200**2 and abs((piece * wave).sum()) ** 2 > 0.25 * 160 * energy
    return found * 0.02


def tracks(recording: Path) -> tuple[np.ndarray, np.ndarray]:
    """(caller, bot) of the bot's recording, 8 kHz, 16 bit."""
    sound, rate = soundfile.read(recording, dtype="int16", always_2d=True)
    assert rate == 8000
    return sound[:, 0], sound[:, 1]
