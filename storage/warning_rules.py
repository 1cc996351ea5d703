"""Who gets a warning, how grave it is and until when it is to be looked at (specification, sections 1 and 8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from voicebot.model.outcome import WarningCode

#: Raised with every change of the table below; stored with each warning.
VERSION = "1"


@dataclass(frozen=True, slots=True)
class WarningRule:
    """`rule`: the step of the specification that raises it."""

    rule: str
    severity: str  # low | medium | high
    owner: str
    due: timedelta


_DAY = timedelta(days=1)
_STAFF = "risk staff, account manager"

RULES = {
    WarningCode.W_V1: WarningRule("V2a-4: another voice in a verification call", "high", _STAFF, _DAY),
    WarningCode.W_V2: WarningRule("V2b-2: another voice in an invitation call", "high", _STAFF, _DAY),
    WarningCode.W_V3: WarningRule("V2c: another voice in a reminder call", "high", _STAFF, _DAY),
    WarningCode.W_V4: WarningRule("V2a-3: right voice, wrong data item", "medium", _STAFF, 2 * _DAY),
    WarningCode.W_V5: WarningRule("V: replayed or synthetic voice suspected", "high", _STAFF, _DAY),
    WarningCode.W_Q3: WarningRule("Q2: purpose, procedure or borrower wrong", "high", "internal audit", _DAY),
}
