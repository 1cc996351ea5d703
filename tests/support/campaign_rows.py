"""What tests of campaigns plan, pay and promise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from storage.db import SqliteStore
from voicebot.model.campaign import CampaignKind, CampaignRow, ClosedTry, Job, JobState, Method, NewJob, Settled
from voicebot.model.outcome import Disposition

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def row(campaign_id: str = "c", kind: CampaignKind = CampaignKind.REMINDER, **fields: object) -> CampaignRow:
    values = {"name": "Test", "flow": "reminder", "profile": "none", "definition": "a: 1", "definition_sha": "1"}
    return CampaignRow(id=campaign_id, kind=kind, created_at=NOW, **{**values, **fields})  # type: ignore[arg-type]


def job(account: str = "A-1", key: str = "r 2026-11-27", campaign: str = "c", **fields: object) -> NewJob:
    customer = {"A-1": "C-1", "A-2": "C-2", "A-3": "C-1"}[account]
    values: dict[str, object] = {"method": Method.PHONE, "flow": "reminder", "rule": "r", "not_before": NOW}
    return NewJob(campaign, account, customer, key=key, **{**values, **fields})  # type: ignore[arg-type]


def settle(job: Job, closed: ClosedTry, at: datetime) -> Settled:
    if closed.disposition is Disposition.NO_ANSWER:
        return JobState.PENDING, "no answer", at + timedelta(hours=4)
    return JobState.DONE, closed.disposition.value, None


def pay(store: SqliteStore, account: str, amount: str, at: datetime, imported: datetime = NOW) -> None:
    with store.db.write():
        count = store.db.row("SELECT count(*) AS n FROM payments")
        values = {"account_id": account, "amount": amount, "currency": "USD", "paid_at": at.isoformat()}
        store.db.insert("payments", {"id": f"P{count}", **values, "imported_at": imported.isoformat()})


def schedule(store: SqliteStore, account: str, *lines: tuple[str, str]) -> None:
    with store.db.write():
        for n, (due_on, due) in enumerate(lines, 1):
            store.db.insert("schedules", {"account_id": account, "n": n, "due_on": due_on, "due": due})
