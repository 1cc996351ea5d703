"""S14 (document C): a collector's score from the work in their cases and their saturation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from voicebot.errors import ScoringError
from voicebot.scoring.config import version
from voicebot.scoring.config_cases import CollectorSettings
from voicebot.scoring.result import Result, Value, reaches

VERSION = "S14/1"

STEPS = {
    "W": "w_norm*n_norm + w_abn*n_abn + w_coop*n_coop + w_non*n_non",
    "score": "100*(1 - share_work*min(1, W/W_max) - share_saturation*S/100)",
    "assignable": "score >= theta_Q",
}


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """A collector's open cases by class."""

    n_norm: int = 0
    n_abn: int = 0
    n_coop: int = 0
    n_non: int = 0


def work(counts: CaseCounts, settings: CollectorSettings) -> float:
    """W."""
    pairs = (
        (settings.w_norm, counts.n_norm),
        (settings.w_abn, counts.n_abn),
        (settings.w_coop, counts.n_coop),
        (settings.w_non, counts.n_non),
    )
    return math.fsum(weight * n for weight, n in pairs)


def score(w: float, s: float, settings: CollectorSettings) -> float:
    """The score in [0, 100] of work `w` and saturation `s` (0-100)."""
    left = 1 - settings.share_work * min(1.0, w / settings.w_max) - settings.share_saturation * s / 100
    return max(0.0, 100 * left)


def collector_score(counts: CaseCounts, s: float, settings: CollectorSettings) -> Result:
    """W, score and whether a case may be assigned. Raises ScoringError for negative counts or S outside 0-100."""
    named = {"n_norm": counts.n_norm, "n_abn": counts.n_abn, "n_coop": counts.n_coop, "n_non": counts.n_non}
    faults = [f"{name} is negative" for name, n in named.items() if n < 0]
    if not 0 <= s <= 100:
        faults.append("S is not in 0-100")
    if faults:
        raise ScoringError("collector-score: " + "; ".join(faults), hint="counts of cases by class; S of saturation")
    w = work(counts, settings)
    value = score(w, s, settings)
    assignable = reaches(value, settings.theta_q)
    inputs: dict[str, Value] = {**named, "S": s}
    values: dict[str, Value] = {"W": w, "score": value, "assignable": assignable}
    side = "reaches" if assignable else "is under"
    reasons = (f"score {value:.1f} {side} {settings.theta_q:g} (work {w:.1f}, saturation {s:.1f})",)
    return Result("collector-score", version(VERSION, settings), inputs, values, reasons)
