"""The bot's own voice coming back: gone from what is heard, and nothing of the caller with it. Speech-like noise stands
for voices; A-law in between, as on the line."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sip_sim.g711 import through
from voicebot.media.echo import EchoCanceller, Track
from voicebot.model.audio import MEDIA_RATE, AudioFrame

FRAME = 160
Floats = NDArray[np.float64]
#: A hybrid's reflections: one strong, then a dying rest.
HYBRID = np.concatenate(([0, 0, 1.0], np.random.default_rng(5).normal(0, 0.2, 50) * np.exp(-np.arange(50) / 15)))


def voice(seconds: float, seed: int) -> Floats:
    """Syllables of filtered noise, about -20 dBFS in the middle of each."""
    rng = np.random.default_rng(seed)
    size = round(seconds * MEDIA_RATE)
    sound = np.convolve(rng.normal(0, 1, size), [1, 1.2, 0.6, -0.2], mode="same")
    t = np.arange(size) / MEDIA_RATE
    return np.asarray(sound * 2500 * np.maximum(0, np.sin(2 * np.pi * 2.1 * t + seed)) ** 0.5)


def later(sound: Floats, seconds: float, gain_db: float = 0.0) -> Floats:
    size = round(seconds * MEDIA_RATE)
    return np.concatenate((np.zeros(size), sound))[: sound.size] * 10 ** (gain_db / 20)


def on_the_line(canceller: EchoCanceller, bot: Floats, received: Floats, ahead_s: float = 0.5) -> Floats:
    """As voicebot.call.line does it: sent half a second ahead, received 20 ms at a time; what the listeners get."""
    heard = through("PCMA", np.clip(received, -32768, 32767).astype(np.int16))
    spoken = np.clip(bot, -32768, 32767).astype(np.int16)
    out, sent = [], 0
    for at in range(0, heard.size - FRAME + 1, FRAME):
        until = min(spoken.size, at + round(ahead_s * MEDIA_RATE))
        if until > sent:
            canceller.sent(AudioFrame(spoken[sent:until].tobytes(), MEDIA_RATE, sent / MEDIA_RATE))
            sent = until
        frame = AudioFrame(heard[at : at + FRAME].tobytes(), MEDIA_RATE, at / MEDIA_RATE)
        clean = canceller.clean(frame)
        assert (clean.t, clean.rate, clean.samples) == (frame.t, frame.rate, frame.samples)
        out.append(np.frombuffer(clean.pcm16, dtype=np.int16))
    return np.concatenate(out).astype(np.float64)


def level(sound: Floats, t0: float, t1: float) -> float:
    """dBFS of [t0, t1)."""
    piece = sound[round(t0 * MEDIA_RATE) : round(t1 * MEDIA_RATE)]
    return float(10 * np.log10(np.mean(piece**2) / 32768**2 + 1e-12))


@pytest.mark.parametrize(("gain_db", "delay_s"), [(-20, 0.19), (-10, 0.06), (-30, 0.45), (-20, 0.0)])
def test_the_echo_is_gone(gain_db: float, delay_s: float) -> None:
    bot = voice(4.0, 1)
    echo = later(np.convolve(bot, HYBRID)[: bot.size], delay_s, gain_db)
    canceller = EchoCanceller()
    clean = on_the_line(canceller, bot, echo)
    assert level(clean, 1.0, 4.0) < -68  # the noise of an idle line
    assert canceller.path is not None
    assert canceller.path.delay_s == pytest.approx(delay_s, abs=0.005)


def test_a_delay_that_changes_is_found_again_soon() -> None:
    bot = voice(6.0, 1)
    half = bot.size // 2
    echo = np.concatenate((later(bot, 0.15, -20)[:half], later(bot, 0.21, -20)[half:]))
    clean = on_the_line(EchoCanceller(), bot, echo)
    assert level(clean, 1.0, 3.0) < -68
    assert level(clean, 3.4, 6.0) < -68


def test_a_clock_of_received_sound_that_lags_makes_no_difference() -> None:
    bot = voice(4.0, 1)
    early = np.concatenate((later(bot, 0.0, -20)[round(0.2 * MEDIA_RATE) :], np.zeros(round(0.2 * MEDIA_RATE))))
    assert level(on_the_line(EchoCanceller(), bot, early), 1.0, 3.7) < -65


def test_who_speaks_over_the_bot_is_heard_whole() -> None:
    bot, caller = voice(6.0, 1), np.concatenate((np.zeros(3 * MEDIA_RATE), voice(3.0, 2)))
    clean = on_the_line(EchoCanceller(), bot, later(bot, 0.19, -20) + caller)
    assert level(clean, 1.0, 3.0) < -68
    assert level(clean, 3.0, 6.0) == pytest.approx(level(caller, 3.0, 6.0), abs=0.5)
    # What is left of the echo and what was taken of the caller, together: far under him.
    assert level(clean - caller[: clean.size], 3.0, 6.0) < level(caller, 3.0, 6.0) - 12


def test_on_a_line_without_echo_nothing_is_changed() -> None:
    bot, caller = voice(4.0, 1), voice(4.0, 2)
    canceller = EchoCanceller()
    clean = on_the_line(canceller, bot, caller)
    assert np.array_equal(clean, through("PCMA", caller.astype(np.int16)).astype(np.float64))
    assert canceller.path is None


def test_while_the_bot_is_silent_nothing_is_changed() -> None:
    caller = voice(3.0, 2)
    clean = on_the_line(EchoCanceller(), np.zeros(1), caller)
    assert np.array_equal(clean, through("PCMA", caller.astype(np.int16)).astype(np.float64))


def test_what_was_taken_back_is_not_expected() -> None:
    canceller, prompt = EchoCanceller(), voice(1.0, 1).astype(np.int16).tobytes()
    canceller.sent(AudioFrame(prompt, MEDIA_RATE, 0.0))
    canceller.cut(0.4)
    track = canceller._sent
    assert track.end == round(0.4 * MEDIA_RATE)
    assert not track.take(track.end, track.end + 100).any()


def test_a_track_forgets_and_gives_silence_for_what_it_does_not_know() -> None:
    track = Track(keep_s=0.5)
    track.put(100, np.ones(3 * MEDIA_RATE, dtype=np.float32))
    assert track.take(90, 110).tolist() == [0] * 10 + [1] * 10
    track.forget(3 * MEDIA_RATE)
    assert not track.take(200, 300).any()
    assert track.take(3 * MEDIA_RATE - 10, 3 * MEDIA_RATE).all()
