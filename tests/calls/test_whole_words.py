"""Nothing of a word is lost: what the caller's own recording holds of the bot's prompts, and what the bot's holds.

The bot is the program `voicebot dial`; the caller is a telephone of the simulator in this process, whose recording
(both ways, exact to a sample from the answer) is the measure.
"""

from __future__ import annotations

import asyncio
import wave
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import correlate

from sip_sim.g711 import RATE, Samples, through
from sip_sim.hearing import SpeechEnded, SpeechStarted, speech_spans
from sip_sim.phone import Ended, Phone
from sip_sim.voices import VoiceBox
from storage.db import open_reader
from tests.support.bots import PROMPTS, bot_settings, example_database, program, write_toml
from tests.support.far_end import event, far_end
from voicebot.engines.choose import choose_synthesizer
from voicebot.engines.prompt_cache import PromptCache
from voicebot.media.arrivals import LATE_S
from voicebot.model.outcome import Disposition
from voicebot.model.records import Turn
from voicebot.settings import Settings

pytestmark = pytest.mark.timeout(120)

#: What must be whole of the first and the last sound of a prompt.
EDGE = round(0.150 * RATE)
#: Sound is looked for in pieces of this length, and its edges this far from where most of it lies.
PIECE, ROOM = round(0.4 * RATE), round(0.3 * RATE)
PROMPTS_SAID = (
    "greeting.hello",
    "greeting.notice",
    "right_party.ask",
    "right_party.confirm",
    "right_party.wrong_party",
)
#: Answers of the caller, one a turn.
ANSWERS = ("No, you have the wrong number.", "No, I am not.")


@dataclass(frozen=True, slots=True)
class Call:
    """One call as both sides recorded it. `prompts`: the sound of each of `turns`; gaps in seconds."""

    codec: str
    answers: tuple[Samples, ...]
    sent: Samples
    heard: Samples
    caller_side: Samples
    bot_side: Samples
    turns: tuple[Turn, ...]
    prompts: tuple[Samples, ...]
    gaps: tuple[float, ...]
    first_audio_s: float | None
    mode: int


async def played(phone: Phone, answers: tuple[Samples, ...]) -> None:
    """Answer each turn of the bot when it has been silent for a while; until it hangs up."""
    left = list(answers)
    ended = None
    while not isinstance(ended, Ended):
        ended = await event(phone, SpeechEnded, Ended, within_s=30)
        if isinstance(ended, Ended) or not left:
            continue
        try:
            ended = await event(phone, SpeechStarted, Ended, within_s=0.9)
        except TimeoutError:
            phone.say(left.pop(0))
            await event(phone, SpeechStarted, Ended, within_s=15)


async def talked(codec: str, folder: Path) -> tuple[Phone, Settings]:
    """A reminder that reaches a wrong number: greeting, notice, two questions, goodbye."""
    box = VoiceBox(PROMPTS.parent / "voices-cache")
    answers = tuple(box.say("joe", text) for text in ANSWERS)
    async with far_end(codec) as far:
        settings = bot_settings(folder, far.server, codecs=(codec,))
        example_database(settings)
        toml = write_toml(settings, folder / "bank.toml")
        async with program(toml, "dial", "reminder", "A-1001", "--quiet") as bot:
            async with asyncio.timeout(60):
                phone = await far.calls.get()
            phone.ring()
            phone.answer()
            await played(phone, answers)
            assert await bot.ends() == 0, bot.lines
        await phone.close()
    return phone, settings


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Call]:
    """One call in each codec, both at once."""
    folders = {codec: tmp_path_factory.mktemp(codec) for codec in ("PCMA", "PCMU")}

    async def both() -> list[tuple[Phone, Settings]]:
        return await asyncio.gather(*(talked(codec, folder) for codec, folder in folders.items()))

    talks = zip(folders, asyncio.run(both()), strict=True)
    return {codec: measured(codec, phone, settings) for codec, (phone, settings) in talks}


@pytest.fixture(params=["PCMA", "PCMU"])
def call(request: pytest.FixtureRequest, calls: dict[str, Call]) -> Call:
    """The call in this codec."""
    return calls[request.param]


def measured(codec: str, phone: Phone, settings: Settings) -> Call:
    """What the call left: the telephone's recording, the bot's, the rows."""
    sent, heard = phone.line.recorder.tracks()
    timing = phone.line.recorder.timing()
    with open_reader(settings.paths.database) as reader:
        (summary,) = reader.calls()
        record = reader.call(summary.attempt_id)
    assert record.outcome is not None
    assert record.outcome.disposition is Disposition.WRONG_PARTY
    recording = settings.paths.recordings / str(record.progress.recording)
    left, right = stereo(recording)
    cache = PromptCache(choose_synthesizer(settings, "en"), PROMPTS)
    box = VoiceBox(PROMPTS.parent / "voices-cache")
    turns = tuple(turn for turn in record.turns if turn.prompt_text)
    return Call(
        codec=codec,
        answers=tuple(through(codec, box.say("joe", text)) for text in ANSWERS),
        sent=sent,
        heard=heard,
        caller_side=left,
        bot_side=right,
        turns=turns,
        prompts=tuple(np.frombuffer(cache.get(turn.prompt_text).pcm16, dtype=np.int16) for turn in turns),
        gaps=timing.reply_gaps_s,
        first_audio_s=timing.first_audio_s,
        mode=recording.stat().st_mode | recording.parent.stat().st_mode,
    )


