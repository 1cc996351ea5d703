"""Step 110 (document R): is a number a collection number? Gradient boosting, calibrated, judged on companies it did not
see (folds grouped by company)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.model_selection import GroupKFold

from voicebot.errors import ScoringError
from voicebot.scoring.collection_numbers import NAMES, Features
from voicebot.scoring.config_risk import NumberSettings

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """A number whose truth is known. `group`: its company (numbers of one company are never in two folds); a number
    without one is its own group."""

    number: str
    features: Features
    is_collection: bool
    group: str


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the recogniser says. `p`: by number, for those without a label and those with one (from the fold that did
    not see them); `figures`: of the labelled ones, out of fold; `importance`: by feature; `model`: id of the data and
    settings."""

    p: Mapping[str, float]
    figures: Mapping[str, float]
    importance: Mapping[str, float]
    model: str


def recognise(samples: Sequence[Sample], unknown: Mapping[str, Features], settings: NumberSettings) -> Recognised:
    """Train on the samples and judge the unknown numbers. Raises ScoringError where the samples cannot teach it."""
    x = np.array([sample.features.row() for sample in samples], dtype=np.float64)
    y = np.array([sample.is_collection for sample in samples], dtype=np.int64)
    groups = [sample.group for sample in samples]
    folds = _folds(y, groups, settings)
    raw = np.full(len(y), np.nan)
    for train, test in folds:
        raw[test] = _fit(x[train], y[train], settings).predict_proba(x[test])[:, 1]
    calibrated = np.empty(len(y))
    for train, test in folds:  # the calibration has not seen the fold either
        calibrated[test] = _isotonic(raw[train], y[train]).predict(raw[test])
    final, isotonic = _fit(x, y, settings), _isotonic(raw, y)
    p = {sample.number: float(value) for sample, value in zip(samples, calibrated, strict=True)}
    if unknown:
        rows = np.array([features.row() for features in unknown.values()], dtype=np.float64)
        said = isotonic.predict(final.predict_proba(rows)[:, 1])
        p |= {number: float(value) for number, value in zip(unknown, said, strict=True)}
    importance = dict(zip(NAMES, map(float, final.feature_importances_), strict=True))
    return Recognised(p, _figures(y, calibrated, settings), importance, _model_id(samples, settings))


def _folds(y: NDArray[np.int64], groups: Sequence[str], settings: NumberSettings) -> list[tuple[Floats, Floats]]:
    for value, word in ((1, "collection numbers"), (0, "other numbers")):
        held = len({group for group, label in zip(groups, y, strict=True) if label == value})
        if held < settings.folds:
            raise ScoringError(
                f"collection-numbers: {word} of {held} companies or owners; {settings.folds} folds need as many",
                hint="import more labelled numbers, or set [numbers] folds lower",
            )
    folds = list(GroupKFold(n_splits=settings.folds).split(np.zeros(len(y)), y, groups))
    if any(len(set(y[train])) < 2 for train, _ in folds):
        raise ScoringError(
            "collection-numbers: one company has nearly all labelled numbers of a kind", hint="import other companies'"
        )
    return folds


def _fit(x: Floats, y: NDArray[np.int64], settings: NumberSettings) -> GradientBoostingClassifier:
    model = GradientBoostingClassifier(
        n_estimators=settings.trees,
        max_depth=settings.depth,
        learning_rate=settings.step,
        subsample=0.8,
        random_state=settings.seed,
    )
    return model.fit(x, y)


def _isotonic(p: Floats, y: NDArray[np.int64]) -> IsotonicRegression:
    return IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(p, y)


def _figures(y: NDArray[np.int64], p: Floats, settings: NumberSettings) -> dict[str, float]:
    chosen = p >= settings.library_p
    right = int((chosen & (y == 1)).sum())
    return {
        "samples": float(len(y)),
        "positives": float(y.sum()),
        "auc": float(roc_auc_score(y, p)),
        "average_precision": float(average_precision_score(y, p)),
        "brier": float(brier_score_loss(y, p)),
        "library_precision": right / int(chosen.sum()) if chosen.any() else 0.0,
        "library_recall": right / int(y.sum()),
    }


def _model_id(samples: Sequence[Sample], settings: NumberSettings) -> str:
    rows = sorted([s.number, s.is_collection, s.group, *s.features.row()] for s in samples)
    text = json.dumps(rows) + settings.model_dump_json()
    return f"R-110/1+{hashlib.sha256(text.encode()).hexdigest()[:8]}"
