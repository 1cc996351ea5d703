"""Beeps are found through G.711, noise and lost packets; keys, ringing, music and voices are none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from voicebot.model.audio import MEDIA_RATE, AudioFrame
from voicebot.turn.beep import BeepDetector, Tone, ToneKind

Sound = NDArray[np.float64]
SHARED = Path("/work/shared/speech")
RNG = np.random.default_rng(7)


def tone(seconds: float, *hz: float, level: float = 0.3) -> Sound:
    t = np.arange(round(seconds * MEDIA_RATE)) / MEDIA_RATE
    return np.asarray(sum(np.sin(2 * np.pi * f * t) for f in hz) * level / max(1, len(hz)))


def quiet(seconds: float) -> Sound:
    return RNG.normal(0, 0.0005, round(seconds * MEDIA_RATE))


def join(*parts: Sound) -> Sound:
    return np.concatenate(parts)


def mulaw(sound: Sound) -> Sound:
    """There and back through 8 bits (the continuous law of ITU-T G.711)."""
    code = np.round(np.sign(sound) * np.log1p(255 * np.abs(sound)) / np.log(256) * 127) / 127
    return np.asarray(np.sign(code) * (256 ** np.abs(code) - 1) / 255)


def tones(sound: Sound, sizes: Sequence[int] = (160,), rate: int = MEDIA_RATE) -> list[Tone]:
    """Everything found in the sound, fed in frames of these sizes by turns."""
    pcm = (np.clip(mulaw(sound), -1, 1) * 32767).astype(np.int16)
    detector, found, at, i = BeepDetector(), [], 0, 0
    while at < pcm.size:
        size = sizes[i % len(sizes)]
        found += detector.accept(AudioFrame(pcm[at : at + size].tobytes(), rate, at / rate))
        at, i = at + size, i + 1
    return found


@pytest.mark.parametrize("hz", [440, 520, 620, 850, 1000, 1330, 1400, 1633, 1950])
@pytest.mark.parametrize("seconds", [0.32, 0.4, 0.9])
def test_a_beep_is_found(hz: float, seconds: float) -> None:
    (found,) = tones(join(quiet(1.0), tone(seconds, hz), quiet(2.0)))
    assert found.kind is ToneKind.BEEP
    assert found.hz == pytest.approx(hz, abs=5)
    assert found.t0 == pytest.approx(1.0, abs=0.05)
    assert found.t1 - found.t0 == pytest.approx(seconds, abs=0.06)


def test_a_short_beep_is_found_where_no_voice_sings() -> None:
    assert len(tones(join(quiet(0.5), tone(0.18, 1000), quiet(1.0)))) == 1
    assert tones(join(quiet(0.5), tone(0.18, 440), quiet(2.0))) == []


@pytest.mark.parametrize("level", [0.02, 0.05, 0.3, 0.9])
def test_loud_and_soft_beeps(level: float) -> None:
    assert len(tones(join(quiet(0.5), tone(0.4, 1000, level=level), quiet(1.0)))) == 1


def test_a_beep_in_noise_of_15_db() -> None:
    beep = join(quiet(0.5), tone(0.4, 1000), quiet(1.0))
    assert len(tones(beep + RNG.normal(0, 0.3 / np.sqrt(2) / 10 ** (15 / 20), beep.size))) == 1


def test_a_beep_with_a_lost_packet_is_one() -> None:
    beep = tone(0.5, 1000)
    beep[1600:1760] = 0
    assert len(tones(join(quiet(0.5), beep, quiet(1.0)))) == 1


def test_frames_of_any_size() -> None:
    (found,) = tones(join(quiet(1.0), tone(0.4, 1000), quiet(1.0)), sizes=(1, 700, 33, 160, 2400))
    assert found.t0 == pytest.approx(1.0, abs=0.05)


def test_too_short_and_too_long_are_none() -> None:
    assert tones(join(quiet(0.5), tone(0.08, 1000), quiet(1.0))) == []
    assert tones(join(quiet(0.5), tone(3.0, 1000), quiet(1.0))) == []


@pytest.mark.parametrize("hz", [300, 2300, 3000])
def test_other_frequencies_are_none(hz: float) -> None:
    assert tones(join(quiet(0.5), tone(0.4, hz), quiet(1.0))) == []


LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


@pytest.mark.parametrize(("low", "high"), [(low, high) for low in LOW for high in HIGH])
def test_keys_are_none(low: float, high: float) -> None:
    assert tones(join(quiet(0.5), tone(0.25, low, high), quiet(0.5), tone(0.25, low, high), quiet(1.0))) == []


@pytest.mark.parametrize(
    "cadence",
    [
        (2.0, 4.0, (440, 480)),  # ringing, North America
        (0.4, 0.2, (400, 450)),  # ringing, United Kingdom
        (1.0, 4.0, (425,)),  # ringing, most of Europe and China
        (0.5, 0.5, (425,)),  # busy
        (0.25, 0.25, (425,)),  # congestion
        (0.5, 0.5, (480, 620)),  # busy, North America
        (0.35, 0.35, (450,)),  # busy, China
    ],
)
def test_ringing_and_busy_are_none(cadence: tuple[float, float, tuple[float, ...]]) -> None:
    on, off, hz = cadence
    found = tones(join(quiet(0.5), *(p for _ in range(5) for p in (tone(on, *hz), quiet(off)))))
    # A long lone ring of one tone is heard as a beep at most once: whether it rings again nobody knows yet.
    assert len(found) <= (1 if off > 2 and len(hz) == 1 else 0)


def test_the_same_beep_again_is_a_signal() -> None:
    found = tones(join(quiet(0.5), *(p for _ in range(4) for p in (tone(0.3, 1000), quiet(0.7)))))
    assert len(found) == 1  # the first; the others follow its cadence


def test_special_information_is_told_apart() -> None:
    found = tones(join(quiet(0.5), tone(0.33, 950), tone(0.33, 1400), tone(0.33, 1800), quiet(1.0)))
    assert [f.kind for f in found] == [ToneKind.SPECIAL_INFORMATION]


def test_a_melody_is_none() -> None:
    notes = [tone(0.25, 440 * 2 ** (n / 12)) for n in (0, 4, 7, 12, 7, 4, 0)]
    assert tones(join(quiet(0.5), *notes, quiet(2.0))) == []


def test_a_chord_is_none() -> None:
    assert tones(join(quiet(0.5), tone(1.0, 523, 659, 784), quiet(1.0))) == []


def test_a_glide_is_none() -> None:
    t = np.arange(MEDIA_RATE // 2) / MEDIA_RATE
    siren = 0.3 * np.sin(2 * np.pi * (600 * t + 800 * t**2))
    assert tones(join(quiet(0.5), siren, quiet(1.0))) == []


def test_a_held_vowel_is_none() -> None:
    """A voice of 120 and 220 Hz with 20 harmonics and the formants of an "ah"."""
    for pitch in (120, 220):
        heights = [pitch * n for n in range(1, 21) if pitch * n < 3400]
        weight = [1 / (1 + ((h - 700) / 150) ** 2) + 0.6 / (1 + ((h - 1200) / 200) ** 2) for h in heights]
        t = np.arange(MEDIA_RATE) / MEDIA_RATE
        vowel = sum(w * np.sin(2 * np.pi * h * t) for h, w in zip(heights, weight, strict=True))
        assert tones(join(quiet(0.5), 0.2 * np.asarray(vowel), quiet(1.0))) == []


def test_noise_is_none() -> None:
    assert tones(RNG.normal(0, 0.1, MEDIA_RATE * 10)) == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared recordings are absent")
def test_real_speech_and_noise_hold_no_beep() -> None:
    files = [path for name in ("digits", "telephone", "noise") for path in sorted((SHARED / name).rglob("*.*"))[:60]]
    files = [path for path in files if path.suffix in (".flac", ".wav")]
    assert files
    found = []
    for path in files:
        sound, rate = soundfile.read(path, dtype="float64", always_2d=True)
        if rate % MEDIA_RATE == 0:
            mono = sound.mean(axis=1)[:: rate // MEDIA_RATE]
            found += [(path.name, hit) for hit in tones(join(mono, quiet(0.5)))]
    assert found == []


def test_times_never_go_back() -> None:
    sound = join(*(p for hz in (600, 900, 1300) for p in (quiet(1.0), tone(0.3, hz))), quiet(1.0))
    found = tones(sound)
    assert len(found) == 3
    assert all(a.t1 < b.t0 for a, b in pairwise(found))
