"""kill -9, a hundred times, at random points of a live campaign: nobody is called twice for the same try, every attempt
has exactly one outcome, and nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.campaign import campaign_store
from storage.connection import Row
from storage.db import SqliteStore, open_store
from storage.portfolio import import_portfolio
from storage.portfolio_example import write_example
from tests.support.bots import bot_settings, write_toml
from tests.support.idle import until
from tests.support.live_campaign import job, running
from tests.support.sip_peer import Peer, sip_peer
from voicebot.campaign.retry import Policy, RetryRules
from voicebot.settings import PROJECT, CampaignSettings, Settings

pytestmark = pytest.mark.timeout(280)

KILLS = 100
CUSTOMERS = 2500
#: What the telephones do, by weight: busy, no such number, rejects, network failure, answers.
ANSWERS: tuple[tuple[list[int | tuple[int, str]], int], ...] = (
    ([100, 180, 486], 10),
    ([100, 404], 2),
    ([100, 180, 603], 4),
    ([100, 503], 1),
    ([100, 180, 200], 4),
)


class Bots:
    """The program that forks bots; `said`: all that they acknowledged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lines: asyncio.Queue[list[str]] = asyncio.Queue()
        self.said: list[list[str]] = []
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            words = line.decode(errors="replace").split()
            self.said.append(words)
            if words and words[0] in ("pid", "ready"):
                self._lines.put_nowait(words)

    async def live_for(self, seconds: float) -> None:
        """Start one, and kill it so long after it began to dial."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        async with asyncio.timeout(20):
            first, second = await self._lines.get(), await self._lines.get()
        pid = int(first[1] if first[0] == "pid" else second[1])
        await asyncio.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not Path(f"/proc/{pid}").exists(), "its end", 10)

    async def close(self) -> None:
        """No bot is left, the program ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reader

    def acknowledged(self, word: str) -> dict[int, str]:
        """Attempts for which this was said, with what came after the id."""
        return {int(line[1]): " ".join(line[2:]) for line in self.said if line and line[0] == word}


@asynccontextmanager
async def bots(settings_file: Path) -> AsyncIterator[Bots]:
    command = [sys.executable, "-m", "tests.support.campaign_bot", str(settings_file)]
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, env=environ, **pipes)
    running_bots = Bots(process)
    try:
        yield running_bots
    finally:
        await running_bots.close()


def bank(folder: Path, peer: Peer) -> Settings:
    """A campaign with far more to do than will be done, whose busy customers are tried again at once."""
    settings = bot_settings(folder, peer.server, max_call_s=0.4, recording=False)
    settings = settings.model_copy(update={"campaign": CampaignSettings(busy_min=0.002, max_auto_attempts=50)})
    with open_store(settings.paths.database) as store:
        files = write_example(folder / "portfolio", today=datetime.now(UTC).date(), count=CUSTOMERS)
        assert not import_portfolio(store.db, *files).problems
        campaigns = campaign_store(store)
        running(campaigns)
        accounts = [row["id"] for row in store.db.rows("SELECT id FROM accounts ORDER BY id")]
        # Retries come before the next hundred customers.
        campaigns.add_jobs([job(name, priority=-(n // 100)) for n, name in enumerate(accounts)], datetime.now(UTC))
    return settings


async def change_answers(peer: Peer, rng: random.Random) -> None:
    """Until cancelled."""
    lists, weights = zip(*ANSWERS, strict=True)
    while True:
        peer.invite = rng.choices(lists, weights)[0]
        await asyncio.sleep(0.02)


async def test_a_hundred_kills(tmp_path: Path) -> None:
    rng = random.Random(20261122)
    async with sip_peer(gap_s=0.04) as peer:
        settings = bank(tmp_path, peer)
        changing = asyncio.create_task(change_answers(peer, rng))
        async with bots(write_toml(settings, tmp_path / "bank.toml")) as bot:
            for _ in range(KILLS):
                await bot.live_for(rng.uniform(0.0, 0.7))
        changing.cancel()
        invites = Counter(request.uri.partition(":")[2].partition("@")[0] for request in peer.got("INVITE"))
    with open_store(settings.paths.database) as store:
        store.recover()
        campaign_store(store).release_leases(datetime.now(UTC), Policy(RetryRules()))
        attempts = store.db.rows(
            """SELECT a.id, a.job_id, a.state, c.number, o.disposition, o.error FROM attempts a
               JOIN customers c ON c.id = a.customer_id LEFT JOIN outcomes o ON o.attempt_id = a.id ORDER BY a.id"""
        )
        nothing_lost(bot, store, attempts)
        nobody_twice(store, attempts, invites)


def nothing_lost(bot: Bots, store: SqliteStore, attempts: list[Row]) -> None:
    """Exactly one outcome each, and the acknowledged ones are as they were acknowledged."""
    assert store.db.row("PRAGMA integrity_check") == {"integrity_check": "ok"}
    assert store.db.rows("PRAGMA foreign_key_check") == []
    found = {row["id"]: row for row in attempts}
    assert {row["state"] for row in attempts} == {"closed"}
    assert all(row["disposition"] for row in attempts)
    opened, ended = bot.acknowledged("opened"), bot.acknowledged("ended")
    assert len(ended) > KILLS, "too little was going on to learn anything"
    assert opened.keys() <= found.keys()
    assert {attempt: found[attempt]["disposition"] for attempt in ended} == ended
    cut = [row for row in attempts if row["error"] == "interrupted"]
    assert len(cut) > KILLS / 2, "the kills hit nothing"
    decisions = store.db.row("SELECT count(*) AS n FROM gate_decisions WHERE allowed = 1")
    assert decisions is not None
    assert decisions["n"] >= len(attempts)


def nobody_twice(store: SqliteStore, attempts: list[Row], invites: Counter[str]) -> None:
    """A try has one attempt and at most one INVITE; after one that may have rung, the job is a person's."""
    rows = {row["id"]: row for row in store.db.rows("SELECT * FROM jobs")}
    tries = Counter(row["job_id"] for row in attempts)
    assert {name: row["tries"] for name, row in rows.items() if row["tries"]} == dict(tries)
    assert not [row for row in rows.values() if row["state"] == "leased"]
    by_number = Counter(row["number"] for row in attempts)
    assert not {number: n for number, n in invites.items() if n > by_number[number]}
    last = {row["job_id"]: row["id"] for row in attempts}
    for row in attempts:
        if row["error"] == "interrupted":
            assert last[row["job_id"]] == row["id"], "dialled again though it may have rung"
            assert rows[row["job_id"]]["state"] == "human"
            assert rows[row["job_id"]]["state_reason"] == "unknown"
    tasks = {row["account_id"] for row in store.db.rows("SELECT account_id FROM tasks WHERE kind = 'takeover'")}
    assert {row["account_id"] for row in rows.values() if row["state"] == "human"} <= tasks
    called_again = [job_id for job_id, n in tries.items() if n > 1]
    assert called_again, "no retry was ever made"
