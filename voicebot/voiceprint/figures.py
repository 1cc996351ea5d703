"""Figures of a verification system from its scores: equal error rate, misses at a false-accept rate, Cllr."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def eer(genuine: Array, impostor: Array) -> tuple[float, float]:
    """Equal error rate in [0, 1] and its threshold (scores from it on are accepted). Neither array may be empty."""
    thresholds = np.unique(np.concatenate([genuine, impostor]))
    misses = np.searchsorted(np.sort(genuine), thresholds, side="left") / genuine.size
    accepts = 1.0 - np.searchsorted(np.sort(impostor), thresholds, side="left") / impostor.size
    best = int(np.argmin(np.abs(misses - accepts)))
    return float((misses[best] + accepts[best]) / 2), float(thresholds[best])


def frr_at_far(genuine: Array, impostor: Array, far: float) -> float:
    """Share of genuine scores refused at the threshold that lets in at most the share `far` of the impostors."""
    allowed = int(np.floor(far * impostor.size + 1e-9))
    threshold = np.sort(impostor)[::-1][allowed] if allowed < impostor.size else -np.inf
    return float(np.mean(genuine <= threshold))


def cllr(genuine: Array, impostor: Array) -> float:
    """Cost of the log-likelihood ratios in bits (Bruemmer and du Preez 2006): 0 perfect, 1 says nothing.

    The arrays hold natural-log LLRs.
    """
    miss = np.mean(np.logaddexp(0.0, -genuine))
    accept = np.mean(np.logaddexp(0.0, impostor))
    return float((miss + accept) / (2 * np.log(2)))
