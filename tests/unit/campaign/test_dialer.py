"""The dialer's loop with calls of which only the outcomes are known."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.idle import until
from tests.support.live_campaign import job, running
from tests.unit.campaign.desk import Bank, open_bank
from voicebot.campaign.dialer import Dialer
from voicebot.campaign.dialer_job import Done
from voicebot.campaign.dialer_state import DialerState, clear_state, read_state, state_file, write_state
from voicebot.errors import CampaignError, StorageError
from voicebot.model.campaign import CampaignState, JobState, Method
from voicebot.model.outcome import Disposition, Outcome
from voicebot.settings import CampaignSettings

ACCOUNTS = [f"A-10{n:02}" for n in range(1, 9)]


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with open_bank(tmp_path) as found:
        yield found


def dialer(bank: Bank, lines: int = 4, **settings: object) -> tuple[Dialer, list[Done]]:
    done: list[Done] = []
    made = Dialer(
        bank.desk(),
        CampaignSettings(look_s=0.05, **settings),  # type: ignore[arg-type]
        lines,
        lambda: bank.calls.live,
        report=done.append,
    )
    return made, done


@asynccontextmanager
async def dialing(made: Dialer):
    task = asyncio.create_task(made.run())
    try:
        yield
    finally:
        made.stop()
        await task


async def test_lines_are_filled_and_never_passed(bank: Bank) -> None:
    bank.campaigns.add_jobs([job(account) for account in ACCOUNTS], bank.clock())
    bank.calls.last_s = 0.1
    made, done = dialer(bank, lines=4)
    async with dialing(made):
        await until(lambda: len(done) == 8, "all", 10)
    assert bank.calls.most == 3
    assert sorted(bank.calls.made) == ACCOUNTS


async def test_the_highest_priority_goes_first(bank: Bank) -> None:
    bank.campaigns.add_jobs([job(a, priority=n) for n, a in enumerate(ACCOUNTS)], bank.clock())
    made, done = dialer(bank, max_lines=1)
    async with dialing(made):
        await until(lambda: len(done) == 8, "all", 10)
    assert bank.calls.made == ACCOUNTS[::-1]


async def test_two_jobs_of_a_customer_are_never_at_once(bank: Bank) -> None:
    bank.campaigns.add_jobs([job("A-1001"), job("A-1001", key="other:2026-12-09")], bank.clock())
    bank.calls.last_s = 0.1
    made, done = dialer(bank)
    async with dialing(made):
        await until(lambda: len(done) == 2, "both", 10)
    assert bank.calls.most == 1


async def test_it_ends_by_itself_when_nothing_is_left(bank: Bank) -> None:
    bank.campaigns.add_jobs([job(account) for account in ACCOUNTS[:3]], bank.clock())
    bank.calls.outcomes = {a: [Outcome(Disposition.FAILED)] for a in ACCOUNTS}
    bank.calls.statuses = dict.fromkeys(ACCOUNTS, 404)
    made, done = dialer(bank)
    await asyncio.wait_for(made.run(until_done=True), 10)
    assert [one.state for one in done] == [JobState.FAILED] * 3
    assert made.breaker.opened_at is None, "numbers that do not exist are no failure of the trunk"


async def test_what_cannot_be_sent_here_is_not_waited_for(bank: Bank) -> None:
    bank.campaigns.add_jobs([job("A-1001", method=Method.SMS)], bank.clock())
    made = Dialer(bank.desk(), CampaignSettings(), 4, lambda: 0, methods=frozenset({Method.PHONE}))
    await asyncio.wait_for(made.run(until_done=True), 5)
    assert bank.job().state is JobState.PENDING


async def test_only_the_named_campaigns_run(bank: Bank) -> None:
    running(bank.campaigns, "other")
    bank.campaigns.add_jobs([job("A-1001"), job("A-1002", "other")], bank.clock())
    bank.calls.outcomes = {"A-1002": [Outcome(Disposition.RPC_VERIFIED, right_party=True)]}
    made, _ = dialer(bank)
    bank.calls.statuses = {"A-1002": 200}
    task = asyncio.create_task(made.run(frozenset({"other"})))
    await until(lambda: bank.calls.made, "the call", 5)
    made.stop()
    await task
    assert bank.calls.made == ["A-1002"]


async def test_a_storage_that_fails_for_a_moment_only_makes_it_wait(bank: Bank, monkeypatch) -> None:
    bank.campaigns.add_jobs([job("A-1001")], bank.clock())
    real, failing = bank.campaigns.campaigns, [3]

    def fails():
        if failing[0]:
            failing[0] -= 1
            raise StorageError("the disk is full")
        return real()

    monkeypatch.setattr(bank.campaigns, "campaigns", fails)
    made, done = dialer(bank)
    async with dialing(made):
        await until(lambda: len(done) == 1, "the call", 10)
    assert failing == [0]


async def test_drained_calls_end_and_nothing_stays_leased(bank: Bank) -> None:
    bank.campaigns.add_jobs([job(account) for account in ACCOUNTS], bank.clock())
    bank.calls.last_s = 30
    made, _ = dialer(bank)
    task = asyncio.create_task(made.run())
    await until(lambda: bank.calls.live == 3, "three calls", 5)
    await made.drain(0.05)
    await task
    states = [row.state for row in bank.campaigns.jobs()]
    assert states.count(JobState.HUMAN) == 3
    assert states.count(JobState.PENDING) == 5


async def test_what_a_dead_process_held_is_freed_while_another_one_runs(bank: Bank) -> None:
    bank.campaigns.add_jobs([job("A-1001")], bank.clock())
    bank.campaigns.lease(1, bank.clock())
    with bank.store.db.write():
        bank.store.db.run("UPDATE jobs SET leased_by = 'somebody who is gone'")
    made, done = dialer(bank, housekeeping_s=0.1)
    async with dialing(made):
        await until(lambda: len(done) == 1, "the call", 5)


async def test_settling_what_others_left_does_not_touch_our_own_calls(bank: Bank) -> None:
    bank.campaigns.add_jobs([job("A-1001")], bank.clock())
    bank.calls.last_s = 0.6
    done: list[Done] = []
    made = Dialer(
        bank.desk(),
        CampaignSettings(look_s=0.05, housekeeping_s=0.1),
        4,
        lambda: bank.calls.live,
        settle=lambda: bank.store.recover(at_start=False),
        report=done.append,
    )
    async with dialing(made):
        await until(lambda: done, "the call", 5)
    assert done[0].reason == "busy"


async def test_a_stopped_campaign_does_not_start_again(bank: Bank) -> None:
    bank.campaigns.set_campaign_state("spring", CampaignState.STOPPED, "test", bank.clock())
    with pytest.raises(CampaignError):
        bank.campaigns.set_campaign_state("spring", CampaignState.RUNNING, "test", bank.clock())


def test_a_reserve_of_every_line_is_an_error(bank: Bank) -> None:
    with pytest.raises(CampaignError, match="reserve_lines"):
        dialer(bank, lines=1)


def test_the_state_of_a_running_dialer_is_read_by_others(tmp_path: Path) -> None:
    file = state_file(tmp_path / "bank.db")
    assert read_state(file) is None
    state = DialerState(8, 3, "open", {"spring": 2})
    write_state(file, state)
    assert read_state(file) == state
    write_state(file, DialerState(8, 3, "open", {}, pid=2**22 + 1))  # no process has this id
    assert read_state(file) is None
    file.write_text("{")
    assert read_state(file) is None
    clear_state(file)
    assert not file.exists()
