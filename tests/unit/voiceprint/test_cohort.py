"""AS-norm with an own cohort: what it does to a score, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.voiceprint.helpers import voice
from tests.unit.voiceprint.test_fitting import ABOUT, speaker
from voicebot.errors import SettingsError
from voicebot.voiceprint import calibration as cal
from voicebot.voiceprint import cohort, fitting
from voicebot.voiceprint.cohort import LEAST, Cohort
from voicebot.voiceprint.evidence import scored, unit
from voicebot.voiceprint.fitting import cohort_of, make_calibration
from voicebot.voiceprint.trials import Scorer


def test_a_voice_that_is_like_many_needs_a_higher_score() -> None:
    random = np.random.default_rng(1)
    crowd = np.zeros(16)
    crowd[0] = 3.0
    known = Cohort([tuple(unit(crowd + random.normal(size=16))) for _ in range(LEAST)])
    common, rare = unit(crowd), unit(np.eye(16)[5])
    assert known.spread(common)[0] > known.spread(rare)[0]
    same = 0.5
    assert known.normalised(same, known.spread(common), known.spread(common)) < known.normalised(
        same, known.spread(rare), known.spread(rare)
    )


def test_a_small_cohort_is_refused() -> None:
    with pytest.raises(SettingsError, match="200 speakers or more, here are 12"):
        cohort_of([speaker(i) for i in range(12)])


def test_calibrating_with_a_cohort_and_deciding_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cohort, fitting):  # that 200 are asked for is tested above
        monkeypatch.setattr(module, "LEAST", 60)
    people = [replace(speaker(i), windows=speaker(i).windows[:2]) for i in range(60)]
    fitted = make_calibration(people, **ABOUT, splits=1, as_norm=True)
    assert len(fitted.cohort) == 60
    path = tmp_path / "own.json"
    path.write_text(cal.dump(fitted))
    again = cal.load(path)
    assert again.cohort == fitted.cohort
    # one by one in a call, and many at once in the proof: the same scores
    heard = np.array(voice(3, 77))
    some = [p.voiceprint for p in people[:5]]
    assert Scorer(some, again.cohort)(heard) == pytest.approx([scored(heard, p, again) for p in some])
    assert scored(heard, people[3].voiceprint, again) > scored(heard, people[4].voiceprint, again)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [("many", "must be a list"), ([[1.0, 0.0]], "1 vectors; 200 or more"), ([[float("nan")]] * 200, "finite")],
)
def test_a_bad_cohort_in_a_file_is_named(tmp_path: Path, bad: object, problem: str) -> None:
    data = json.loads(cal.dump(cal.load("default"))) | {"cohort": bad}
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(data))
    with pytest.raises(SettingsError, match=problem):
        cal.load(path)
