"""The stereo recording: sides, times, the caller's side closed until the notice, crash and full disk."""

import wave

import numpy as np

from voicebot.media.recorder import Recorder
from voicebot.model.audio import MEDIA_RATE, AudioFrame


def tone(value: int, seconds: float, t: float) -> AudioFrame:
    return AudioFrame(np.full(int(seconds * MEDIA_RATE), value, dtype=np.int16).tobytes(), MEDIA_RATE, t)


def read(path):
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getframerate(), wav.getsampwidth()) == (2, MEDIA_RATE, 2)
        return np.frombuffer(wav.readframes(wav.getnframes()), dtype=np.int16).reshape(-1, 2)


def test_left_is_the_caller_right_the_bot_each_at_its_time(tmp_path):
    recorder = Recorder(tmp_path / "a" / "call.wav")
    recorder.open_caller()
    recorder.bot(tone(7, 0.5, 0.25))
    recorder.caller(tone(5, 1.0, 1.0))
    recorder.close(2.5)
    sound = read(tmp_path / "a" / "call.wav")
    assert len(sound) == 2.5 * MEDIA_RATE
    assert set(sound[2000:6000, 1]) == {7}
    assert set(sound[:2000, 1]) == {0}
    assert set(sound[8000:16000, 0]) == {5}


def test_the_caller_is_not_recorded_before_the_notice(tmp_path):
    recorder = Recorder(tmp_path / "call.wav")
    recorder.caller(tone(5, 1.0, 0.0))
    recorder.open_caller()
    recorder.caller(tone(6, 1.0, 1.0))
    recorder.close(2.0)
    sound = read(tmp_path / "call.wav")
    assert set(sound[:8000, 0]) == {0}
    assert set(sound[8000:, 0]) == {6}


def test_what_was_flushed_is_taken_out(tmp_path):
    recorder = Recorder(tmp_path / "call.wav")
    recorder.bot(tone(7, 1.0, 0.0))
    recorder.cut(0.6)
    recorder.close(1.0)
    sound = read(tmp_path / "call.wav")
    assert set(sound[:4800, 1]) == {7}
    assert set(sound[4800:, 1]) == {0}


def test_a_killed_process_leaves_a_file_that_plays(tmp_path):
    recorder = Recorder(tmp_path / "call.wav")
    recorder.open_caller()
    for second in range(10):
        recorder.caller(tone(second + 1, 1.0, float(second)))
        recorder.advance(second + 1.0)
    sound = read(tmp_path / "call.wav")  # not closed: as after kill -9
    assert len(sound) == 9 * MEDIA_RATE
    assert sound[-1, 0] == 9
    recorder.close(10.0)


def test_a_full_disk_ends_the_recording_not_the_call(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path / "call.wav")
    recorder.open_caller()

    def full(_data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder._wav, "write", full)
    recorder.caller(tone(5, 3.0, 0.0))
    recorder.advance(3.0)
    assert recorder.failed
    recorder.caller(tone(5, 3.0, 3.0))
    recorder.advance(6.0)


def test_who_refuses_leaves_no_sound_and_the_file_ends_there(tmp_path):
    recorder = Recorder(tmp_path / "call.wav")
    recorder.open_caller()
    for second in range(5):
        recorder.caller(tone(5, 1.0, float(second)))
        recorder.bot(tone(7, 1.0, float(second)))
        recorder.advance(second + 1.0)
    recorder.stop(4.5)
    recorder.open_caller()  # the next notice that cannot be interrupted opens nothing
    for second in range(5, 9):
        recorder.caller(tone(6, 1.0, float(second)))
        recorder.bot(tone(8, 1.0, float(second)))
        recorder.advance(second + 1.0)
    recorder.stop(8.0)
    recorder.close(9.0)
    sound = read(tmp_path / "call.wav")
    assert len(sound) == 4.5 * MEDIA_RATE
    assert not sound[:, 0].any()
    assert set(sound[:, 1]) == {7}
