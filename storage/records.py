"""What the store gives back about attempts: for the command line, the console and tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from voicebot.model.outcome import AnsweredBy, Disposition, Outcome
from voicebot.model.records import AttemptProgress, AttemptStart, CheckRecord, Turn
from voicebot.model.voice import VoiceComparison, VoiceDecision, VoiceState


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which attempts to list; None = any."""

    disposition: Disposition | None = None
    account_id: str | None = None
    flow: str | None = None
    open_only: bool = False


@dataclass(frozen=True, slots=True)
class CallSummary:
    """One line of a table of attempts. Times: UTC ISO 8601; `talk_s`, `reply_gap_s` (the call's mean): seconds."""

    attempt_id: int
    account_id: str | None
    customer_id: str | None
    customer_name: str | None
    flow: str
    direction: str
    started_at: str
    sip_status: int | None
    answered_by: AnsweredBy | None
    disposition: Disposition | None  # None: the attempt is open
    right_party: bool | None
    voice_state: VoiceState | None
    voice_score: float | None
    voice_net_s: float | None
    promise_amount: Decimal | None
    promise_due_on: date | None
    promise_currency: str | None
    talk_s: float | None
    reply_gap_s: float | None
    turns: int
    warnings: int


@dataclass(frozen=True, slots=True)
class StoredWarning:
    """A warning as the bank's staff sees it (specification, section 8). `reason`: of this attempt."""

    id: str
    code: str
    reason: str
    rule: str
    rule_version: str
    severity: str
    owner: str
    raised_at: str
    due_at: str
    state: str
    evidence: dict[str, object]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """Everything about one attempt. The outcome's own `warnings` are empty: they are in `warnings`."""

    summary: CallSummary
    start: AttemptStart
    progress: AttemptProgress
    turns: tuple[Turn, ...]
    checks: tuple[CheckRecord, ...]
    voice: VoiceDecision | None
    outcome: Outcome | None
    warnings: tuple[StoredWarning, ...]
    comparisons: tuple[VoiceComparison, ...] = ()
