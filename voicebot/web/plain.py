"""Records as plain JSON values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from enum import Enum

from voicebot.web.reading import CallRecord, CallSummary

#: The API's names of one line of the list, in order.
SUMMARY_FIELDS = (
    *("attempt_id", "account_id", "customer_id", "customer_name", "flow", "direction", "started_at"),
    *("sip_status", "answered_by", "disposition", "right_party", "voice_state", "voice_score", "voice_net_s"),
    *("promise_amount", "promise_due_on", "promise_currency", "talk_s", "reply_gap_s", "turns", "warnings"),
)
WARNING_FIELDS = ("id", "code", "reason", "severity", "owner", "raised_at", "due_at", "state", "evidence")


def summary(call: CallSummary) -> dict[str, object]:
    """One line. Money is text (a decimal), days are ISO dates, what is not known is null."""
    return {name: plain(getattr(call, name)) for name in SUMMARY_FIELDS}


def record(call: CallRecord) -> dict[str, object]:
    """Everything about one attempt, without the hash of the number."""
    start = plain(call.start)
    if isinstance(start, dict):
        start.pop("number_hash", None)
    outcome = plain(call.outcome)
    if isinstance(outcome, dict):
        outcome.pop("warnings", None)  # the stored ones, with owner and state, stand below
    return {
        "summary": summary(call.summary),
        "start": start,
        "progress": plain(call.progress),
        "turns": plain(call.turns),
        "checks": plain(call.checks),
        "voice": plain(call.voice),
        "comparisons": plain(call.comparisons),
        "outcome": outcome,
        "warnings": [{name: plain(getattr(w, name)) for name in WARNING_FIELDS} for w in call.warnings],
    }


def plain(value: object) -> object:
    """Dataclasses to objects, tuples to lists, enumerations to their value, decimals and times to text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, date | time | Decimal):  # str of a datetime has a blank where ISO 8601 has a T
        return str(value) if isinstance(value, Decimal) else value.isoformat()
    return value
