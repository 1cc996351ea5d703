"""A recording played again is known by its sketch; the same kind of sound made anew, and a hum, are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import StorageError
from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.voiceprint.replayed import EarlierCalls
from voicebot.voiceprint.sketch import GAP_FRAMES, NO_PEAKS, PEAKS_PER_S, Ints, decode, encode, joined, landmarks, peaks
from voicebot.voiceprint.stretches import Stretches

RATE = 8000
LIMIT = 0.12


def spoken(seed: int, seconds: float = 2.5) -> np.ndarray:
    """Syllables: harmonics of a gliding pitch under a moving formant, in [-1, 1]."""
    rng = np.random.default_rng(seed)
    parts = []
    while sum(map(len, parts)) < seconds * RATE:
        t = np.arange(int(RATE * rng.uniform(0.12, 0.3))) / RATE
        pitch, formant = rng.uniform(100, 180), rng.uniform(500, 2800)
        phase = 2 * np.pi * np.cumsum(pitch * (1 + rng.uniform(-0.5, 0.5) * t)) / RATE
        tones = [np.sin(n * phase) / (1 + ((n * pitch - formant) / 300) ** 2) for n in range(1, 30)]
        parts += [np.sum(tones, axis=0) * np.hanning(t.size), np.zeros(int(RATE * rng.uniform(0.02, 0.08)))]
    sound = np.concatenate(parts)[: int(seconds * RATE)]
    return 0.3 * sound / np.abs(sound).max()


def frame(sound: np.ndarray) -> AudioFrame:
    return AudioFrame((np.clip(sound, -1, 1) * 32767).astype(np.int16).tobytes(), RATE)


def share(earlier: list[np.ndarray], now: np.ndarray) -> float | None:
    return EarlierCalls([peaks(frame(s)) for s in earlier]).share(peaks(frame(now)))


def test_the_same_sound_is_known_quieter_in_noise_and_cut_elsewhere() -> None:
    first = [spoken(n) for n in range(4)]
    noise = np.random.default_rng(9).normal(size=first[2].size) * 0.003
    again = share(first, (0.3 * first[2] + noise)[771:])
    assert again is not None
    assert again > 2 * LIMIT


def test_the_same_kind_of_sound_made_anew_is_not() -> None:
    found = [share([spoken(n) for n in range(4)], spoken(10 + n)) for n in range(5)]
    assert all(value is not None and value < LIMIT for value in found)


def test_a_hum_fits_itself_everywhere_and_is_no_recording() -> None:
    t = np.arange(3 * RATE) / RATE
    hum = sum(np.sin(2 * np.pi * f * t) for f in range(350, 3400, 150)) * 0.02
    rng = np.random.default_rng(1)
    found = share([hum + rng.normal(size=t.size) * 1e-3], hum + rng.normal(size=t.size) * 1e-3)
    assert found is None or found < LIMIT


def test_nothing_to_compare_with_or_too_little_says_nothing() -> None:
    assert share([], spoken(1)) is None
    assert share([spoken(1)], spoken(1)[:1000]) is None
    assert not EarlierCalls([NO_PEAKS])
    assert peaks(AudioFrame(bytes(100), RATE)).size == 0
    assert peaks(AudioFrame(spoken(1).tobytes(), 16000)).size == 0


def test_peaks_are_few_and_pairs_span_no_two_stretches() -> None:
    one, other = peaks(frame(spoken(1))), peaks(frame(spoken(2)))
    assert 30 < len(one) <= 3 * PEAKS_PER_S
    both = joined([one, NO_PEAKS, other])
    assert len(landmarks(both)) == len(landmarks(one)) + len(landmarks(other))
    assert both[len(one), 0] - both[len(one) - 1, 0] >= GAP_FRAMES - 1


@given(st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 197)), max_size=50).map(sorted))
def test_a_sketch_comes_back_as_it_went_in(rows: list[tuple[int, int]]) -> None:
    found: Ints = np.array(rows, dtype=np.int64).reshape(-1, 2)
    assert np.array_equal(decode(encode(found)), found)


@pytest.mark.parametrize("data", [b"", b"SK1\0ab", b"no sketch"])
def test_a_spoilt_sketch_is_told(data: bytes) -> None:
    with pytest.raises(StorageError, match="spoiled"):
        decode(data)


def heard(*pieces: tuple[float, bool], bot: tuple[float, float] | None = None) -> list[tuple[float, float]]:
    """(seconds, is it speech) one after the other; begin and length of each stretch."""
    stretches, t, found = Stretches(), 0.0, []
    for seconds, speech in pieces:
        for _ in range(round(seconds / 0.02)):
            chunk = SpeechChunk(t, t + 0.02, 0.9 if speech else 0.1)
            stretches.add(AudioFrame(bytes(320), RATE, t), [chunk])
            t += 0.02
            if bot is not None and bot[0] <= t < bot[1]:
                stretches.bot_spoke(t - 0.02, t)
            while (stretch := stretches.pop()) is not None:
                found.append((round(stretch.t, 2), round(stretch.duration, 2)))
    return found


def test_a_stretch_goes_over_short_pauses_and_ends_with_a_long_one() -> None:
    assert heard((1, False), (1, True), (0.3, False), (0.7, True), (1, False)) == [(1.0, 2.0)]
    assert heard((0.8, True), (1, False)) == []
    long = heard((6.4, True), (1, False))
    assert [t for t, _ in long] == pytest.approx([0.0, 2.5, 5.0], abs=0.05)
    assert sum(seconds for _, seconds in long) == pytest.approx(6.4, abs=0.05)


def test_nothing_of_a_stretch_is_the_bots_echo() -> None:
    assert heard((1.5, True), (2, True), (1, False), bot=(1.5, 5.0)) == [(0.0, 1.48)]
