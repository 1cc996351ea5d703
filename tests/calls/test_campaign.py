"""Campaigns with real SIP calls and no models: who is called, how often, and what people decide meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sip_sim.phone import Ended, Phone
from storage.campaign import campaign_store
from storage.db import open_store
from storage.portfolio import import_portfolio
from storage.portfolio_example import write_example
from tests.support.bots import bot_settings, no_models
from tests.support.campaigns import by_account, job, running
from tests.support.far_end import FarEnd, event, far_end
from tests.support.idle import until
from voicebot.app import Application
from voicebot.campaign.dialer import Dialer
from voicebot.campaign.dialer_job import Done, work
from voicebot.campaign.dialer_state import read_state, state_file
from voicebot.commands import campaign_run
from voicebot.errors import CampaignError
from voicebot.model.campaign import CampaignKind, CampaignState, Job, JobState
from voicebot.settings import CampaignSettings, Settings

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]


@dataclass(slots=True)
class Exchange:
    """The customers' telephones. `answers`: what a number does, one after the other, the last one for good: a SIP
    status, or "takes" (and hangs up after `talks_s`). Busy where nothing is said."""

    far: FarEnd
    answers: dict[str, list[int | str]] = field(default_factory=dict)
    talks_s: float = 0.3
    taken: list[Phone] = field(default_factory=list)

    async def run(self) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as talks:
            seen = 0
            while True:
                phone = await self.far.calls.get()
                number, seen = self.far.dialled[seen], seen + 1
                wanted = self.answers.get(number, [486])
                talks.create_task(self._one(phone, wanted.pop(0) if len(wanted) > 1 else wanted[0]))

    async def _one(self, phone: Phone, answer: int | str) -> None:
        phone.ring()
        if isinstance(answer, int):
            phone.reject(answer)
            return
        phone.answer()
        self.taken.append(phone)
        await asyncio.sleep(self.talks_s)
        await phone.hang_up()


@dataclass(slots=True)
class Bank:
    """A bot in this process, its dialer, and whom it reaches."""

    application: Application
    dialer: Dialer
    exchange: Exchange
    settings: Settings
    done: list[Done]

    @property
    def dialled(self) -> list[str]:
        """The numbers that rang, in order."""
        return self.exchange.far.dialled

    def plan(self, *accounts: str, campaign: str = "spring", **more: object) -> None:
        """Jobs that are due."""
        rows = [job(account, campaign, **more) for account in accounts]
        assert self.application.campaigns.add_jobs(rows, datetime.now(UTC)) == len(rows)

    def jobs(self, campaign: str = "spring") -> dict[str, Job]:
        """By account."""
        return by_account(self.application.campaigns.jobs(campaign))

    @asynccontextmanager
    async def dialing(self) -> AsyncIterator[None]:
        """The dialer runs inside the block."""
        task = asyncio.create_task(self.dialer.run())
        try:
            yield
        finally:
            self.dialer.stop()
            await task


Open = Callable[..., AbstractAsyncContextManager[Bank]]


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    no_models(monkeypatch)

    @asynccontextmanager
    async def open_bank(
        campaign: dict[str, object] | None = None, *, rules: str = "", count: int = 16, **telephony: object
    ) -> AsyncIterator[Bank]:
        async with far_end() as far:
            settings = bot_settings(tmp_path, far.server, **telephony)
            settings = settings.model_copy(update={"campaign": CampaignSettings(**(campaign or {}))})  # type: ignore[arg-type]
            if rules:
                settings = with_rules(settings, tmp_path / "rules", rules)
            with open_store(settings.paths.database) as store:
                files = write_example(tmp_path / "portfolio", today=datetime.now(UTC).date(), count=count)
                assert not import_portfolio(store.db, *files).problems
            exchange = Exchange(far)
            ringing = asyncio.create_task(exchange.run())
            try:
                async with Application(settings) as application:
                    done: list[Done] = []
                    yield Bank(application, application.dialer(done.append), exchange, settings, done)
            finally:
                ringing.cancel()

    return open_bank


def with_rules(settings: Settings, folder: Path, rules: str) -> Settings:
    """The bot obeys these rules of calling."""
    folder.mkdir()
    (folder / "daytime.yaml").write_text(rules)
    (folder / "none.yaml").write_text("profile: none\nversion: '1'\ntitle: none\n")
    return settings.model_copy(update={"paths": settings.paths.model_copy(update={"calling_rules": folder})})


def number(account: str) -> str:
    """The telephone number of an example account."""
    return account.replace("A-", "1555010")


async def test_each_outcome_has_its_next_step(bank: Open) -> None:
    async with bank() as bot:
        running(bot.application.campaigns)
        bot.plan("A-1001", "A-1002", "A-1003", "A-1004")
        bot.exchange.answers = {number("A-1002"): [404], number("A-1003"): [603], number("A-1004"): [503]}
        async with bot.dialing():
            await until(lambda: len(bot.done) == 4, "four calls", 10)
        assert {name: (row.state, row.state_reason, row.tries) for name, row in bot.jobs().items()} == {
            "A-1001": (JobState.PENDING, "busy", 1),
            "A-1002": (JobState.FAILED, "invalid number", 1),
            "A-1003": (JobState.PENDING, "rejected", 1),
            "A-1004": (JobState.PENDING, "failure", 1),
        }
        assert sorted(bot.dialled) == [number(f"A-100{n}") for n in (1, 2, 3, 4)]
        decisions = bot.application.campaigns.decisions(datetime.now(UTC) - timedelta(minutes=5))
        assert [decision.allowed for _, decision, _ in decisions] == [True] * 4


async def test_never_more_calls_than_free_lines_minus_the_reserve(bank: Open) -> None:
    most = 0
    async with bank(max_calls=4) as bot:
        running(bot.application.campaigns)
        bot.plan(*(f"A-10{n:02}" for n in range(1, 9)))
        bot.exchange.answers = {number(f"A-10{n:02}"): ["takes"] for n in range(1, 9)}
        bot.exchange.talks_s = 0.8
        async with bot.dialing():
            while len(bot.done) < 8:
                most = max(most, bot.application.supervisor.live)
                await asyncio.sleep(0.01)
                if len(bot.exchange.taken) == 3 and len(bot.done) == 0:
                    status, caller = await bot.exchange.far.call(Line(bot.settings.telephony.port))
                    assert status == 200, "the line that is kept for who calls us"
                    await caller.hang_up()
                    bot.exchange.taken.clear()
        assert most <= 4
        assert len(bot.dialled) == 8


@dataclass(frozen=True, slots=True)
class Line:
    """Where the bot listens."""

    port: int


async def test_caps_hold_across_campaigns_and_priority_chooses(bank: Open) -> None:
    async with bank({"max_lines": 2, "max_lines_each": 1}) as bot:
        store = bot.application.campaigns
        running(store, "low")
        running(store, "high")
        bot.plan("A-1001", "A-1002", campaign="low")
        bot.plan("A-1003", "A-1004", "A-1005", campaign="high", priority=5)
        bot.exchange.answers = {number(f"A-100{n}"): ["takes"] for n in range(1, 6)}
        most: dict[str, int] = {}
        async with bot.dialing():
            while len(bot.done) < 5:
                for name in ("low", "high"):
                    rows = bot.jobs(name).values()
                    most[name] = max(most.get(name, 0), sum(row.state is JobState.LEASED for row in rows))
                await asyncio.sleep(0.02)
        assert most == {"low": 1, "high": 1}


async def test_another_process_pauses_resumes_and_stops(bank: Open) -> None:
    async with bank({"max_lines": 1}) as bot:
        running(bot.application.campaigns)
        bot.plan("A-1001", "A-1002", "A-1003", "A-1004")
        bot.exchange.answers = {number(f"A-100{n}"): ["takes"] for n in range(1, 5)}
        with open_store(bot.settings.paths.database) as other:
            people = campaign_store(other)
            async with bot.dialing():
                await until(lambda: bot.exchange.taken, "the first call", 10)
                people.set_campaign_state("spring", CampaignState.PAUSED, "test", datetime.now(UTC))
                await until(lambda: len(bot.done) == 1, "its end", 5)
                await asyncio.sleep(1.2)
                assert len(bot.dialled) == 1, "somebody was called during the pause"
                assert read_state(state_file(bot.settings.paths.database)).taken == 0
                people.set_campaign_state("spring", CampaignState.RUNNING, "test", datetime.now(UTC))
                await until(lambda: len(bot.dialled) == 2, "the next call, within a second", 1.5)
                people.set_campaign_state("spring", CampaignState.STOPPED, "test", datetime.now(UTC))
                await asyncio.sleep(1.2)
        assert len(bot.dialled) == 2
        states = [row.state for row in bot.jobs().values()]
        assert states.count(JobState.CANCELLED) == 2
        with pytest.raises(CampaignError):
            bot.application.campaigns.set_campaign_state("spring", CampaignState.RUNNING, "test", datetime.now(UTC))


async def test_the_breaker_stops_dialing_into_a_dead_trunk(bank: Open) -> None:
    settings = {"breaker_failures": 3, "breaker_s": 1.5, "max_lines": 1, "failure_min": 0.001, "failure_tries": 9}
    async with bank(settings) as bot:
        running(bot.application.campaigns)
        bot.plan(*(f"A-10{n:02}" for n in range(1, 7)))
        bot.exchange.answers = {number(f"A-10{n:02}"): [503] for n in range(1, 7)}
        async with bot.dialing():
            await until(lambda: len(bot.done) == 3, "three failures", 10)
            await asyncio.sleep(0.8)
            assert len(bot.dialled) == 3, "it dialled on"
            assert read_state(state_file(bot.settings.paths.database)).breaker == "open"
            bot.exchange.answers = {}
            await until(lambda: len(bot.dialled) >= 6, "the trunk works again", 10)
        assert bot.dialer.breaker.opened_at is None


async def test_a_payment_cancels_what_is_pending_and_is_seen_right_before_the_dial(bank: Open) -> None:
    async with bank({"housekeeping_s": 0.5}) as bot:
        store = bot.application.campaigns
        running(store, kind=CampaignKind.REMINDER)
        later = datetime.now(UTC) + timedelta(hours=1)
        with open_store(bot.settings.paths.database) as bank_side:
            due = {row.id: row.loan for row in bank_side.accounts()}
            for account in ("A-1001", "A-1002"):
                pay(bank_side, account, due[account].due)
            bot.plan("A-1001", key=f"T-1:{due['A-1001'].due_on}", not_before=later)
            bot.plan("A-1002", key=f"T-1:{due['A-1002'].due_on}")
            bot.plan("A-1003", key=f"T-1:{due['A-1003'].due_on}")
            async with bot.dialing():
                await until(lambda: bot.jobs()["A-1001"].state is JobState.CANCELLED, "cancelled", 10)
                await until(lambda: bot.jobs()["A-1003"].tries == 1, "the one who owes is called", 10)
        assert {bot.jobs()[name].state_reason for name in ("A-1001", "A-1002")} == {"paid"}
        assert bot.dialled == [number("A-1003")]


def pay(store: object, account: str, amount: object) -> None:
    """A payment comes in."""
    now = datetime.now(UTC).isoformat()
    with store.db.write():  # type: ignore[attr-defined]
        row = {"id": f"P-{account}", "account_id": account, "amount": str(amount), "currency": "USD"}
        store.db.insert("payments", {**row, "paid_at": now, "imported_at": now})  # type: ignore[attr-defined]


async def test_what_runs_ends_politely_and_every_lease_is_given_back(bank: Open) -> None:
    async with bank({"max_lines": 2}) as bot:
        running(bot.application.campaigns)
        bot.plan("A-1001", "A-1002", "A-1003")
        bot.exchange.answers = {number(f"A-100{n}"): ["takes"] for n in range(1, 4)}
        bot.exchange.talks_s = 30
        dialing = asyncio.create_task(bot.dialer.run())
        await until(lambda: len(bot.exchange.taken) == 2, "two calls", 10)
        bot.dialer.stop()
        await bot.application.supervisor.drain(0.0)
        await dialing
        for phone in bot.exchange.taken:
            assert (await event(phone, Ended)).by == "bot"
        states = sorted(row.state for row in bot.jobs().values())
        assert states == [JobState.HUMAN, JobState.HUMAN, JobState.PENDING]
        tasks = bot.application.campaigns.tasks()
        assert {task.kind for task in tasks} == {"takeover"}
        assert len(tasks) == 2
        assert len(bot.dialled) == 2


async def test_three_tries_without_an_answer_and_a_person_takes_over(bank: Open) -> None:
    async with bank({"busy_min": 0.001}) as bot:
        running(bot.application.campaigns)
        bot.plan("A-1001")
        async with bot.dialing():
            await until(lambda: bot.jobs()["A-1001"].state is JobState.HUMAN, "a person has it", 15)
        assert bot.dialled == [number("A-1001")] * 3
        (task,) = bot.application.campaigns.tasks()
        assert (task.kind, task.account_id) == ("takeover", "A-1001")


async def test_an_agent_sends_the_robot(bank: Open) -> None:
    async with bank() as bot:
        running(bot.application.campaigns)
        bot.plan("A-1001", not_before=datetime.now(UTC) + timedelta(days=1))
        settings, job_id = bot.settings, bot.jobs()["A-1001"].id
        with open_store(settings.paths.database) as store, store.db.write():
            for agent, there in (("AG-1", 1), ("AG-2", 0)):
                store.db.insert("agents", {"id": agent, "name": agent, "role": "agent", "in_service": there})
        for nobody in ("AG-2", "AG-3"):
            with pytest.raises(CampaignError, match="no agent"):
                await campaign_run._dial(settings, job_id, nobody)
        assert bot.dialled == []
        store = bot.application.campaigns
        store.add_task("takeover", "no answer", "job:x", datetime.now(UTC), account_id="A-1001")
        now = datetime.now(UTC)
        leased = campaign_run._leased(bot.application, job_id, "AG-1")
        assert leased.id == job_id
        done = await work(bot.application.desk(), leased, by_person=True)
        assert done.reason == "busy"
        assert bot.dialled == [number("A-1001")]
        assert store.tasks() == ()
        assert bot.jobs()["A-1001"].plan.not_before > now


#: One zone for each part of the day.
ZONES = ("Asia/Tokyo", "Asia/Dhaka", "Africa/Nairobi", "Africa/Lagos", "America/Sao_Paulo", "America/Chicago")
ZONES += ("America/Los_Angeles", "Pacific/Honolulu", "Pacific/Auckland", "Asia/Karachi")
RULES = """
profile: daytime
version: "1"
title: By day, for this test
hours:
  - {from: "07:00", until: "21:00"}
