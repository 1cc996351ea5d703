"""The Vosk path with a real model (Korean; the English one comes from a site a build machine cannot reach)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from voicebot.engines.pyttsx3_tts import Pyttsx3Synthesizer
from voicebot.engines.vosk_asr import VoskRecognizer, VoskStream
from voicebot.errors import EngineError, ModelError
from voicebot.model.audio import AudioFrame

NO, YES = "아니요", "네"


@pytest.fixture(scope="module")
def no_in_korean(telephone) -> AudioFrame:
    speaker = Pyttsx3Synthesizer("ko")
    try:
        return telephone(speaker.synthesize(NO), before=0.5, after=0.7, t=10.0)
    finally:
        speaker.close()


def feed(stream: VoskStream, frame: AudioFrame) -> list[str | None]:
    """In packets of 20 ms, as on a call."""
    return [
        stream.accept(AudioFrame(frame.pcm16[i : i + 320], 8000, frame.t + i / 16000))
        for i in range(0, len(frame.pcm16), 320)
    ]


def test_a_phrase_is_heard_with_call_times(korean: VoskRecognizer, no_in_korean: AudioFrame) -> None:
    stream = korean.start([YES, NO])
    partials = feed(stream, no_in_korean)
    assert partials[0] == ""
    assert NO in partials
    assert stream.snapshot().text == NO
    heard = stream.finish()
    assert heard.text == NO
    assert heard.confidence > 0.5
    assert (heard.t0, heard.t1) == (10.0, pytest.approx(no_in_korean.t_end, abs=0.02))
    (word,) = heard.words
    assert 10.3 < word.t0 < 10.7 < word.t1 < 11.3  # spoken half a second after the first sample
    assert stream.finish() is heard
    with pytest.raises(EngineError):
        stream.accept(no_in_korean)


def test_free_speech_streams_and_gives_alternatives(korean: VoskRecognizer, no_in_korean: AudioFrame) -> None:
    stream = korean.start()
    partials = [p for p in feed(stream, no_in_korean) if p]
    assert partials, "no partial result while the caller spoke"
    heard = stream.finish()
    assert heard.text
    assert heard.text not in heard.alternatives
    assert len(set(heard.hypotheses)) == len(heard.hypotheses) >= 2
    assert 0.0 < heard.confidence < 1.0


def test_unknown_words_of_a_grammar_are_dropped(korean: VoskRecognizer, no_in_korean: AudioFrame, capfd) -> None:
    assert json.loads(korean.grammar([NO, "xyzzy", f"{NO} xyzzy"]) or "[]") == [NO, "<UNK>"]
    assert korean.grammar(["xyzzy", "..."]) is None
    stream = korean.start([NO, "xyzzy"])
    feed(stream, no_in_korean)
    assert stream.finish().text == NO
    said = capfd.readouterr()
    assert "WARNING" not in said.err + said.out, "the C library writes past Python's logging"


def test_noise_and_silence_are_nothing(korean: VoskRecognizer, noise) -> None:
    for sound in (noise(-30.0, 1.5), AudioFrame(bytes(24000), 8000)):
        stream = korean.start([YES, NO])
        stream.accept(sound)
        heard = stream.finish()
        assert (heard.text, heard.alternatives) == ("", ())
    assert korean.start().finish().text == ""


def test_two_calls_do_not_mix(korean: VoskRecognizer, no_in_korean: AudioFrame) -> None:
    speaks, silent = korean.start([NO, YES]), korean.start([NO, YES])
    for i in range(0, len(no_in_korean.pcm16), 1600):
        speaks.accept(AudioFrame(no_in_korean.pcm16[i : i + 1600], 8000, i / 16000))
        silent.accept(AudioFrame(bytes(1600), 8000, i / 16000))
    assert (speaks.finish().text, silent.finish().text) == (NO, "")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no Vosk model") as caught:
        VoskRecognizer(tmp_path, "en")
    assert "voicebot models" in caught.value.hint
