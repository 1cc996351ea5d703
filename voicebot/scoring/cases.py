"""S11 and the class of a case (document C): was the debtor reached, and what is the case therefore?

One class of four: normal or abnormal (not reached), cooperative or non_cooperative (reached).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from voicebot.scoring.config import ScoringSettings, version
from voicebot.scoring.contact_anomaly import ContactCounts, contact_anomaly
from voicebot.scoring.cooperation import APART, COOPERATIVE, VERSION, counts_of
from voicebot.scoring.result import Result, Value

NORMAL, ABNORMAL, NON_COOPERATIVE = "normal", "abnormal", "non_cooperative"
CLASSES = (NORMAL, ABNORMAL, COOPERATIVE, NON_COOPERATIVE)


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What is known of a case. `communications`: age in days and label of each communication in the lookback window;
    `counts`: of the contact window. `overdue_d`: days the oldest unpaid instalment is overdue (0: none is); it never
    enters a class (document C forbids it), it says whether the case is assigned at all."""

    account_id: str
    customer_id: str
    overdue_d: int = 0
    counts: ContactCounts = field(default_factory=ContactCounts)
    communications: tuple[tuple[float, str], ...] = ()


def classify(facts: CaseFacts, settings: ScoringSettings, h0: float | None = None) -> Result:
    """The case's class, with whether it was reached (`communicated`, S11), the formula's own values, and `person`: why
    a person must look at it (None: nothing asks for one)."""
    lookback = settings.cases.lookback_d
    talks = tuple((age, label) for age, label in facts.communications if age <= lookback)
    person = next((name for name in APART if any(label == name for _, label in talks)), None)
    base: dict[str, Value] = {"overdue_d": facts.overdue_d, "communications": len(talks)}
    if not talks:
        found = contact_anomaly(facts.counts, settings.contact, h0)
        values: dict[str, Value] = {"communicated": False, **found.values, "person": None}
        return Result("case", found.version, {**base, **found.inputs}, values, found.reasons)
    judged = counts_of(talks, settings.cooperation)
    if judged is None:  # only disputes and hardship: not against anybody
        values = {"communicated": True, "class": COOPERATIVE, "person": person}
        reason = f"reached; only {person} was said"
        return Result("case", version(VERSION, settings.cooperation), base, values, (reason,))
    values = {"communicated": True, **judged.values, "person": person}
    return Result("case", judged.version, {**base, **judged.inputs}, values, judged.reasons)


def prior_of_hang_ups(calls: int, hang_ups: int, settings: ScoringSettings) -> float:
    """h0 of S24: the portfolio's own share, once it has enough attempts."""
    contact = settings.contact
    return hang_ups / calls if calls >= contact.h0_min_calls else contact.h0


def waiting_order(cases: Sequence[tuple[CaseFacts, Result]]) -> list[tuple[str, str]]:
    """(account, class) of the overdue cases, longest overdue first: nobody waits for ever. Not the difficulty."""
    due = [(facts, result) for facts, result in cases if facts.overdue_d > 0]
    due.sort(key=lambda pair: (-pair[0].overdue_d, pair[0].account_id))
    return [(facts.account_id, result.text("class")) for facts, result in due]
