"""Several processes of one database, and the next start: the caps and the breaker are theirs together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from storage.campaign import campaign_store
from storage.db import open_store
from tests.support.idle import until
from tests.support.live_campaign import job, running
from tests.unit.campaign.desk import Bank, Calls, open_bank
from tests.unit.campaign.test_dialer import ACCOUNTS, dialer, dialing
from voicebot.model.campaign import JobState, Method, TrunkTries
from voicebot.model.outcome import Disposition, Outcome
from voicebot.model.records import AttemptStart


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with open_bank(tmp_path) as found:
        yield found


@pytest.fixture
def other(bank: Bank, tmp_path: Path) -> Iterator[Bank]:
    """Another process of the same database, as far as the database can tell."""
    with open_store(tmp_path / "bank.db") as store, ThreadPoolExecutor(1) as pool:
        yield Bank(store, campaign_store(store), Calls(store), pool)


async def test_two_dialers_together_keep_within_the_caps(bank: Bank, other: Bank) -> None:
    running(bank.campaigns, "late")
    bank.campaigns.add_jobs([job(a, ("spring", "late")[n % 2]) for n, a in enumerate(ACCOUNTS)], bank.clock())
    bank.calls.last_s = other.calls.last_s = 0.15
    most, each = 0, Counter[str]()
    (one, done), (two, also) = dialer(bank, lines=8, max_lines=1), dialer(other, lines=8, max_lines=3, max_lines_each=2)
    async with dialing(one):
        await until(lambda: bank.calls.live == 1, "the first one's call", 5)
        async with dialing(two):
            while len(done) + len(also) < 8:
                most = max(most, bank.calls.live + other.calls.live)
                each |= Counter(row.plan.campaign_id for row in bank.campaigns.jobs(None, JobState.LEASED))
                await asyncio.sleep(0.01)
    assert most == 3
    assert max(each.values()) == 2
    assert other.calls.most <= 3
    assert sorted(bank.calls.made + other.calls.made) == ACCOUNTS


async def test_calls_of_another_process_take_lines_until_it_is_gone(bank: Bank, tmp_path: Path) -> None:
    bank.campaigns.add_jobs([job(a) for a in ACCOUNTS[:6]], bank.clock())
    store = open_store(tmp_path / "bank.db")
    start = AttemptStart("A-1010", None, "reminder", "v", "outbound", "h", "baresip", bank.clock().isoformat())
    store.open_attempt(start)  # a call by hand
    assert len(campaign_store(store).lease(1, bank.clock(), (Method.PHONE,))) == 1
    bank.calls.last_s = 0.1
    made, done = dialer(bank, lines=4, housekeeping_s=0.1)  # 4 - 1 kept - 2 of the other one
    async with dialing(made):
        await until(lambda: len(done) == 2, "two calls", 5)
        assert bank.calls.most == 1
        store.close()  # killed: its marks are free, its rows still there
        await until(lambda: len(done) == 6, "all, the leased one too", 10)
    assert bank.calls.most == 3


async def test_the_next_start_does_not_dial_into_a_dead_trunk(bank: Bank, other: Bank) -> None:
    bank.campaigns.add_jobs([job(a) for a in ACCOUNTS], bank.clock())
    dead = {a: [Outcome(Disposition.FAILED, error="503")] for a in ACCOUNTS}
    bank.calls.outcomes, bank.calls.statuses = dead, dict.fromkeys(ACCOUNTS, 503)
    other.calls.outcomes, other.calls.statuses = dead, dict.fromkeys(ACCOUNTS, 503)
    made, done = dialer(bank, lines=4, max_lines=1, breaker_failures=2, breaker_s=60)
    async with dialing(made):
        await until(lambda: len(done) == 2, "two failures", 5)
        await asyncio.sleep(0.2)
    assert len(bank.calls.made) == 2
    again, after = dialer(other, lines=4, breaker_failures=2, breaker_s=60)
    async with dialing(again):
        await asyncio.sleep(0.3)
        assert other.calls.made == [], "the dead trunk was dialled into after a restart"
        other.now = other.clock() + timedelta(seconds=61)
        other.calls.last_s = 0.2
        await until(lambda: len(after) == 1, "the probe", 5)
        await asyncio.sleep(0.3)
    assert len(other.calls.made) == 1, "more than the probe went"
    tries = bank.campaigns.trunk_tries()
    assert (tries.reopened, tries.probe) == (1, None)


async def test_a_probe_whose_process_was_killed_does_not_block_the_next(bank: Bank, tmp_path: Path) -> None:
    bank.campaigns.add_jobs([job(a) for a in ACCOUNTS[:3]], bank.clock())
    long_ago = bank.clock() - timedelta(hours=1)
    store = open_store(tmp_path / "bank.db")
    (taken,) = campaign_store(store).lease(1, bank.clock())
    bank.campaigns.note_trunk(lambda tries: replace(tries, in_a_row=5, opened_at=long_ago, probe=taken.id))
    made, done = dialer(bank)
    async with dialing(made):
        await asyncio.sleep(0.2)
        assert not bank.calls.made, "two probes at once"
        store.close()
        await until(lambda: len(done) >= 2, "it works again", 5)
    assert bank.campaigns.trunk_tries() == TrunkTries()
