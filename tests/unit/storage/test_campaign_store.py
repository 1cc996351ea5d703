"""Campaigns in the database: what is planned once, leased by one process, given back, and what the gate is told."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from storage.campaign import SqliteCampaignStore, campaign_store
from storage.db import SqliteStore, open_store
from voicebot.errors import CampaignError, StorageError
from voicebot.model.campaign import (
    CampaignKind,
    CampaignRow,
    CampaignState,
    ClosedTry,
    GateDecision,
    Job,
    JobState,
    Method,
    NewJob,
    NoCallWindow,
    Settled,
)
from voicebot.model.outcome import AnsweredBy, Disposition, Outcome, Promise
from voicebot.model.records import AttemptProgress, AttemptStart, Consent

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[3]
Start = Callable[..., AttemptStart]


def row(campaign_id: str = "c", kind: CampaignKind = CampaignKind.REMINDER, **fields: object) -> CampaignRow:
    values = {"name": "Test", "flow": "reminder", "profile": "none", "definition": "a: 1", "definition_sha": "1"}
    return CampaignRow(id=campaign_id, kind=kind, created_at=NOW, **{**values, **fields})  # type: ignore[arg-type]


def job(account: str = "A-1", key: str = "r 2026-11-27", campaign: str = "c", **fields: object) -> NewJob:
    customer = {"A-1": "C-1", "A-2": "C-2", "A-3": "C-1"}[account]
    values: dict[str, object] = {"method": Method.PHONE, "flow": "reminder", "rule": "r", "not_before": NOW}
    return NewJob(campaign, account, customer, key=key, **{**values, **fields})  # type: ignore[arg-type]


@pytest.fixture
def campaigns(store: SqliteStore) -> SqliteCampaignStore:
    found = campaign_store(store)
    found.add_campaign(row())
    found.set_campaign_state("c", CampaignState.RUNNING, "test", NOW)
    return found


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


# --- campaigns


def test_a_campaign_is_kept_and_not_redefined(campaigns):
    drawn = row("draw", CampaignKind.VERIFICATION, ratio=0.1, seed=7, population=20, drawn=2, strata={"a/b": (20, 2)})
    campaigns.add_campaign(drawn)
    campaigns.add_campaign(drawn)
    assert campaigns.campaign("draw") == drawn
    assert {c.id for c in campaigns.campaigns()} == {"c", "draw"}
    with pytest.raises(CampaignError, match="another definition"):
        campaigns.add_campaign(dataclasses.replace(drawn, definition_sha="2"))
    with pytest.raises(CampaignError, match="no campaign x"):
        campaigns.campaign("x")


def test_a_stopped_campaign_does_not_start_again_and_its_jobs_are_cancelled(campaigns):
    campaigns.add_jobs([job()], NOW)
    campaigns.set_campaign_state("c", CampaignState.PAUSED, "lunch", NOW)
    assert campaigns.lease(5, NOW) == ()
    campaigns.set_campaign_state("c", CampaignState.STOPPED, "enough", NOW)
    assert [j.state for j in campaigns.jobs("c")] == [JobState.CANCELLED]
    with pytest.raises(CampaignError, match="stopped"):
        campaigns.set_campaign_state("c", CampaignState.RUNNING, "again", NOW)


# --- jobs


def test_the_same_key_is_planned_once(campaigns):
    assert campaigns.add_jobs([job(), job(), job(method=Method.SMS)], NOW) == 2
    assert campaigns.add_jobs([job(), job("A-2")], NOW) == 1
    with pytest.raises(CampaignError):
        campaigns.add_jobs([job("A-2", "other"), job(campaign="nowhere")], NOW)
    assert len(campaigns.jobs()) == 3


def test_leases_go_by_priority_and_time_one_per_customer(campaigns):
    jobs = [
        job("A-1", "late", not_before=NOW - timedelta(hours=1)),
        job("A-3", "high", priority=5),
        job("A-2", "future", priority=9, not_before=NOW + timedelta(hours=1)),
        job("A-2", "due"),
    ]
    campaigns.add_jobs(jobs, NOW)
    taken = campaigns.lease(10, NOW)
    assert [j.plan.key for j in taken] == ["high", "due"]  # A-1 is the same customer as A-3
    assert {j.state for j in taken} == {JobState.LEASED}
    assert campaigns.lease(10, NOW) == ()
    campaigns.finish_job(taken[0].id, JobState.DONE, "PROMISE_TO_PAY", NOW)
    assert [j.plan.key for j in campaigns.lease(10, NOW)] == ["late"]
    assert campaigns.next_due() == NOW + timedelta(hours=1)
    assert campaigns.standing("c").next_due == NOW + timedelta(hours=1)


def test_leases_by_method_and_room(campaigns):
    campaigns.add_campaign(row("d"))
    campaigns.set_campaign_state("d", CampaignState.RUNNING, "test", NOW)
    campaigns.add_jobs([job("A-1"), job("A-2", campaign="d"), job("A-2", method=Method.SMS)], NOW)
    assert campaigns.lease(9, NOW, (Method.EMAIL,)) == ()
    assert campaigns.lease(9, NOW, (Method.PHONE,), {"d": 0}) == ()
    assert [j.plan.campaign_id for j in campaigns.lease(9, NOW, (Method.PHONE,), {"d": 3})] == ["d"]
    assert [j.plan.account_id for j in campaigns.lease(9, NOW)] == ["A-1"]  # A-2's customer is being called


def test_a_job_whose_time_is_over_is_cancelled(campaigns):
    campaigns.add_jobs([job(not_after=NOW), job("A-2", not_after=NOW + timedelta(minutes=1))], NOW)
    (taken,) = campaigns.lease(9, NOW)
    campaigns.finish_job(taken.id, JobState.PENDING, "busy", NOW, NOW + timedelta(minutes=15))
    assert {(j.state, j.plan.account_id) for j in campaigns.jobs()} == {
        (JobState.CANCELLED, "A-1"),
        (JobState.CANCELLED, "A-2"),
    }


def test_who_is_on_the_line_is_not_called(campaigns, store, start):
    campaigns.add_jobs([job("A-3")], NOW)
    attempt = store.open_attempt(start("A-1", direction="inbound"))
    assert campaigns.lease(9, NOW) == ()
    store.close_attempt(attempt, Outcome(Disposition.CALLBACK))
    assert len(campaigns.lease(9, NOW)) == 1


def test_only_a_leased_job_is_dialled_and_the_try_is_counted_with_the_attempt(campaigns, store, start):
    campaigns.add_jobs([job()], NOW)
    (planned,) = campaigns.jobs()
    with pytest.raises(StorageError, match="not leased"):
        store.open_attempt(start(campaign_id="c", job_id=planned.id))
    (taken,) = campaigns.lease(1, NOW)
    facts = campaigns.gate_facts("A-1", "service", NOW)
    decision_id = campaigns.add_decision(taken.id, GateDecision(True, "allowed", "", "none", "1", NOW), facts)
    attempt = store.open_attempt(start(campaign_id="c", job_id=taken.id))
    campaigns.start_try(taken.id, attempt)
    (leased,) = campaigns.jobs()
    assert (leased.tries, leased.attempt_id) == (1, attempt)
    assert store.call(attempt).start.job_id == taken.id
    assert store.db.row("SELECT attempt_id FROM gate_decisions WHERE id = ?", decision_id) == {"attempt_id": attempt}
    store.close_attempt(attempt, Outcome(Disposition.BUSY))
    campaigns.finish_job(taken.id, JobState.PENDING, "BUSY", NOW, NOW + timedelta(minutes=15))
    assert campaigns.lease(1, NOW) == ()
    assert campaigns.standing("c").outcomes == {"BUSY": 1}
    with pytest.raises(StorageError, match="not leased"):
        campaigns.finish_job(taken.id, JobState.DONE, "twice", NOW)


def test_an_agent_may_take_one_job_now(campaigns, store, start):
    campaigns.add_jobs([job(not_before=NOW + timedelta(days=3))], NOW)
    (planned,) = campaigns.jobs()
    assert campaigns.lease_job(planned.id, NOW).state is JobState.LEASED
    with pytest.raises(CampaignError, match="leased"):
        campaigns.lease_job(planned.id, NOW)
    campaigns.finish_job(planned.id, JobState.HUMAN, "3 unanswered", NOW)
    assert [(t.kind, t.reason) for t in campaigns.tasks()] == [("takeover", "3 unanswered")]
    store.open_attempt(start("A-3", direction="inbound"))
    with pytest.raises(CampaignError, match="being called"):
        campaigns.lease_job(planned.id, NOW)


def test_how_the_last_try_ended(campaigns, store, start):
    campaigns.add_jobs([job(), job(key="second 2026-11-27")], NOW)
    for planned in campaigns.jobs():
        with pytest.raises(CampaignError):
            campaigns.closed_try(planned.id)
        taken = campaigns.lease_job(planned.id, NOW)
        attempt = store.open_attempt(start(campaign_id="c", job_id=taken.id))
        store.progress(attempt, AttemptProgress(sip_status=486))
        store.close_attempt(attempt, Outcome(Disposition.BUSY))
        campaigns.finish_job(taken.id, JobState.DONE, "", NOW)
    wanted = ClosedTry(Disposition.BUSY, 486, unanswered=2, timezone="America/New_York")
    assert campaigns.closed_try(planned.id) == wanted


# --- leases of processes that are gone


def test_a_dead_process_leaves_what_it_had(campaigns, store, path, start):
    with open_store(path) as other:
        theirs = campaign_store(other)
        theirs.add_jobs([job("A-1"), job("A-2")], NOW)
        first, second = theirs.lease(9, NOW)
        other.open_attempt(start(first.plan.account_id, campaign_id="c", job_id=first.id))
        assert campaigns.release_leases(NOW, settle) == 0  # it lives
    assert campaigns.release_leases(NOW, settle) == 2
    assert [(j.id, j.state, j.state_reason) for j in campaigns.jobs()] == [
        (first.id, JobState.HUMAN, "unknown"),
        (second.id, JobState.PENDING, "its process ended before it called"),
    ]
    assert [t.account_id for t in campaigns.tasks()] == ["A-1"]
    assert store.recover() == 1
    assert campaigns.release_leases(NOW, settle) == 0
    assert [j.id for j in campaigns.lease(9, NOW)] == [second.id]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome(Disposition.NO_ANSWER), JobState.PENDING),
        (Outcome(Disposition.PROMISE_TO_PAY), JobState.DONE),
        (Outcome(Disposition.TECHNICAL_FAILURE, error="interrupted"), JobState.HUMAN),
    ],
)
def test_a_dead_process_with_an_outcome(campaigns, path, start, outcome, state):
    with open_store(path) as other:
        theirs = campaign_store(other)
        theirs.add_jobs([job("A-1")], NOW)
        (taken,) = theirs.lease(9, NOW)
        attempt = other.open_attempt(start(campaign_id="c", job_id=taken.id))
        other.close_attempt(attempt, outcome)
    assert campaigns.release_leases(NOW, settle) == 1
    (freed,) = campaigns.jobs()
    assert freed.state is state
    if state is JobState.PENDING:
        assert freed.plan.not_before == NOW + timedelta(hours=4)


def test_a_second_try_that_never_began_is_free_again(campaigns, store, path, start):
    campaigns.add_jobs([job("A-1")], NOW)
    (taken,) = campaigns.lease(1, NOW)
    attempt = store.open_attempt(start(campaign_id="c", job_id=taken.id))
    store.close_attempt(attempt, Outcome(Disposition.BUSY))
    campaigns.finish_job(taken.id, JobState.PENDING, "BUSY", NOW, NOW)
    with open_store(path) as other:
        assert len(campaign_store(other).lease(1, NOW)) == 1
    campaigns.release_leases(NOW, settle)
    assert [(j.state, j.tries) for j in campaigns.jobs()] == [(JobState.PENDING, 1)]


def test_a_message_that_may_have_left_is_not_sent_again(campaigns, path):
    with open_store(path) as other:
        theirs = campaign_store(other)
        theirs.add_jobs([job("A-1", method=Method.SMS), job("A-2", method=Method.EMAIL)], NOW)
        one, two = theirs.lease(9, NOW)
        theirs.open_message(one.id, Method.SMS, "15550101001", "text")
        sent = theirs.open_message(two.id, Method.EMAIL, "anna@example.org", "text")
        theirs.close_message(sent, True, "250 ok", NOW)
        with pytest.raises(CampaignError):
            theirs.close_message(sent, True, "250 ok", NOW)
    campaigns.release_leases(NOW, settle)
    assert {j.plan.method: j.state for j in campaigns.jobs()} == {
        Method.SMS: JobState.FAILED,
        Method.EMAIL: JobState.DONE,
    }
    assert campaigns.standing("c").messages == {"sending": 1, "sent": 1}


CHILD = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from storage.campaign import campaign_store
from storage.db import open_store
from voicebot.model.campaign import JobState
from voicebot.model.outcome import Disposition, Outcome
from voicebot.model.records import AttemptStart

store = open_store(Path(sys.argv[1]))
campaigns, now = campaign_store(store), datetime(2026, 11, 22, 12, tzinfo=UTC)
while jobs := campaigns.lease(2, now):
    for job in jobs:
        plan = job.plan
        start = AttemptStart(plan.account_id, None, plan.flow, "v", "outbound", "0" * 64, "none", now.isoformat(), "c")
        import dataclasses
        attempt = store.open_attempt(dataclasses.replace(start, job_id=job.id, planned_at=f"{now}{job.tries}"))
        print(job.id, flush=True)
        store.close_attempt(attempt, Outcome(Disposition.NO_ANSWER))
        campaigns.finish_job(job.id, JobState.DONE, "NO_ANSWER", now)
"""


