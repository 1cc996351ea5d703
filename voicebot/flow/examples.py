"""Accounts like any other, to try prompts with: made up, and as different as prompts have to bear."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from voicebot.model.portfolio import Account, Customer, Loan, Offer

_DAY = date(2026, 1, 15)

EXAMPLES: tuple[Account, ...] = (
    Account(
        "A-1",
        Customer("C-1", "Alex Example", "100", date(1980, 2, 29), "0042"),
        Loan("term loan", Decimal(12000), Decimal("8400.50"), Decimal("450.25"), _DAY, "USD", "vehicle", _DAY),
        Offer("credit line plus", Decimal(5000), "USD", Decimal("4.50")),
    ),
    Account(
        "A-2",
        Customer("C-2", "Maria-José O'Example de la Cruz y Montenegro", "101", date(1999, 12, 31), "9999"),
        Loan("loan", Decimal(1), Decimal(1), Decimal("0.01"), date(2025, 12, 31), "EUR", "other", _DAY),
        Offer("savings plan", Decimal("99999999.99"), "EUR", Decimal(12)),
    ),
)
