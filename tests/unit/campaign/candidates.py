"""Accounts for the tests of plans."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from voicebot.campaign.definition import Definition, load_definition
from voicebot.model.campaign import Candidate, Instalment
from voicebot.model.portfolio import Account, Customer, Loan, Offer

OFFER = Offer("Extra", Decimal(5000), "USD", Decimal("7.5"))


def candidate(n: int = 1, **given: object) -> Candidate:
    """Account A-n. `due`: due days of instalments of 100 each; the rest are fields of Candidate, Customer or Loan."""
    due = given.pop("due", ())
    customer = {"language": "en", "timezone": "America/New_York"}
    loan = {"outstanding": Decimal(1000), "disbursed_on": date(2026, 1, 5), "product": "Credit"}
    for part in (customer, loan):
        part.update({name: given.pop(name) for name in list(part) if name in given})
    account = Account(
        id=f"A-{n:04}",
        customer=Customer(f"C-{n:04}", "N", "1555", date(1980, 1, 1), "1234", **customer),  # type: ignore[arg-type]
        loan=Loan(
            principal=Decimal(2000), due=Decimal(100), due_on=date(2026, 12, 1), currency="USD", purpose="car", **loan
        ),  # type: ignore[arg-type]
        offer=given.pop("offer", None),  # type: ignore[arg-type]
    )
    lines = tuple(
        Instalment(k + 1, date.fromisoformat(day), Decimal(100))
        for k, day in enumerate(due)  # type: ignore[arg-type]
    )
    return Candidate(account, **{"unpaid": lines, **given})  # type: ignore[arg-type]


def definition(folder: Path, text: str) -> Definition:
    """A campaign from the text of its file, with the head that every one has."""
    path = folder / "campaign.yaml"
    path.write_text(f"campaign: test\ntitle: Test\nprofile: none\nflow: reminder\n{text}")
    return load_definition(path).definition
