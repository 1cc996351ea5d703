"""Rows of files that are imported, as tests write them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from storage.db import SqliteStore

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CUSTOMER = {"id": "C-1", "name": "Joe", "number": "15550101001", "birth_date": "1990-05-02", "id_last4": "4021"}
LOAN = {
    **{"account_id": "A-1", "customer_id": "C-1", "product": "Credit", "principal": "1200.00", "outstanding": "300.00"},
    **{"due": "100.00", "due_on": "2026-11-27", "currency": "USD", "purpose": "vehicle", "disbursed_on": "2026-01-31"},
}
LINE = {"account_id": "A-1", "n": "1", "due_on": "2026-02-28", "due": "100.00"}
PAYMENT = {
    "id": "P-1",
    "account_id": "A-1",
    "amount": "100.00",
    "currency": "USD",
    "paid_at": "2026-11-20T09:00:00+08:00",
}
CONSENT = {"customer_id": "C-1", "purpose": "marketing", "basis": "written", "text_version": "2", "granted": "1"}
LISTED = {"list": "federal", "number": "+15550101001"}
AGENT = {"id": "a", "name": "A", "role": "agent"}
GOOD = {"customers": [CUSTOMER], "loans": [LOAN]}
Rows = list[dict[str, str]]
TABLES = ("customers", "accounts", "schedules", "payments", "agents", "consents", "imports", "import_files")


def text(rows: Rows, kind: str = "csv") -> str:
    if kind == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return "\n".join([",".join(names), *(",".join(row.get(n, "") for n in names) for row in rows)]) + "\n"


def counts(bank: SqliteStore) -> dict[str, int]:
    return {table: bank.db.row(f"SELECT count(*) AS n FROM {table}")["n"] for table in TABLES}
