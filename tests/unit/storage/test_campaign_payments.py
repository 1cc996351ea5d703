"""What is unpaid, what payments cancel, which promises are kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from storage.db import SqliteStore
from tests.support.campaign_rows import NOW, job, pay, schedule
from voicebot.model.campaign import (
    JobState,
    Method,
)
from voicebot.model.outcome import Disposition, Outcome, Promise
from voicebot.model.records import AttemptStart

Start = Callable[..., AttemptStart]
ROOT = Path(__file__).resolve().parents[3]


def test_candidates_say_what_is_unpaid(campaigns, store, start):
    schedule(store, "A-1", ("2026-09-27", "100.00"), ("2026-10-27", "100.00"), ("2026-11-27", "100.00"))
    pay(store, "A-1", "150.00", datetime(2026, 10, 1, tzinfo=UTC))
    pay(store, "A-2", "450.00", datetime(2026, 9, 1, tzinfo=UTC))  # long before: not for this instalment
    pay(store, "A-3", "450.00", datetime(2026, 10, 20, tzinfo=UTC))
    store.close_attempt(
        store.open_attempt(start("A-2", flow="follow_up")), Outcome(Disposition.RPC_VERIFIED, right_party=True)
    )
    with store.db.write():
        store.db.insert("products", {"id": "p", "name": "Credit", "class": "online"})
        store.db.run("UPDATE accounts SET product_id = 'p', branch = 'North' WHERE id = 'A-1'")
        store.db.run("UPDATE customers SET email = 'a@b.c', region = 'NY', risk_level = 'high' WHERE id = 'C-1'")
    one, two, three = campaigns.candidates(date(2026, 11, 22))
    assert [(i.n, i.due_on, i.due, i.paid) for i in one.unpaid] == [
        (2, date(2026, 10, 27), Decimal("100.00"), Decimal("50.00")),
        (3, date(2026, 11, 27), Decimal("100.00"), Decimal(0)),
    ]
    assert (one.product_class, one.branch, one.region, one.risk_level, one.email) == (
        *("online", "North", "NY", "high"),
        "a@b.c",
    )
    assert (len(two.unpaid), two.followed_up, two.right_party_at) == (1, True, NOW)
    assert three.unpaid == ()
    assert one.account.customer.id == "C-1"
    assert not one.followed_up
    assert not one.has_voiceprint


def test_paid_is_what_the_view_says(campaigns, store):
    schedule(store, "A-1", ("2026-09-27", "100.004"), ("2026-10-27", "100.00"))
    pay(store, "A-1", "200.00", NOW)
    pay(store, "A-2", "449.99", NOW)
    pay(store, "A-3", "450.00", NOW)
    view = {(r["account_id"], r["n"]) for r in store.db.rows("SELECT account_id, n FROM v_dues WHERE NOT paid")}
    assert view == {(c.account.id, i.n) for c in campaigns.candidates(NOW.date()) for i in c.unpaid}


def test_a_payment_cancels_what_is_pending_for_it(campaigns, store):
    schedule(store, "A-1", ("2026-11-27", "100.00"), ("2026-12-27", "100.00"))
    jobs = [
        job(key="due 2026-11-27"),
        job(key="due 2026-11-27", method=Method.SMS),
        job(key="due 2026-12-27"),
        job(key="batch 2026-11-20"),
        job("A-2", key="due 2026-11-27"),
    ]
    campaigns.add_jobs(jobs, NOW)
    assert campaigns.apply_payments(NOW).cancelled == 0
    pay(store, "A-1", "100.00", NOW)
    assert campaigns.apply_payments(NOW).cancelled == 3
    assert campaigns.apply_payments(NOW).cancelled == 0
    left = {(j.plan.account_id, j.plan.key) for j in campaigns.jobs(state=JobState.PENDING)}
    assert left == {("A-1", "due 2026-12-27"), ("A-2", "due 2026-11-27")}
    assert {j.state_reason for j in campaigns.jobs(state=JobState.CANCELLED)} == {"paid"}


def test_what_is_paid_is_not_leased_though_planned_before(campaigns, store):
    pay(store, "A-1", "450.00", NOW)
    campaigns.apply_payments(NOW)
    campaigns.add_jobs([job(key="due 2026-11-27")], NOW)
    (planned,) = campaigns.jobs()
    assert not campaigns.wanted(planned.id)
    assert campaigns.lease(5, NOW) == ()
    assert [j.state_reason for j in campaigns.jobs()] == ["paid"]


def promise(store: SqliteStore, start: Start, account: str, amount: str, due_on: date) -> int:
    attempt = store.open_attempt(start(account))
    store.close_attempt(attempt, Outcome(Disposition.PROMISE_TO_PAY, promise=Promise(Decimal(amount), due_on)))
    return attempt


def kept(store: SqliteStore) -> dict[int, int | None]:
    return {r["attempt_id"]: r["kept"] for r in store.db.rows("SELECT attempt_id, kept FROM promises")}


def test_promises_are_kept_and_broken(campaigns, store, start):
    one = promise(store, start, "A-1", "450.00", date(2026, 11, 25))
    two = promise(store, start, "A-2", "450.00", date(2026, 11, 25))
    three = promise(store, start, "A-3", "450.00", date(2026, 11, 25))
    pay(store, "A-1", "447.00", datetime(2026, 11, 26, 23, tzinfo=UTC))  # nearly all, one day late
    pay(store, "A-2", "300.00", datetime(2026, 11, 24, tzinfo=UTC))
    assert campaigns.apply_payments(NOW) == dataclasses.replace(campaigns.apply_payments(NOW), kept=1)
    assert kept(store) == {one: 1, two: None, three: None}
    # In New York the 26th lasts until the 27th, 05:00 UTC.
    assert campaigns.apply_payments(datetime(2026, 11, 27, 4, tzinfo=UTC)).broken == 1
    assert kept(store) == {one: 1, two: 0, three: None}
    assert campaigns.apply_payments(datetime(2026, 11, 27, 6, tzinfo=UTC)).broken == 1
    # A payment that is told late still keeps it.
    pay(store, "A-3", "450.00", datetime(2026, 11, 25, tzinfo=UTC), NOW + timedelta(days=9))
    assert campaigns.apply_payments(NOW + timedelta(days=9)).kept == 1
    assert kept(store) == {one: 1, two: 0, three: 1}
