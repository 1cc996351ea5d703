"""`voicebot voiceprint evaluate` from files to figures, with a made-up encoder and detector that know tones."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.unit.voiceprint.test_fitting import ABOUT
from voicebot.commands import voiceprint_evaluate
from voicebot.commands.voice_stress import CONDITIONS
from voicebot.commands.voiceprint_figures import as_json, as_text
from voicebot.commands.voiceprint_report import html_report
from voicebot.errors import SettingsError
from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.voice import Embedding
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint import calibration as cal

RATE = 8000


class Tones:
    """An encoder: the sound's spectrum in 64 bands."""

    model_id = "tones"

    def embed_many(self, pieces: Sequence[AudioFrame]) -> list[Embedding]:
        found = []
        for piece in pieces:
            samples = np.frombuffer(piece.pcm16, np.int16).astype(float)
            bands = np.array([b.sum() for b in np.array_split(np.abs(np.fft.rfft(samples)), 64)])
            bands = np.log(bands + 1.0) - np.mean(np.log(bands + 1.0))
            found.append(tuple(bands / np.linalg.norm(bands)))
        return found


class Loud:
    """A detector: loud is speech."""

    chunk_s = 0.02

    def start(self) -> Loud:
        return self

    def accept(self, frame: AudioFrame) -> tuple[SpeechChunk, ...]:
        level = float(np.std(np.frombuffer(frame.pcm16, np.int16)))
        return (SpeechChunk(frame.t, frame.t_end, 0.9 if level > 300 else 0.05),)


