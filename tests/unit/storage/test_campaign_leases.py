"""Leases of processes that are gone: nobody is called twice."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from storage.campaign import campaign_store
from storage.db import open_store
from tests.support.campaign_rows import NOW, job, row, settle
from voicebot.errors import CampaignError
from voicebot.model.campaign import (
    CampaignKind,
    CampaignState,
    JobState,
    Method,
)
from voicebot.model.outcome import Disposition, Outcome
from voicebot.model.records import AttemptStart

Start = Callable[..., AttemptStart]
ROOT = Path(__file__).resolve().parents[3]


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
        campaigns.release_leases(NOW, lambda job, closed, at: (JobState.DONE, closed.disposition.value, None))
    assert len(called) == len(set(called))
    states = campaigns.standing("c").jobs
    assert states.get(JobState.LEASED, 0) == states.get(JobState.PENDING, 0) == 0
    assert states[JobState.DONE] + states.get(JobState.HUMAN, 0) == 60
    assert store.db.row("SELECT count(*) AS n FROM (SELECT job_id FROM attempts GROUP BY 1 HAVING count(*) > 1)") == {
        "n": 0
    }
