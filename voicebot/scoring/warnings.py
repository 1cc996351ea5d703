"""Warnings of the scoring modules (specification, section 8): what raises them, for whom, until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from voicebot.scoring.config_risk import WarningSettings

VERSION = "1"


class ScoringWarning(StrEnum):
    """Codes, beside the voice's of voicebot.model.outcome."""

    W_C1 = "W-C1"
    W_C2 = "W-C2"
    W_Q1 = "W-Q1"
    W_Q2 = "W-Q2"
    W_Q3 = "W-Q3"
    W_R1 = "W-R1"


#: What raises it, and how grave it is.
RULES = {
    ScoringWarning.W_C1: ("S21-S24: the case turned abnormal", "medium"),
    ScoringWarning.W_C2: ("S14: no collector can take a waiting case", "high"),
    ScoringWarning.W_Q1: ("Q3c: unusually many instalments unpaid", "high"),
    ScoringWarning.W_Q2: ("Q5: the customer's level rose", "medium"),
    ScoringWarning.W_Q3: ("Q2: the follow-up found something wrong", "high"),
    ScoringWarning.W_R1: ("R 120: pre-loan risk", "medium"),
}

#: What is to be done.
ACTIONS = {
    ScoringWarning.W_C1: "change the method, check the number",
    ScoringWarning.W_C2: "raise the cap or the staff",
    ScoringWarning.W_Q1: "review the product, channel or funding source",
    ScoringWarning.W_Q2: "make a plan with the customer",
    ScoringWarning.W_Q3: "check the staff's conduct",
    ScoringWarning.W_R1: "review by hand",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """A warning to be stored: one per (code, customer or subject, day). `subject`: an account, a product, a team ... ;
    `evidence`: ids and figures, no transcript."""

    code: ScoringWarning
    reason: str
    owner: str
    due: timedelta
    customer_id: str | None = None
    subject: str | None = None
    attempt_id: int | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """What raises it."""
        return RULES[self.code][0]

    @property
    def severity(self) -> str:
        """low, medium or high."""
        return RULES[self.code][1]


def alert(
    code: ScoringWarning,
    reason: str,
    settings: WarningSettings,
    *,
    customer_id: str | None = None,
    subject: str | None = None,
    attempt_id: int | None = None,
    evidence: Mapping[str, object] | None = None,
) -> Alert:
    """A warning with the owner and due time of its code."""
    key = code.value.lower().replace("-", "_")
    owner, hours = getattr(settings, f"{key}_owner"), getattr(settings, f"{key}_hours")
    due = timedelta(hours=hours)
    return Alert(code, reason, owner, due, customer_id, subject, attempt_id, evidence or {})
