"""All synthesizers speak, alike in loudness, with no silence at the ends; and the cache in front of them."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from voicebot.engines import sound
from voicebot.engines.hibari_tts import HibariSynthesizer
from voicebot.engines.piper_tts import PiperSynthesizer
from voicebot.engines.prompt_cache import PromptCache
from voicebot.engines.pyttsx3_tts import Pyttsx3Synthesizer
from voicebot.errors import EngineError, ModelError

TEXT = "This is a call from your bank. Please hold the line."


@pytest.fixture(params=["heart", "joe", "espeak"])
def synthesizer(request):
    return request.getfixturevalue(request.param)


def test_speech_is_ready_for_the_telephone(synthesizer) -> None:
    frame = synthesizer.synthesize(TEXT)
    samples = sound.to_float(frame.pcm16)
    assert 2.0 < frame.duration < 6.0
    assert -23.0 < sound.level_dbfs(samples) < -19.0
    assert 20 * np.log10(np.abs(samples).max()) <= -2.95
    edge = round(0.06 * frame.rate)
    assert sound.level_dbfs(samples[:edge]) > -60.0, "silence before the first word"
    assert sound.level_dbfs(samples[-edge:]) > -60.0, "silence after the last word"
    assert abs(float(samples[0])) < 0.01
    assert abs(float(samples[-1])) < 0.01


def test_long_text_and_nothing_to_say(synthesizer) -> None:
    long = synthesizer.synthesize("You can ask for a human at any time, or call the branch. " * 12)
    assert 25.0 < long.duration < 70.0
    for empty in ("", "  ...  "):
        with pytest.raises(EngineError):
            synthesizer.synthesize(empty)


def test_two_voices_are_understood(whisper, heart, joe, telephone) -> None:
    for voice in (heart, joe):
        stream = whisper.start()
        stream.accept(telephone(voice.synthesize(TEXT)))
        heard = re.findall("[a-z]+", stream.finish().text.lower())
        said = re.findall("[a-z]+", TEXT.lower())
        assert sum(a != b for a, b in zip(heard, said, strict=True)) <= 1


@pytest.mark.parametrize("kind", [HibariSynthesizer, PiperSynthesizer, Pyttsx3Synthesizer])
def test_speed(kind, request) -> None:
    names = {HibariSynthesizer: "heart", PiperSynthesizer: "joe", Pyttsx3Synthesizer: "espeak"}
    normal, fast = request.getfixturevalue(names[kind]), kind(speed=1.6)
    # Piper draws the length of each sound anew: one sentence alone came out at 1.28 to 1.46.
    slow_s, fast_s = (sum(voice.synthesize(TEXT).duration for _ in range(4)) for voice in (normal, fast))
    assert slow_s > 1.3 * fast_s
    assert normal.name != fast.name, "the prompt cache would mix them up"


def test_the_same_text_is_the_same_sound(heart) -> None:
    assert heart.synthesize(TEXT) == heart.synthesize(TEXT)


def test_espeak_from_many_threads_and_after_its_process_died(espeak) -> None:
    with ThreadPoolExecutor(4) as pool:
        frames = list(pool.map(lambda i: espeak.synthesize(f"number {i}"), range(8)))
    assert all(frame.duration > 0.4 for frame in frames)
    espeak._process.kill()
    espeak._process.wait()
    assert espeak.synthesize("again").duration > 0.2
    espeak.close()
    assert espeak.synthesize("and again").duration > 0.3


def test_voices_that_are_not_there() -> None:
    with pytest.raises(ModelError, match="no voice"):
        HibariSynthesizer("nobody")
    with pytest.raises(ModelError, match="not on this machine"):
        HibariSynthesizer("emma")  # exists, but would have to be downloaded
    with pytest.raises(ModelError, match="missing"):
        PiperSynthesizer("/nowhere/voice.onnx")
    with pytest.raises(EngineError):
        Pyttsx3Synthesizer("xx-nobody").synthesize("hello")


def test_cached_prompts_are_at_the_media_rate(heart, tmp_path: Path) -> None:
    cache = PromptCache(heart, tmp_path)
    assert not cache.is_ready(TEXT)
    frame = cache.get(TEXT)
    assert frame.rate == 8000
    assert frame.duration == pytest.approx(heart.synthesize(TEXT).duration, abs=0.01)
    assert cache.is_ready(TEXT)
    assert PromptCache(heart, tmp_path).get(TEXT) == frame
