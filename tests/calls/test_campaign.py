"""Campaigns with real SIP calls and no models: who is called, how often, and what people decide meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller

from sip_sim.phone import Ended
from storage.campaign import campaign_store
from storage.db import open_store
from tests.support.bots import no_models
from tests.support.far_end import event
from tests.support.idle import until
from tests.support.live_campaign import Bank, number, open_bank, running
from tests.support.sms_gateway import sms_gateway
from voicebot.campaign.dialer_job import work
from voicebot.campaign.dialer_state import read_state, state_file
from voicebot.commands import campaign_run
from voicebot.demo.simulator import free_port
from voicebot.errors import CampaignError
from voicebot.model.campaign import CampaignKind, CampaignState, JobState, Method

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]


Open = Callable[..., AbstractAsyncContextManager[Bank]]


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """A bank without models."""
    no_models(monkeypatch)
    return partial(open_bank, tmp_path)


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
    accounts = [f"A-10{n:02}" for n in range(2, 10)]  # not the one who calls us
    async with bank({"housekeeping_s": 0.2}, max_calls=4) as bot:
        running(bot.application.campaigns)
        bot.plan(*accounts)
        bot.exchange.answers = {number(account): ["takes"] for account in accounts}
        bot.exchange.talks_s = 1.5
        most, inbound = 0, None
        async with bot.dialing():
            while len(bot.done) < 8:
                most = max(most, bot.dialer.running)
                assert bot.application.supervisor.live <= 4
                if inbound is None and len(bot.exchange.taken) == 3:
                    status, inbound = await bot.exchange.far.call(Line(bot.settings.telephony.port))
                    assert status == 200, "the line that is kept for who calls us"
                    await inbound.hang_up()
                await asyncio.sleep(0.01)
        assert most == 3
        assert len(bot.dialled) == 8
        # Freeing what dead processes held must not touch the calls that run here.
        assert dict(bot.application.campaigns.standing("spring").outcomes) == {"HUNG_UP": 8}


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
        # The two who hung up were to be called again the next morning: no more.
        assert {row.state for row in bot.jobs().values()} == {JobState.CANCELLED}
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
        store, now = bot.application.campaigns, datetime.now(UTC)
        store.add_task("takeover", "no answer", "job:x", now, account_id="A-1001")  # keeps the robot back, not people
        desk = bot.application.desk()
        assert (await work(desk, store.lease_job(job_id, now))).reason == "stopped"
        bot.plan("A-1001", key="another:2026-12-09")
        (other,) = store.jobs("spring", JobState.PENDING)
        assert (await work(desk, store.lease_job(other.id, now), by_person=True)).reason == "busy"
        assert bot.dialled == [number("A-1001")]


class Mailbox:
    """Keeps what the mail server gets."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - the library's name
        self.got.append(envelope.content)
        return "250 queued"


async def test_messages_leave_by_a_mail_server_and_a_gateway(bank: Open) -> None:
    box = Mailbox()
    mail = Controller(box, hostname="127.0.0.1", port=free_port())
    mail.start()
    try:
        async with sms_gateway() as gateway, bank(mail=f"127.0.0.1:{mail.port}", sms=gateway.url) as bot:
            store = bot.application.campaigns
            running(store)
            with open_store(bot.settings.paths.database) as other, other.db.write():
                other.db.run("UPDATE customers SET email = id || '@example.com'")
                other.db.insert("do_not_call", {"customer_id": "C-1002", "since": datetime.now(UTC).isoformat()})
            bot.plan("A-1001", "A-1002", method=Method.SMS)
            bot.plan("A-1003", method=Method.EMAIL)
            async with bot.dialing():
                await until(lambda: len(bot.done) == 3, "three messages", 10)
            states = {name: row.state for name, row in bot.jobs().items()}
            assert states == {"A-1001": JobState.DONE, "A-1002": JobState.CANCELLED, "A-1003": JobState.DONE}
            assert [one["to"] for one in gateway.got] == ["15550101001"]
            assert len(box.got) == 1
            assert dict(store.standing("spring").messages) == {"sent": 2}
    finally:
        mail.stop()


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
        assert (jobs["A-1004"].state, jobs["A-1004"].state_reason) == (JobState.PENDING, "call_hours")
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