def test_processes_that_are_killed_call_nobody_twice(store, path):
    campaigns = campaign_store(store)
    campaigns.add_campaign(row(kind=CampaignKind.VERIFICATION))
    campaigns.set_campaign_state("c", CampaignState.RUNNING, "test", NOW)
    campaigns.add_jobs([job(("A-1", "A-2", "A-3")[n % 3], f"n{n}") for n in range(60)], NOW)
    called: list[str] = []
    for kill_after in (1, 3, 5, None):
        children = [
            subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(CHILD), str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
            )
            for _ in range(2)
        ]
        for child in children:
            assert child.stdout is not None
            for n, line in enumerate(child.stdout, 1):
                called.append(line.strip())
                if n == kill_after:
                    child.kill()
            child.wait()
            child.stdout.close()
        store.recover()
        campaigns.release_leases(NOW, settle)
    assert len(called) == len(set(called))
    states = campaigns.standing("c").jobs
    assert states.get(JobState.LEASED, 0) == states.get(JobState.PENDING, 0) == 0
    assert states[JobState.DONE] + states.get(JobState.HUMAN, 0) == 60
    assert store.db.row("SELECT count(*) AS n FROM (SELECT job_id FROM attempts GROUP BY 1 HAVING count(*) > 1)") == {
        "n": 0
    }


