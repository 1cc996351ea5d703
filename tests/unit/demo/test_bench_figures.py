"""The benchmark's figures on recordings made for the purpose, of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from voicebot.demo.bench_figures import SaidLine, Spoken, answers_of, silent_from, take_apart
from voicebot.demo.bench_sound import RATE, Samples, find, loud_within, read_stereo, spans

SCRIPT = {
    "Yes.": Spoken("Yes.", "yes/no"),
    "It was": Spoken("It was", "open", goes_on=True),
    "for the roof.": Spoken("for the roof.", "open"),
    "Mm-hm.": Spoken("Mm-hm."),
}


def track(*voiced: tuple[float, float], length_s: float = 10.0, noise: float = 0.0, seed: int = 1) -> Samples:
    """Noise bursts of speech's level from `t0` to `t1`, over a noise floor of this RMS."""
    rng = np.random.default_rng(seed)
    sound = rng.standard_normal(round(length_s * RATE)) * noise
    for t0, t1 in voiced:
        first, last = round(t0 * RATE), round(t1 * RATE)
        sound[first:last] += rng.standard_normal(last - first) * 2000
    return np.asarray(np.clip(sound, -32768, 32767), dtype=np.int16)


def test_spans_join_short_pauses_and_drop_clicks() -> None:
    assert spans(track((1, 2), (2.2, 3), (4, 5), (6, 6.02))) == [(1, 3), (4, 5)]


@pytest.mark.parametrize("noise", [0.0, 200.0])
def test_the_ends_of_speech_are_found_in_noise(noise: float) -> None:
    sound = track((1.0, 2.0), noise=noise)
    assert loud_within(sound, (0.96, 2.04)) == pytest.approx((1.0, 2.0), abs=0.021)


def test_nothing_loud_is_the_span_itself() -> None:
    assert loud_within(track(), (1.0, 2.0)) == (1.0, 2.0)
    assert loud_within(np.zeros(0, dtype=np.int16), (1.0, 2.0)) == (1.0, 2.0)


def test_gap_is_from_the_last_sound_of_the_answer_to_the_first_of_the_bot() -> None:
    caller, bot = track((2.0, 3.0)), track((0.1, 1.5), (3.6, 5.0), seed=2)
    got = take_apart(caller, bot, [SaidLine(1.96, 3.04, "Yes.")], SCRIPT)
    assert got.first_audio_s == 0.1
    (heard,) = got.answers
    assert heard.answer.kind == "yes/no"
    assert heard.gap_s == pytest.approx(0.6, abs=0.021)
    assert heard.stop_s is None
    assert not heard.talked_over
    assert got.length_s == 10.0


def test_a_question_asked_again_is_no_reply() -> None:
    caller, bot = track((2.0, 3.0), length_s=20), track((0.1, 1.5), (12.0, 13.0), length_s=20)
    (heard,) = take_apart(caller, bot, [SaidLine(2, 3, "Yes.")], SCRIPT).answers
    assert heard.gap_s is None


def test_answered_again_before_the_reply_gives_no_gap() -> None:
    caller, bot = track((2.0, 3.0), (4.0, 5.0)), track((0.1, 1.5), (5.5, 6.5))
    got = take_apart(caller, bot, [SaidLine(2, 3, "Yes."), SaidLine(4, 5, "Yes.")], SCRIPT)
    assert [heard.gap_s for heard in got.answers] == [None, pytest.approx(0.5, abs=0.021)]


def test_barge_in_is_timed_from_its_first_sound_to_the_bots_last() -> None:
    caller, bot = track((3.0, 4.0)), track((1.0, 3.24), (4.5, 5.0))
    (heard,) = take_apart(caller, bot, [SaidLine(3, 4, "Yes.")], SCRIPT).answers
    assert heard.stop_s == pytest.approx(0.24, abs=0.021)
    assert heard.gap_s == pytest.approx(0.5, abs=0.021)
    assert not heard.talked_over


def test_a_breath_of_the_bot_is_no_stop_and_a_long_silence_is() -> None:
    assert silent_from([(1.0, 2.0), (2.4, 3.0), (3.8, 4.0)], 1.5) == 3.0


def test_a_bot_that_never_stops_is_counted_to_its_end_and_gives_no_gap() -> None:
    caller, bot = track((3.0, 4.0)), track((1.0, 6.0))
    (heard,) = take_apart(caller, bot, [SaidLine(3, 4, "Yes.")], SCRIPT).answers
    assert heard.stop_s == pytest.approx(3.0, abs=0.021)
    assert heard.gap_s is None


def test_a_bot_that_begins_before_the_answer_is_over_cuts_it_off() -> None:
    caller, bot = track((2.0, 4.0)), track((0.1, 1.5), (3.2, 5.0))
    (heard,) = take_apart(caller, bot, [SaidLine(2, 4, "Yes.")], SCRIPT).answers
    assert heard.talked_over
    assert heard.gap_s is None


@pytest.mark.parametrize(("bot_t0", "cut"), [(3.4, True), (6.0, False)])
def test_a_pause_inside_an_answer_is_not_its_end(bot_t0: float, cut: bool) -> None:
    caller, bot = track((2.0, 3.0), (3.7, 5.0)), track((0.1, 1.5), (bot_t0, 7.0))
    lines = [SaidLine(2, 3, "It was"), SaidLine(3.7, 5, "for the roof.")]
    (heard,) = take_apart(caller, bot, lines, SCRIPT).answers
    assert heard.answer.text == "It was for the roof."
    assert heard.talked_over == cut
    assert heard.gap_s == (None if cut else pytest.approx(1.0, abs=0.021))


def test_parts_far_from_each_other_are_two_answers() -> None:
    lines = [SaidLine(1, 2, "It was"), SaidLine(8, 9, "for the roof.")]
    assert len(answers_of(track((1, 2), (8, 9)), lines, SCRIPT)) == 2


def test_a_probe_counts_only_where_the_bot_speaks() -> None:
    caller, bot = track((2.0, 2.5), (6.0, 6.5)), track((1.0, 4.0))
    got = take_apart(caller, bot, [SaidLine(2, 2.5, "Mm-hm."), SaidLine(6, 6.5, "Mm-hm.")], SCRIPT)
    assert got.answers == ()
    (probe,) = got.probes
    assert probe == pytest.approx((2.0, 2.5), abs=0.021)


def test_what_is_not_in_the_script_is_left_out() -> None:
    got = take_apart(track((2, 3)), track((4, 5)), [SaidLine(2, 3, "something else")], SCRIPT)
    assert got.answers == ()
    assert got.probes == ()


def test_a_silent_call_has_no_figures() -> None:
    got = take_apart(track(), track(), [], SCRIPT)
    assert got.first_audio_s is None


def test_a_known_sound_is_found_to_the_sample_through_noise() -> None:
    recording = track((2.0, 3.0), noise=100)
    piece = recording[17000:18600].copy()
    at, quality = find(piece, recording, 0, recording.size)
    assert at == 17000
    assert quality > 0.99
    assert find(track((0, 0.2), length_s=0.2, seed=9), recording, 0, recording.size)[1] < 0.3
    assert find(piece, recording, 0, 100) == (0, 0.0)


def test_a_callers_recording_is_read_as_two_sides(tmp_path: object) -> None:
    import wave
    from pathlib import Path

    path = Path(str(tmp_path)) / "call.wav"
    caller, bot = track((1, 2), length_s=3), track((2, 3), length_s=3)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.stack([caller, bot], axis=1).astype("<i2").tobytes())
    left, right = read_stereo(path)
    assert np.array_equal(left, caller)
    assert np.array_equal(right, bot)
