"""Figures that are known, and intervals that know whose trials they are."""

from __future__ import annotations

import numpy as np
import pytest

from voicebot.voiceprint import figures
from voicebot.voiceprint.figures import Scores


def made(speakers: int, each: int, seed: int = 1) -> Scores:
    """Own scores around 2, others' around -2, and one speaker whose own are like others'."""
    random = np.random.default_rng(seed)
    rows = [
        (random.normal(2.0 if voice == claimed and voice else -2.0), voice, claimed)
        for voice in range(speakers)
        for claimed in range(speakers)
        for _ in range(each)
    ]
    values, voice, claimed = zip(*rows, strict=True)
    return Scores(np.array(values), np.array(voice), np.array(claimed))


def eer_of(genuine: figures.Array, impostor: figures.Array) -> float:
    return figures.eer(genuine, impostor)[0]


def test_the_interval_holds_the_value_and_knows_that_trials_of_a_speaker_go_together() -> None:
    few, many = figures.estimate(made(10, 4), eer_of), figures.estimate(made(10, 40), eer_of)
    assert few.low <= few.value <= few.high
    # ten times the trials of the same ten people: the one bad speaker is in or out of the draw all the same
    assert many.high - many.low > 0.5 * (few.high - few.low)
    assert figures.estimate(made(10, 4), eer_of) == few


def test_no_interval_where_none_is_wanted() -> None:
    found = figures.estimate(made(6, 3), eer_of, times=0)
    assert np.isfinite(found.value)
    assert np.isnan(found.low)


def test_kinds_of_trials() -> None:
    both = Scores(np.array([1.0, 0.0]), np.array([0, 0]), np.array([0, 1]))
    assert both.genuine.tolist() == [True, False]
    assert both.complete
    assert not Scores(np.array([1.0]), np.array([0]), np.array([0])).complete


def test_det_runs_from_all_impostors_in_to_all_customers_out() -> None:
    scores = made(8, 5)
    points = figures.det(scores.values[scores.genuine], scores.values[~scores.genuine])
    accepts, misses = [a for a, _ in points], [m for _, m in points]
    assert accepts == sorted(accepts, reverse=True)
    assert misses == sorted(misses)
    assert accepts[0] == 1.0
    assert misses[0] == 0.0


def test_reliability_of_evidence_that_is_right_and_of_evidence_that_boasts() -> None:
    random = np.random.default_rng(3)
    # LLRs of two normals of deviation 1 and means +-1: the value is 2 x
    genuine, impostor = 2 * random.normal(1, 1, 40000), 2 * random.normal(-1, 1, 40000)
    for said, true, count in figures.reliability(genuine, impostor):
        assert count > 100
        assert true == pytest.approx(said, abs=0.03)
    boasting = figures.reliability(4 * genuine, 4 * impostor)
    assert boasting[2][1] - boasting[2][0] > 0.05  # says 25 %, is more
