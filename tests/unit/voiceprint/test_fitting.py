"""Fitting: figures that are known, and a calibration from made-up voices."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.voiceprint.helpers import voice
from voicebot.errors import SettingsError
from voicebot.model.voice import Voiceprint, VoiceQuality
from voicebot.voiceprint import figures
from voicebot.voiceprint.calibration import Calibration
from voicebot.voiceprint.fitting import make_calibration
from voicebot.voiceprint.trials import Speaker, TestWindow

ABOUT: dict[str, str] = {"calibration_id": "t", "fitted_on": "made up", "date": "2026-01-01", "data_hash": "0" * 64}


def speaker(number: int, *, noise: float = 2.0, name: str = "") -> Speaker:
    known = Voiceprint(f"s{number}", "model-1", (voice(number, 900, 0.5),), 12.0, VoiceQuality(), "")
    windows = tuple(
        TestWindow(
            voice(number, i, noise), 2.0, VoiceQuality(30.0), parts=((1.0, voice(number, 100 + i, 1.5 * noise)),)
        )
        for i in range(7)
    )
    return Speaker(name or f"s{number}", known, windows)


@pytest.fixture(scope="module")
def fitted() -> Calibration:
    return make_calibration([speaker(i) for i in range(1, 13)], **ABOUT, splits=2)


def test_calibration_of_voices_that_can_be_told_apart(fitted: Calibration) -> None:
    assert fitted.model_id == "model-1"
    assert (fitted.speakers, fitted.date, fitted.data_hash) == (12, "2026-01-01", "0" * 64)
    assert fitted.min_s == 1.0
    assert fitted.figures["genuine_mismatch"] <= 1.0
    assert fitted.figures["impostor_match"] <= 1.0
    assert fitted.figures["genuine_match"] > 90.0
    assert fitted.figures["cllr"] < 0.2
    assert fitted.figures["eer_10s"] < fitted.figures["eer_1s"]
    shares = [fitted.figures[f"impostor_{s}"] for s in ("match", "mismatch", "inconclusive")]
    assert sum(shares) == pytest.approx(100.0, abs=0.01)


def test_it_is_deterministic(fitted: Calibration) -> None:
    assert make_calibration([speaker(i) for i in range(1, 13)], **ABOUT, splits=2) == fitted


def test_voices_that_cannot_be_told_apart_are_not_called_proof() -> None:
    same = [speaker(1, name=f"one person {i}") for i in range(3)]
    result = make_calibration(same + [speaker(i) for i in range(2, 10)], **ABOUT, splits=2)
    assert result.figures["suspected_pairs"] == 3  # out of the fit, still in the figures
    assert result.figures["impostor_match"] > 2.0


@pytest.mark.parametrize(
    "speakers",
    [
        [],
        [speaker(1), speaker(2), speaker(3)],
        [speaker(i) for i in range(1, 5)] + [Speaker("x", speaker(9).voiceprint, ())],
    ],
    ids=["none", "three", "one without test speech"],
)
def test_too_few(speakers: list[Speaker]) -> None:
    with pytest.raises(SettingsError):
        make_calibration(speakers, **ABOUT, splits=2)


def test_eer() -> None:
    assert figures.eer(np.array([0.8, 0.9]), np.array([0.1, 0.2]))[0] == 0.0
    rate, threshold = figures.eer(np.array([0.3, 0.7, 0.8, 0.9]), np.array([0.1, 0.2, 0.25, 0.75]))
    assert rate == 0.25
    assert 0.3 < threshold <= 0.75


def test_frr_at_far() -> None:
    impostor = np.linspace(0.0, 0.99, 100)
    genuine = np.array([0.5, 0.9, 0.985, 0.995])
    assert figures.frr_at_far(genuine, impostor, 0.0) == 0.75
    assert figures.frr_at_far(genuine, impostor, 0.01) == 0.5
    assert figures.frr_at_far(genuine, impostor, 1.0) == 0.0


def test_cllr() -> None:
    assert figures.cllr(np.zeros(3), np.zeros(3)) == pytest.approx(1.0)  # says nothing
    assert figures.cllr(np.full(3, 30.0), np.full(3, -30.0)) == pytest.approx(0.0, abs=1e-9)
    assert figures.cllr(np.full(3, -5.0), np.full(3, 5.0)) > 5  # sure and wrong