# --- what the gate is told


def test_facts_of_somebody_nothing_is_known_of(campaigns, store):
    facts = campaigns.gate_facts("A-2", "marketing", NOW)
    assert facts.zones == ()  # UTC is no place
    assert (facts.consents, facts.contacts, facts.lists, facts.no_call_windows) == ({}, (), (), ())
    assert not facts.do_not_call
    assert facts.stopped_by is None
    assert campaigns.gate_facts("A-1", "service", NOW).zones == ("America/New_York",)
    assert "15550101001" not in facts.number_hash
    with pytest.raises(StorageError):
        campaigns.gate_facts("A-9", "service", NOW)


def test_facts_of_lists_windows_and_consents(campaigns, store):
    for granted, at in ((True, "2026-11-01T00:00:00+00:00"), (False, "2026-11-02T00:00:00+00:00")):
        store.add_consent(None, Consent("C-1", "ai_voice", "spoken", "1", granted, at))
    number = store.number_hash("15550101001")
    campaigns.add_no_call_window("C-1", NoCallWindow(time(9), time(12, 30), (2, 1)), NOW)
    with pytest.raises(CampaignError, match="weekdays"):
        campaigns.add_no_call_window("C-1", NoCallWindow(time(9), time(12), (0,)), NOW)
    with store.db.write():
        for name in ("reassigned", "federal"):
            values = {"list": name, "number_hash": number, "imported_at": NOW.isoformat()}
            store.db.insert("do_not_call_lists", values)
        window = {"customer_id": "C-1", "weekdays": "12", "from_time": "9 am", "to_time": "noon"}
        store.db.insert("personal_windows", {**window, "since": NOW.isoformat()})
    facts = campaigns.gate_facts("A-1", "service", NOW)
    assert facts.consents["ai_voice"].granted is False
    assert facts.lists == ("federal", "reassigned")
    assert facts.no_call_windows == (NoCallWindow(time(9), time(12, 30), (1, 2)), NoCallWindow(time(), time()))


