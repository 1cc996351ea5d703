"""Quality: measured on made-up sound whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest

from voicebot.model.audio import SpeechChunk
from voicebot.model.voice import VoiceQuality
from voicebot.voiceprint import quality

RATE = 8000
CHUNK_S = 0.032


def tone(seconds: float, level: float, hz: float = 440.0) -> np.ndarray:
    return level * np.sqrt(2) * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def noise(seconds: float, level: float) -> np.ndarray:
    return level * np.random.default_rng(1).normal(size=round(seconds * RATE))


def pcm(samples: np.ndarray) -> bytes:
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16).tobytes()


def chunks(spoken: list[tuple[float, float]], seconds: float, t0: float = 0.0) -> list[SpeechChunk]:
    count = int(seconds / CHUNK_S)
    times = [(t0 + i * CHUNK_S, t0 + (i + 1) * CHUNK_S) for i in range(count)]
    return [SpeechChunk(a, b, 0.95 if any(x <= a - t0 and b - t0 <= y for x, y in spoken) else 0.02) for a, b in times]


def with_noise(snr_db: float) -> bytes:
    sound = noise(4.0, 1000 / 10 ** (snr_db / 20))
    sound[RATE : 3 * RATE] += tone(2.0, 1000.0)
    return pcm(sound)


@pytest.mark.parametrize("snr_db", [0.0, 8.0, 15.0, 30.0])
def test_snr_is_found(snr_db: float) -> None:
    found = quality.measure(with_noise(snr_db), RATE, chunks([(1.0, 3.0)], 4.0))
    assert found.snr_db == pytest.approx(snr_db, abs=1.0)


def test_times_may_begin_anywhere() -> None:
    found = quality.measure(with_noise(15.0), RATE, chunks([(1.0, 3.0)], 4.0, t0=100.0), t0=100.0)
    assert found.snr_db == pytest.approx(15.0, abs=1.0)


def test_a_bang_between_words_is_not_line_noise() -> None:
    sound = noise(4.0, 10.0)
    sound[RATE : 3 * RATE] += tone(2.0, 1000.0)
    sound[100:900] += tone(0.1, 8000.0)
    assert (quality.measure(pcm(sound), RATE, chunks([(1.0, 3.0)], 4.0)).snr_db or 0) > 35


def test_digital_silence_gives_the_highest_figure_not_infinity() -> None:
    sound = np.concatenate([np.zeros(32 * 256), tone(1.0, 1000.0)])  # a border between chunks
    assert quality.measure(pcm(sound), RATE, chunks([(1.024, 2.1)], 2.0)).snr_db == pytest.approx(quality.MAX_SNR_DB)


def test_a_sender_that_is_silent_between_words_does_not_hide_its_noise() -> None:
    sound = np.concatenate([np.zeros(4 * RATE), noise(1.0, 300.0), noise(1.0, 300.0) + tone(1.0, 1000.0)])
    assert quality.measure(pcm(sound), RATE, chunks([(5.0, 6.0)], 6.0)).snr_db == pytest.approx(10.5, abs=1.0)


def test_no_silence_no_snr() -> None:
    assert quality.measure(pcm(tone(1.0, 1000.0)), RATE, chunks([(0.0, 1.0)], 1.0)).snr_db is None


def test_no_speech() -> None:
    assert quality.measure(pcm(noise(1.0, 100.0)), RATE, chunks([], 1.0)) == VoiceQuality(None, 0.0, 0.0)


def test_nothing_at_all() -> None:
    assert quality.measure(b"", RATE, []) == VoiceQuality(None, 0.0, 0.0)


def test_speech_share_leaves_out_both_ends() -> None:
    sound = pcm(noise(10.0, 100.0))
    found = quality.measure(sound, RATE, chunks([(4.0, 5.0), (6.0, 7.0)], 10.0))
    assert found.speech_share == pytest.approx(2 / 3, abs=0.05)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.25])
def test_clipping_is_counted_in_speech(share: float) -> None:
    sound = tone(1.0, 1000.0)
    sound[1000 : 1000 + round(share * RATE)] = 32767
    found = quality.measure(pcm(np.concatenate([np.full(RATE, 32767.0), sound])), RATE, chunks([(1.0, 2.0)], 2.0))
    assert found.clipping == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("loudest", [32124, 32256], ids=["mu-law", "A-law"])
def test_the_loudest_codes_of_g711_are_clipped(loudest: int) -> None:
    assert quality.clipping_share(np.array([loudest, -loudest, 100.0, 0.0])) == 0.5


def test_odd_byte_is_dropped() -> None:
    assert quality.samples_of(b"\x01\x00\x02").tolist() == [1.0]


def test_merge_weighs_by_seconds_and_leaves_unknown_snr_out() -> None:
    parts = [
        (1.0, VoiceQuality(10.0, 0.4, 1.0)),
        (3.0, VoiceQuality(30.0, 0.0, 0.6)),
        (4.0, VoiceQuality(None, 0.0, 0.8)),
    ]
    merged = quality.merge(parts)
    assert merged.snr_db == pytest.approx(25.0)
    assert merged.clipping == pytest.approx(0.05)
    assert merged.speech_share == pytest.approx((1.0 + 1.8 + 3.2) / 8)
    assert quality.merge([]) == VoiceQuality()
