"""Words misheard and words clipped, on made sounds."""

from __future__ import annotations

import numpy as np
import pytest

from voicebot.demo.bench_sound import RATE, Samples
from voicebot.demo.bench_words import (
    Prompt,
    Taken,
    clipped,
    common,
    distance,
    lead_s,
    normal,
    place,
    taken_for,
    went_on,
)


def prompt_sound(seconds: float = 3.0, seed: int = 3) -> Samples:
    """Something loud all the time, unlike anything else."""
    return np.asarray(np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * 2000, dtype=np.int16)


def recording(*parts: tuple[float, Samples], length_s: float = 12.0) -> Samples:
    """Sounds at their times."""
    sound = np.zeros(round(length_s * RATE), dtype=np.int16)
    for t0, part in parts:
        first = round(t0 * RATE)
        sound[first : first + part.size] = part
    return sound


def said(sound: Samples, t0: float = 1.0) -> Prompt:
    return Prompt("what is said", t0, t0 + sound.size / RATE, True, sound)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("My date of birth is May 2, 1990.", "my date of birth is may second nineteen ninety"),
        ("the 21st of April, 1995", "the twenty-first of april nineteen ninety five"),
        ("Four, eight, two, one.", "4,821"),
        ("November 9th, 2001", "november ninth two thousand and one"),
        ("nineteen oh five", "1905"),
    ],
)
def test_numbers_are_the_same_however_they_are_written(one: str, other: str) -> None:
    assert normal(one) == normal(other)


def test_distance_counts_insertions_deletions_and_substitutions() -> None:
    assert distance(["a", "b", "c"], ["a", "x", "c"]) == 1
    assert distance(["a", "b", "c"], ["a", "c"]) == 1
    assert distance(["a"], ["a", "b", "b"]) == 2
    assert distance([], []) == 0


def test_common_words_are_in_order() -> None:
    assert common(["a", "b", "c", "d"], ["b", "a", "c", "d"]) == 3


def test_what_was_taken_down_is_found_by_its_time() -> None:
    record = [Taken(1.0, 2.0, "first"), Taken(5.1, 5.9, "second"), Taken(6.0, 7.1, "third"), Taken(12.0, 13.0, "last")]
    assert taken_for((5.0, 7.0), record) == "second third"
    assert taken_for((9.0, 10.0), record) == ""


def test_a_whole_prompt_is_found_and_nothing_is_clipped() -> None:
    sound = prompt_sound()
    bot = recording((1.13, sound))
    placed = place(said(sound), bot)
    assert placed.complete
    assert placed.span == pytest.approx((1.13, 4.13), abs=0.001)

    def never(_: Samples) -> str:
        raise AssertionError("nothing is missing: nobody has to listen")

    assert clipped(said(sound), bot, never) == 0


def test_a_prompt_that_was_held_back_and_went_on_is_found_whole() -> None:
    sound = prompt_sound()
    cut = RATE * 6 // 5
    bot = recording((1.0, sound[:cut]), (1.0 + cut / RATE + 1.4, sound[cut:]))
    assert place(said(sound), bot).complete
    assert went_on(said(sound), bot, (1.9, 2.3)) is True


def test_a_pause_that_was_shortened_clips_nothing() -> None:
    silence = np.zeros(RATE, dtype=np.int16)
    sound = np.concatenate([prompt_sound(1.0), silence, prompt_sound(1.0, seed=4)])
    bot = recording((1.0, sound[:RATE]), (1.0 + 1.0 + 0.6, sound[2 * RATE :]))
    assert place(said(sound), bot).complete


def test_a_missing_end_is_heard_by_the_recogniser() -> None:
    sound = prompt_sound()
    bot = recording((1.0, sound[: 2 * RATE]))

    def recognise(heard: Samples) -> str:
        return "one two three" if heard.size > 2.5 * RATE else "one two"

    assert not place(said(sound), bot).complete
    assert clipped(said(sound), bot, recognise) == 1


def test_a_prompt_of_which_nothing_arrived_is_clipped_whole() -> None:
    sound = prompt_sound()
    assert clipped(said(sound), recording(), lambda heard: "three whole words" if np.any(heard) else "") == 3


def test_silence_in_a_prompt_is_not_looked_for() -> None:
    sound = np.concatenate([prompt_sound(1.0), np.zeros(RATE, dtype=np.int16), prompt_sound(1.0, seed=4)])
    assert place(said(sound), recording((1.0, sound))).complete
    assert lead_s(np.concatenate([np.zeros(1600, dtype=np.int16), sound])) == pytest.approx(0.2)
    assert lead_s(np.zeros(1600, dtype=np.int16)) == 0.0


def test_a_prompt_that_ends_at_the_murmur_was_stopped() -> None:
    sound = prompt_sound()
    other = prompt_sound(2.0, seed=8)
    bot = recording((1.0, sound[:RATE]), (3.0, other))
    assert went_on(said(sound), bot, (1.8, 2.2)) is False


def test_a_prompt_that_is_said_again_was_stopped_too() -> None:
    sound = prompt_sound()
    bot = recording((1.0, sound[:RATE]), (5.0, sound))
    assert went_on(said(sound), bot, (1.8, 2.2)) is False


def test_a_murmur_at_the_very_end_cannot_stop_anything() -> None:
    sound = prompt_sound()
    assert went_on(said(sound), recording((1.0, sound)), (3.75, 4.2)) is None
    assert went_on(said(sound), recording((1.0, sound)), (0.5, 0.9)) is None
