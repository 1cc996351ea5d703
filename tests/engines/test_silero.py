"""Voice activity on speech and silence, at call times."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from voicebot.engines import sound
from voicebot.engines.silero_vad import SileroActivity, SileroStream
from voicebot.errors import ModelError
from voicebot.model.audio import AudioFrame, SpeechChunk


@pytest.fixture(scope="module")
def activity() -> SileroActivity:
    return SileroActivity()


def run(stream: SileroStream, frame: AudioFrame, size: int = 320) -> list[SpeechChunk]:
    chunks: list[SpeechChunk] = []
    for i in range(0, len(frame.pcm16), size):
        chunks += stream.accept(AudioFrame(frame.pcm16[i : i + size], frame.rate, frame.t + i / 2 / frame.rate))
    return chunks


def test_speech_is_found_where_it_is(activity, heart, telephone) -> None:
    frame = telephone(heart.synthesize("Good morning, who is speaking please?"), before=1.0, after=1.0, t=5.0)
    chunks = run(activity.start(), frame)
    assert len(chunks) == int(frame.duration / 0.032)
    assert all(b.t0 == pytest.approx(a.t1) for a, b in pairwise(chunks))
    speech = [c for c in chunks if c.probability > 0.5]
    assert speech[0].t0 == pytest.approx(6.0, abs=0.15)
    assert speech[-1].t1 == pytest.approx(frame.t_end - 1.0, abs=0.25)
    assert max(c.probability for c in chunks if c.t1 < 5.9) < 0.3


def test_packet_size_and_other_calls_change_nothing(activity, heart, telephone) -> None:
    frame = telephone(heart.synthesize("Yes, that is right."))
    alone = run(activity.start(), frame)
    first, second = activity.start(), activity.start()
    mixed: list[SpeechChunk] = []
    for i in range(0, len(frame.pcm16), 1000):
        mixed += first.accept(AudioFrame(frame.pcm16[i : i + 1000], 8000, i / 16000))
        second.accept(AudioFrame(bytes(1000), 8000, i / 16000))
    assert [c.probability for c in mixed] == pytest.approx([c.probability for c in alone])


def test_noise_and_silence_are_no_speech(activity, noise) -> None:
    for frame in (noise(-30.0, 2.0), AudioFrame(bytes(32000), 8000)):
        assert np.mean([c.probability for c in run(activity.start(), frame)]) < 0.3


def test_another_rate_and_a_gap_in_time(activity, heart) -> None:
    wide = heart.synthesize("Good morning, who is speaking please?")
    frame = AudioFrame(sound.to_pcm16(sound.frame_at(wide, 16000)), 16000)
    assert any(c.probability > 0.8 for c in run(activity.start(), frame))
    stream = activity.start()
    stream.accept(AudioFrame(bytes(640), 8000, 1.0))
    (chunk,) = stream.accept(AudioFrame(bytes(512), 8000, 4.0))[:1]
    assert chunk.t1 > 3.9


def test_a_file_that_is_no_model_is_refused(tmp_path) -> None:
    (tmp_path / "vad.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError):
        SileroActivity(tmp_path / "vad.onnx")
