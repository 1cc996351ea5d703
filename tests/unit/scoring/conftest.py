"""A store with a small portfolio, and calls on it that end as told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from storage.db import SqliteStore, open_store
from storage.scoring import ScoringRepository
from voicebot.model.outcome import AnsweredBy, Disposition, Outcome
from voicebot.model.portfolio import Account, Customer, Loan
from voicebot.model.records import AttemptProgress, AttemptStart, Turn

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = NOW.date()


def account(number: int, overdue_d: int = 5, due: str = "450.00") -> Account:
    """Account A-N of customer C-N."""
    customer = Customer(f"C-{number}", f"Person {number}", f"1555{number:07}", date(1980, 1, 1), "1234")
    loan = Loan(
        "Online Credit",
        Decimal("12000"),
        Decimal("8000"),
        Decimal(due),
        TODAY - timedelta(days=overdue_d),
        "USD",
        "vehicle",
        date(2026, 1, 2),
    )
    return Account(f"A-{number}", customer, loan)


class Bank:
    """The store, its scoring side, and a clock that is moved."""

    def __init__(self, path: Path) -> None:
        self.now = NOW
        self.store: SqliteStore = open_store(path, clock=lambda: self.now)
        self.scoring = ScoringRepository(self.store.db)

    def put(self, *accounts: Account) -> None:
        self.store.put_accounts(accounts)

    def call(
        self,
        number: int,
        outcome: Outcome | Disposition,
        *,
        days_ago: float = 1,
        status: int | None = None,
        words: str | None = None,
        talk_s: float = 40.0,
        flow: str = "reminder",
        by: AnsweredBy = AnsweredBy.HUMAN,
    ) -> int:
        """A call to A-N. `words`: what the customer said (answered then)."""
        outcome = Outcome(outcome) if isinstance(outcome, Disposition) else outcome
        self.now = NOW - timedelta(days=days_ago)
        at = self.now.isoformat()
        start = AttemptStart(
            account_id=f"A-{number}",
            customer_id=f"C-{number}",
            flow=flow,
            script_version="abc",
            direction="outbound",
            number_hash="0" * 64,
            driver="baresip",
            planned_at=at,
            local_time=at,
            timezone="UTC",
        )
        attempt = self.store.open_attempt(start)
        answered = words is not None
        self.store.progress(
            attempt,
            AttemptProgress(
                sip_status=status or (200 if answered else 408),
                answered_at=at if answered else None,
                answered_by=by if answered else None,
                talk_s=talk_s if answered else None,
            ),
        )
        if words:
            turn = Turn("ask", "ask", "Will you pay?", 0.0, 1.0, reply_text=words, reply_t0=2.0, reply_t1=3.0)
            self.store.add_turn(attempt, turn)
        assert self.store.close_attempt(attempt, outcome)
        self.now = NOW
        return attempt

    def collector(self, name: str, cap: int | None = None, kind: str = "human") -> None:
        with self.store.db.write():
            self.store.db.insert("agents", {"id": name, "name": name, "role": "collector"})
            self.store.db.insert("collectors", {"id": name, "kind": kind, "daily_cap": cap})

    def codes(self) -> list[str]:
        return sorted(warning.code for warning in self.scoring.warnings())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "voicebot.db"


@pytest.fixture
def bank(path: Path) -> Iterator[Bank]:
    opened = Bank(path)
    opened.put(*(account(n) for n in range(1, 6)))
    yield opened
    opened.store.close()


@pytest.fixture
def make_account() -> Callable[..., Account]:
    return account
