"""The pure parts of the engines: catalogue, sound, what Vosk and Whisper wrote."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.engines import sound, vosk_result, whisper_text
from voicebot.engines.catalogue import BY_NAME, CATALOGUE
from voicebot.engines.choose import SPEAKER_MODELS
from voicebot.settings import AsrSettings, VoiceprintSettings

SHA256 = re.compile(r"[0-9a-f]{64}")


def test_the_catalogue_is_pinned() -> None:
    assert len(BY_NAME) == len(CATALOGUE)
    for spec in CATALOGUE:
        assert spec.site or spec.package
        assert all(SHA256.fullmatch(h) for h in spec.files.values())
        assert spec.must_have
        assert set(spec.must_have) <= set(spec.files or spec.must_have)
        assert all(edit.file in (spec.files or {edit.file: ""}) for edit in spec.edits)
        if spec.package:
            assert SHA256.fullmatch(spec.package.sha256)
            assert spec.files, "a package's files are known one by one"
        if spec.site:
            assert SHA256.fullmatch(spec.site.sha256)
            assert spec.site.url.startswith("https://")
        assert spec.purpose
        assert spec.licence


def test_the_settings_name_models_of_the_catalogue() -> None:
    names = {
        AsrSettings().vosk_model,
        AsrSettings().whisper_model,
        *(SPEAKER_MODELS[m][0] for m in VoiceprintSettings().models),
    }
    assert names <= set(BY_NAME)
    assert BY_NAME["ecapa-voxceleb"].files["embedding_model.ckpt"].startswith("0575cb64")


# --- sound ----------------------------------------------------------------------------------------------------


def tone(level: float, seconds: float = 1.0, rate: int = 8000) -> sound.Samples:
    t = np.arange(round(rate * seconds)) / rate
    return (np.sin(2 * np.pi * 300 * t) * level).astype(np.float32)


@pytest.mark.parametrize("level", [0.001, 0.1, 0.9])
def test_prompts_are_trimmed_and_equally_loud(level: float) -> None:
    silence = np.zeros(4000, dtype=np.float32)
    finished = sound.finish_prompt(np.concatenate((silence, tone(level), silence)), 8000)
    assert finished.size / 8000 == pytest.approx(1.04, abs=0.02)
    assert sound.level_dbfs(finished) == pytest.approx(-20.0, abs=0.5)
    assert finished[0] == finished[-1] == 0.0


def test_one_loud_moment_does_not_make_a_prompt_quiet() -> None:
    speech = tone(0.05, 2.0)
    speech[8000:8040] = 1.0
    finished = sound.finish_prompt(speech, 8000)
    assert float(np.abs(finished).max()) <= 10 ** (-3 / 20)
    assert sound.level_dbfs(finished[:7000]) > -26.0


def test_silence_stays_silence() -> None:
    assert sound.finish_prompt(np.zeros(8000, dtype=np.float32), 8000).size == 0
    assert sound.finish_prompt(np.zeros(0, dtype=np.float32), 8000).size == 0


@given(st.binary(max_size=400).map(lambda b: b[: len(b) // 2 * 2]))
def test_pcm_there_and_back(pcm16: bytes) -> None:
    back = np.frombuffer(sound.to_pcm16(sound.to_float(pcm16)), dtype="<i2").astype(int)
    assert np.abs(back - np.frombuffer(pcm16, dtype="<i2")).max(initial=0) <= 1


@given(st.text(alphabet="ab .,!?\n", max_size=300), st.integers(5, 60))
def test_text_is_split_without_loss(text: str, limit: int) -> None:
    pieces = sound.split_text(text, limit)
    assert all(len(piece) <= limit for piece in pieces)
    assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", text)


# --- vosk -----------------------------------------------------------------------------------------------------


def nbest(*alternatives: tuple[float, str]) -> str:
    def words(text: str) -> list[dict[str, object]]:
        return [{"word": w, "start": i * 0.5, "end": i * 0.5 + 0.4} for i, w in enumerate(text.split())]

    return json.dumps({"alternatives": [{"confidence": c, "text": t, "result": words(t)} for c, t in alternatives]})


UNKNOWN = frozenset({"[unk]"})


def test_n_best_becomes_probabilities_and_word_confidences() -> None:
    segment = vosk_result.parse(nbest((10.0, "yes please"), (10.0, "yes peas"), (-90.0, "guess")), 3.0, UNKNOWN)
    heard = vosk_result.join([segment], 3.0, 5.0, 5)
    assert heard.text == "yes please"
    assert heard.alternatives == ("yes peas", "guess")
    assert [w.confidence for w in heard.words] == pytest.approx([1.0, 0.5])
    assert [w.t0 for w in heard.words] == [3.0, 3.5]


def test_unknown_sound_is_no_text_and_no_alternative() -> None:
    segment = vosk_result.parse(nbest((10.0, "[unk]"), (9.0, "yes")), 0.0, UNKNOWN)
    heard = vosk_result.join([segment], 0.0, 1.0, 5)
    assert (heard.text, heard.alternatives, heard.confidence) == ("", (), 0.0)
    other = vosk_result.join([vosk_result.parse(nbest((10.0, "[unk] yes")), 0.0, UNKNOWN)], 0.0, 1.0, 5)
    assert other.text == "yes"


def test_segments_are_joined() -> None:
    segments = [vosk_result.parse(nbest((5.0, a), (4.0, b)), 0.0, UNKNOWN) for a, b in (("one", "won"), ("two", "too"))]
    heard = vosk_result.join(segments, 0.0, 4.0, 3)
    assert heard.hypotheses[0] == "one two"
    assert set(heard.alternatives) <= {"one too", "won two", "won too"}
    assert len(heard.alternatives) == 2
    assert vosk_result.join([], 1.0, 2.0, 5).text == ""
    assert vosk_result.parse("{}", 0.0, UNKNOWN) == ()


# --- whisper --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phrases", "language", "expected"),
    [
        (("zero", "one", "oh", "double"), "en", True),
        (("1 2", "twenty-one"), "en", True),
        (("one", "call me later"), "en", False),
        (("yes",), "en", False),
        ((), "en", False),
        (None, "en", False),
        (("eins", "zwei"), "de", True),
        (("eins",), "en", False),
        (("1", "2"), "xx", True),
    ],
)
def test_which_steps_expect_digits(phrases, language: str, expected: bool) -> None:
    assert whisper_text.expects_digits(phrases, language) is expected


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("0 0 0 0", False),
        ("no no no no", False),
        ("yes yes I said yes", False),
        ("1, 2, 3, 4, 1, 2, 3, 4", False),
        ("the the the the the the the the the the", True),
        ("I know I know I know I know I know I know", True),
        ("and I was like and I was like and I was like and I was like and I was like", True),
        ("", False),
    ],
)
def test_loops(text: str, loop: bool) -> None:
    assert whisper_text.is_loop(text) is loop


def test_hypotheses_are_compared_bare() -> None:
    assert whisper_text.bare("  I don't KNOW. ") == whisper_text.bare("I don't know") == "i don't know"
    assert whisper_text.bare("... -") == ""
