"""When does the far end speak, and what the caller's recording says about it."""

import numpy as np
import pytest

from sip_sim.g711 import FRAME, RATE, Samples
from sip_sim.hearing import SpeechDetector, SpeechEnded, SpeechStarted, speech_spans
from sip_sim.recorder import Recorder, measure, percentile


def _speech(seconds: float, level: int = 3000) -> Samples:
    t = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * 220 * t) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t))).astype(np.int16)


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.int16)


def _events(sound: Samples, detector: SpeechDetector) -> list[SpeechStarted | SpeechEnded]:
    frames = sound[: sound.size // FRAME * FRAME].reshape(-1, FRAME)
    found = [detector.feed(index * 0.02, frame) for index, frame in enumerate(frames)]
    return [event for event in found if event is not None]


def test_one_utterance_with_its_times() -> None:
    sound = np.concatenate([_silence(1.0), _speech(2.0), _silence(1.0)])
    started, ended = _events(sound, SpeechDetector(hangover_s=0.6))
    assert isinstance(started, SpeechStarted)
    assert isinstance(ended, SpeechEnded)
    assert started.t == pytest.approx(1.0, abs=0.021)
    assert (ended.t0, ended.t1) == (pytest.approx(1.0, abs=0.021), pytest.approx(3.0, abs=0.041))
    assert ended.samples.size / RATE >= 2.0


def test_a_pause_shorter_than_the_hangover_does_not_end_it() -> None:
    sound = np.concatenate([_speech(1.0), _silence(0.4), _speech(1.0), _silence(1.0)])
    assert len(_events(sound, SpeechDetector(hangover_s=0.6))) == 2


def test_a_click_is_no_speech() -> None:
    assert _events(np.concatenate([_silence(0.5), _speech(0.03), _silence(1.0)]), SpeechDetector()) == []


def test_the_lines_hum_is_no_speech_but_speech_over_it_is() -> None:
    hum = np.random.default_rng(1).normal(0, 40, RATE * 4).astype(np.int16)
    assert _events(hum, SpeechDetector()) == []
    hum[RATE : 2 * RATE] += _speech(1.0)
    kinds = [type(event) for event in _events(hum, SpeechDetector())]
    assert kinds == [SpeechStarted, SpeechEnded]


def test_flush_ends_what_is_open() -> None:
    detector = SpeechDetector()
    _events(_speech(1.0), detector)
    ended = detector.flush(1.0)
    assert ended is not None
    assert ended.t1 == pytest.approx(1.0, abs=0.05)
    assert detector.flush(2.0) is None


def test_reply_gaps_and_first_audio_are_measured_on_the_sound() -> None:
    caller = np.concatenate([_silence(3.0), _speech(1.5), _silence(3.5), _speech(1.0), _silence(3.0)])
    bot = np.concatenate([_silence(0.5), _speech(2.0), _silence(2.8), _speech(2.0), _silence(3.1), _speech(1.6)])
    timing = measure(caller, np.pad(bot, (0, caller.size - bot.size)) if bot.size < caller.size else bot[: caller.size])
    assert timing.first_audio_s == pytest.approx(0.5, abs=0.03)
    assert timing.reply_gaps_s == (pytest.approx(0.8, abs=0.04), pytest.approx(1.4, abs=0.04))
    assert timing.caller_speech_s == pytest.approx(2.5, abs=0.1)


def test_no_gap_where_the_bot_was_talking_when_the_caller_ended() -> None:
    caller = np.concatenate([_silence(1.0), _speech(1.0), _silence(3.0)])
    bot = np.concatenate([_silence(0.5), _speech(3.0), _silence(1.5)])
    assert measure(caller, bot).reply_gaps_s == ()


def test_recorder_keeps_both_tracks_equally_long(tmp_path) -> None:
    import wave

    recorder = Recorder()
    for index in range(50):
        recorder.add(np.full(FRAME, index, np.int16), np.full(FRAME, -index, np.int16))
    recorder.save(tmp_path / "call.wav")
    with wave.open(str(tmp_path / "call.wav")) as source:
        assert (source.getnchannels(), source.getframerate(), source.getnframes()) == (2, 8000, 50 * FRAME)
        data = np.frombuffer(source.readframes(50 * FRAME), "<i2").reshape(-1, 2)
    assert data[FRAME * 7, 0] == 7
    assert data[FRAME * 7, 1] == -7


def test_spans_of_silence_and_percentiles() -> None:
    assert speech_spans(_silence(2.0)) == []
    assert speech_spans(np.zeros(0, np.int16)) == []
    assert percentile((), 0.5) is None
    assert percentile((3.0, 1.0, 2.0, 4.0), 0.5) == 2.0
    assert percentile((3.0, 1.0, 2.0, 4.0), 0.95) == 4.0
