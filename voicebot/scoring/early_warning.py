"""Q5 (document Q): points in five dimensions, the level, willingness to repay, lost contact, and the rules."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from voicebot.errors import ScoringError
from voicebot.scoring.config import version
from voicebot.scoring.config_risk import Bands, EarlyWarningSettings
from voicebot.scoring.result import Result, Value, clamp, reaches

VERSION = "Q5/1"

#: The dimensions a business owner reads, each 0-20 points.
DIMENSIONS = {
    "contract": "poor performance of contract",
    "related_party": "related-party risk",
    "behavioural": "behavioural risks",
    "financial": "financial risk",
    "willingness": "low willingness to repay",
}
MAX_POINTS = 20.0
LEVELS = ("green", "yellow", "orange", "red")

#: Rules that lift the level, with what they say.
RULES = {
    "W-V1": "another voice in a verification call",
    "W-V2": "another voice in an invitation call",
    "W-V3": "another voice in a reminder call",
    "W-V4": "right voice, wrong data",
    "W-V5": "replayed or synthetic voice suspected",
    "review_stopped": "a re-review stopped the service",
    "broken_promises": "promises to pay broken",
    "dispute": "the debt is disputed",
    "hardship": "hardship was told",
    "shared_device": "a device shared by several borrowers",
}

STEPS = {
    "score": "sum of the five dimensions' points",
    "level_of_score": "green, yellow, orange, red by the configured limits",
    "rules": "rules that hold; any lifts the level to at least the configured one",
    "level": "the higher of both",
}


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What is known of a customer in the window. Counts; shares in [0, 1]; None: not known.

    `overdue`: instalments overdue; `kept`, `broken`: promises; `anomaly`: contact anomaly A; `lost`: accounts with
    lost contact; `third_party`: calls taken
    by a third or a wrong party; `due_share`: instalment due by outstanding debt; `pre_loan`: risk 0-100;
    `shared_device`: borrowers on the same device; `warnings`: codes raised; `review_stopped`: a re-review said stop.
    """

    overdue: int = 0
    kept: int = 0
    broken: int = 0
    refusals: int = 0
    disputes: int = 0
    hardships: int = 0
    third_party: int = 0
    lost: int = 0
    anomaly: float | None = None
    due_share: float | None = None
    pre_loan: float | None = None
    shared_device: int | None = None
    warnings: frozenset[str] = field(default_factory=frozenset)
    review_stopped: bool = False


def band(value: float | None, bands: Bands) -> float:
    """Points of an indicator: those of the last band it reaches; 0 where it is not known."""
    points = [p for limit, p in bands if value is not None and reaches(value, limit)]
    return points[-1] if points else 0.0


def willingness(kept: int, promised: int, refusals: int, settings: EarlyWarningSettings) -> float:
    """Willingness to repay in [0, 1]: promises kept with a Beta prior, less the refusals. Raises ScoringError."""
    if min(kept, promised, refusals) < 0 or kept > promised:
        raise ScoringError(
            "warning-level: kept, promised and refusals must not be negative, and kept not more than promised"
        )
    share = (kept + settings.prior_kept) / (promised + settings.prior_kept + settings.prior_broken)
    return clamp(share - settings.refusal_cost * refusals)


def lost_contact(abnormal: bool, last_days: Iterable[bool], settings: EarlyWarningSettings) -> bool:
    """True where the case is abnormal, or the last days with attempts brought no right party. `last_days`: newest
    first, one entry a day with an attempt: was the right party reached?"""
    newest = list(last_days)[: settings.lost_days]
    return abnormal or (len(newest) == settings.lost_days and not any(newest))


def points(facts: CustomerFacts, settings: EarlyWarningSettings) -> dict[str, float]:
    """Points of each dimension: of several indicators the worst counts."""
    s = settings
    device = facts.shared_device if s.use_devices else None
    risk = facts.pre_loan if s.use_pre_loan else None
    willing = willingness(facts.kept, facts.kept + facts.broken, facts.refusals, s)
    told = (
        facts.kept + facts.broken + facts.refusals
    )  # without any of them nothing is known, and nothing is held against
    return {
        "contract": max(band(facts.overdue, s.contract_overdue), band(facts.broken, s.contract_broken)),
        "related_party": max(band(device, s.related_device), band(facts.third_party, s.related_third)),
        "behavioural": max(
            band(facts.anomaly, s.behavioural_anomaly),
            band(facts.lost, s.behavioural_lost),
            band(facts.refusals, s.behavioural_refusals),
            band(sum(code.startswith("W-V") for code in facts.warnings), s.behavioural_voice),
        ),
        "financial": max(
            band(facts.due_share, s.financial_due_share),
            band(facts.hardships, s.financial_hardship),
            band(risk, s.financial_pre_loan),
        ),
        "willingness": band(1 - willing, s.willingness_lack) if told else 0.0,
    }