def stereo(path: Path) -> tuple[Samples, Samples]:
    """Left and right of the bot's own recording."""
    with wave.open(str(path)) as recording:
        both = np.frombuffer(recording.readframes(recording.getnframes()), "<i2").reshape(-1, 2)
    return both[:, 0].astype(np.int16), both[:, 1].astype(np.int16)


def sounding(samples: Samples) -> Samples:
    """Without the silence at its ends."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 200)
    return samples[loud[0] : loud[-1] + 1]


def likeness(wanted: Samples, track: Samples) -> NDArray[np.float64]:
    """Normalised cross-correlation at every place of `wanted` in `track`: 1 where it is exactly there."""
    a, b = wanted.astype(float), track.astype(float)
    energy = np.cumsum(np.concatenate([[0.0], b**2]))
    power = energy[a.size :] - energy[: -a.size]
    return np.asarray(correlate(b, a, "valid") / np.sqrt(np.maximum(power, 1.0) * (a**2).sum()))


def place(wanted: Samples, track: Samples) -> int:
    """The sample at which `wanted` begins in `track`: where most of its pieces are (a stutter may move some)."""
    at = 0
    starts = []
    for piece in np.array_split(wanted, max(1, wanted.size // PIECE)):
        found = likeness(piece, track)
        if found.max() > 0.8:
            starts.append(int(found.argmax()) - at)
        at += piece.size
    assert starts, "not there"
    return int(np.median(starts))


def edges(call: Call, prompt: Samples) -> tuple[float, float]:
    """How whole its first and its last 150 ms are in the caller's recording; looked for where the prompt lies."""
    sound = sounding(through(call.codec, prompt))
    at = place(sound, call.heard)
    start = call.heard[max(0, at - ROOM) : at + EDGE + ROOM]
    end = call.heard[max(0, at + sound.size - EDGE - ROOM) : at + sound.size + ROOM]
    return float(likeness(sound[:EDGE], start).max()), float(likeness(sound[-EDGE:], end).max())


def test_no_first_and_no_last_word_is_clipped(call: Call) -> None:
    for which in (0, -1):
        first, last = edges(call, call.prompts[which])
        assert first >= 0.9, f"the beginning of {call.turns[which].prompt}"
        assert last >= 0.9, f"the end of {call.turns[which].prompt}"


def test_every_prompt_is_heard_once_and_in_order(call: Call) -> None:
    assert [turn.prompt for turn in call.turns] == list(PROMPTS_SAID)
    sounds = [sounding(through(call.codec, prompt)) for prompt in call.prompts]
    places = [place(sound, call.heard) for sound in sounds]
    assert all(before < after for before, after in pairwise(places))
    for sound, at in zip(sounds, places, strict=True):
        elsewhere = call.heard.copy()
        elsewhere[max(0, at - ROOM) : at + sound.size + ROOM] = 0
        assert likeness(sound, elsewhere).max() < 0.7


def test_the_reply_gap_is_told(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(call.gaps) == len(ANSWERS)
    with capsys.disabled():
        shown = ", ".join(f"{gap * 1000:.0f}" for gap in call.gaps)
        print(f"\n{call.codec}: first audio after {call.first_audio_s} s; reply gaps {shown} ms")  # noqa: T201


def test_the_caller_is_not_recorded_before_the_notice_was_said(call: Call) -> None:
    which = PROMPTS_SAID.index("greeting.notice")
    said = round(call.turns[which].prompt_t1 * RATE)
    assert not call.caller_side[: said - round(LATE_S * RATE)].any()
    assert call.caller_side[said:].any()
    assert likeness(sounding(call.prompts[which]), call.bot_side).max() > 0.99


def test_both_recordings_tell_the_same(call: Call) -> None:
    """Each side of the bot's recording, moved by one constant, lies within 60 ms of the caller's at every utterance."""
    prompts = [sounding(prompt) for prompt in call.prompts]
    bot = [place(prompt, call.heard) - place(prompt, call.bot_side) for prompt in prompts]
    caller = [place(answer, call.caller_side) - place(answer, call.sent) for answer in call.answers]
    for lags in (bot, caller):
        assert max(lags) - min(lags) <= 0.060 * RATE, lags
    around = (np.median(bot) + np.median(caller)) / RATE  # from the bot's clock out to the caller and back
    assert 0 <= around < 0.5


def test_the_recording_is_for_its_owner_alone(call: Call) -> None:
    assert call.mode & 0o077 == 0


def test_the_two_sides_do_not_leak_into_each_other(call: Call) -> None:
    assert len(speech_spans(call.caller_side, join_s=0.8)) == len(ANSWERS)
