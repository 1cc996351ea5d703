"""`voicebot` as a program, ended in the middle of a call: by SIGKILL, by Ctrl-C, by SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sip_sim.hearing import SpeechStarted
from sip_sim.phone import Ended, Phone
from storage.db import open_reader, open_store
from storage.records import CallRecord
from tests.support.bots import Program, bot_settings, example_database, program, write_toml
from tests.support.far_end import NUMBER, FarEnd, event, far_end
from tests.support.idle import until
from voicebot.call.announcement import APOLOGY_S
from voicebot.model.outcome import Disposition
from voicebot.settings import Settings

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("nothing_left")]


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank with its telephones' exchange."""

    far: FarEnd
    settings: Settings
    toml: Path

    def only_attempt(self) -> CallRecord:
        """The one attempt in the database."""
        with open_reader(self.settings.paths.database) as reader:
            (summary,) = reader.calls()
            return reader.call(summary.attempt_id)

    def bot_track(self, attempt: CallRecord) -> tuple[float, float]:
        """Length of the recording, and where the bot's last sound in it ends; seconds."""
        assert attempt.progress.recording is not None
        with wave.open(str(self.settings.paths.recordings / attempt.progress.recording)) as recording:
            assert recording.getparams()[:3] == (2, 2, 8000)
            frames = recording.readframes(recording.getnframes())
            assert len(frames) == recording.getnframes() * 4
        right = np.frombuffer(frames, "<i2").reshape(-1, 2)[:, 1]
        return right.size / 8000, float(np.flatnonzero(np.abs(right) > 100).max(initial=0)) / 8000


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    async with far_end() as far:
        settings = bot_settings(tmp_path, far.server)
        example_database(settings)
        yield Bank(far, settings, write_toml(settings, tmp_path / "bank.toml"))


async def in_mid_call(bank: Bank, bot: Program) -> Phone:
    """The customer has answered and heard the bot for four seconds."""
    try:
        async with asyncio.timeout(60):
            phone = await bank.far.calls.get()
    except TimeoutError:
        pytest.fail("no call came:\n" + "\n".join(bot.lines))
    phone.ring()
    phone.answer()
    await event(phone, SpeechStarted, within_s=20)
    await until(lambda: phone.line.now > 4.0, "four seconds of call")
    return phone


async def test_sigkill_in_mid_call(bank: Bank) -> None:
    async with program(bank.toml, "dial", "reminder", "A-1001", "--quiet") as bot:
        phone = await in_mid_call(bank, bot)
        talked_s = phone.line.now
        bot.send(signal.SIGKILL)
        assert await bot.ends() == -signal.SIGKILL
    await phone.hang_up()
    attempt = bank.only_attempt()
    assert attempt.outcome is None
    assert attempt.progress.sip_status == 200
    length, last_sound = bank.bot_track(attempt)
    assert talked_s - 2.6 < length < talked_s + 0.5
    assert last_sound > length - 1.5

    async with program(bank.toml, "serve") as bot:  # the next start
        await until(lambda: any("answering calls" in line for line in bot.lines), "serving", 60)
        assert any(line.startswith("1 attempt(s) of an earlier run were cut short") for line in bot.lines)
        bot.send(signal.SIGTERM)
        assert await bot.ends() == 0
    settled = bank.only_attempt()
    assert settled.outcome is not None
    assert settled.outcome.disposition is Disposition.TECHNICAL_FAILURE
    assert settled.outcome.error == "interrupted"
    assert settled.progress.last_step == attempt.progress.last_step
    assert settled.outcome.last_step == attempt.progress.last_step is not None
    assert bank.far.dialled == [NUMBER], "somebody was called twice"
    with open_store(bank.settings.paths.database) as store:
        assert store.db.row("PRAGMA integrity_check") == {"integrity_check": "ok"}
        assert store.recover() == 0


async def test_ctrl_c_in_mid_call(bank: Bank) -> None:
    async with program(bank.toml, "dial", "reminder", "A-1001", "A-1002") as bot:
        phone = await in_mid_call(bank, bot)
        bot.send(signal.SIGINT)
        assert (await event(phone, Ended, within_s=APOLOGY_S + 3)).by == "bot"
        assert await bot.ends() == 130
    assert bot.lines[-1].startswith("stopped;")
    assert not [line for line in bot.lines if "Traceback" in line or "CRITICAL" in line]
    attempt = bank.only_attempt()
    assert attempt.outcome is not None
    assert attempt.outcome.disposition is Disposition.TECHNICAL_FAILURE
    assert attempt.outcome.error == "interrupted"
    assert attempt.progress.ended_at is not None
    assert phone.ladder.names().count("BYE") == 1
    assert bank.far.dialled == [NUMBER], "the next customer was called"
    with open_store(bank.settings.paths.database) as store:
        assert store.recover() == 0


async def test_sigterm_lets_the_running_call_end_by_itself(bank: Bank) -> None:
    async with program(bank.toml, "serve", "--drain", "60") as bot:
        await until(lambda: any("answering calls" in line for line in bot.lines), "serving", 60)
        line = BotAddress(bank.settings.telephony.port)
        status, phone = await bank.far.call(line)
        assert status == 200
        await event(phone, SpeechStarted, within_s=20)
        bot.send(signal.SIGTERM)
        await until(lambda: any("1 call(s) may end by themselves" in text for text in bot.lines), "draining")
        refused, _ = await bank.far.call(line)
        assert refused == 503
        assert bot.process.returncode is None
        assert not phone.ended
        await phone.hang_up()
        assert await bot.ends() == 0
    assert not [text for text in bot.lines if "Traceback" in text or "CRITICAL" in text]
    attempt = bank.only_attempt()
    assert attempt.outcome is not None
    assert attempt.outcome.disposition is Disposition.HUNG_UP
    assert attempt.outcome.hung_up_by == "caller"
    assert attempt.start.direction == "inbound"


async def test_sigterm_ends_a_call_politely_when_the_time_is_over(bank: Bank) -> None:
    async with program(bank.toml, "serve", "--drain", "1") as bot:
        await until(lambda: any("answering calls" in line for line in bot.lines), "serving", 60)
        status, phone = await bank.far.call(BotAddress(bank.settings.telephony.port))
        assert status == 200
        bot.send(signal.SIGTERM)
        assert (await event(phone, Ended, within_s=APOLOGY_S + 4)).by == "bot"
        assert await bot.ends() == 0
    attempt = bank.only_attempt()
    assert attempt.outcome is not None
    assert attempt.outcome.error == "interrupted"


@dataclass(frozen=True, slots=True)
class BotAddress:
    """Where a bot in another process listens."""

    port: int
