"""WAV files that say they are synthetic, whose sizes are always right, and what is silenced in them."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicebot.media.recorder import Recorder
from voicebot.media.wav import NAME, WavFile, ai_label, label_of, read_info
from voicebot.model.audio import MEDIA_RATE, AudioFrame


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as wav:
        return np.frombuffer(wav.readframes(wav.getnframes()), dtype=np.int16).reshape(-1, wav.getnchannels())


def test_every_reader_finds_the_sound_behind_the_label(tmp_path: Path) -> None:
    sound = np.arange(-500, 500, dtype=np.int16)
    with WavFile(tmp_path / "a.wav", 1, 8000, ai_label("heart", "odd text", "x")) as file:
        file.write(sound[:300].tobytes())
        assert (samples(tmp_path / "a.wav")[:, 0] == sound[:300]).all()  # not closed: as after kill -9
        file.write(sound[300:].tobytes())
    assert (samples(tmp_path / "a.wav")[:, 0] == sound).all()
    read, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert (read == sound).all()
    assert rate == 8000
    info = soundfile.SoundFile(tmp_path / "a.wav")
    assert info.copy_metadata()["title"] == "AI-generated speech: odd text"
    assert label_of(read_info(tmp_path / "a.wav")) == {"Label": "1", "ContentProducer": "heart", "ProduceID": "x"}


def test_a_file_without_a_label_and_what_is_no_wav(tmp_path: Path) -> None:
    with WavFile(tmp_path / "a.wav", 1, 8000) as file:
        file.write(b"\1\0")
    assert read_info(tmp_path / "a.wav") == {}
    assert label_of({"ICMT": "[1]"}) == label_of({"ICMT": "not json"}) == {}
    (tmp_path / "b.wav").write_bytes(b"OggS")
    with pytest.raises(ValueError, match="no WAV"):
        read_info(tmp_path / "b.wav")


def test_a_recording_says_whose_side_is_synthetic(tmp_path: Path) -> None:
    Recorder(tmp_path / "17.wav", "Alma").close(0.0)
    info = read_info(tmp_path / "17.wav")
    assert info[NAME] == "AI-generated speech: the right channel is a synthetic voice"
    assert label_of(info) == {"Label": "1", "ContentProducer": "Alma", "ProduceID": "17"}


@pytest.mark.parametrize(("start", "end"), [(2.5, 5.25), (0.0, 1.0), (8.5, 9.5), (-3.0, 20.0), (9.0, 9.0)])
def test_what_the_caller_said_is_silenced_in_the_file_and_before_it_is_written(
    tmp_path: Path, start: float, end: float
) -> None:
    recorder = Recorder(tmp_path / "call.wav")
    recorder.open_caller()
    ones = np.ones(MEDIA_RATE, dtype=np.int16).tobytes()
    for second in range(10):
        recorder.caller(AudioFrame(ones, MEDIA_RATE, float(second)))
        recorder.bot(AudioFrame(ones, MEDIA_RATE, float(second)))
        recorder.advance(second + 1.0)
    recorder.silence_caller(start, end)
    recorder.caller(AudioFrame(ones, MEDIA_RATE, 10.0))
    recorder.close(11.0)
    sound = samples(tmp_path / "call.wav")
    wanted = np.ones(11 * MEDIA_RATE)
    if end > 10.0:  # what comes until then is not kept either
        wanted[10 * MEDIA_RATE :] = 0
    wanted[int(max(0.0, start) * MEDIA_RATE) : int(max(0.0, min(end, 10.0)) * MEDIA_RATE)] = 0
    assert (sound[:, 0] == wanted).all()
    assert (sound[:88000, 1] == 1).sum() == 10 * MEDIA_RATE
