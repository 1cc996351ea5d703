"""Step 120 (document R): an applicant's risk from calls with numbers of the collection-number library."""

from __future__ import annotations

import math
from dataclasses import dataclass

from voicebot.errors import ScoringError
from voicebot.scoring.config import version
from voicebot.scoring.config_risk import PreLoanSettings
from voicebot.scoring.result import Result, Value, reaches, sigmoid

VERSION = "R-120/1"

STEPS = {
    "x4": "exp(-days/30), days since the last call with a collection number",
    "z": "unfitted: (0.6*x1 + 0.1*x2)*x4; fitted: intercept + coefficients x1..x5",
    "risk": "unfitted: 100*(1 - exp(-z)); fitted: 100*sigmoid(z)",
    "band": "pass under 30, manual from 30, high above 60",
    "unfitted": "no coefficients were fitted on one's own defaults",
}
MEANING = {
    "x1": "distinct collection numbers",
    "x2": "calls with them",
    "x3": "share of them answered",
    "x4": "recency",
    "x5": "distinct collection companies",
}


@dataclass(frozen=True, slots=True)
class PreLoanFacts:
    """Of the window: x1 distinct collection numbers, x2 calls with them, x3 share of them answered, x4 recency in
    [0, 1], x5 distinct collection companies. x3 and x5 matter only to fitted coefficients."""

    x1: float = 0.0
    x2: float = 0.0
    x3: float = 0.0
    x4: float = 0.0
    x5: float = 0.0


def recency(days: float, settings: PreLoanSettings) -> float:
    """x4 of the days since the last call with a collection number."""
    return math.exp(-days / settings.recency_d)


def pre_loan(facts: PreLoanFacts, settings: PreLoanSettings) -> Result:
    """Risk 0-100, band, and whether it is unfitted. Raises ScoringError for values that cannot be."""
    x = {"x1": facts.x1, "x2": facts.x2, "x3": facts.x3, "x4": facts.x4, "x5": facts.x5}
    faults = [f"{name} is negative" for name, value in x.items() if value < 0]
    faults += [f"{name} is more than 1" for name in ("x3", "x4") if x[name] > 1]
    if faults:
        hint = "; ".join(f"{name}: {text}" for name, text in MEANING.items())
        raise ScoringError("pre-loan: " + "; ".join(faults), hint=hint)
    unfitted = not settings.coefficients
    if unfitted:
        parts = {"x1": settings.a_numbers * facts.x1 * facts.x4, "x2": settings.a_calls * facts.x2 * facts.x4}
        z = math.fsum(parts.values())
        risk = -100 * math.expm1(-z)
    else:
        parts = {name: b * x[name] for name, b in zip(x, settings.coefficients, strict=True)}
        z = settings.intercept + math.fsum(parts.values())
        risk = 100 * sigmoid(z)
    values: dict[str, Value] = {"x4": facts.x4, "z": z, "risk": risk, "band": band_of(risk, settings)}
    values["unfitted"] = unfitted
    inputs: dict[str, Value] = {**x}
    return Result("pre-loan", version(VERSION, settings), inputs, values, _reasons(x, parts, settings))


def band_of(risk: float, settings: PreLoanSettings) -> str:
    """pass, manual or high."""
    if risk > settings.high:
        return "high"
    return "manual" if reaches(risk, settings.manual) else "pass"


def _reasons(x: dict[str, float], parts: dict[str, float], settings: PreLoanSettings) -> tuple[str, ...]:
    order = sorted((name for name in parts if parts[name]), key=lambda name: -abs(parts[name]))[: settings.top]
    reasons = [f"{MEANING[name]}: {x[name]:.4g} ({parts[name]:+.2f})" for name in order]
    if not settings.coefficients and order:
        reasons.append(f"{MEANING['x4']}: {x['x4']:.2f}")
    if x["x2"] < x["x1"]:
        reasons.append("fewer calls than numbers: check the data")
    return tuple(reasons[: settings.top]) or ("no call with a collection number",)
