"""What the store gives back about scoring: for the command line, the report and tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScoringWarningRow:
    """A warning of any kind, without its calls. `subject`: what it is about where that is no customer."""

    id: str
    code: str
    customer_id: str | None
    subject: str | None
    attempt_id: int | None
    reason: str
    rule: str
    rule_version: str
    severity: str
    owner: str
    raised_at: str
    due_at: str
    state: str
    state_reason: str | None
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """A case and its collector. `score`: of the collector then; None: a person chose."""

    account_id: str
    collector_id: str
    collector: str
    state: str
    case_class: str
    score: float | None
    version: str
    proposed_at: str
    decided_at: str | None
    decided_by: str | None
    reason: str | None
