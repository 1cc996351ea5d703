"""Customers, accounts, consents. Writing functions run inside the caller's transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from storage import repositories_voice as voice
from storage.codec import from_json, iso, number_key, to_json
from storage.connection import Connection, Row, Value
from voicebot.errors import StorageError
from voicebot.model.portfolio import Account, Customer, Loan, Offer
from voicebot.model.records import Consent

#: The purpose of a consent that a voiceprint stands on; its refusal destroys the voiceprint.
VOICEPRINT = "voiceprint"

_ACCOUNT = """
SELECT a.*, c.name, c.number, c.birth_date, c.id_last4, c.language, c.timezone
FROM accounts a JOIN customers c ON c.id = a.customer_id
"""


def account(db: Connection, account_id: str) -> Account:
    """Raises StorageError where unknown."""
    row = db.row(f"{_ACCOUNT} WHERE a.id = ?", account_id)
    if row is None:
        raise StorageError("there is no such account", hint="voicebot portfolio import CUSTOMERS.csv LOANS.csv")
    return to_account(row)


def account_by_number(db: Connection, number: str) -> Account | None:
    """The number's account; of several the one that falls due first."""
    row = db.row(f"{_ACCOUNT} WHERE c.number_key = ? ORDER BY a.due_on, a.id LIMIT 1", number_key(number))
    return to_account(row) if row else None


def accounts(db: Connection) -> tuple[Account, ...]:
    """All, by id."""
    return tuple(to_account(row) for row in db.rows(f"{_ACCOUNT} ORDER BY a.id"))


def to_account(row: Row) -> Account:
    """A row of accounts joined with its customer."""
    customer = to_customer({**row, "id": row["customer_id"]})
    loan = Loan(
        product=row["product"],
        principal=Decimal(row["principal"]),
        outstanding=Decimal(row["outstanding"]),
        due=Decimal(row["due"]),
        due_on=date.fromisoformat(row["due_on"]),
        currency=row["currency"],
        purpose=row["purpose"],
        disbursed_on=date.fromisoformat(row["disbursed_on"]),
    )
    offer = None
    if row["offer_product"] is not None:
        limit, rate = Decimal(row["offer_limit"]), Decimal(row["offer_rate_percent"])
        offer = Offer(row["offer_product"], limit, row["offer_currency"], rate)
    return Account(row["id"], customer, loan, offer)


def to_customer(row: Row) -> Customer:
    """A row of customers."""
    return Customer(
        id=row["id"],
        name=row["name"],
        number=row["number"],
        birth_date=date.fromisoformat(row["birth_date"]),
        id_last4=row["id_last4"],
        language=row["language"],
        timezone=row["timezone"],
    )


def put_customer(db: Connection, customer: Customer, now: datetime) -> None:
    """Insert or replace by id."""
    row: dict[str, Value] = {
        **dataclasses.asdict(customer),
        "birth_date": customer.birth_date.isoformat(),
        "number_key": number_key(customer.number),
        "updated_at": iso(now),
    }
    _upsert(db, "customers", row)


def put_account(db: Connection, value: Account, now: datetime) -> None:
    """Insert or replace by id; its customer must be there."""
    loan, offer = value.loan, value.offer
    row: dict[str, Value] = {
        "id": value.id,
        "customer_id": value.customer.id,
        "product": loan.product,
        "principal": str(loan.principal),
        "outstanding": str(loan.outstanding),
        "due": str(loan.due),
        "due_on": loan.due_on.isoformat(),
        "currency": loan.currency,
        "purpose": loan.purpose,
        "disbursed_on": loan.disbursed_on.isoformat(),
        "offer_product": offer.product if offer else None,
        "offer_limit": str(offer.limit) if offer else None,
        "offer_currency": offer.currency if offer else None,
        "offer_rate_percent": str(offer.rate_percent) if offer else None,
        "updated_at": iso(now),
    }
    _upsert(db, "accounts", row)


def put_accounts(db: Connection, values: Iterable[Account], now: datetime) -> None:
    """Accounts with their customers."""
    for value in values:
        put_customer(db, value.customer, now)
        put_account(db, value, now)


def _upsert(db: Connection, table: str, row: dict[str, Value]) -> None:
    sets = ", ".join(f"{name} = excluded.{name}" for name in row if name != "id")
    db.insert(table, row, f"ON CONFLICT (id) DO UPDATE SET {sets}")


def add_consent(db: Connection, attempt_id: int | None, consent: Consent, now: datetime) -> str:
    """Store the answer; a refusal of the voiceprint destroys the one there is."""
    number = db.row("SELECT coalesce(max(seq), 0) + 1 AS n FROM consents") or {"n": 1}
    row: dict[str, Value] = {
        "seq": number["n"],
        "id": f"C-{number['n']}",
        "attempt_id": attempt_id,
        **dataclasses.asdict(consent),
        "evidence": to_json(consent.evidence),
    }
    db.insert("consents", row)
    if consent.purpose == VOICEPRINT and consent.granted is False:
        voice.revoke(db, consent.customer_id, now)
    return f"C-{number['n']}"


def consent(db: Connection, customer_id: str, purpose: str) -> Consent | None:
    """The newest answer."""
    sql = "SELECT * FROM consents WHERE customer_id = ? AND purpose = ? ORDER BY seq DESC LIMIT 1"
    row = db.row(sql, customer_id, purpose)
    if row is None:
        return None
    return Consent(
        customer_id=row["customer_id"],
        purpose=row["purpose"],
        basis=row["basis"],
        text_version=row["text_version"],
        granted=None if row["granted"] is None else bool(row["granted"]),
        at=row["at"],
        evidence=from_json(row["evidence"]),
    )


def consent_id(db: Connection, customer_id: str, purpose: str) -> str | None:
    """Of the newest answer, where it is an agreement."""
    sql = "SELECT id, granted FROM consents WHERE customer_id = ? AND purpose = ? ORDER BY seq DESC LIMIT 1"
    row = db.row(sql, customer_id, purpose)
    return str(row["id"]) if row is not None and row["granted"] else None