def test_facts_of_calls_by_person_and_by_number(campaigns, store, start, clock):
    number = store.number_hash("15550101001")
    calls = [
        ("A-1", "outbound", number, AnsweredBy.HUMAN, Outcome(Disposition.PROMISE_TO_PAY, right_party=True)),
        ("A-3", "outbound", "f" * 64, AnsweredBy.VOICEMAIL, Outcome(Disposition.VOICEMAIL)),
        (None, "inbound", number, AnsweredBy.UNKNOWN, Outcome(Disposition.HUNG_UP)),
        ("A-2", "outbound", "e" * 64, None, Outcome(Disposition.NO_ANSWER)),
    ]
    for account, direction, number_hash, by, outcome in calls:
        attempt = store.open_attempt(start(account, direction=direction, number_hash=number_hash))
        if by is not None:
            store.progress(attempt, AttemptProgress(answered_at=NOW.isoformat(), answered_by=by))
        store.close_attempt(attempt, outcome)
        clock.forward(hours=1)
    found = campaigns.gate_facts("A-1", "service", clock()).contacts
    assert [(c.account_id, c.inbound, c.effective, c.conversation) for c in found] == [
        ("A-1", False, True, True),
        ("A-3", False, False, False),
        (None, True, True, False),
    ]
    clock.forward(days=40)
    assert campaigns.gate_facts("A-1", "service", clock()).contacts == ()


