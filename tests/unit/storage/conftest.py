"""A portfolio of two customers, three accounts, and stores on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from storage.campaign import SqliteCampaignStore, campaign_store
from storage.db import SqliteStore, open_store
from storage.portfolio import ImportOptions, ImportReport, import_files
from tests.support.campaign_rows import NOW, row
from tests.support.portfolio_rows import TODAY, Rows, text
from voicebot.model.campaign import CampaignState
from voicebot.model.portfolio import Account, Customer, Loan, Offer
from voicebot.model.records import AttemptStart

JOE = Customer("C-1", "Joe Miller", "15550101001", date(1990, 5, 2), "4021", timezone="America/New_York")
ANNA = Customer("C-2", "Anna Field", "anna", date(1985, 3, 14), "7716")


def loan(due_on: date = date(2026, 11, 27)) -> Loan:
    money = Decimal("12000.00"), Decimal("8400.00"), Decimal("450.00")
    return Loan("Online Credit", *money, due_on, "USD", "house_repair", date(2026, 1, 2))


ACCOUNTS = (
    Account("A-1", JOE, loan()),
    Account("A-2", ANNA, loan(), Offer("Plus", Decimal("5000"), "USD", Decimal("6.5"))),
    Account("A-3", JOE, loan(date(2026, 11, 1))),
)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def start() -> Callable[..., AttemptStart]:
    """Makes an AttemptStart of account A-1, or of another."""

    def make(account_id: str | None = "A-1", **fields: str | None) -> AttemptStart:
        values: dict[str, str | None] = {
            "customer_id": None,
            "flow": "reminder",
            "script_version": "abc",
            "direction": "outbound",
            "number_hash": "0" * 64,
            "driver": "baresip",
            "planned_at": "2026-11-22T12:00:00+00:00",
        }
        return AttemptStart(account_id=account_id, **{**values, **fields})  # type: ignore[arg-type]

    return make


@pytest.fixture
def accounts() -> tuple[Account, ...]:
    return ACCOUNTS


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "voicebot.db"


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[SqliteStore]:
    with open_store(path, clock=clock) as opened:
        opened.put_accounts(ACCOUNTS)
        yield opened


@pytest.fixture
def campaigns(store: SqliteStore) -> SqliteCampaignStore:
    """One running campaign of reminders, `c`."""
    found = campaign_store(store)
    found.add_campaign(row())
    found.set_campaign_state("c", CampaignState.RUNNING, "test", NOW)
    return found


@pytest.fixture
def bank(path: Path) -> Iterator[SqliteStore]:
    """A store without anybody in it."""
    with open_store(path) as opened:
        yield opened


@pytest.fixture
def put(bank: SqliteStore, tmp_path: Path) -> Callable[..., ImportReport]:
    """Writes files (rows as CSV or JSON lines, or the text itself) and imports them."""

    def run(options: ImportOptions | None = None, kind: str = "csv", **files: Rows | str) -> ImportReport:
        paths = {}
        for name, rows in files.items():
            paths[name] = tmp_path / f"{name}.{kind}"
            paths[name].write_text(rows if isinstance(rows, str) else text(rows, kind), encoding="utf-8")
        given = options or ImportOptions(today=TODAY)
        return import_files(bank.db, paths, bank.number_hash, given)

    return run
