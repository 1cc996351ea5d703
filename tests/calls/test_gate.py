"""The gate before real calls: outside the rules the customer's telephone sees no INVITE at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from storage.campaign import campaign_store
from storage.db import open_store
from tests.support.bots import bot_settings, example_database, no_models
from tests.support.far_end import FarEnd, far_end
from voicebot.app import Application
from voicebot.errors import CampaignError, DialForbidden
from voicebot.model.outcome import Disposition
from voicebot.settings import Settings

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]

RULES = """profile: test
version: "1"
title: Test
unknown_zone: no_call
hours: [{from: "08:00", until: "22:00"}]
caps: [{rule: two_a_day, max: 2, within: local_day, per: person}]
"""
#: Round the world, so that it is night in one of them and noon in another at any time.
ZONES = ("Pacific/Honolulu", "America/New_York", "Europe/Paris", "Asia/Karachi", "Asia/Tokyo", "Pacific/Auckland")

Open = Callable[..., AbstractAsyncContextManager[tuple[Application, FarEnd]]]


def where_it_is(low: int, high: int) -> str:
    """A zone in which the local hour is from `low` to before `high`."""
    return next(zone for zone in ZONES if low <= datetime.now(ZoneInfo(zone)).hour < high)


def change(settings: Settings, sql: str, *values: str) -> None:
    with open_store(settings.paths.database) as store, store.db.write():
        store.db.run(sql, *values)


@pytest.fixture
def open_bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    no_models(monkeypatch)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/test.yaml").write_text(RULES)

    @asynccontextmanager
    async def opened(zone: str, profile: str = "test") -> AsyncIterator[tuple[Application, FarEnd]]:
        async with far_end() as far:
            plain = bot_settings(tmp_path, far.server)
            paths = plain.paths.model_copy(update={"calling_rules": tmp_path / "rules"})
            rules = plain.campaign.model_copy(update={"profile": profile})
            settings = plain.model_copy(update={"paths": paths, "campaign": rules})
            example_database(settings)
            change(settings, "UPDATE customers SET timezone = ?", zone)
            async with Application(settings) as application:
                yield application, far
                for phone in far.phones:
                    await phone.close()

    return opened


async def busy(application: Application, far: FarEnd, account: str) -> Disposition:
    """Dial, and be refused by the customer's telephone."""
    dialing = asyncio.create_task(application.supervisor.dial(account, "reminder"))
    phone = await far.rings()
    phone.reject(486)
    return (await dialing).outcome.disposition


async def test_at_night_no_telephone_rings(open_bot: Open) -> None:
    zone = where_it_is(0, 7)
    async with open_bot(zone) as (application, far):
        with pytest.raises(DialForbidden) as caught:
            await application.supervisor.dial("A-1001", "reminder")
        assert caught.value.rule == "call_hours"
        assert caught.value.retry_at is not None
        assert caught.value.retry_at.astimezone(ZoneInfo(zone)).strftime("%H:%M:%S") == "08:00:00"
        assert far.dialled == []
        assert application.supervisor.live == 0
        ((_, decision, _),) = campaign_store(application.kit.store).decisions(  # type: ignore[arg-type]
            datetime(2026, 1, 1, tzinfo=UTC)
        )
        assert (decision.allowed, decision.rule) == (False, "call_hours")


async def test_the_third_call_of_a_day_is_not_made(open_bot: Open) -> None:
    async with open_bot(where_it_is(10, 20)) as (application, far):
        assert await busy(application, far, "A-1001") is Disposition.BUSY
        assert await busy(application, far, "A-1001") is Disposition.BUSY
        with pytest.raises(DialForbidden) as caught:
            await application.supervisor.dial("A-1001", "reminder")
        assert caught.value.rule == "two_a_day"
        assert len(far.dialled) == 2
        assert await busy(application, far, "A-1002") is Disposition.BUSY


async def test_who_may_be_anywhere_is_not_called(open_bot: Open) -> None:
    async with open_bot("UTC") as (application, far):
        with pytest.raises(DialForbidden) as caught:
            await application.supervisor.dial("A-1001", "reminder")
        assert (caught.value.rule, caught.value.retry_at) == ("zone_unknown", None)
        assert far.dialled == []


async def test_without_such_rules_nobody_is_called(open_bot: Open) -> None:
    async with open_bot(where_it_is(10, 20), profile="moon") as (application, far):
        with pytest.raises(CampaignError, match="named `moon`"):
            await application.supervisor.dial("A-1001", "reminder")
        assert far.dialled == []


async def test_rules_with_a_mistake_stop_the_start(open_bot: Open, tmp_path: Path) -> None:
    (tmp_path / "rules/test.yaml").write_text(RULES.replace("22:00", "08:00"))
    with pytest.raises(CampaignError, match=r"test\.yaml:5: .*the window is empty"):
        async with open_bot("Asia/Tokyo"):
            pass
