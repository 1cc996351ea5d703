"""Figures of a verification system from its scores: equal error rate, misses at a false-accept rate, Cllr, curves, and
intervals that know that one speaker's trials are not independent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of trials; `voice`, `claimed`: number of the speaker heard and of the voiceprint (equal where genuine)."""

    values: Array
    voice: Indices
    claimed: Indices

    @property
    def genuine(self) -> NDArray[np.bool_]:
        """Which trials are of one person."""
        mask: NDArray[np.bool_] = self.voice == self.claimed
        return mask

    @property
    def complete(self) -> bool:
        """There are trials of both kinds."""
        return bool(self.genuine.any() and not self.genuine.all())


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


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


def det(genuine: Array, impostor: Array, points: int = 200) -> list[tuple[float, float]]:
    """The detection error trade-off: (share of impostors let in, share of genuine refused), thresholds rising."""
    thresholds = np.quantile(np.concatenate([genuine, impostor]), np.linspace(0.0, 1.0, points))
    thresholds = np.unique(np.concatenate([thresholds, np.quantile(genuine, np.linspace(0.0, 0.2, points // 4))]))
    accepts = 1.0 - np.searchsorted(np.sort(impostor), thresholds, side="left") / impostor.size
    misses = np.searchsorted(np.sort(genuine), thresholds, side="left") / genuine.size
    return [(float(a), float(m)) for a, m in zip(accepts, misses, strict=True)]


def reliability(genuine: Array, impostor: Array, bins: int = 10) -> list[tuple[float, float, int]]:
    """Of natural-log LLRs: per bin of the probability they stand for where both kinds are as likely, (mean of that
    probability, share of genuine trials with both kinds weighed alike, trials). Empty bins are left out."""
    values = np.concatenate([genuine, impostor])
    said = 0.5 * (1 + np.tanh(0.5 * values))
    weight = np.concatenate([np.full(genuine.size, 0.5 / genuine.size), np.full(impostor.size, 0.5 / impostor.size)])
    true = np.concatenate([np.ones(genuine.size), np.zeros(impostor.size)])
    which = np.minimum((said * bins).astype(int), bins - 1)
    found = []
    for number in range(bins):
        inside = which == number
        total = float(weight[inside].sum())
        if total > 0:
            mean = float((weight * said)[inside].sum()) / total
            found.append((mean, float((weight * true)[inside].sum()) / total, int(inside.sum())))
    return found


def estimate(scores: Scores, figure: Callable[[Array, Array], float], *, times: int = 200, seed: int = 1) -> Estimate:
    """`figure` of (genuine, impostor) values, with the interval of a bootstrap over speakers: a speaker drawn n times
    gives each genuine trial n times, and a pair of speakers its impostor trials as often as both were drawn."""
    mask = scores.genuine
    genuine, impostor = scores.values[mask], scores.values[~mask]
    value = figure(genuine, impostor)
    speakers = int(max(scores.voice.max(), scores.claimed.max())) + 1
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(times):
        count = np.bincount(random.integers(speakers, size=speakers), minlength=speakers)
        own = count[scores.voice[mask]]
        other = count[scores.voice[~mask]] * count[scores.claimed[~mask]]
        if own.any() and other.any():
            drawn.append(figure(np.repeat(genuine, own), np.repeat(impostor, other)))
    low, high = np.percentile(drawn, [2.5, 97.5]) if drawn else (np.nan, np.nan)
    return Estimate(value, float(low), float(high))
