"""Does the voice sound synthetic? A logistic regression over spoof_features, averaged over the call: a risk, no proof.

Numbers and limit are a file (calibrations/synthetic.json, or one's own); what it was fitted on, and how often it is
wrong on engines and people it has never heard, stands in the file and in docs/voiceprint.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicebot.errors import SettingsError
from voicebot.voiceprint.calibration import SHIPPED
from voicebot.voiceprint.spoof_features import COUNT

Array = NDArray[np.float64]
#: Fewer windows than this say nothing yet (6 s of net speech).
LEAST_WINDOWS = 3
#: How strongly the weights are held down in a fit.
L2 = 1.0
_HINT = 'voiceprint.spoof_detector is "default" or the path of a file made by `voicebot voiceprint spoof --fit`'


@dataclass(frozen=True, slots=True)
class Detector:
    """`mean`, `scale`, `weights`: one number a feature; a window's score is `bias` plus the weighted sum. `limit`: a
    call whose mean score reaches it is at risk. `figures`: for people to read."""

    id: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    limit: float
    fitted_on: str = ""
    date: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    def score(self, features: Array) -> float:
        """Of one window: above 0 more like the machines of the fit, below more like its people."""
        return float(self.bias + np.dot(self.weights, (features - self.mean) / self.scale))


def call_score(scores: Sequence[float]) -> float | None:
    """A call's score from its windows'; None where there are too few."""
    return float(np.mean(scores)) if len(scores) >= LEAST_WINDOWS else None


def fit(
    features: Array, synthetic: NDArray[np.bool_], weights: Array, *, l2: float = L2
) -> tuple[Array, Array, Array, float]:
    """Mean, scale, weights and bias by logistic regression (Newton). `features`: rows of COUNT numbers; `weights`: how
    much each row counts, 1 on average. Raises SettingsError where a class is missing."""
    if not len(features) or synthetic.all() or not synthetic.any():
        raise SettingsError("a detector needs people and synthetic voices", hint="give recordings of both")
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    design = np.column_stack(((features - mean) / scale, np.ones(len(features))))
    target = synthetic.astype(np.float64)
    penalty = np.diag([l2] * features.shape[1] + [1e-9])
    theta = np.zeros(design.shape[1])
    for _ in range(50):
        p = 0.5 * (1 + np.tanh(0.5 * (design @ theta)))
        gradient = design.T @ (weights * (p - target)) + penalty @ theta
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design + penalty
        step = np.linalg.solve(hessian, gradient)
        theta = theta - step
        if float(np.abs(step).max()) < 1e-6:
            break
    return mean, scale, theta[:-1], float(theta[-1])


def load_detector(name: str) -> Detector:
    """The shipped one ("default") or a file. Raises SettingsError."""
    path = SHIPPED / "synthetic.json" if name == "default" else Path(name)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        numbers = {key: tuple(float(x) for x in data[key]) for key in ("mean", "scale", "weights")}
        detector = Detector(
            id=str(data["id"]),
            bias=float(data["bias"]),
            limit=float(data["limit"]),
            fitted_on=str(data.get("fitted_on", "")),
            date=str(data.get("date", "")),
            figures={str(k): float(v) for k, v in data.get("figures", {}).items()},
            **numbers,
        )
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})", hint=_HINT) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path}: is no detector ({error})", hint=_HINT) from None
    values = [*detector.mean, *detector.scale, *detector.weights, detector.bias, detector.limit]
    if {len(detector.mean), len(detector.scale), len(detector.weights)} != {COUNT} or not np.isfinite(values).all():
        raise SettingsError(f"{path}: needs {COUNT} finite numbers of each kind", hint=_HINT)
    return detector


def dump_detector(detector: Detector) -> str:
    """As the file holds it."""
    rounded = {k: [round(x, 5) for x in getattr(detector, k)] for k in ("mean", "scale", "weights")}
    return json.dumps({**asdict(detector), **rounded}, indent=1) + "\n"
