"""A customer does not want to be recorded: no sound of the customer is kept, the call goes on, the next one is not
recorded. The bot is the program `voicebot dial`, the caller a telephone.
"""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from sip_sim.hearing import SpeechStarted
from sip_sim.voices import VoiceBox
from storage.db import open_reader, open_store
from tests.support.bots import PROMPTS, bot_settings, example_database, no_models, program, write_toml
from tests.support.far_end import FarEnd, asked, event, far_end
from voicebot.app import Application
from voicebot.model.audio import MEDIA_RATE
from voicebot.settings import Settings

pytestmark = pytest.mark.timeout(120)

ANSWERS = ("Please do not record me.", "Yes, this is Joe Miller.")


async def refused(settings: Settings, far: FarEnd) -> None:
    """The first call: refuses, is asked again who it is, and goes on."""
    box = VoiceBox(PROMPTS.parent / "voices-cache")
    sounds = [box.say("joe", text) for text in ANSWERS]
    toml = write_toml(settings, settings.paths.database.with_name("bank.toml"))
    async with program(toml, "dial", "reminder", "A-1001") as bot:
        async with asyncio.timeout(60):
            phone = await far.calls.get()
        phone.ring()
        phone.answer()
        await asked(phone)
        for sound in sounds:
            phone.say(sound)
            await asked(phone)
        await phone.hang_up()
        await bot.ends()
    await phone.close()


async def called_again(settings: Settings, far: FarEnd) -> None:
    """The second call, without models: the bot beeps its greeting, the customer hangs up."""
    async with Application(settings) as application:
        dialing = asyncio.create_task(application.supervisor.dial("A-1001", "reminder"))
        phone = await far.rings()
        phone.answer()
        await event(phone, SpeechStarted, within_s=10)
        await phone.hang_up()
        await dialing
        await phone.close()


async def both_calls(folder: Path) -> Settings:
    async with far_end() as far:
        settings = bot_settings(folder, far.server)
        example_database(settings)
        await refused(settings, far)
        paths = settings.paths.model_copy(update={"prompt_cache": folder / "beeps"})
        await called_again(settings.model_copy(update={"paths": paths}), far)
    return settings


def test_who_refuses_is_not_recorded_and_served_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_models(monkeypatch)
    recordings = asyncio.run(both_calls(tmp_path)).paths.recordings
    with open_reader(tmp_path / "bank.db") as reader:
        second, first = (reader.call(summary.attempt_id) for summary in reader.calls())
    prompts = [turn.prompt for turn in first.turns]
    assert prompts[-1] == "identity.ask_birth_date", prompts
    told = next(turn for turn in first.turns if turn.prompt == "everywhere.no_recording")
    with wave.open(str(recordings / str(first.progress.recording))) as recording:
        both = np.frombuffer(recording.readframes(recording.getnframes()), "<i2").reshape(-1, 2)
    assert not both[:, 0].any()
    assert both[:, 1].any()
    assert len(both) <= told.prompt_t0 * MEDIA_RATE
    assert "recorded" in next(turn.prompt_text for turn in first.turns if turn.prompt == "greeting.notice")
    assert second.progress.recording is None
    assert len(list(recordings.rglob("*.wav"))) == 1
    with open_store(tmp_path / "bank.db") as store:
        consent = store.consent("C-1001", "recording")
    assert consent is not None
    assert (consent.granted, consent.basis) == (False, "spoken")