def rules(facts: CustomerFacts, settings: EarlyWarningSettings) -> tuple[str, ...]:
    """The rules that hold, in their order."""
    device = facts.shared_device or 0
    holds = {
        **{code: code in facts.warnings for code in RULES if code.startswith("W-V")},
        "review_stopped": facts.review_stopped,
        "broken_promises": facts.broken >= settings.rule_broken,
        "dispute": facts.disputes > 0,
        "hardship": facts.hardships > 0,
        "shared_device": settings.use_devices and device >= settings.rule_device,
    }
    return tuple(name for name in RULES if holds[name])


def level_of(score: float, settings: EarlyWarningSettings) -> str:
    """The level of a score in 0-100."""
    limits = (settings.red, "red"), (settings.orange, "orange"), (settings.yellow, "yellow")
    return next((level for limit, level in limits if reaches(score, limit)), "green")


def warning_level(
    given: Mapping[str, float],
    settings: EarlyWarningSettings,
    hit: Collection[str] = (),
    inputs: Mapping[str, Value] | None = None,
) -> Result:
    """Score and level of the dimensions' points and of the rules that hold. `inputs`: what the points come from, where
    it is more than themselves. Raises ScoringError."""
    faults = [f"{name} is no dimension" for name in given if name not in DIMENSIONS]
    faults += [
        f"{name} is not in 0-{MAX_POINTS:g}"
        for name, value in given.items()
        if not (math.isfinite(value) and 0 <= value <= MAX_POINTS)
    ]
    faults += [f"{name} is no rule" for name in hit if name not in RULES]
    if faults:
        known = f"dimensions: {', '.join(DIMENSIONS)}; rules: {', '.join(RULES)}"
        raise ScoringError("warning-level: " + "; ".join(faults), hint=known)
    each = {name: float(given.get(name, 0.0)) for name in DIMENSIONS}
    score = math.fsum(each.values())
    by_score = level_of(score, settings)
    level = max(by_score, settings.rule_level, key=LEVELS.index) if hit else by_score
    values: dict[str, Value] = {**each, "score": score, "level_of_score": by_score}
    values |= {"rules": tuple(name for name in RULES if name in hit), "level": level}
    order = sorted((name for name in each if each[name]), key=lambda name: -each[name])
    reasons = [f"{DIMENSIONS[name]}: {each[name]:g} of {MAX_POINTS:g}" for name in order]
    reasons = [*(f"rule: {RULES[name]}" for name in RULES if name in hit), *reasons]
    used: dict[str, Value] = {**each, "rules": tuple(hit)} if inputs is None else dict(inputs)
    return Result("warning-level", version(VERSION, settings), used, values, tuple(reasons))


def customer_level(facts: CustomerFacts, settings: EarlyWarningSettings) -> Result:
    """Points, rules, score and level of a customer. Values hold the willingness too."""
    inputs: dict[str, Value] = {
        "overdue": facts.overdue,
        "kept": facts.kept,
        "broken": facts.broken,
        "refusals": facts.refusals,
        "disputes": facts.disputes,
        "hardships": facts.hardships,
        "third_party": facts.third_party,
        "lost": facts.lost,
        "A": facts.anomaly,
        "due_share": facts.due_share,
        "pre_loan": facts.pre_loan if settings.use_pre_loan else None,
        "shared_device": facts.shared_device if settings.use_devices else None,
        "warnings": tuple(sorted(facts.warnings)),
        "review_stopped": facts.review_stopped,
    }
    result = warning_level(points(facts, settings), settings, rules(facts, settings), inputs)
    willing = willingness(facts.kept, facts.kept + facts.broken, facts.refusals, settings)
    return Result(result.formula, result.version, inputs, {**result.values, "willing": willing}, result.reasons)
