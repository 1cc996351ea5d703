"""The listener in audio time: a line and a recogniser that do as they are told, everything else real."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from voicebot.call.listener import Listener, Question
from voicebot.call.understanding import Understanding
from voicebot.model.audio import MEDIA_RATE, AudioFrame, SpeechChunk
from voicebot.model.speech import Digits, Utterance
from voicebot.nlu.language import load_language
from voicebot.settings import PROJECT, TurnSettings

SPEECH, SILENCE = b"\x01\x00", b"\x00\x00"
LANGUAGE = load_language(PROJECT / "scripts_templates", PROJECT / "callflows", "en")


class FakeLine:
    """Plays what it is told to; keeps what the listener did to it."""

    def __init__(self):
        self.t = 0.0
        self.playing = False
        self.paused = False
        self.done = []

    def add_listener(self, listener):
        self.on_frame = listener

    def pause(self):
        self.paused = True
        self.done.append("pause")

    def resume(self):
        if self.paused:
            self.done.append("resume")
        self.paused = False

    def stop(self):
        if self.playing:
            self.done.append("stop")
        self.playing = self.paused = False


class Activity:
    """Speech where the frame's first sample is not 0."""

    def accept(self, frame):
        return (SpeechChunk(frame.t, frame.t_end, 0.95 if frame.pcm16[:2] != SILENCE else 0.02),)


class Stream:
    def __init__(self, words):
        self.words = words

    def accept(self, frame):
        return None

    def snapshot(self):
        return Utterance(self.words[0] if len(self.words) == 1 else self.words.pop(0))

    finish = snapshot


class FakeRecognizer:
    name, streaming = "fake", False

    def __init__(self, *words):
        self.words = list(words)

    def start(self, phrases=None):
        return Stream(self.words)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def make(pool, *words):
    line = FakeLine()
    understanding = Understanding(LANGUAGE, date(2026, 11, 22))
    listener = Listener(
        line, FakeRecognizer(*words), Activity(), understanding, TurnSettings(), pool, lambda frame, chunks: None
    )
    return line, listener


async def hear(line, sample: bytes, seconds: float) -> None:
    """So many seconds of sound; recognitions may finish in between, as they do on a real line."""
    for _ in range(round(seconds / 0.02)):
        line.on_frame(AudioFrame(sample * 160, MEDIA_RATE, line.t))
        line.t = round(line.t + 0.02, 4)
        await asyncio.sleep(0.0005)


def ask(listener, expects=("affirm_deny",), no_input_s=3.0, barge_in=True):
    return asyncio.create_task(listener.listen(Question(tuple(expects), no_input_s, barge_in)))


async def test_a_complete_answer_ends_soon_after_the_silence(pool):
    line, listener = make(pool, "yes")
    answer = ask(listener)
    await hear(line, SILENCE, 1.0)
    await hear(line, SPEECH, 0.8)
    await hear(line, SILENCE, 0.6)
    assert answer.done()
    assert answer.result().text == "yes"
    assert answer.result().t0 == pytest.approx(1.0, abs=0.05)
    assert answer.result().t1 == pytest.approx(1.8, abs=0.05)


async def test_an_incomplete_answer_is_waited_for(pool):
    line, listener = make(pool, "four", "four seven one one")
    answer = ask(listener, ["digits:4"])
    await hear(line, SPEECH, 0.6)
    await hear(line, SILENCE, 0.7)
    assert not answer.done()
    await hear(line, SPEECH, 0.9)
    await hear(line, SILENCE, 0.7)
    assert answer.result().text == "four seven one one"


async def test_silence_is_no_input_counted_from_the_end_of_the_prompt(pool):
    line, listener = make(pool, "yes")
    line.playing = True
    answer = ask(listener, no_input_s=2.0)
    await hear(line, SILENCE, 4.0)
    assert not answer.done()
    line.playing = False
    await hear(line, SILENCE, 1.8)
    assert not answer.done()
    await hear(line, SILENCE, 0.4)
    assert answer.result() is None


async def test_an_answer_stops_the_prompt(pool):
    line, listener = make(pool, "yes it is")
    line.playing = True
    answer = ask(listener)
    await hear(line, SPEECH, 0.5)
    assert line.done == ["pause"]
    await hear(line, SILENCE, 0.7)
    assert line.done == ["pause", "stop"]
    assert answer.result().barged_in


@pytest.mark.parametrize("noise", ["", "mm-hm", "uh"])
async def test_a_cough_does_not(pool, noise):
    line, listener = make(pool, noise)
    line.playing = True
    answer = ask(listener)
    await hear(line, SPEECH, 0.4)
    await hear(line, SILENCE, 1.5)
    assert line.done == ["pause", "resume"]
    assert line.playing
    assert not answer.done()
    answer.cancel()


async def test_a_prompt_that_may_not_be_stopped_is_not(pool):
    line, listener = make(pool, "yes")
    line.playing = True
    answer = ask(listener, barge_in=False)
    await hear(line, SPEECH, 2.0)
    await hear(line, SILENCE, 1.0)
    assert line.done == []
    assert not answer.done()
    answer.cancel()


async def test_who_began_to_answer_just_before_the_end_of_the_prompt_is_heard(pool):
    line, listener = make(pool, "yes")
    await hear(line, SPEECH, 0.5)
    answer = ask(listener, barge_in=False)
    await hear(line, SPEECH, 0.3)
    await hear(line, SILENCE, 0.7)
    assert answer.result().text == "yes"


async def test_sound_without_words_is_no_answer(pool):
    line, listener = make(pool, "")
    answer = ask(listener, no_input_s=2.0)
    await hear(line, SPEECH, 1.0)
    await hear(line, SILENCE, 1.5)
    assert not answer.done()
    await hear(line, SILENCE, 2.0)
    assert answer.result() is None


async def test_keys_answer_too(pool):
    line, listener = make(pool, "yes")
    line.playing = True
    answer = ask(listener, ["digits:4"])
    for key in "4711":
        listener.on_key(key)
        await hear(line, SILENCE, 0.2)
    assert line.done == ["stop"]
    assert answer.result() == Digits("4711", 0.0, pytest.approx(0.6))


async def test_keys_of_a_number_of_any_length_end_with_hash_or_time(pool):
    line, listener = make(pool, "yes")
    answer = ask(listener, ["amount"])
    for key in "250#":
        listener.on_key(key)
    await hear(line, SILENCE, 0.1)
    assert answer.result().keys == "250"
    answer = ask(listener, ["amount"])
    listener.on_key("5")
    await hear(line, SILENCE, TurnSettings().interdigit_s - 0.2)
    assert not answer.done()
    await hear(line, SILENCE, 0.4)
    assert answer.result().keys == "5"


async def test_sound_that_never_ends_is_cut_and_taken(pool):
    line, listener = make(pool, "and so on and so on")
    answer = ask(listener, ["free"])
    await hear(line, SPEECH, TurnSettings().max_answer_s + 0.5)
    assert answer.done()
