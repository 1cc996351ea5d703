"""`voicebot campaign run` as a program: asked to end in mid-call, and started again."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sip_sim.phone import Ended, Phone
from storage.campaign import campaign_store
from storage.db import open_store
from storage.portfolio import import_portfolio
from storage.portfolio_example import write_example
from tests.support.bots import Program, bot_settings, program, write_toml
from tests.support.far_end import FarEnd, event, far_end
from tests.support.idle import until
from tests.support.live_campaign import job, number, running
from voicebot.settings import CampaignSettings, Settings

pytestmark = [pytest.mark.timeout(90), pytest.mark.usefixtures("nothing_left")]

ACCOUNTS = [f"A-100{n}" for n in range(1, 5)]
QUICK = "tests.support.voicebot_without_models"


def bank(folder: Path, server: str) -> Settings:
    """Four customers to be called, two at a time."""
    settings = bot_settings(folder, server, recording=False)
    settings = settings.model_copy(update={"campaign": CampaignSettings(max_lines=2)})
    with open_store(settings.paths.database) as store:
        files = write_example(folder / "portfolio", today=datetime.now(UTC).date())
        assert not import_portfolio(store.db, *files).problems
        campaigns = campaign_store(store)
        running(campaigns)
        campaigns.add_jobs([job(account) for account in ACCOUNTS], datetime.now(UTC))
    return settings


async def two_calls(far: FarEnd, bot: Program) -> list[Phone]:
    """Both customers have answered."""
    try:
        async with asyncio.timeout(30):
            phones = [await far.calls.get(), await far.calls.get()]
    except TimeoutError:
        pytest.fail("no calls came:\n" + "\n".join(bot.lines))
    for phone in phones:
        phone.ring()
        phone.answer()
    await asyncio.sleep(1.0)
    return phones


async def test_sigterm_in_mid_call_and_the_next_start(tmp_path: Path) -> None:
    async with far_end() as far:
        settings = bank(tmp_path, far.server)
        toml = write_toml(settings, tmp_path / "bank.toml")
        async with program(toml, "campaign", "run", "spring", module=QUICK) as bot:
            first, second = await two_calls(far, bot)
            bot.send(signal.SIGTERM)
            await until(lambda: any("2 job(s) may end by themselves" in line for line in bot.lines), "stopping", 5)
            await first.hang_up()  # by itself
            await asyncio.sleep(0.5)
            assert not second.ended
            assert bot.process.returncode is None
            bot.send(signal.SIGINT)  # and now
            assert (await event(second, Ended)).by == "bot"
            assert await bot.ends() == 0
        assert len(far.dialled) == 2, "somebody was called after the signal"
        assert bot.lines[-1].startswith("stopped: what was not called stays planned")
        async with program(toml, "campaign", "run", "spring", "--until-done", module=QUICK) as bot:
            for phone in await two_calls(far, bot):
                await phone.hang_up()
            # Who hung up is to be called again, tomorrow: nothing is left for now, but not for good.
            await until(lambda: sum("again" in line for line in bot.lines) == 2, "both", 10)
            bot.send(signal.SIGTERM)
            assert await bot.ends() == 0
        assert not [line for line in bot.lines if "Traceback" in line or "CRITICAL" in line]
        assert sorted(far.dialled) == [number(account) for account in ACCOUNTS], "each once"
    with open_store(settings.paths.database) as store:
        rows = store.db.rows(
            "SELECT a.account_id, o.disposition FROM attempts a JOIN outcomes o ON a.id = o.attempt_id"
        )
        assert sorted(row["account_id"] for row in rows) == ACCOUNTS
        assert Counter(row["disposition"] for row in rows) == {"HUNG_UP": 3, "TECHNICAL_FAILURE": 1}
        assert [task.kind for task in campaign_store(store).tasks()] == ["takeover"]
        assert store.recover() == 0
