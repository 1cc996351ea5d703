"""One job: still wanted, allowed, called, and what comes next; also where it is cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.campaign.desk import HOUR, Bank, open_bank
from voicebot.campaign.dialer_job import refused, work
from voicebot.campaign.retry import Ending
from voicebot.errors import AdmissionError, CampaignError, DialForbidden, StorageError
from voicebot.model.campaign import CampaignState, JobState, Method
from voicebot.model.outcome import Disposition, Outcome


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with open_bank(tmp_path) as found:
        yield found


async def test_the_outcome_says_what_comes_next(bank: Bank) -> None:
    done = await work(bank.desk(), bank.leased())
    assert (done.state, done.reason, done.ending) == (JobState.PENDING, "busy", Ending.BUSY)
    assert bank.job().state is JobState.PENDING
    assert bank.job().tries == 1
    assert bank.job().plan.not_before == done.again


async def test_a_paused_campaign_calls_nobody_even_where_the_job_is_taken(bank: Bank) -> None:
    leased = bank.leased()
    bank.campaigns.set_campaign_state("spring", CampaignState.PAUSED, "test", bank.clock())
    done = await work(bank.desk(), leased)
    assert (done.state, done.reason) == (JobState.PENDING, "campaign paused")
    assert bank.calls.made == []
    again = bank.campaigns.lease_job(leased.id, bank.clock())
    assert (await work(bank.desk(), again, by_person=True)).ending is Ending.BUSY


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (DialForbidden("no", rule="do_not_call"), JobState.CANCELLED, "do_not_call"),
        (DialForbidden("no"), JobState.CANCELLED, "dial_forbidden"),
        (AdmissionError("full", retry_after_s=7), JobState.PENDING, "admission"),
        (StorageError("an open attempt"), JobState.PENDING, "storage"),
        (CampaignError("no rules"), JobState.PENDING, "campaign"),
    ],
)
async def test_where_nobody_is_called_the_job_says_why(bank: Bank, error, state, reason) -> None:
    bank.calls.outcomes = {"A-1001": [error]}
    done = await work(bank.desk(), bank.leased())
    assert (done.state, done.reason, done.ending) == (state, reason, None)
    assert bank.job().tries == 0
    assert (done.again is not None) == (state is JobState.PENDING)


async def test_a_rule_that_says_later_moves_the_job(bank: Bank) -> None:
    later = bank.clock() + HOUR
    bank.calls.outcomes = {"A-1001": [DialForbidden("night", rule="hours", retry_at=later)]}
    done = await work(bank.desk(), bank.leased())
    assert (done.state, done.reason, done.again) == (JobState.PENDING, "hours", later)


async def test_later_than_its_last_moment_is_never(bank: Bank) -> None:
    job = bank.leased(not_after=bank.clock() + HOUR)
    assert refused(job, "hours", bank.clock() + 2 * HOUR) == (JobState.CANCELLED, "hours", None)
    assert refused(job, "hours", bank.clock() + HOUR / 2)[0] is JobState.PENDING


async def test_cut_short_in_the_call_it_is_a_persons(bank: Bank) -> None:
    bank.calls.last_s = 30
    task = asyncio.create_task(work(bank.desk(), bank.leased()))
    await asyncio.wait_for(bank.calls.began.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (bank.job().state, bank.job().state_reason) == (JobState.HUMAN, "unknown")
    assert [task.kind for task in bank.campaigns.tasks()] == ["takeover"]


async def test_cut_short_before_the_call_it_waits(bank: Bank) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.sleep(30)

    task = asyncio.create_task(work(bank.desk(), bank.leased()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (bank.job().state, bank.job().tries) == (JobState.PENDING, 0)


async def test_a_callback_is_planned_for_the_time_asked_for(bank: Bank) -> None:
    asked = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
    bank.calls.outcomes = {"A-1001": [Outcome(Disposition.CALLBACK, callback_at=asked)]}
    done = await work(bank.desk(), bank.leased())
    assert (done.reason, done.again) == ("callback", asked)


async def test_a_message_without_a_way_to_send_it_waits(bank: Bank) -> None:
    done = await work(bank.desk(), bank.leased(method=Method.SMS))
    assert done.state is JobState.PENDING
    assert bank.calls.made == []
