"""The detector of synthetic voices: its features, its fit, its file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from voicebot.errors import SettingsError
from voicebot.voiceprint.spoof_features import COUNT, features
from voicebot.voiceprint.synthetic import LEAST_WINDOWS, call_score, dump_detector, fit, load_detector

RATE = 8000


def pcm(seconds: float, level: float = 3000.0, seed: int = 1) -> bytes:
    rng = np.random.default_rng(seed)
    moving = 1 + np.sin(2 * np.pi * 4 * np.arange(round(seconds * RATE)) / RATE)
    return (rng.normal(size=moving.size) * moving * level / 2).astype(np.int16).tobytes()


def test_the_features_do_not_know_how_loud_it_is() -> None:
    loud, soft = features(pcm(2.0), RATE), features(pcm(2.0, 1000.0), RATE)
    assert loud is not None
    assert soft is not None
    assert loud.shape == (COUNT,)
    assert np.abs(loud - soft).max() < 0.3
    assert np.isfinite(loud).all()


def test_a_voice_that_moves_otherwise_has_other_features() -> None:
    flat = np.random.default_rng(1).normal(size=2 * RATE) * 3000
    moving, still = features(pcm(2.0), RATE), features(flat.astype(np.int16).tobytes(), RATE)
    assert moving is not None
    assert still is not None
    assert np.abs(moving - still).max() > 1.0


@pytest.mark.parametrize("sound", [bytes(4 * RATE), pcm(1.0), b""], ids=["silence", "too short", "nothing"])
def test_no_features_of_nothing(sound: bytes) -> None:
    assert features(sound, RATE) is None
    assert features(pcm(2.0), 16000) is None


def test_a_call_needs_three_windows() -> None:
    assert call_score([5.0] * (LEAST_WINDOWS - 1)) is None
    assert call_score([1.0, 2.0, 3.0]) == pytest.approx(2.0)


def test_the_fit_finds_the_side_a_row_is_on_and_weighs_it() -> None:
    rng = np.random.default_rng(3)
    synthetic = np.arange(200) % 4 == 0
    rows = rng.normal(size=(200, 5)) + np.outer(synthetic, [2, 0, 0, -1, 0])
    mean, scale, weights, bias = fit(rows, synthetic, np.ones(200))
    scores = bias + ((rows - mean) / scale) @ weights
    assert scores[synthetic].mean() > 1.0 > -1.0 > scores[~synthetic].mean()
    heavy = fit(rows, synthetic, np.where(synthetic, 3.0, 0.5))[3]
    assert heavy > bias
    with pytest.raises(SettingsError, match="people and synthetic"):
        fit(rows, np.zeros(200, dtype=bool), np.ones(200))


def test_the_shipped_detector_says_what_it_is_of_and_comes_back_from_a_file(tmp_path: Path) -> None:
    shipped = load_detector("default")
    assert shipped.fitted_on
    assert shipped.limit > 0
    file = tmp_path / "own.json"
    file.write_text(dump_detector(replace(shipped, id="own", limit=1.0)))
    own = load_detector(str(file))
    assert (own.id, own.limit, own.fitted_on) == ("own", 1.0, shipped.fitted_on)
    found = features(pcm(2.0), RATE)
    assert found is not None
    assert own.score(found) == pytest.approx(shipped.score(found), abs=0.01)


@pytest.mark.parametrize("change", [{"weights": [1.0]}, {"limit": "high"}, {"bias": float("nan")}, None])
def test_a_file_that_is_no_detector_is_refused(change: dict[str, object] | None, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    data = json.loads(dump_detector(load_detector("default")))
    file.write_text("[]" if change is None else json.dumps(data | change))
    with pytest.raises(SettingsError, match=r"bad\.json"):
        load_detector(str(file))
    with pytest.raises(SettingsError, match="cannot be read"):
        load_detector(str(tmp_path / "none.json"))
