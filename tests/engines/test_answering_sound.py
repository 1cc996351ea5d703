"""Who answered, from sound: people and machines of the set, spoken, through G.711, voice activity and Whisper."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sip_sim.voices import VoiceBox
from tests.support.answering_set import ANNOUNCEMENTS, IVR, PEOPLE, SCREENING, VOICEMAIL, Answer, Beep, Say
from voicebot.call.answered import Answered
from voicebot.engines.choose import choose_activity
from voicebot.engines.whisper_asr import WhisperRecognizer
from voicebot.model.audio import MEDIA_RATE, AudioFrame
from voicebot.nlu.language import load_language
from voicebot.settings import PROJECT

PHRASES = load_language(PROJECT / "scripts_templates", PROJECT / "callflows", "en").answering
#: Some of each kind: a recognition takes 0.1 s.
MACHINES = (*VOICEMAIL[:3], VOICEMAIL[4], SCREENING[0], SCREENING[1], IVR[0], ANNOUNCEMENTS[0])
PERSONS = (PEOPLE[0], PEOPLE[5], PEOPLE[7], PEOPLE[8], PEOPLE[9], PEOPLE[10], PEOPLE[18])


#: The bot's greeting, its notice and its first question.
BOT_TALKS_S = 9.0


class Line:
    """Where the call's time is, and whether the bot talks."""

    t = 0.0

    @property
    def playing(self) -> bool:
        return self.t < BOT_TALKS_S


def tone(hz: float, seconds: float) -> NDArray[np.float64]:
    return 9000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * MEDIA_RATE)) / MEDIA_RATE)


def mulaw(sound: NDArray[np.float64]) -> bytes:
    x = np.clip(sound / 32768, -1, 1)
    code = np.round(np.sign(x) * np.log1p(255 * np.abs(x)) / np.log(256) * 127) / 127
    return bytes((np.sign(code) * (256 ** np.abs(code) - 1) / 255 * 32767).astype(np.int16).tobytes())


def sound_of(answer: Answer, voices: VoiceBox, voice: str = "heart") -> bytes:
    parts = []
    for event in answer.events:
        parts.append(np.zeros(round(event.after * MEDIA_RATE)))
        if isinstance(event, Say):
            parts.append(voices.say(voice, event.text).astype(np.float64))
        elif isinstance(event, Beep):
            parts.append(tone(1000, 0.4))
        else:
            parts += [tone(hz, 0.33) for hz in (950, 1400, 1800)]
    sound = np.concatenate([*parts, np.zeros(3 * MEDIA_RATE)])
    return mulaw(sound + np.random.default_rng(1).normal(0, 60, sound.size))


@pytest.fixture(scope="module")
def whisper() -> WhisperRecognizer:
    return WhisperRecognizer(PROJECT / "models" / "whisper-tiny-en")


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> VoiceBox:
    kept = Path(PROJECT / "var" / "tests" / "answering")
    return VoiceBox(cache=kept if kept.parent.is_dir() else tmp_path_factory.mktemp("voices"))


async def answered_by(answer: Answer, whisper: WhisperRecognizer, voices: VoiceBox) -> tuple[str, str]:
    """Kind and cause; recognition takes no time here, so that the machine's load decides nothing."""
    line, pcm, activity = Line(), sound_of(answer, voices), choose_activity().start()
    with ThreadPoolExecutor(1) as pool:
        answered = Answered(line, whisper, pool, PHRASES, lambda who, cause: None)
        for at in range(0, len(pcm), 320):
            frame = AudioFrame(pcm[at : at + 320], MEDIA_RATE, line.t)
            answered.on_chunks(frame, activity.accept(frame))
            line.t += 0.02
            while running := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(running)
        verdict = answered.verdict
        await answered.finish()
    return verdict.kind if verdict.machine else "human", verdict.cause


@pytest.mark.parametrize("answer", PERSONS, ids=lambda a: a.name)
async def test_a_person_who_speaks_is_one(answer, whisper, voices) -> None:
    kind, cause = await answered_by(answer, whisper, voices)
    assert kind == "human", cause


@pytest.mark.parametrize("answer", MACHINES, ids=lambda a: a.name)
async def test_a_machine_that_speaks_is_one(answer, whisper, voices) -> None:
    kind, cause = await answered_by(answer, whisper, voices)
    assert kind == answer.kind, cause
