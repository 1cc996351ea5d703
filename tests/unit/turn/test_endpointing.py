"""Endpointing in audio time: each row is a line of speech and silence, in seconds, and what must come of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.model.audio import SpeechChunk
from voicebot.turn.endpointing import Ended, Endpointer, EndpointingOptions, Paused, Resumed, SpeechStarted

STEP = 0.032


def chunks(*parts: tuple[float, float]):
    """(probability, seconds) pairs to chunks."""
    t = 0.0
    for probability, seconds in parts:
        for _ in range(round(seconds / STEP)):
            yield SpeechChunk(t, t + STEP, probability)
            t += STEP


def run(endpointer: Endpointer, *parts: tuple[float, float]):
    return [event for chunk in chunks(*parts) for event in endpointer.accept(chunk)]


def kinds(events):
    return [type(e).__name__ for e in events]


def test_silence_says_nothing():
    assert run(Endpointer(EndpointingOptions()), (0.01, 5.0)) == []


def test_an_answer_starts_pauses_and_ends():
    events = run(Endpointer(EndpointingOptions(silence_s=1.0)), (0.0, 0.5), (0.9, 1.0), (0.0, 1.5))
    assert kinds(events) == ["SpeechStarted", "Paused", "Ended"]
    assert events[0].t == pytest.approx(0.5, abs=STEP)
    assert events[2].t0 == pytest.approx(0.5, abs=STEP)
    assert events[2].t1 == pytest.approx(1.5, abs=2 * STEP)


def test_a_click_is_no_speech():
    assert run(Endpointer(EndpointingOptions()), (0.0, 0.3), (0.95, STEP * 2), (0.0, 2.0)) == []


def test_a_complete_answer_ends_sooner():
    long, short = Endpointer(EndpointingOptions(silence_s=1.0)), Endpointer(EndpointingOptions(silence_s=1.0))
    parts = ((0.9, 1.0), (0.0, 0.6))
    assert kinds(run(long, *parts)) == ["SpeechStarted", "Paused"]
    seen = []
    for chunk in chunks(*parts):
        for event in short.accept(chunk):
            seen.append(event)
            if isinstance(event, Paused):
                short.require(0.45)
    assert kinds(seen) == ["SpeechStarted", "Paused", "Ended"]


def test_going_on_after_a_pause_takes_the_short_limit_back():
    endpointer = Endpointer(EndpointingOptions(silence_s=1.0))
    seen = []
    for chunk in chunks((0.9, 0.8), (0.0, 0.3), (0.9, 0.8), (0.0, 0.6)):
        for event in endpointer.accept(chunk):
            seen.append(event)
            if isinstance(event, Paused) and kinds(seen).count("Paused") == 1:
                endpointer.require(0.45)
    assert kinds(seen) == ["SpeechStarted", "Paused", "Resumed", "Paused"]


def test_breath_in_the_silence_does_not_hold_the_turn():
    events = run(Endpointer(EndpointingOptions(silence_s=0.8)), (0.9, 1.0), (0.0, 0.3), (0.4, 0.2), (0.0, 0.5))
    assert kinds(events) == ["SpeechStarted", "Paused", "Ended"]


def test_sound_that_never_stops_is_cut():
    events = run(Endpointer(EndpointingOptions(max_answer_s=5.0)), (0.99, 12.0))
    ended = [e for e in events if isinstance(e, Ended)]
    assert len(ended) == 2
    assert all(e.too_long for e in ended)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.03, 2.0)), max_size=20))
def test_events_come_in_order_and_every_start_has_at_most_one_end(parts):
    events = run(Endpointer(EndpointingOptions()), *parts)
    open_since = None
    for event in events:
        match event:
            case SpeechStarted(t):
                assert open_since is None
                open_since = t
            case Paused(t) | Resumed(t):
                assert open_since is not None
                assert t >= open_since
            case Ended(t0, t1):
                assert t0 == open_since
                assert t1 >= t0
                open_since = None


def test_a_limit_counts_from_the_beginning_of_the_answer():
    endpointer = Endpointer(EndpointingOptions())
    endpointer.limit(2.0)
    events = run(endpointer, (0.9, 2.5))
    assert kinds(events)[:2] == ["SpeechStarted", "Ended"]
    assert events[1].too_long
    assert events[1].t1 == pytest.approx(2.0, abs=2 * STEP)


def test_a_silence_that_was_long_enough_before_it_was_known_ends_the_answer_at_once():
    endpointer = Endpointer(EndpointingOptions(silence_s=3.0))
    assert kinds(run(endpointer, (0.9, 1.0), (0.0, 1.5))) == ["SpeechStarted", "Paused"]
    endpointer.require(0.5)
    (ended,) = endpointer.accept(SpeechChunk(2.5, 2.5 + STEP, 0.0))
    assert isinstance(ended, Ended)
    assert ended.t1 == pytest.approx(1.0, abs=2 * STEP)
