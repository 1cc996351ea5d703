"""Campaigns for tests: customers, a campaign that runs, its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sip_sim.phone import Phone
from storage.campaign import SqliteCampaignStore
from storage.db import open_store
from storage.portfolio import import_portfolio
from storage.portfolio_example import write_example
from tests.support.bots import bot_settings
from tests.support.far_end import FarEnd, far_end
from tests.support.tone_talk import tone
from voicebot.app import Application
from voicebot.call.observer import NoObserver
from voicebot.campaign.dialer import Dialer
from voicebot.campaign.dialer_job import Done
from voicebot.model.campaign import CampaignKind, CampaignRow, CampaignState, Job, Method, NewJob
from voicebot.settings import CampaignSettings, EmailSettings, Settings, SmsSettings


def running(
    store: SqliteCampaignStore,
    campaign_id: str = "spring",
    flow: str = "reminder",
    profile: str = "none",
    kind: CampaignKind = CampaignKind.FOLLOW_UP,
) -> str:
    """A campaign that runs, without jobs."""
    now = datetime.now(UTC)
    store.add_campaign(CampaignRow(campaign_id, campaign_id, kind, flow, profile, "text", "sha", now))
    store.set_campaign_state(campaign_id, CampaignState.RUNNING, "test", now)
    return campaign_id


def job(account: str, campaign_id: str = "spring", method: Method = Method.PHONE, **more: object) -> NewJob:
    """Due since a minute ago."""
    now = datetime.now(UTC)
    plan: dict[str, object] = {
        "campaign_id": campaign_id,
        "account_id": account,
        "customer_id": account.replace("A-", "C-"),
        "method": method,
        "flow": "reminder",
        "rule": "rule",
        "key": "rule:2026-12-01",
        "not_before": now - timedelta(minutes=1),
        **more,
    }
    return NewJob(**plan)  # type: ignore[arg-type]


def by_account(jobs: Sequence[Job]) -> dict[str, Job]:
    """Each account's job."""
    return {row.plan.account_id: row for row in jobs}


@dataclass(slots=True)
class Exchange:
    """The customers' telephones. `answers`: what a number does, one after the other, the last one for good: a SIP
    status, "takes" (and hangs up after `talks_s`) or "talks" (see Talks). Busy where nothing is said."""

    far: FarEnd
    answers: dict[str, list[int | str]] = field(default_factory=dict)
    talks_s: float = 0.3
    taken: list[Phone] = field(default_factory=list)
    talking: dict[str, Phone] = field(default_factory=dict)

    async def run(self) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as talks:
            seen = 0
            while True:
                phone = await self.far.calls.get()
                number, seen = self.far.dialled[seen], seen + 1
                wanted = self.answers.get(number, [486])
                talks.create_task(self._one(phone, number, wanted.pop(0) if len(wanted) > 1 else wanted[0]))

    async def _one(self, phone: Phone, number: str, answer: int | str) -> None:
        phone.ring()
        if isinstance(answer, int):
            phone.reject(answer)
            return
        phone.answer()
        self.taken.append(phone)
        if answer == "talks":
            self.talking[number] = phone
            return
        await asyncio.sleep(self.talks_s)
        await phone.hang_up()


@dataclass(slots=True)
class Talks(NoObserver):
    """What customers answer, by their number: a piece of a prompt, and the keys or the phrase (tone_talk) that follow.
    Prompts are known by their text: no ear is needed, and what is said back goes through the telephone."""

    replies: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Set once the bank is open.
    exchange: Exchange | None = None
    _numbers: dict[int, str] = field(default_factory=dict)

    def attempt_started(self, attempt_id: int, account_id: str | None, flow: str, direction: str) -> None:
        """Whose call it is."""
        self._numbers[attempt_id] = number(account_id or "")

    def bot_says(self, attempt_id: int, text: str, t: float) -> None:
        """The customer waits until it is said, and answers."""
        for part, reply in self.replies.get(self._numbers[attempt_id], {}).items():
            if part in text:
                asyncio.get_running_loop().call_later(0.6, self._reply, self._numbers[attempt_id], reply)
                return

    def _reply(self, number: str, reply: str) -> None:
        assert self.exchange is not None
        phone = self.exchange.talking[number]
        if reply.isdecimal():
            phone.press(reply)
        else:
            phone.say(tone(reply))


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


def with_rules(settings: Settings, folder: Path, rules: str) -> Settings:
    """The bot obeys these rules of calling."""
    folder.mkdir()
    (folder / "daytime.yaml").write_text(rules)
    (folder / "none.yaml").write_text("profile: none\nversion: '1'\ntitle: none\n")
    return settings.model_copy(update={"paths": settings.paths.model_copy(update={"calling_rules": folder})})


def number(account: str) -> str:
    """The telephone number of an example account."""
    return account.replace("A-", "1555010")


def _example(settings: Settings, folder: Path, count: int) -> None:
    with open_store(settings.paths.database) as store:
        files = write_example(folder, today=datetime.now(UTC).date(), count=count)
        assert not import_portfolio(store.db, *files).problems


@asynccontextmanager
async def open_bank(
    folder: Path,
    campaign: dict[str, object] | None = None,
    *,
    rules: str = "",
    count: int = 16,
    mail: str = "",
    sms: str = "",
    prepare: Callable[[Settings], None] | None = None,
    observer: Talks | None = None,
    **telephony: object,
) -> AsyncIterator[Bank]:
    """A bank with the example portfolio (or what `prepare` puts into its database) and these settings, in this process;
    `rules`: of calling, named daytime."""
    async with far_end() as far:
        settings = bot_settings(folder, far.server, **telephony)
        sections = {
            "campaign": CampaignSettings(**(campaign or {})),  # type: ignore[arg-type]
            "email": EmailSettings(server=mail, security="none"),
            "sms": SmsSettings(url=sms),
        }
        settings = settings.model_copy(update=sections)
        if rules:
            settings = with_rules(settings, folder / "rules", rules)
        if prepare is not None:
            prepare(settings)
        else:
            _example(settings, folder / "portfolio", count)
        exchange = Exchange(far)
        if observer is not None:
            observer.exchange = exchange
        ringing = asyncio.create_task(exchange.run())
        try:
            async with Application(settings, observer) as application:
                done: list[Done] = []
                yield Bank(application, application.dialer(done.append), exchange, settings, done)
        finally:
            ringing.cancel()
