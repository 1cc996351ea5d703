"""Noise at its SNR, babble, and the echo of the bot's voice: exact, and the same for the same seed."""

import math
from pathlib import Path

import numpy as np
import pytest

from sip_sim.audio import read_sound
from sip_sim.g711 import FRAME, RATE
from sip_sim.network import EchoSpec
from sip_sim.rendering import beep
from sip_sim.surroundings import SPEECH_DB, LineSound, at_snr, babble, white

NOISES = Path("/work/shared/speech/noise")


def _db(samples: np.ndarray) -> float:
    return 20 * math.log10(float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) / 32768)


@pytest.mark.parametrize("snr", [0, 10, 25])
def test_noise_is_so_much_below_speech(snr: float) -> None:
    assert _db(at_snr(white(3), snr)) == pytest.approx(SPEECH_DB - snr, abs=0.2)


def test_silence_stays_silence() -> None:
    assert at_snr(np.zeros(100, dtype=np.int16), 10).max() == 0


def test_noise_repeats_with_its_seed() -> None:
    assert (white(3) == white(3)).all()
    assert not (white(3) == white(4)).all()


def test_babble_holds_every_voice_and_repeats_with_its_seed() -> None:
    t = np.arange(RATE) / RATE
    voices = [(8000 * np.sin(2 * np.pi * f * t)).astype(np.int16) for f in (300, 500, 800)]
    sound = babble(voices, 9, seconds=2)
    assert sound.size == 2 * RATE
    spectrum = np.abs(np.fft.rfft(sound.astype(np.float64)))
    assert set(np.argsort(spectrum)[-3:] / 2) == {300, 500, 800}
    assert (sound == babble(voices, 9, seconds=2)).all()


def test_the_noise_goes_round_without_a_gap() -> None:
    noise = np.arange(250, dtype=np.int16)
    line = LineSound(noise)
    silence = np.zeros(FRAME, dtype=np.int16)
    out = np.concatenate([line.mix(silence, silence) for _ in range(5)])
    assert (out == np.resize(noise, 5 * FRAME)).all()


def test_the_echo_is_as_late_and_as_soft_as_asked() -> None:
    line = LineSound(echo=EchoSpec(gain_db=-20, delay_ms=60))
    silence = np.zeros(FRAME, dtype=np.int16)
    click = silence.copy()
    click[7] = 10_000
    out = np.concatenate([line.mix(silence, click if n == 0 else silence) for n in range(6)])
    assert np.flatnonzero(out).tolist() == [7 + round(0.06 * RATE)]
    assert out.max() == 1000


def test_without_noise_and_echo_nothing_is_touched() -> None:
    spoken = np.arange(FRAME, dtype=np.int16)
    assert LineSound().mix(spoken, spoken) is spoken
    assert LineSound().silent


def test_speech_and_noise_never_wrap_around() -> None:
    line = LineSound(np.full(FRAME, 30_000, dtype=np.int16))
    loud = np.full(FRAME, 30_000, dtype=np.int16)
    assert (line.mix(loud, loud) == 32767).all()


def test_the_beep_is_one_kilohertz_without_clicks() -> None:
    tone = beep()
    assert tone.size == round(0.4 * RATE)
    assert np.argmax(np.abs(np.fft.rfft(tone.astype(np.float64)))) * RATE / tone.size == pytest.approx(1000, abs=3)
    assert abs(int(tone[0])) < 50
    assert abs(int(tone[-1])) < 50


@pytest.mark.skipif(not NOISES.is_dir(), reason=f"{NOISES} is absent")
def test_a_recorded_noise_is_brought_to_its_snr() -> None:
    for path in sorted(NOISES.glob("noise*.wav")):
        assert _db(at_snr(read_sound(path), 10)) == pytest.approx(SPEECH_DB - 10, abs=0.3)