def test_contacts_by_people_count_too(campaigns, store):
    with store.db.write():
        values = {"source": "crm", "account_id": "A-3", "method": "phone", "at": NOW.isoformat()}
        store.db.insert("contacts", {**values, "source_id": "1", "right_party": 1, "answered": 1})
        store.db.insert("contacts", {**values, "source_id": "2", "method": "email"})
    (contact,) = campaigns.gate_facts("A-1", "service", NOW).contacts
    assert (contact.effective, contact.conversation, contact.account_id) == (True, True, "A-3")


@pytest.mark.parametrize(
    ("outcome", "stopped"),
    [
        (Outcome(Disposition.DISPUTE, dispute=True), "dispute"),
        (Outcome(Disposition.PROMISE_TO_PAY, hardship=True), "hardship"),
        (Outcome(Disposition.CALLBACK, intents=("complaint",)), "complaint"),
        (Outcome(Disposition.REFUSED, refusal=True), None),
    ],
)
def test_a_dispute_ends_automation_until_a_person_has_closed_it(campaigns, store, start, outcome, stopped):
    attempt = store.open_attempt(start())
    store.close_attempt(attempt, outcome)
    assert campaigns.gate_facts("A-1", "service", NOW).stopped_by == stopped
    assert campaigns.gate_facts("A-2", "service", NOW).stopped_by is None
    campaigns.add_task("review", "said so", "t", NOW, account_id="A-1", attempt_id=attempt)
    (task,) = campaigns.tasks()
    campaigns.close_task(task.id, "closed", "settled")
    assert campaigns.gate_facts("A-1", "service", NOW).stopped_by is None
    assert not campaigns.tasks()
    with pytest.raises(CampaignError):
        campaigns.close_task(task.id, "closed", "twice")


