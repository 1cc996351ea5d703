"""The listener in audio time: when an answer begins, ends, or is none."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.listening import SILENCE, SPEECH, ask, hear, make, make_late
from voicebot.model.speech import Digits, Utterance
from voicebot.settings import TurnSettings


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as pool:
        yield pool


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


@pytest.mark.parametrize("noise", ["", "mm-hm", "Uh-huh.", "uh", Utterance("and the M.H.M", confidence=0.23)])
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


@pytest.mark.parametrize("text", ["mm-hm", "Uh-huh."])
async def test_after_the_prompt_a_sign_of_listening_is_a_yes(pool, text):
    line, listener = make(pool, text)
    answer = ask(listener)
    await hear(line, SPEECH, 0.5)
    await hear(line, SILENCE, 0.7)
    found = listener._understanding.intents(answer.result(), ("affirm_deny",))
    assert found[0].name == "affirm"


async def test_a_murmur_into_the_prompt_is_no_part_of_the_answer_after_it(pool):
    line, listener = make(pool, "mm-hm", "no I am not")
    line.playing = True
    answer = ask(listener)
    await hear(line, SPEECH, 0.5)
    await hear(line, SILENCE, 0.8)
    line.playing = False
    await hear(line, SILENCE, 0.6)
    await hear(line, SPEECH, 0.9)
    await hear(line, SILENCE, 0.7)
    assert answer.result().text == "no I am not"
    assert answer.result().t0 == pytest.approx(1.9, abs=0.05)
    assert not answer.result().barged_in


async def test_a_short_sound_hardly_recognised_stops_nothing(pool):
    line, listener = make(pool, Utterance("No.", confidence=0.3))
    line.playing = True
    answer = ask(listener)
    await hear(line, SPEECH, 0.4)
    await hear(line, SILENCE, 1.0)
    assert line.done == ["pause", "resume"]
    answer.cancel()


async def test_a_long_noise_without_words_lets_the_prompt_go_on(pool):
    line, listener = make(pool, "")
    line.playing = True
    answer = ask(listener)
    await hear(line, SPEECH, 2.5)
    assert line.done == ["pause", "resume"]
    assert line.playing
    await hear(line, SILENCE, 2.0)
    assert not answer.done()
    answer.cancel()


async def test_who_goes_on_speaking_stops_it_within_little_more_than_a_second(pool):
    line, listener = make(pool, "listen I have told you people already")
    line.playing = True
    answer = ask(listener)
    await hear(line, SPEECH, TurnSettings().barge_in_decide_s + 0.6)
    assert line.done == ["pause", "stop"]
    answer.cancel()


@pytest.mark.parametrize("late_s", [0.7, 2.0])
async def test_a_late_recognition_cuts_no_unfinished_answer(pool, late_s):
    """The machine is busy: in audio time the silence is longer than an unfinished answer gets, but nobody knows yet."""
    line, listener, recognizer = make_late(pool, "the eighth of July", "the eighth of July nineteen ninety two")
    recognizer.gate = threading.Event()
    answer = ask(listener, ["birth_date"])
    await hear(line, SPEECH, 0.9)
    await hear(line, SILENCE, late_s)
    assert not answer.done()
    recognizer.gate.set()
    await hear(line, SPEECH, 0.9)
    await hear(line, SILENCE, 0.8)
    assert answer.result().text == "the eighth of July nineteen ninety two"
    assert answer.result().t0 == pytest.approx(0.0, abs=0.05)


async def test_an_answer_that_goes_on_before_its_first_part_is_recognised_stays_one(pool):
    line, listener, recognizer = make_late(pool, "the eighth of July", "the eighth of July nineteen ninety two")
    recognizer.gate = threading.Event()
    answer = ask(listener, ["birth_date"])
    await hear(line, SPEECH, 0.9)
    await hear(line, SILENCE, TurnSettings().undecided_s + 0.3)
    assert await asyncio.to_thread(recognizer.entered.wait, 5)
    await hear(line, SPEECH, 0.5)
    recognizer.gate.set()
    await hear(line, SPEECH, 0.4)
    await hear(line, SILENCE, 0.8)
    assert answer.result().text == "the eighth of July nineteen ninety two"
    assert answer.result().t0 == pytest.approx(0.0, abs=0.05)
    assert recognizer.started == 1


async def test_a_complete_answer_recognised_late_ends_at_once(pool):
    line, listener, recognizer = make_late(pool, "yes")
    recognizer.gate = threading.Event()
    answer = ask(listener)
    await hear(line, SPEECH, 0.5)
    await hear(line, SILENCE, 1.2)
    recognizer.gate.set()
    await hear(line, SILENCE, 0.6)
    assert answer.result().t1 == pytest.approx(0.5, abs=0.05)


async def test_what_was_recognised_at_a_pause_is_thrown_away_when_speech_goes_on(pool):
    line, listener, recognizer = make_late(pool, "yes", "yes but I cannot pay")
    recognizer.gate = threading.Event()
    answer = ask(listener)
    await hear(line, SPEECH, 0.5)
    await hear(line, SILENCE, 0.3)  # recognition starts while the silence runs
    await hear(line, SPEECH, 0.3)
    recognizer.gate.set()
    await hear(line, SPEECH, 0.5)
    await hear(line, SILENCE, 0.7)
    assert answer.result().text == "yes but I cannot pay"


async def test_noise_that_never_ends_is_taken_for_a_short_answer_no_longer_than_that(pool):
    line, listener, recognizer = make_late(pool, "no wrong number")
    recognizer.gate = threading.Event()
    answer = ask(listener)
    await hear(line, SPEECH, TurnSettings().closed_answer_s + 0.4)
    recognizer.gate.set()
    await hear(line, SPEECH, 0.6)
    assert answer.result().text == "no wrong number"


async def test_speech_before_the_question_does_not_swallow_the_answer(pool):
    """The caller talks into a prompt that is not to be stopped, for long, and answers after it."""
    line, listener = make(pool, "yes")
    line.playing = True
    answer = ask(listener, barge_in=False)
    await hear(line, SPEECH, 3.0)
    await hear(line, SILENCE, 0.3)
    line.playing = False
    await hear(line, SILENCE, 0.5)
    await hear(line, SPEECH, 0.5)
    await hear(line, SILENCE, 0.7)
    assert answer.result().text == "yes"
