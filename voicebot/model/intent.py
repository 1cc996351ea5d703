"""What the caller meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal

#: A slot's value is typed: money is Decimal, days are date, times are time; never a float for money.
SlotValue = str | int | bool | Decimal | date | time


@dataclass(frozen=True, slots=True)
class Intent:
    """One meaning of what was said.

    `name`: an entry of callflows/intents.yaml, or of a recogniser of values (affirm, deny, date, digits, amount, time,
    promise, purpose, free). `slots`: for values, keyed by kind: date, amount, time, digits, purpose, text.
    `confidence` in [0, 1]: how sure understanding is, given the words (not the recogniser's own confidence).
    """

    name: str
    slots: Mapping[str, SlotValue] = field(default_factory=dict)
    confidence: float = 1.0
