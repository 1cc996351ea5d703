"""Whisper tiny.en through the telephone: sentences, digits, silence, noise, and a snapshot while the caller speaks."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicebot.engines import sound
from voicebot.engines.whisper_asr import WhisperRecognizer
from voicebot.errors import ModelError
from voicebot.model.audio import AudioFrame
from voicebot.model.speech import Utterance

DIGITS = ("zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double", "0", "1")
NAMES = {"zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5"}
NAMES |= {"six": "6", "seven": "7", "eight": "8", "nine": "9"}
RECORDINGS = Path("/work/shared/speech/digits")


def hear(whisper: WhisperRecognizer, frame: AudioFrame, phrases: tuple[str, ...] | None = None) -> Utterance:
    stream = whisper.start(phrases)
    for i in range(0, len(frame.pcm16), 320):
        assert stream.accept(AudioFrame(frame.pcm16[i : i + 320], frame.rate, frame.t + i / 2 / frame.rate)) is None
    return stream.finish()


def words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def digits(text: str) -> str:
    return "".join(NAMES.get(t, t if t.isdigit() else "?") for t in re.findall(r"[a-z]+|\d", text.lower()))


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Yes, speaking.", "yes speaking"),
        ("Wrong number.", "wrong number"),
        ("I can pay two thousand dollars next Friday.", "i can pay 2 000 next friday"),
        ("I bought a tractor for the farm.", "i bought a tractor for the farm"),
        ("I lost my job and I cannot pay this month.", "i lost my job and i cannot pay this month"),
        ("I want to talk to a human.", "i want to talk to a human"),
    ],
)
def test_sentences(whisper, heart, telephone, said: str, written: str) -> None:
    frame = telephone(heart.synthesize(said), t=5.0)
    heard = hear(whisper, frame)
    assert written in [words(h) for h in heard.hypotheses[:2]]
    assert heard.confidence > 0.5
    assert (heard.t0, heard.t1) == (5.0, pytest.approx(frame.t_end, abs=0.02))


@pytest.mark.parametrize("said", ["one two three four", "nine oh seven five", "4 4 7 1 9 2", "zero zero zero zero"])
def test_digit_strings(whisper, heart, telephone, said: str) -> None:
    heard = hear(whisper, telephone(heart.synthesize(said)), DIGITS)
    assert digits(heard.text) == digits(said)


@pytest.mark.parametrize("said", ["I don't know.", "Can I speak to a human please?", "Call me later."])
def test_words_in_a_digit_step_stay_words(whisper, heart, telephone, said: str) -> None:
    assert words(hear(whisper, telephone(heart.synthesize(said)), DIGITS).text) == words(said)


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings of real people in /work/shared/speech")
def test_real_people_say_digits(whisper, telephone) -> None:
    """Three people, four strings of four digits each; measured 46 of 48 on more of them."""
    random = np.random.default_rng(5)
    right = among = 0
    for person in sorted(RECORDINGS.iterdir()):
        for _ in range(4):
            string = [int(d) for d in random.integers(0, 10, 4)]
            takes = [soundfile.read(person / f"{d}_{random.integers(12)}.flac", dtype="float32") for d in string]
            gap = np.zeros(800, dtype=np.float32)
            joined = np.concatenate([part for samples, _ in takes for part in (samples, gap)])
            frame = AudioFrame(sound.to_pcm16(joined / np.abs(joined).max() * 0.5), 8000)
            heard = hear(whisper, telephone(frame), DIGITS)
            wanted = "".join(map(str, string))
            right += digits(heard.text) == wanted
            among += wanted in [digits(h) for h in heard.hypotheses]
    assert right >= 9
    assert among >= 11


def test_snapshot_while_the_caller_speaks(whisper, heart, telephone) -> None:
    frame = telephone(heart.synthesize("Please stop calling me. I have already paid the money back."), t=2.0)
    stream = whisper.start()
    half = len(frame.pcm16) // 2 // 2 * 2
    stream.accept(AudioFrame(frame.pcm16[:half], 8000, 2.0))
    early: list[Utterance] = []
    thread = threading.Thread(target=lambda: early.append(stream.snapshot()))
    thread.start()
    stream.accept(AudioFrame(frame.pcm16[half:], 8000, 2.0 + half / 16000))
    thread.join()
    assert "stop calling" in early[0].text.lower()
    late = stream.snapshot()
    assert "already paid" in late.text.lower()
    assert late.t1 == pytest.approx(frame.t_end)
    assert stream.finish() is late, "nothing came since: recognised twice"


def test_silence_is_nothing(whisper, noise) -> None:
    assert hear(whisper, AudioFrame(bytes(32000), 8000, 3.0)) == Utterance("", confidence=0.0, t0=3.0, t1=5.0)
    assert whisper.start().finish().text == ""
    for level in (-50.0, -35.0, -25.0):
        heard = hear(whisper, noise(level, 3.0))
        assert heard.text == "" or heard.confidence < 0.4


def test_a_long_answer_is_heard_to_its_end(whisper, heart, telephone) -> None:
    sentence = "I spent the money on seeds, a new pump and the repair of the barn. "
    frame = telephone(heart.synthesize(sentence * 8 + "That is the end of my story."))
    assert 30.0 < frame.duration < 60.0
    text = hear(whisper, frame).text.lower()
    assert text.startswith("i spent the money on seeds")
    assert "end of my story" in text


def test_calls_at_the_same_time(whisper, heart, telephone) -> None:
    said = ["Yes, speaking.", "Wrong number.", "Please stop calling me.", "I lost my job."]
    frames = [telephone(heart.synthesize(text)) for text in said]
    with ThreadPoolExecutor(4) as pool:
        heard = list(pool.map(lambda frame: hear(whisper, frame).text, frames))
    assert [words(text) for text in heard] == [words(text) for text in said]


def test_a_spoiled_model_is_refused(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.bin: missing"):
        WhisperRecognizer(tmp_path)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).symlink_to(models / "whisper-tiny-en" / name)
    (tmp_path / "model.bin").write_bytes((models / "whisper-tiny-en" / "model.bin").read_bytes()[:100_000])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        WhisperRecognizer(tmp_path)
    assert "voicebot models" in caught.value.hint
