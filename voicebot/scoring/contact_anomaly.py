"""S21-S24 (document C): is a case that was not reached normal, or is something wrong with the contact?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from voicebot.errors import ScoringError
from voicebot.scoring.config import version
from voicebot.scoring.config_cases import FEEDBACK, ContactSettings
from voicebot.scoring.result import Result, Value, reaches, saturating

VERSION = "S21-S24/1"

#: How each value comes about, for people.
STEPS = {
    "step": "S21: n_call > N1; S22: N2 < n_call <= N1 is suspected; S23: suspected and n_other > M1; else S24",
    "h": "(n_hang + k*h0) / (n_call + k)",
    "F": "sum(w_f*n_f) / sum(n_f)",
    "V": "1 - exp(-n_call/N1)",
    "A_p": "w_hang*h + w_feedback*F + w_effort*V; 0 without a call",
    "A_o": "w_other*(1 - exp(-n_other/M1)) + w_recent*(1 - exp(-n_other_recent/M_T))",
    "A": "1 - (1 - g_phone*A_p) * (1 - g_other*A_o)",
    "class": "abnormal from theta_A on",
}


@dataclass(frozen=True, slots=True)
class ContactCounts:
    """What was tried. `n_call`: phone attempts that say something about the customer; `n_hang`: of them refused or
    hung up within 10 s; `feedback`: attempts by type (config_cases.FEEDBACK); `n_other`: email, IM and SMS;
    `n_other_recent`: of them in the last T days."""

    n_call: int = 0
    n_hang: int = 0
    feedback: Mapping[str, int] = field(default_factory=dict)
    n_other: int = 0
    n_other_recent: int = 0


def check(counts: ContactCounts) -> None:
    """Raises ScoringError naming everything that cannot be."""
    faults = [
        f"{name} is negative"
        for name, value in (
            *(("n_call", counts.n_call), ("n_hang", counts.n_hang)),
            *(("n_other", counts.n_other), ("n_other_recent", counts.n_other_recent)),
            *counts.feedback.items(),
        )
        if value < 0
    ]
    faults += [f"{name} is no type of feedback" for name in counts.feedback if name not in FEEDBACK]
    if counts.n_hang > counts.n_call:
        faults.append("n_hang is more than n_call")
    if sum(counts.feedback.values()) > counts.n_call:
        faults.append("the feedback types count more attempts than n_call")
    if counts.n_other_recent > counts.n_other:
        faults.append("n_other_recent is more than n_other")
    if faults:
        raise ScoringError("contact-anomaly: " + "; ".join(faults), hint=f"feedback types: {', '.join(FEEDBACK)}")


def contact_anomaly(counts: ContactCounts, settings: ContactSettings, h0: float | None = None) -> Result:
    """The class of an un-communicated case. `h0`: the portfolio's share of hang-ups (None: the setting's).

    Values: `step` that decided, `class`, and A_p, A_o, A with their parts (None where S21 or S23 decided before).
    Raises ScoringError for counts that cannot be.
    """
    check(counts)
    h0 = settings.h0 if h0 is None else h0
    used = {name: counts.feedback.get(name, 0) for name in FEEDBACK if counts.feedback.get(name, 0)}
    inputs: dict[str, Value] = {"n_call": counts.n_call, "n_hang": counts.n_hang, **used}
    inputs |= {"n_other": counts.n_other, "n_other_recent": counts.n_other_recent, "h0": h0}
    step, why = _decided_before(counts, settings)
    if step:
        parts: dict[str, Value] = dict.fromkeys(("h", "F", "V", "A_p", "A_o", "A"))
        values = {"step": step, **parts, "class": "abnormal"}
        return Result("contact-anomaly", version(VERSION, settings), inputs, values, (why,))
    parts = _anomaly(counts, settings, h0)
    a = parts["A"]
    abnormal = isinstance(a, float) and reaches(a, settings.theta_a)
    values = {"step": "S24", **parts, "class": "abnormal" if abnormal else "normal"}
    return Result("contact-anomaly", version(VERSION, settings), inputs, values, _reasons(counts, settings, abnormal))


def _decided_before(counts: ContactCounts, settings: ContactSettings) -> tuple[str, str]:
    """S21 and S23: the step and why, or two empty texts."""
    if counts.n_call > settings.n1:
        return "S21", f"{counts.n_call} phone attempts, more than {settings.n1}"
    if counts.n_call > settings.n2 and counts.n_other > settings.m1:
        return "S23", f"{counts.n_call} phone attempts and {counts.n_other} other contacts, more than {settings.m1}"
    return "", ""


def _anomaly(counts: ContactCounts, settings: ContactSettings, h0: float) -> dict[str, Value]:
    answers = sum(counts.feedback.values())
    divisor = counts.n_call + settings.k
    h = (counts.n_hang + settings.k * h0) / divisor if divisor else 0.0
    severity = math.fsum(settings.feedback[name] * n for name, n in counts.feedback.items())
    f = severity / answers if answers else 0.0
    v = saturating(counts.n_call, settings.n1)
    a_p = settings.w_hang * h + settings.w_feedback * f + settings.w_effort * v if counts.n_call else 0.0
    a_o = settings.w_other * saturating(counts.n_other, settings.m1)
    a_o += settings.w_recent * saturating(counts.n_other_recent, settings.m_t)
    a = 1 - (1 - settings.g_phone * a_p) * (1 - settings.g_other * a_o)
    return {"h": h, "F": f, "V": v, "A_p": a_p, "A_o": a_o, "A": a}


def _reasons(counts: ContactCounts, settings: ContactSettings, abnormal: bool) -> tuple[str, ...]:
    if counts.n_call == 0 and counts.n_other == 0:
        return ("untried",)
    reasons = []
    if counts.feedback:
        worst = max(counts.feedback, key=lambda name: (settings.feedback[name] * counts.feedback[name], name))
        if counts.feedback[worst]:
            reasons.append(f"{counts.feedback[worst]} x {worst}")
    if counts.n_hang:
        reasons.append(f"{counts.n_hang} of {counts.n_call} hung up or refused")
    if counts.n_call > settings.n2:
        reasons.append(f"suspected: {counts.n_call} phone attempts")
    if counts.n_other:
        reasons.append(f"{counts.n_other} other contacts without an answer")
    if counts.n_call == 0:
        reasons.append("never called")
    return (*reasons, f"A {'reaches' if abnormal else 'stays under'} {settings.theta_a:g}")
