"""Campaigns in the database: what is planned once, taken in its order, given back, and who has the work."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from storage.db import SqliteStore
from tests.support.campaign_rows import NOW, job, row
from voicebot.errors import CampaignError, StorageError
from voicebot.model.campaign import (
    CampaignKind,
    CampaignState,
    ClosedTry,
    GateDecision,
    JobState,
    Method,
)
from voicebot.model.outcome import Disposition, Outcome
from voicebot.model.records import AttemptProgress, AttemptStart

Start = Callable[..., AttemptStart]
ROOT = Path(__file__).resolve().parents[3]


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
