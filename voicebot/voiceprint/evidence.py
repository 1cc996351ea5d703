"""Evidence that grows through the call: the running mean of its windows' embeddings against the voiceprint.

Windows of one call are not independent, so their LLRs are not added up: the mean embedding is scored, with a
calibration that knows the seconds so far (biometrics.md section 1). After a match the newest windows are watched: two
low ones in a row mean that another person has the phone, and what was verified before them counts no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from voicebot.model.voice import Embedding, VoiceEvidence, Voiceprint, VoiceQuality
from voicebot.voiceprint import quality as sound
from voicebot.voiceprint.calibration import Calibration, llr
from voicebot.voiceprint.decision import FLOOR_S, Policy

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EvidenceState:
    """What the windows so far add up to. `total`: sum of seconds times unit embedding; `matched`: the mean has been
    over the accept limit; `changed`: the voice changed after that (the sums then begin anew)."""

    total: Embedding = ()
    net_s: float = 0.0
    score: float | None = None
    last_score: float | None = None
    quality: VoiceQuality = field(default_factory=VoiceQuality)
    low_windows: int = 0
    matched: bool = False
    changed: bool = False


def unit(embedding: Embedding | Vector) -> Vector:
    """L2-normalised vector; zeros stay zeros."""
    vector = np.asarray(embedding, dtype=np.float64)
    norm = float(np.linalg.norm(vector))
    return vector / norm if norm > 0 else vector


def cosine(one: Embedding | Vector, other: Embedding | Vector) -> float:
    """Cosine in [-1, 1]; 0 where one of them is zero."""
    return float(np.clip(unit(one) @ unit(other), -1.0, 1.0))


def score_against(embedding: Embedding | Vector, voiceprint: Voiceprint) -> float:
    """One number for a voice against a voiceprint of several vectors: the mean of the cosine to their centroid and of
    the best cosine to one of them. On 42 callers with three vectors each that beat either alone (docs/voiceprint.md);
    with one vector all three are the same."""
    vectors = np.stack([unit(e) for e in voiceprint.embeddings])
    best = float(np.max(vectors @ unit(embedding)))
    return float(np.clip(0.5 * (cosine(embedding, vectors.mean(axis=0)) + best), -1.0, 1.0))


def add_window(
    state: EvidenceState,
    embedding: Embedding,
    net_s: float,
    quality: VoiceQuality,
    voiceprint: Voiceprint | None,
    *,
    calibration: Calibration,
    policy: Policy,
) -> EvidenceState:
    """Take the embedding of `net_s` seconds of the call. Without a voiceprint only seconds and quality are counted."""
    window = unit(embedding)
    before = np.asarray(state.total) if state.total else np.zeros_like(window)
    total = before + net_s * window
    seconds = state.net_s + net_s
    grown = replace(
        state,
        total=tuple(float(x) for x in total),
        net_s=seconds,
        quality=sound.merge([(state.net_s, state.quality), (net_s, quality)]) if state.net_s else quality,
    )
    if voiceprint is None:
        return grown
    last = score_against(window, voiceprint)
    score = score_against(total, voiceprint)
    low = state.low_windows
    if net_s >= FLOOR_S:  # a shorter piece says too little to call a change
        low = low + 1 if llr(calibration, last, net_s) < policy.change_llr else 0
    if low >= policy.change_windows and state.matched:
        return EvidenceState(last_score=last, low_windows=low, quality=quality, matched=True, changed=True)
    over = seconds >= policy.net_floor_s and llr(calibration, score, seconds, grown.quality) >= policy.accept_limit
    return replace(grown, score=score, last_score=last, low_windows=low, matched=state.matched or over)


def evidence(state: EvidenceState) -> VoiceEvidence:
    """The state as the contract's evidence."""
    return VoiceEvidence(state.net_s, state.score, state.last_score, state.quality, state.low_windows, state.changed)
