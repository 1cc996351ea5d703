"""What the listener makes of pauses: how long it waits, what it recognises, what it tells."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from tests.support.listening import (
    LANGUAGE,
    SILENCE,
    SPEECH,
    Activity,
    FakeLine,
    FakeRecognizer,
    ask,
    hear,
    make,
    make_late,
)
from voicebot.call.listener import Listener
from voicebot.call.understanding import Understanding
from voicebot.settings import TurnSettings


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.mark.parametrize(("words", "ends"), [("yes I can", True), ("yes", False)])
async def test_a_bare_yes_is_waited_on_longer_than_a_sentence(pool, words, ends):
    line, listener = make(pool, words)
    answer = ask(listener, ["ability"])
    await hear(line, SPEECH, 0.8)
    await hear(line, SILENCE, 0.38)
    assert answer.done() == ends
    await hear(line, SILENCE, 0.2)
    assert answer.result().text == words


async def test_a_recognition_that_waits_for_its_turn_is_not_made_when_the_caller_goes_on():
    made = []
    with ThreadPoolExecutor(1) as one:
        line, listener, recognizer = make_late(one, "yes it is")
        first = threading.Event()
        one.submit(first.wait, 5)  # somebody else's recognition
        start = recognizer.start
        recognizer.start = lambda phrases=None: Counted(start(phrases), made)
        answer = ask(listener)
        for _ in range(3):
            await hear(line, SPEECH, 0.4)
            await hear(line, SILENCE, 0.2)
        await hear(line, SPEECH, 0.4)
        first.set()
        await hear(line, SILENCE, 0.7)
        assert answer.result().text == "yes it is"
    assert len(made) == 1


class Counted:
    """A stream that notes its recognitions."""

    def __init__(self, stream, made):
        self.stream, self.made = stream, made

    def accept(self, frame):
        return self.stream.accept(frame)

    def snapshot(self):
        self.made.append(1)
        return self.stream.snapshot()

    finish = snapshot


async def test_what_is_recognised_at_a_pause_is_told(pool):
    heard = []
    line, understanding = FakeLine(), Understanding(LANGUAGE, date(2026, 11, 22))
    listener = Listener(
        line, FakeRecognizer("yes"), Activity(), understanding, TurnSettings(), pool, lambda *_: None, heard.append
    )
    answer = ask(listener)
    await hear(line, SPEECH, 0.5)
    assert listener.hears
    await hear(line, SILENCE, 0.6)
    assert answer.done()
    assert [utterance.text for utterance in heard] == ["yes"]


async def test_a_hash_after_all_the_digits_is_no_answer_to_the_next_question(pool):
    line, listener = make(pool, "")
    answer = ask(listener, ["digits:4"])
    await asyncio.sleep(0)
    for key in "4711#":
        listener.on_key(key)
    assert (await answer).keys == "4711"
    following = ask(listener, ["affirm_deny"])
    await hear(line, SILENCE, 0.5)
    assert not following.done()
    following.cancel()
