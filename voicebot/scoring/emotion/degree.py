"""The cooperation degree c (S12c) fitted: logistic regression over the signals of labelled talk, judged out of fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from voicebot.errors import ScoringError
from voicebot.scoring.config_cases import COOPERATION, CooperationSettings
from voicebot.scoring.cooperation import APART, COOPERATIVE, degree
from voicebot.scoring.emotion.figures import Floats, expected_calibration_error

#: Signals that c is made of.
TELLING = tuple(name for name in COOPERATION if name not in APART)
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class FittedDegree:
    """`intercept` and `odds`: for [cooperation] of scoring.toml, fitted on all `n` utterances; `loss` (log loss) and
    `ece`: out of fold, beside those of the settings in force."""

    n: int
    intercept: float
    odds: Mapping[str, float]
    loss: float
    ece: float
    loss_now: float
    ece_now: float

    def as_json(self) -> dict[str, object]:
        """Names and plain numbers."""
        return {
            "utterances": self.n,
            "log_loss": round(self.loss, 4),
            "ece": round(self.ece, 4),
            "log_loss_of_settings": round(self.loss_now, 4),
            "ece_of_settings": round(self.ece_now, 4),
            "intercept": round(self.intercept, 2),
            "odds": {name: round(value, 2) for name, value in self.odds.items()},
        }


def fit_degree(signals: Sequence[frozenset[str]], labels: Sequence[str], settings: CooperationSettings) -> FittedDegree:
    """Fit c to labels a person gave; disputes and hardship are left out, they count for neither side. Raises
    ScoringError where one side has fewer than five."""
    kept = [(found, label == COOPERATIVE) for found, label in zip(signals, labels, strict=True) if label not in APART]
    truth = np.array([good for _, good in kept], dtype=np.int64)
    if len(kept) < 2 * _FOLDS or min(int(truth.sum()), int((1 - truth).sum())) < _FOLDS:
        raise ScoringError(f"too few utterances to fit c: {_FOLDS} of each side are needed", hint="label more talk")
    x = np.array([[name in found for name in TELLING] for found, _ in kept], dtype=np.float64)
    model = LogisticRegression(C=1.0)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=1)
    p = np.asarray(cross_val_predict(model, x, truth, cv=folds, method="predict_proba"), dtype=np.float64)[:, 1]
    now = np.array([0.5 if (c := degree(found, settings)) is None else c for found, _ in kept])
    model.fit(x, truth)
    odds = dict(zip(TELLING, map(float, model.coef_[0]), strict=True))
    return FittedDegree(
        n=len(kept),
        intercept=float(model.intercept_[0]),
        odds={name: odds.get(name, 0.0) for name in COOPERATION},
        loss=_loss(p, truth),
        ece=expected_calibration_error(p, truth == 1),
        loss_now=_loss(now, truth),
        ece_now=expected_calibration_error(now, truth == 1),
    )


def _loss(p: Floats, truth: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> float:
    safe = np.clip(np.where(truth == 1, p, 1 - p), 1e-9, 1)
    return float(-np.mean(np.log(safe)))
