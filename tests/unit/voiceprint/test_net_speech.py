"""Net speech: what counts, what is cut out, and that no sample is lost or doubled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.voiceprint.net_speech import NetSpeech, NetSpeechSettings, NetWindow

RATE = 8000
FRAME = 160
CHUNK = 256


def counting(seconds: float) -> np.ndarray:
    """Samples that tell their own place in the call (modulo 30,000)."""
    return (np.arange(round(seconds * RATE)) % 30000).astype(np.int16)


def play(
    speech: NetSpeech,
    spoken: list[tuple[float, float]],
    seconds: float,
    bot: list[tuple[float, float]] | None = None,
    t0: float = 0.0,
) -> None:
    """Frames of 20 ms with the chunks of 32 ms that became due, as in a call."""
    sound = counting(seconds)
    due = 0
    for i in range(0, len(sound) - FRAME + 1, FRAME):
        chunks = []
        while (due + 1) * CHUNK <= i + FRAME:
            a, b = due * CHUNK / RATE, (due + 1) * CHUNK / RATE
            yes = any(x - 1e-9 <= a and b <= y + 1e-9 for x, y in spoken)
            chunks.append(SpeechChunk(t0 + a, t0 + b, 0.9 if yes else 0.1))
            due += 1
        for x, y in bot or []:
            if x <= i / RATE < y:
                speech.bot_spoke(t0 + i / RATE, t0 + (i + FRAME) / RATE)
        speech.add(AudioFrame(sound[i : i + FRAME].tobytes(), RATE, t0 + i / RATE), chunks)


def all_of(speech: NetSpeech, least: float = 0.0) -> list[NetWindow]:
    found = []
    while (window := speech.pop_window() or speech.pop_remainder(max(least, 0.001))) is not None:
        found.append(window)
    return found


def test_a_window_comes_when_two_seconds_are_there() -> None:
    speech = NetSpeech()
    play(speech, [(0.32, 2.24)], 2.5)
    assert speech.pop_window() is None
    assert speech.pending_s == pytest.approx(1.92)
    speech = NetSpeech()
    play(speech, [(0.32, 4.8)], 5.0)
    first, second = speech.pop_window(), speech.pop_window()
    assert first is not None
    assert second is not None
    assert (first.net_s, second.net_s) == (2.0, 2.0)
    assert (first.audio.t, first.t_end) == (pytest.approx(0.32), pytest.approx(2.32))
    assert speech.pop_window() is None
    assert speech.pending_s == pytest.approx(0.48)


def test_the_sound_is_the_callers_sample_for_sample() -> None:
    speech = NetSpeech()
    play(speech, [(0.32, 1.28), (1.92, 3.52)], 4.0)
    sound = np.frombuffer(b"".join(w.audio.pcm16 for w in all_of(speech)), np.int16)
    whole = counting(4.0)
    wanted = np.concatenate(
        [whole[round(0.32 * RATE) : round(1.28 * RATE)], whole[round(1.92 * RATE) : round(3.52 * RATE)]]
    )
    np.testing.assert_array_equal(sound, wanted)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(4, 60)), max_size=4), st.floats(0.5, 3.0))
def test_windows_hold_all_speech_once(parts: list[tuple[int, int]], window_s: float) -> None:
    spoken, at = [], 0
    for gap, length in parts:
        spoken.append(((at + gap + 1) * CHUNK / RATE, (at + gap + 1 + length) * CHUNK / RATE))
        at += gap + 1 + length
    speech = NetSpeech(NetSpeechSettings(window_s=window_s))
    play(speech, spoken, (at + 5) * CHUNK / RATE)
    windows = all_of(speech)
    assert sum(w.net_s for w in windows) == pytest.approx(sum(b - a for a, b in spoken))
    assert all(w.net_s == pytest.approx(window_s, abs=0.001) for w in windows[:-1])
    assert speech.pending_s == pytest.approx(0.0, abs=1e-6)


def test_clicks_do_not_count() -> None:
    speech = NetSpeech()
    play(speech, [(0.32, 0.352), (0.64, 0.704), (0.96, 1.056)], 2.0)  # 1, 2 and 3 chunks
    assert speech.pending_s == pytest.approx(0.096)


def test_bot_and_its_echo_tail_are_cut_out() -> None:
    speech = NetSpeech()
    play(speech, [(0.0, 4.0)], 4.0, bot=[(1.0, 2.0)])
    window = speech.pop_remainder(0.1)
    assert window is not None
    assert 2.0 >= window.net_s > 1.9
    sound = np.frombuffer(window.audio.pcm16, np.int16)
    inside = (sound >= RATE * 1.0) & (sound < RATE * 2.2)
    assert not inside.any()


def test_bot_told_late_takes_speech_back() -> None:
    speech = NetSpeech()
    play(speech, [(0.0, 3.0)], 3.0)
    before = speech.pending_s
    speech.bot_spoke(0.5, 1.0)
    assert speech.pending_s == pytest.approx(before - 0.7, abs=0.07)


def test_remainder_only_where_it_is_long_enough() -> None:
    speech = NetSpeech()
    play(speech, [(0.32, 1.92)], 2.5)
    assert speech.pop_remainder(1.7) is None
    window = speech.pop_remainder(1.5)
    assert window is not None
    assert window.net_s == pytest.approx(1.6)
    assert speech.pop_remainder(0.0) is None


def test_utterances_are_told_apart_by_pauses_and_length() -> None:
    speech = NetSpeech()
    play(speech, [(0.32, 1.28), (1.6, 2.24), (4.8, 6.4)], 7.0)  # pauses of 0.3 s and of 2.6 s
    assert sorted({u for w in all_of(speech) for u in w.utterances}) == [1, 2]
    speech = NetSpeech()
    play(speech, [(0.0, 12.8)], 13.0)
    assert sorted({u for w in all_of(speech) for u in w.utterances}) == [1, 2, 3]


def test_share_of_speech_is_taken_within_utterances() -> None:
    speech = NetSpeech()
    play(speech, [(0.32, 0.96), (1.28, 1.92), (6.4, 7.04)], 8.0)
    window = speech.pop_remainder(0.1)
    assert window is not None
    assert window.quality.speech_share == pytest.approx(1.92 / (1.6 + 0.64), abs=0.02)


def test_sound_that_jumps_ahead_is_no_speech_of_before() -> None:
    speech = NetSpeech()
    play(speech, [(0.0, 1.0)], 1.0)
    play(speech, [(0.0, 1.0)], 1.0, t0=60.0)
    windows = all_of(speech)
    assert [round(w.net_s, 2) for w in windows] == [1.98]
    assert windows[0].t_end > 60


def test_lost_frames_go_into_the_window() -> None:
    speech = NetSpeech()
    speech.lost_frames = 0.25
    play(speech, [(0.0, 2.5)], 2.6)
    window = speech.pop_window()
    assert window is not None
    assert window.quality.lost_frames == 0.25


def party(
    caller_db: float, seconds: float = 20.0, *, pop: bool = True
) -> tuple[NetSpeech, list[NetWindow], np.ndarray]:
    """Others talk all the time (+-3 dB, and always "speech"); the caller 0.6 s of each 1.2 s, so many dB louder.
    Returns which samples are the caller's, too."""
    random = np.random.default_rng(5)
    levels = 300 * 10 ** (random.uniform(-3, 3, size=round(seconds * RATE / CHUNK)) / 20)
    caller = np.arange(round(seconds * RATE)) % round(1.2 * RATE) < round(0.6 * RATE)
    sound = np.repeat(levels, CHUNK) * random.choice([-1.0, 1.0], size=levels.size * CHUNK)
    loud = caller[: sound.size] * 300 * 10 ** (caller_db / 20) * random.choice([-1.0, 1.0], size=sound.size)
    speech, found = NetSpeech(), []
    for i in range(levels.size):
        t = i * CHUNK / RATE
        pcm16 = (sound + loud)[i * CHUNK : (i + 1) * CHUNK].astype(np.int16).tobytes()
        speech.add(AudioFrame(pcm16, RATE, t), [SpeechChunk(t, t + CHUNK / RATE, 0.9)])
        if pop and (window := speech.pop_window()) is not None:
            found.append(window)
    return speech, found, np.abs(sound + loud)


def test_among_other_people_only_the_louder_caller_counts() -> None:
    _, found, sound = party(12.0)
    assert 3 <= len(found) <= 6  # 10 s of the 20 are the caller's
    kept = np.concatenate([np.abs(np.frombuffer(w.audio.pcm16, np.int16)) for w in found])
    assert np.mean(kept < 600) < 0.1
    assert np.mean(sound < 600) > 0.4
    snr = found[-1].quality.snr_db
    assert snr is not None  # what is theirs is the noise, so the noise is known
    assert 8 < snr < 15


def test_a_recording_whose_windows_are_taken_at_its_end_is_judged_as_it_comes() -> None:
    speech, found, _ = party(12.0, pop=False)
    assert found == []
    assert 8.0 < speech.pending_s < 13.0


def test_where_nobody_stands_out_nothing_is_left_out() -> None:
    _, found, _ = party(-20.0)
    assert sum(w.net_s for w in found) >= 18


def test_quiet_talk_in_the_background_costs_no_speech() -> None:
    _, found, _ = party(35.0)
    assert sum(w.net_s for w in found) >= 18  # also the pauses: nothing is judged by its level
