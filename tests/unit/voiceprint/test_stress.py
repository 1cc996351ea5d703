"""What is done to a voice for the proof: each condition does what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from voicebot.commands.voice_stress import CONDITIONS, TALKERS, Surroundings, babble_of, spoil
from voicebot.model.audio import AudioFrame

RATE = 8000
SECONDS = 4.0


def speech(seed: int = 1) -> np.ndarray:
    """Bursts of a tone with harmonics, as loud as speech, with silence between."""
    t = np.arange(round(RATE * SECONDS)) / RATE
    tone = sum(np.sin(2 * np.pi * (140 + 10 * seed) * n * t) / n for n in range(1, 12))
    return 0.1 * tone * (np.sin(2 * np.pi * 1.5 * t) > -0.3)


def frame(samples: np.ndarray) -> AudioFrame:
    return AudioFrame(np.rint(samples * 32768).astype(np.int16).tobytes(), RATE)


def samples(sound: AudioFrame) -> np.ndarray:
    return np.frombuffer(sound.pcm16, np.int16) / 32768.0


def around(seed: int = 1) -> Surroundings:
    random = np.random.default_rng(seed)
    talking = speech()[speech() != 0]
    others = [speech(seed)[speech(seed) != 0] for seed in range(2, 8)]
    return Surroundings(float(np.mean(talking**2)), babble_of(others, random, 10.0), random)


def db(share: float) -> float:
    return float(10 * np.log10(share))


@pytest.mark.parametrize("name", list(CONDITIONS))
def test_every_condition_keeps_the_length_and_is_repeatable(name: str) -> None:
    once, lost = spoil(name, frame(speech()), around())
    again, _ = spoil(name, frame(speech()), around())
    assert len(once.pcm16) == len(frame(speech()).pcm16)
    assert once.pcm16 == again.pcm16
    assert once.pcm16 != frame(speech()).pcm16
    assert 0 <= lost <= 0.3


@pytest.mark.parametrize("name", ["mulaw2", "gsm", "opus12k", "opus6k"])
def test_a_codec_changes_the_sound_and_keeps_the_voice(name: str) -> None:
    before = speech()
    after = samples(spoil(name, frame(before), around())[0])
    assert np.corrcoef(before, after)[0, 1] > 0.7
    assert db(np.var(after - before) / np.var(before)) > {"mulaw2": -45, "gsm": -25}.get(name, -35)


@pytest.mark.parametrize(("name", "share"), [("loss5", 0.05), ("loss20", 0.20)])
def test_lost_packets_are_whole_and_counted(name: str, share: float) -> None:
    sound, lost = spoil(name, frame(np.full(RATE * 40, 0.1)), around())
    packets = samples(sound).reshape(-1, 160)
    assert set(np.unique((packets == 0).mean(axis=1))) == {0.0, 1.0}
    assert lost == pytest.approx((packets == 0).all(axis=1).mean())
    assert lost == pytest.approx(share, rel=0.3)


@pytest.mark.parametrize(
    ("name", "snr"), [("white15", 15), ("white5", 5), ("babble15", 15), ("babble10", 10), ("babble5", 5)]
)
def test_noise_has_its_level_under_the_speech(name: str, snr: float) -> None:
    before = speech()
    noise = samples(spoil(name, frame(before), around())[0]) - before
    assert db(around().speech_power / np.mean(noise**2)) == pytest.approx(snr, abs=0.7)


def test_babble_is_of_several_equally_loud_voices() -> None:
    loud, soft = 0.5 * np.sin(np.arange(8000) * 0.3), 0.001 * np.sin(np.arange(8000) * 0.7)
    both = babble_of([loud, soft], np.random.default_rng(1), 1.0)
    spectrum = np.abs(np.fft.rfft(both))
    peaks = np.sort(spectrum)[-2:]
    assert peaks[0] > 0.3 * peaks[1]
    assert TALKERS > 3
    assert not babble_of([], np.random.default_rng(1), 1.0).any()


def test_no_babble_where_nobody_else_is() -> None:
    alone = Surroundings(0.01, babble_of([], np.random.default_rng(1), 5.0), np.random.default_rng(1))
    assert samples(spoil("babble5", frame(speech()), alone)[0]) == pytest.approx(speech(), abs=1e-4)
