"""A customer says the number of a payment card, though nobody asked: no recording, transcript, database or log has it.

The number is the payment schemes' own for tests. The bot is the program `voicebot dial`, the caller a telephone.
"""

from __future__ import annotations

import asyncio
import re
import wave
from pathlib import Path

import numpy as np
import pytest

from sip_sim.voices import VoiceBox
from storage.db import open_reader
from tests.support.bots import PROMPTS, bot_settings, example_database, program, write_toml
from tests.support.far_end import asked, far_end
from voicebot.model.audio import MEDIA_RATE
from voicebot.nlu.card_numbers import MASK
from voicebot.settings import Settings

pytestmark = pytest.mark.timeout(120)

SPOKEN = "My card number is four one one one, one one one one, one one one one, one one one one."
DIGITS = "4111111111111111"
#: What must not be there: four of its digits and more, in figures or in words.
TOLD = re.compile(r"(?:4\W{0,2}1\W{0,2}1\W{0,2}1)|(?:four\W+one\W+one\W+one)|(?:1\W{0,2}){8}", re.IGNORECASE)


async def talked(settings: Settings) -> str:
    """The call; returns the bot's log."""
    sound = VoiceBox(PROMPTS.parent / "voices-cache").say("joe", SPOKEN)
    async with far_end() as far:
        settings = settings.model_copy(update={"trunk": settings.trunk.model_copy(update={"server": far.server})})
        toml = write_toml(settings, settings.paths.database.with_name("bank.toml"))
        async with program(toml, "-vv", "dial", "reminder", "A-1001") as bot:
            async with asyncio.timeout(60):
                phone = await far.calls.get()
            phone.ring()
            phone.answer()
            await asked(phone)
            phone.say(sound)
            await asked(phone)
            phone.press(DIGITS + "#")
            await asked(phone)
            await phone.hang_up()
            await bot.ends()
        await phone.close()
        return "\n".join(bot.lines)


def test_a_card_number_is_kept_nowhere(tmp_path: Path) -> None:
    settings = bot_settings(tmp_path, "127.0.0.1:1")
    example_database(settings)
    log = asyncio.run(talked(settings))
    with open_reader(settings.paths.database) as reader:
        (summary,) = reader.calls()
        record = reader.call(summary.attempt_id)
    replies = [turn for turn in record.turns if turn.reply_text]
    assert sum(MASK in str(turn.reply_text) for turn in replies) >= 2, [turn.reply_text for turn in replies]
    assert not [text for turn in replies for text in (turn.reply_text, *turn.slots.values()) if TOLD.search(str(text))]
    assert "a card number was said" in log
    assert not TOLD.search(log)
    for path in tmp_path.glob("bank.db*"):
        if path.is_file():
            assert DIGITS.encode() not in path.read_bytes()
            assert not re.search(rb"4111.?1111|four one one one", path.read_bytes())
    with wave.open(str(settings.paths.recordings / str(record.progress.recording))) as recording:
        both = np.frombuffer(recording.readframes(recording.getnframes()), "<i2").reshape(-1, 2)
    said = next(turn for turn in replies if MASK in str(turn.reply_text))
    assert said.reply_t0 is not None
    assert said.reply_t1 is not None
    span = slice(int(said.reply_t0 * MEDIA_RATE), int(said.reply_t1 * MEDIA_RATE))
    assert span.stop - span.start > 4 * MEDIA_RATE
    assert not both[span, 0].any()
    assert np.abs(both[:, 0]).max() <= 8  # the quietest step of G.711: nothing else was said
    assert both[: span.start, 1].any()
