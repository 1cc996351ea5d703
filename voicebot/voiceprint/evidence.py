"""Evidence that grows through the call: the running mean of its windows' embeddings against the voiceprint.

Windows of one call are not independent, so their LLRs are not added up: the mean embedding is scored, with a
calibration that knows the seconds so far (biometrics.md section 1). After a match the newest windows are watched: two
low ones in a row mean that another person has the phone, and what was verified before them counts no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from voicebot.model.voice import Embedding, VoiceEvidence, Voiceprint, VoiceQuality
from voicebot.voiceprint import quality as sound
from voicebot.voiceprint.arousal import RAISED, WINDOWS, Manner, mean_manner, raised
from voicebot.voiceprint.calibration import Calibration, llr
from voicebot.voiceprint.cohort import Cohort
from voicebot.voiceprint.decision import FLOOR_S, Policy, unusable

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
    manners: tuple[tuple[float, Manner], ...] = ()
    raised: bool = False
    peak_llr: float | None = None
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


def scored(embedding: Embedding | Vector, voiceprint: Voiceprint, calibration: Calibration) -> float:
    """`score_against`, AS-normed where the calibration has a cohort."""
    score = score_against(embedding, voiceprint)
    if not calibration.cohort:
        return score
    cohort = _cohort(calibration.cohort)
    centre = unit(np.mean([unit(e) for e in voiceprint.embeddings], axis=0))
    return cohort.normalised(score, cohort.spread(unit(embedding)), cohort.spread(centre))


@lru_cache(maxsize=2)
def _cohort(vectors: tuple[Embedding, ...]) -> Cohort:
    return Cohort(vectors)


def add_window(
    state: EvidenceState,
    embedding: Embedding,
    net_s: float,
    quality: VoiceQuality,
    voiceprint: Voiceprint | None,
    *,
    calibration: Calibration,
    policy: Policy,
    manner: Manner | None = None,
) -> EvidenceState:
    """Take the embedding of `net_s` seconds of the call. Without a voiceprint only seconds and quality are counted.

    `manner`: of the window's sound; judged where the voiceprint has a calm voice to compare with.
    """
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
    last = scored(window, voiceprint, calibration)
    score = scored(total, voiceprint, calibration)
    low = state.low_windows
    if net_s >= FLOOR_S:  # a shorter piece says too little to call a change
        low = low + 1 if llr(calibration, last, net_s) < policy.change_llr else 0
    if low >= policy.change_windows and state.matched:
        return EvidenceState(last_score=last, low_windows=low, quality=quality, matched=True, changed=True)
    peak = state.peak_llr
    if seconds >= policy.net_floor_s - 1e-9 and unusable(grown.quality, policy) is None:
        value = llr(calibration, score, seconds, grown.quality)
        peak = value if peak is None else max(peak, value)
    over = peak is not None and peak >= policy.accept_limit
    manners = (*state.manners, *(((net_s, manner),) if manner else ()))[-WINDOWS:]
    now = mean_manner(manners)
    above = bool(voiceprint.calm) and now is not None and raised(now, voiceprint.calm) >= RAISED
    return replace(
        grown,
        score=score,
        last_score=last,
        low_windows=low,
        peak_llr=peak,
        matched=over,
        manners=manners,
        raised=above,
    )


def evidence(state: EvidenceState) -> VoiceEvidence:
    """The state as the contract's evidence."""
    return VoiceEvidence(
        net_speech_s=state.net_s,
        score=state.score,
        last_score=state.last_score,
        quality=state.quality,
        low_windows=state.low_windows,
        changed=state.changed,
        raised=state.raised,
        peak_llr=state.peak_llr,
    )