def record(path: Path, speaker: int, seconds: float, take: int, rate: int = RATE) -> None:
    """A person is a handful of tones; words of 0.6 s with pauses, and a little noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(100 * speaker + take)
    tones = np.random.default_rng(speaker).uniform(250, 3400, size=6)
    t = np.arange(round(rate * seconds)) / rate
    sound = sum(np.sin(2 * np.pi * hz * (1 + 0.002 * random.normal()) * t) for hz in tones)
    sound = 0.05 * sound * (t % 0.9 < 0.6) + 0.0005 * random.normal(size=t.size)
    soundfile.write(path, sound, rate)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("people")
    for speaker in range(1, 6):
        for take, seconds in enumerate((18.0, 9.0, 9.0)):
            suffix, rate = (("wav", 16000), ("flac", 8000), ("wav", 44100))[take]
            record(root / f"s{speaker}" / f"{take}.{suffix}", speaker, seconds, take, rate)
    return root


@pytest.fixture
def folder(people: Path, tmp_path: Path) -> Path:
    """The same people, in a folder that a test may spoil."""
    return Path(shutil.copytree(people, tmp_path / "people"))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> VoiceprintSettings:
    path = tmp_path_factory.mktemp("calibration") / "cal.json"
    path.write_text(cal.dump(cal.Calibration("made up", "tones", 20.0, 0.0, 0.0, -12.0, "tones", ABOUT["date"])))
    return VoiceprintSettings(calibration=str(path))


def evaluate(folder: Path, settings: VoiceprintSettings, **more: bool) -> voiceprint_evaluate.Evaluation:
    return voiceprint_evaluate.run(folder, Tones(), Loud(), settings, **more)


@pytest.fixture(scope="module")
def found(people: Path, settings: VoiceprintSettings) -> voiceprint_evaluate.Evaluation:
    return evaluate(people, settings)


def test_every_key_is_there_and_in_percent(found: voiceprint_evaluate.Evaluation) -> None:
    data = json.loads(json.dumps(as_json(found)))
    assert data["speakers"] == 5
    assert data["trials"] > 100
    assert set(data["eer"]) == {"1", "2", "3", "5", "10"}
    assert data["eer"]["3"] == 0.0
    for kind in ("genuine", "impostor"):
        shares = [data["sequential"][kind][s] for s in ("match", "mismatch", "inconclusive")]
        assert sum(shares) == pytest.approx(100.0, abs=0.01)
    assert data["sequential"]["genuine"]["match"] == 100.0
    assert data["sequential"]["impostor"]["match"] == 0.0
    assert 2.0 <= data["sequential"]["seconds_mean"] <= data["sequential"]["seconds_p90"]
    assert data["cllr"] < 0.5
    assert set(data["stress"]) == set(CONDITIONS) == set(data["stress_genuine_mismatch"])
    assert data["stress_detail"]["opus12k"]["eer_3s"] == data["stress"]["opus12k"]
    assert data["frr_at_far_0.1"]["3"] is None  # too few impostors to show one in a thousand
    assert data["sequential_alpha_0.1"]["genuine"]["match"] is not None
    assert len(data["data_hash"]) == 64
    text = as_text(found)
    assert "5 speakers" in text
    assert "babble10" in text


def test_the_report_is_one_file_with_its_curves(found: voiceprint_evaluate.Evaluation) -> None:
    page = html_report(found)
    assert page.count("<svg") == 4
    assert not re.search(r'(src|href)="|url\(|<script', page)
    for word in ("DET", "Histogram", "Reliability", "opus12k", "Cllr"):
        assert word in page


def test_who_cannot_be_used_is_left_out_with_the_reason(
    folder: Path, settings: VoiceprintSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    record(folder / "short" / "a.wav", 9, 1.0, 0)
    record(folder / "short" / "b.wav", 9, 0.5, 1)
    record(folder / "quick" / "a.wav", 8, 18.0, 0)
    record(folder / "quick" / "b.wav", 8, 0.6, 1)
    (folder / "<broken>").mkdir()
    for name in ("a.wav", "b.wav"):
        (folder / "<broken>" / name).write_bytes(b"no sound")
    record(folder / "single" / "a.wav", 7, 9.0, 0)
    (folder / "notes").mkdir()
    (folder / "s1" / "empty.wav").write_bytes(b"")  # costs its speaker nothing but the file
    found = evaluate(folder, settings, stress=False)
    assert set(found.left_out) == {"short", "quick", "<broken>", "single", "notes"}
    assert as_json(found)["speakers"] == 5
    assert [why.split(": cannot")[0] for why in found.skipped] == [str(folder / "s1" / "empty.wav")]
    assert "one recording only" in found.left_out["single"]
    assert "enrolment refused: 0.0 s of 3 s" in found.left_out["short"]
    assert "less than 1.5 s" in found.left_out["quick"]
    assert "cannot be read" in found.left_out["<broken>"]
    assert "left out: short" in capsys.readouterr().err
    assert "<broken>" not in html_report(found)
    assert as_json(found)["stress"] == {}


def test_two_speakers_with_little_speech_are_enough(tmp_path: Path, settings: VoiceprintSettings) -> None:
    for speaker in (1, 2):
        record(tmp_path / "few" / f"s{speaker}" / "a.wav", speaker, 6.0, 0)
        record(tmp_path / "few" / f"s{speaker}" / "b.wav", speaker, 2.7, 1)  # 1.8 s of speech: no whole window
    data = as_json(evaluate(tmp_path / "few", settings))
    assert data["speakers"] == 2
    assert data["sequential"]["genuine"]["match"] == 100.0  # type: ignore[index]
    assert "10" not in data["eer"]  # type: ignore[operator]


@pytest.mark.parametrize("people", [0, 1])
def test_fewer_are_an_error_that_says_what_is_needed(tmp_path: Path, settings: VoiceprintSettings, people: int) -> None:
    (tmp_path / "few").mkdir()
    for speaker in range(people):
        for take, seconds in enumerate((9.0, 6.0)):
            record(tmp_path / "few" / f"s{speaker}" / f"{take}.wav", speaker, seconds, take)
    with pytest.raises(SettingsError) as caught:
        evaluate(tmp_path / "few", settings)
    assert caught.value.hint


def test_another_models_calibration_is_refused(folder: Path) -> None:
    with pytest.raises(SettingsError, match="no calibration for tones is shipped"):
        evaluate(folder, VoiceprintSettings())


def test_progress_says_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    progress = voiceprint_evaluate.Progress(2)
    progress.step("enrolling")
    progress.step("embedding")
    shown = capsys.readouterr()
    assert "100 %" in shown.err
    assert "s left" in shown.err
    assert shown.out == ""