"""


def zone_at(low: int, high: int) -> str:
    """A zone in which it is now between these hours."""
    hours = {name: datetime.now(ZoneInfo(name)).hour for name in ZONES}
    return next(name for name, hour in hours.items() if low <= hour < high)


async def test_a_campaign_of_forty_customers(bank: Open) -> None:
    """One sleeps, one asked not to be called, one is busy and then reached, one number does not exist."""
    awake, asleep = zone_at(8, 20), zone_at(0, 7)
    async with bank({"busy_min": 0.02, "max_lines": 6}, rules=RULES, count=40) as bot:
        store = bot.application.campaigns
        accounts = [f"A-10{n:02}" for n in range(1, 41)]
        with open_store(bot.settings.paths.database) as other, other.db.write():
            other.db.run("UPDATE customers SET timezone = ?", awake)
            other.db.run("UPDATE customers SET timezone = ? WHERE id = 'C-1004'", asleep)
            other.db.insert("do_not_call", {"customer_id": "C-1007", "since": datetime.now(UTC).isoformat()})
            numbers = {row["id"]: row["number"] for row in other.db.rows("SELECT id, number FROM customers")}
        bot.exchange.answers = {tel: ["takes"] for tel in numbers.values()}
        bot.exchange.answers[numbers["C-1010"]] = [486, "takes"]
        bot.exchange.answers[numbers["C-1011"]] = [404]
        running(store, profile="daytime")
        bot.plan(*accounts)
        async with bot.dialing():
            await until(lambda: len(bot.done) == 41, "all but the one who sleeps, one of them twice", 40)
        jobs = bot.jobs()
        assert (jobs["A-1004"].state, jobs["A-1004"].state_reason) == (JobState.PENDING, "hours")
        wakes = jobs["A-1004"].plan.not_before.astimezone(ZoneInfo(asleep))
        assert (wakes.hour, wakes.minute) == (7, 0)
        assert (jobs["A-1007"].state, jobs["A-1007"].state_reason) == (JobState.CANCELLED, "do_not_call")
        assert jobs["A-1010"].tries == 2
        assert jobs["A-1011"].state is JobState.FAILED
        called = sorted(numbers[f"C-{n}"] for n in range(1001, 1041) if n not in (1004, 1007))
        assert sorted(bot.dialled) == sorted([*called, numbers["C-1010"]])
        standing = store.standing("spring")
        assert sum(standing.outcomes.values()) == 39
        assert standing.outcomes["BUSY"] == 1
