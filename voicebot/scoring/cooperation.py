"""S12 (document C, claim 5): is a case that was reached cooperative?

A communication without a non-cooperation keyword is cooperative (S12a). Else the cooperation degree c and the emotion
of the words decide together (S12b-d), as far as they are known: keywords alone work too. The case follows from the
counts of both labels and their share in the recent window (S12e). A dispute or hardship is not non-cooperation: it is
labelled apart, for a person.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from voicebot.errors import ScoringError
from voicebot.scoring.config import version
from voicebot.scoring.config_cases import COOPERATION, CooperationSettings
from voicebot.scoring.result import Result, Value, reaches, sigmoid

VERSION = "S12/1"

COOPERATIVE, NON_COOPERATIVE = "cooperative", "non_cooperative"
#: Labels that count for neither side.
APART = ("dispute", "hardship")

STEPS = {
    "keywords": "non-cooperation keywords in the debtor's words, without those a negation turns off (S12a)",
    "c": "sigmoid(intercept + sum of the log-odds of what was said or done) (S12c)",
    "p_neg": "probability of a negative emotion (S12b)",
    "K": "w_c*c + w_calm*(1 - p_neg); of what is known where one is missing (S12d)",
    "label": "cooperative without a keyword, or from K = k_min on",
    "r_T": "cooperative share of the communications of the last T days",
    "r_all": "n_coop / (n_coop + n_non)",
    "R": "w_recent*r_T + w_all*r_all (S12e)",
    "stale": "no communication in the last T days: r_T is of the last ones there were",
    "class": "cooperative from R = r_min on",
}


@dataclass(frozen=True, slots=True)
class Communication:
    """One conversation with the debtor.

    `keywords`: non-cooperation keywords found (None: the words are not known); `signals`: names of
    config_cases.COOPERATION that hold; `p_neg`: probability of a negative emotion, None where no network judged it;
    `c`: cooperation degree where it is known otherwise than by the signals; `age_d`: days since.
    """

    keywords: tuple[str, ...] | None = None
    signals: frozenset[str] = field(default_factory=frozenset)
    p_neg: float | None = None
    c: float | None = None
    age_d: float = 0.0


def degree(signals: frozenset[str], settings: CooperationSettings) -> float | None:
    """c, the cooperation degree in [0, 1]; None where nothing was said or done that tells."""
    telling = [name for name in signals if name in settings.odds and name not in APART]
    if not telling:
        return None
    return sigmoid(settings.intercept + math.fsum(settings.odds[name] for name in telling))


def communication(given: Communication, settings: CooperationSettings) -> Result:
    """The label of one communication: cooperative, non_cooperative, dispute or hardship. Raises ScoringError."""
    _check(given)
    c = degree(given.signals, settings) if given.c is None else given.c
    k = _k(c, given.p_neg, settings)
    inputs: dict[str, Value] = {"keywords": given.keywords, "signals": tuple(sorted(given.signals))}
    inputs |= {"c": given.c, "p_neg": given.p_neg}
    label, reasons = _label(given, c, k, settings)
    values: dict[str, Value] = {"keywords": given.keywords, "c": c, "p_neg": given.p_neg, "K": k, "label": label}
    return Result("cooperation", version(VERSION, settings), inputs, values, reasons)


def _k(c: float | None, p_neg: float | None, settings: CooperationSettings) -> float | None:
    if c is None:
        return None if p_neg is None else 1 - p_neg
    return c if p_neg is None else settings.w_c * c + settings.w_calm * (1 - p_neg)


def _label(
    given: Communication, c: float | None, k: float | None, settings: CooperationSettings
) -> tuple[str, tuple[str, ...]]:
    for name in APART:
        if name in given.signals:
            return name, (f"{name}: for a person, counts for neither side",)
    if given.keywords == ():
        return COOPERATIVE, ("S12a: no non-cooperation keyword",)
    found = (f"keyword: {', '.join(given.keywords)}",) if given.keywords else ()
    if k is None:
        return (NON_COOPERATIVE, (*found, "S12a: the keyword alone decides")) if found else (COOPERATIVE, ("no sign",))
    parts = [f"c {c:.2f}" if c is not None else "c not known"]
    parts.append(f"p_neg {given.p_neg:.2f}" if given.p_neg is not None else "emotion not known")
    label = COOPERATIVE if reaches(k, settings.k_min) else NON_COOPERATIVE
    side = "reaches" if label == COOPERATIVE else "stays under"
    return label, (*found, f"K {k:.2f} {side} {settings.k_min:g} ({', '.join(parts)})")


def _check(given: Communication) -> None:
    faults = [
        f"{name} is not in [0, 1]"
        for name, value in (("c", given.c), ("p_neg", given.p_neg))
        if value is not None and not 0 <= value <= 1
    ]
    faults += [f"{name} is no signal" for name in sorted(given.signals - set(COOPERATION))]
    if faults:
        raise ScoringError("cooperation: " + "; ".join(faults), hint=f"signals: {', '.join(COOPERATION)}")


def case_class(
    n_coop: int, n_non: int, r_t: float | None, settings: CooperationSettings, r_last: float | None = None
) -> Result:
    """S12e: R and the class of a case. `r_t`: the cooperative share of the recent window, None where nothing was said
    in it: then `r_last` (share of the last communications; None: of all) stands in and `stale` is true.
    Raises ScoringError for counts that cannot be, or none at all."""
    faults = [f"{name} is negative" for name, n in (("n_coop", n_coop), ("n_non", n_non)) if n < 0]
    faults += [f"{name} is not in [0, 1]" for name, r in (("r_T", r_t), ("r_last", r_last)) if not _share(r)]
    if n_coop + n_non == 0 and not faults:
        faults.append("n_coop + n_non is 0: a case without a communication belongs to contact-anomaly")
    if faults:
        raise ScoringError(
            "cooperation: " + "; ".join(faults), hint="counts of communications by label; r_T is a share"
        )
    r_all = n_coop / (n_coop + n_non)
    stale = r_t is None
    recent = next(r for r in (r_t, r_last, r_all) if r is not None)
    r = settings.w_recent * recent + settings.w_all * r_all
    label = COOPERATIVE if reaches(r, settings.r_min) else NON_COOPERATIVE
    inputs: dict[str, Value] = {"n_coop": n_coop, "n_non": n_non, "r_T": r_t, "r_last": r_last}
    values: dict[str, Value] = {"r_T": recent, "r_all": r_all, "R": r, "stale": stale, "class": label}
    reasons = [f"{n_coop} of {n_coop + n_non} communications cooperative, {recent:.0%} of the recent ones"]
    if stale:
        reasons.append(f"stale: none in the last {settings.recent_d} days")
    return Result("cooperation", version(VERSION, settings), inputs, values, tuple(reasons))


def _share(value: float | None) -> bool:
    return value is None or 0 <= value <= 1


def counts_of(labels: Sequence[tuple[float, str]], settings: CooperationSettings) -> Result | None:
    """The class of a case from its communications (age in days, label); None where none counts for either side."""
    counted = sorted((age, label) for age, label in labels if label in (COOPERATIVE, NON_COOPERATIVE))
    if not counted:
        return None
    good = [label == COOPERATIVE for _, label in counted]
    recent = [label == COOPERATIVE for age, label in counted if age <= settings.recent_d]
    last = good[: settings.stale_last]
    return case_class(
        sum(good),
        len(good) - sum(good),
        sum(recent) / len(recent) if recent else None,
        settings,
        sum(last) / len(last),
    )