def test_an_open_takeover_is_a_persons_case(campaigns):
    assert campaigns.add_task("takeover", "3 unanswered", "k", NOW, account_id="A-1")
    assert not campaigns.add_task("takeover", "3 unanswered", "k", NOW, account_id="A-1")
    assert campaigns.gate_facts("A-1", "service", NOW).stopped_by == "human"


def test_wrong_party_and_do_not_call(campaigns, store, start):
    number = store.number_hash("15550101001")
    store.close_attempt(store.open_attempt(start(number_hash=number)), Outcome(Disposition.WRONG_PARTY))
    assert campaigns.gate_facts("A-3", "service", NOW).wrong_party
    store.close_attempt(
        store.open_attempt(start(number_hash=number, direction="inbound")),
        Outcome(Disposition.DO_NOT_CALL, right_party=True, opt_out=True),
    )
    facts = campaigns.gate_facts("A-3", "service", NOW)
    assert not facts.wrong_party
    assert facts.do_not_call


def test_decisions_come_back_with_their_facts(campaigns, store, start):
    store.close_attempt(store.open_attempt(start()), Outcome(Disposition.NO_ANSWER))
    store.add_consent(None, Consent("C-1", "ai_voice", "written", "1", True, "2026-11-01T00:00:00+00:00"))
    facts = campaigns.gate_facts("A-1", "service", NOW)
    decision = GateDecision(False, "call_hours", "night", "us", "1-ab/gate-1", NOW, NOW + timedelta(hours=2), {"n": 1})
    number = campaigns.add_decision(None, decision, facts)
    ((found, back, given),) = campaigns.decisions(NOW)
    assert (found, given) == (number, facts)
    assert back.inputs["n"] == 1
    assert dataclasses.replace(back, inputs={}) == dataclasses.replace(decision, inputs={})
    assert campaigns.decisions(NOW + timedelta(seconds=1)) == ()


# --- candidates and payments


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


# --- people


@pytest.fixture
def team(store: SqliteStore) -> None:
    people = [("S", None, 1), ("T", "S", 1), ("a", "T", 1), ("b", "T", 0), ("c", "S", 1), ("z", None, 1)]
    with store.db.write():
        for agent, above, service in people:
            values = {"id": agent, "name": agent, "role": "agent", "supervisor_id": above}
            store.db.insert("agents", {**values, "in_service": service})


def test_work_goes_to_who_has_the_fewest(campaigns, store, team):
    campaigns.add_campaign(row("f", CampaignKind.FOLLOW_UP))
    campaigns.add_jobs([job("A-1", campaign="f"), job("A-2", campaign="f"), job("A-3")], NOW)
    campaigns.add_task("review", "r", "mine", NOW, owner_id="S")
    for n in range(3):
        campaigns.add_task("takeover", "r", f"t{n}", NOW)
    assert [p.id for p in campaigns.team("S")] == ["S", "T", "a", "c"]
    given = campaigns.assign("S", NOW)
    assert (given.tasks, given.jobs) == (3, 2)
    assert {p.id: p.open for p in campaigns.team("S")} == {"S": 2, "T": 2, "a": 1, "c": 1}
    assert campaigns.assign("S", NOW).tasks == 0
    moved = campaigns.transfer("S", "z", NOW)
    assert moved.tasks + moved.jobs == 2
    for wrong in ("b", "S", "nobody"):
        with pytest.raises(CampaignError):
            campaigns.transfer("S", wrong, NOW)
    with pytest.raises(CampaignError, match="in service"):
        campaigns.assign("b", NOW)


def test_a_task_goes_to_the_accounts_agent(campaigns, store, team):
    with store.db.write():
        store.db.run("UPDATE accounts SET agent_id = 'c' WHERE id = 'A-1'")
        store.db.run("UPDATE accounts SET agent_id = 'b' WHERE id = 'A-2'")
    for account in ("A-1", "A-2"):
        campaigns.add_task("review", "r", account, NOW, account_id=account, due_at=NOW + timedelta(hours=1))
    assert [t.owner_id for t in campaigns.tasks()] == ["c", None]
    assert [t.account_id for t in campaigns.tasks("c")] == ["A-1"]
