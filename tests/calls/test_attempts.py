"""Attempts at their edges, with the real SIP stack and no models: the cap, stopped while ringing, the longest time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sip_sim.phone import Ended
from storage.db import SqliteStore
from storage.records import CallRecord
from tests.support.bots import bot_settings, example_database, no_models
from tests.support.far_end import FarEnd, event, far_end
from tests.support.idle import tasks, udp_ports, until
from voicebot.app import Application
from voicebot.errors import AdmissionError, DialForbidden
from voicebot.model.outcome import Disposition, Outcome
from voicebot.model.records import AttemptStart

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]


class Bank:
    """A bot in this process and the telephones it reaches."""

    def __init__(self, application: Application, far: FarEnd, port: int) -> None:
        self.application, self.far, self.port = application, far, port
        self.supervisor = application.supervisor
        self._idle = (udp_ports(), tasks())

    async def attempts(self) -> list[CallRecord]:
        """All, oldest first."""
        store = self.application.kit.store
        assert isinstance(store, SqliteStore)
        summaries = await asyncio.to_thread(store.calls)
        return [store.call(summary.attempt_id) for summary in reversed(summaries)]

    async def idle(self) -> None:
        """No call, no task of one, no RTP socket: as after the start."""
        await until(lambda: self.supervisor.live == 0, "the calls' end")
        for phone in self.far.phones:
            await phone.close()
        await until(lambda: (udp_ports(), tasks()) == self._idle, "idle")


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    no_models(monkeypatch)

    @asynccontextmanager
    async def open_bank(codec: str = "PCMA", **telephony: object) -> AsyncIterator[Bank]:
        async with far_end(codec) as far:
            settings = bot_settings(tmp_path, far.server, **telephony)
            example_database(settings)
            async with Application(settings) as application:
                bank = Bank(application, far, settings.telephony.port)
                yield bank
                await bank.idle()

    return open_bank


async def test_more_inbound_calls_than_lines_are_refused_and_counted(bank) -> None:
    async with bank(max_calls=1) as bot:
        status, first = await bot.far.call(bot)
        assert status == 200
        refused = [(await bot.far.call(bot))[0] for _ in range(3)]
        assert refused == [503, 503, 503]
        assert bot.supervisor.refused == 3
        assert bot.supervisor.live == 1
        with pytest.raises(AdmissionError):
            await bot.supervisor.dial("A-1001", "reminder")
        await first.hang_up()
        await until(lambda: bot.supervisor.live == 0, "the line is free again")
        status, second = await bot.far.call(bot)
        assert status == 200
        await second.hang_up()
        await bot.idle()
        attempts = await bot.attempts()
        assert [a.outcome.disposition for a in attempts] == [Disposition.HUNG_UP, Disposition.HUNG_UP]
        assert bot.far.dialled == []


async def test_the_caller_is_gone_before_we_answer(bank) -> None:
    """A flood of calls that are given up at once: each is one attempt with one outcome, none stays."""
    async with bank() as bot:
        for _ in range(3):
            status, _ = await bot.far.call(bot, timeout_s=0.001)
            assert status in {0, 200}
        await bot.idle()
        attempts = await bot.attempts()
        assert len(attempts) <= 3
        assert {a.outcome.disposition for a in attempts} <= {Disposition.HUNG_UP}


async def test_stopped_while_it_rings(bank) -> None:
    async with bank() as bot:
        dialing = asyncio.create_task(bot.supervisor.dial("A-1001", "reminder"))
        phone = await bot.far.rings()
        dialing.cancel()
        assert (await event(phone, Ended)).by == "cancelled"
        with pytest.raises(asyncio.CancelledError):
            await dialing
        await bot.idle()
        (attempt,) = await bot.attempts()
        assert attempt.outcome.disposition is Disposition.TECHNICAL_FAILURE
        assert attempt.outcome.error == "interrupted"
        assert attempt.progress.answered_at is None


async def test_the_longest_time_ends_a_call(bank) -> None:
    async with bank(max_call_s=1.5) as bot:
        dialing = asyncio.create_task(bot.supervisor.dial("A-1001", "reminder"))
        phone = await bot.far.rings()
        phone.answer()
        assert (await event(phone, Ended)).by == "bot"
        result = await dialing
        assert result.outcome.hung_up_by == "bot"
        await bot.idle()
        (attempt,) = await bot.attempts()
        assert attempt.outcome == result.outcome
        assert attempt.progress.sip_status == 200


async def test_a_far_end_that_wants_another_codec(bank) -> None:
    async with bank("PCMA", codecs=("PCMU",)) as bot:
        dialing = asyncio.create_task(bot.supervisor.dial("A-1001", "reminder"))
        phone = await bot.far.rings()
        with pytest.raises(Exception, match="cannot answer"):
            phone.answer()
        result = await dialing
        assert result.outcome.disposition is Disposition.FAILED
        await bot.idle()
        (attempt,) = await bot.attempts()
        assert attempt.progress.sip_status == 488


async def test_nobody_takes_the_call(bank) -> None:
    async with bank(ring_timeout_s=0.6) as bot:
        dialing = asyncio.create_task(bot.supervisor.dial("A-1001", "reminder"))
        phone = await bot.far.rings()
        result = await dialing
        assert result.outcome.disposition is Disposition.NO_ANSWER
        assert (await event(phone, Ended)).by == "cancelled"
        await bot.idle()
        (attempt,) = await bot.attempts()
        assert attempt.progress.sip_status == 487
        assert attempt.outcome == result.outcome


async def test_one_account_is_not_called_twice_at_a_time(bank) -> None:
    async with bank() as bot:
        dialing = asyncio.create_task(bot.supervisor.dial("A-1001", "reminder"))
        phone = await bot.far.rings()
        with pytest.raises(Exception, match="open attempt"):
            await bot.supervisor.dial("A-1001", "reminder")
        phone.reject(486)
        assert (await dialing).outcome.disposition is Disposition.BUSY
        await bot.idle()
        assert len(bot.far.dialled) == 1


async def test_who_asked_not_to_be_called_is_not_called(bank) -> None:
    async with bank() as bot:
        store = bot.application.kit.store
        start = AttemptStart(
            "A-1001", "C-1001", "reminder", "v", "inbound", "h", "baresip", "2026-11-22T12:00:00+00:00"
        )
        attempt = await asyncio.to_thread(store.open_attempt, start)
        await asyncio.to_thread(store.close_attempt, attempt, Outcome(Disposition.DO_NOT_CALL, opt_out=True))
        with pytest.raises(DialForbidden):
            await bot.supervisor.dial("A-1001", "reminder")
        assert bot.far.dialled == []
        assert len(await bot.attempts()) == 1
