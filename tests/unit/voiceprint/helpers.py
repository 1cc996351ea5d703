"""Made-up voices: unit vectors around one direction per speaker."""

from __future__ import annotations

import numpy as np

from voicebot.model.voice import Embedding, Voiceprint, VoiceQuality

DIMENSIONS = 192
GOOD = VoiceQuality(snr_db=30.0)


def voice(speaker: int, take: int = 0, spread: float = 0.5) -> Embedding:
    """Take number `take` of a speaker: a unit vector near the speaker's own direction."""
    own = np.random.default_rng(speaker).normal(size=DIMENSIONS)
    noise = np.random.default_rng(1000 * speaker + take + 7).normal(size=DIMENSIONS)
    vector = own / np.linalg.norm(own) + spread * noise / np.linalg.norm(noise)
    return tuple(float(x) for x in vector / np.linalg.norm(vector))


def voiceprint(speaker: int, model_id: str = "model-1") -> Voiceprint:
    return Voiceprint("C-1", model_id, (voice(speaker, 900, 0.1),), 12.0, GOOD, "2026-01-01T00:00:00+00:00")
