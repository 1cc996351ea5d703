"""From a cosine to evidence: a log-likelihood ratio that knows how many seconds of speech the score rests on.

LLR = a*score + b*ln(s) + c*score*ln(s) + d + quality terms, natural logarithm, s = net seconds (biometrics method,
step 3; duration as a measure of the trial's quality: IDLab 2020, arXiv 2010.11255). Fitted by logistic regression on
trials of one's own line: it transfers only from in-domain data (arXiv 2203.15106), so each calibration says what it was
fitted on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicebot.errors import ModelError, SettingsError
from voicebot.model.voice import Embedding, VoiceQuality
from voicebot.voiceprint import cohort as cohorts

SHIPPED = Path(__file__).resolve().parent / "calibrations"
#: SNR above which more of it changes nothing, dB; the feature counts what is missing, in tens of dB.
GOOD_SNR_DB = 20.0

_NUMBERS = ("a", "b", "c", "d", "min_s", "max_s")
_TEXTS = ("id", "model_id", "fitted_on", "date", "data_hash")
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """The numbers of one fit and where they come from. `min_s`, `max_s`: net seconds seen in the fit; outside, the
    nearer of them holds. `quality_terms`: (feature, weight), features as in `quality_features`. `figures`:
    cross-validated, for people to read. `cohort`: other people's unit vectors; where there are any, scores are
    AS-normed with them before anything else (voiceprint/cohort.py)."""

    id: str
    model_id: str
    a: float
    b: float
    c: float
    d: float
    fitted_on: str = ""
    date: str = ""
    data_hash: str = ""
    min_s: float = 1.0
    max_s: float = 15.0
    speakers: int = 0
    trials: int = 0
    quality_terms: tuple[tuple[str, float], ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    cohort: tuple[Embedding, ...] = ()

    def slope(self, net_s: float) -> float:
        """How much LLR one unit of cosine is worth at so many seconds."""
        return self.a + self.c * self._log_s(net_s)

    def offset(self, net_s: float) -> float:
        """The LLR of cosine 0 at so many seconds, quality aside."""
        return self.b * self._log_s(net_s) + self.d

    def _log_s(self, net_s: float) -> float:
        return math.log(min(max(net_s, self.min_s), self.max_s))


@dataclass(frozen=True, slots=True)
class Trial:
    """One comparison: cosine, net seconds behind it, and whether it was the same person. `speaker`: whose voiceprint,
    `other`: whose voice (the same name where genuine)."""

    score: float
    net_s: float
    speaker: str
    other: str
    quality: VoiceQuality | None = None

    @property
    def genuine(self) -> bool:
        """Same person."""
        return self.speaker == self.other


def quality_features(quality: VoiceQuality) -> dict[str, float]:
    """The quality measures a calibration may weigh, each 0 for good sound."""
    snr = GOOD_SNR_DB if quality.snr_db is None else quality.snr_db
    return {
        "snr_missing": max(0.0, GOOD_SNR_DB - snr) / 10.0,
        "clipping": quality.clipping,
        "lost_frames": quality.lost_frames,
    }


def llr(calibration: Calibration, score: float, net_s: float, quality: VoiceQuality | None = None) -> float:
    """Natural-log likelihood ratio of "the customer" against "somebody else"; rises with `score` at given seconds."""
    value = calibration.slope(net_s) * score + calibration.offset(net_s)
    if calibration.quality_terms and quality is not None:
        features = quality_features(quality)
        value += sum(weight * features[name] for name, weight in calibration.quality_terms)
    return value


def score_at(calibration: Calibration, value: float, net_s: float) -> float:
    """The cosine that gives the LLR `value` at so many seconds and good sound: for reports."""
    return (value - calibration.offset(net_s)) / calibration.slope(net_s)


def fit(trials: Sequence[Trial], *, l2: float = 1e-5) -> tuple[float, float, float, float]:
    """Fit (a, b, c, d) by logistic regression (Newton), genuine and impostor trials weighing the same in sum.

    `l2`: on a, b, c; larger values flatten the LLR and leave calls undecided (biometrics.md section 7). Raises
    SettingsError where a class is missing or the score means nothing.
    """
    target = np.array([t.genuine for t in trials], dtype=np.float64)
    if not trials or target.min() == target.max():
        raise SettingsError(
            "calibration needs trials of the same person and of different people", hint="give at least 2 speakers"
        )
    scores = np.array([t.score for t in trials])
    logs = np.log(np.array([t.net_s for t in trials]))
    design: Array = np.stack([scores, logs, scores * logs, np.ones_like(scores)], axis=1)
    share = np.ones_like(target)
    for value in (0.0, 1.0):
        share[target == value] *= 0.5 / share[target == value].sum()
    solution = _newton(design, target, share, l2)
    a, b, c, d = (float(x) for x in solution)
    low, high = float(logs.min()), float(logs.max())
    if min(a + c * low, a + c * high) <= 0:
        raise SettingsError(
            "the fitted evidence does not rise with the score", hint="the recordings may be mislabelled, or too few"
        )
    return a, b, c, d


def _newton(design: Array, target: Array, weights: Array, l2: float, steps: int = 200) -> Array:
    """Damped Newton on the weighted logistic loss."""
    penalty = np.diag([l2, l2, l2, 0.0])
    theta = np.zeros(design.shape[1])

    def loss(at: Array) -> float:
        margin = (2 * target - 1) * (design @ at)
        return float(weights @ np.logaddexp(0, -margin) + 0.5 * at @ penalty @ at)

    current = loss(theta)
    for _ in range(steps):
        p = 0.5 * (1 + np.tanh(0.5 * (design @ theta)))
        gradient = design.T @ (weights * (p - target)) + penalty @ theta
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design + penalty + 1e-12 * np.eye(len(theta))
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-6 and loss(theta - size * step) > current:
            size /= 2
        theta = theta - size * step
        previous, current = current, loss(theta)
        if previous - current < 1e-12:
            break
    return theta


def load(name: str | Path, model_id: str = "") -> Calibration:
    """A shipped calibration by name, or one's own file by path ("*.json"). Raises SettingsError.

    "default" is the shipped one of the encoder `model_id`; without one, of the models that are on by default.
    """
    hint = 'voiceprint.calibration is "default" or the path of a file made by `voicebot voiceprint calibrate`'
    if str(name).endswith(".json"):
        return _read(Path(name), hint)
    if name == "default" and model_id:
        shipped = [_read(path, hint) for path in sorted(SHIPPED.glob("default*.json"))]
        fitting = next((c for c in shipped if c.model_id == model_id), None)
        if fitting is None:
            raise SettingsError(
                f"no calibration for {model_id} is shipped",
                hint="`voicebot voiceprint calibrate DIR` fits one; or choose ecapa, campplus or both",
            )
        return fitting
    return _read(SHIPPED / f"{name}.json", hint)


def _read(path: Path, hint: str) -> Calibration:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: no such calibration ({error.strerror})", hint=hint) from None
    except ValueError as error:
        raise SettingsError(f"{path}: not a calibration: {error}", hint=hint) from None
    problems = _problems(data)
    if problems:
        raise SettingsError(f"{path}: not a calibration\n" + "\n".join(f"  {p}" for p in problems), hint=hint)
    terms = tuple((str(k), float(v)) for k, v in dict(data.pop("quality_terms", {})).items())
    cohort = tuple(tuple(float(x) for x in vector) for vector in data.pop("cohort", ()))
    calibration = Calibration(**data, quality_terms=terms, cohort=cohort)
    if min(calibration.slope(calibration.min_s), calibration.slope(calibration.max_s)) <= 0:
        raise SettingsError(f"{path}: the evidence does not rise with the score", hint=hint)
    return calibration


def dump(calibration: Calibration) -> str:
    """The calibration as the text of its file."""
    data = asdict(calibration) | {"quality_terms": dict(calibration.quality_terms)}
    return json.dumps(data, indent=2, sort_keys=False) + "\n"


def check_model(calibration: Calibration, model_id: str) -> None:
    """Raise ModelError where the encoder is not the one the calibration was fitted with: the LLR would mean nothing."""
    if calibration.model_id != model_id:
        raise ModelError(
            f"calibration {calibration.id} was fitted with {calibration.model_id}, the encoder is {model_id}",
            hint="`voicebot voiceprint calibrate DIR` fits one for this model; or choose the model it was made for",
        )


def _problems(data: object) -> list[str]:
    if not isinstance(data, dict):
        return ["the file must hold one JSON object"]
    found = [f"{key}: missing" for key in ("id", "model_id", "a", "b", "c", "d") if key not in data]
    known = set(Calibration.__dataclass_fields__)
    found += [f"{key}: unknown" for key in data if key not in known]
    for key in _NUMBERS:
        value = data.get(key, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            found.append(f"{key}: must be a number")
    found += [f"{key}: must be text" for key in _TEXTS if not isinstance(data.get(key, ""), str)]
    if not found and not 0 < data.get("min_s", 1.0) <= data.get("max_s", 15.0):
        found.append("min_s, max_s: must be 0 < min_s <= max_s")
    features = quality_features(VoiceQuality())
    terms = data.get("quality_terms", {})
    if not isinstance(terms, dict):
        found.append("quality_terms: must be an object")
    else:
        found += [f"quality_terms.{k}: unknown (known: {', '.join(features)})" for k in terms if k not in features]
        found += [f"quality_terms.{k}: must be a number" for k, v in terms.items() if not isinstance(v, int | float)]
    found += _cohort_problems(data.get("cohort", []))
    if not isinstance(data.get("figures", {}), dict):
        found.append("figures: must be an object")
    return found


def _cohort_problems(cohort: object) -> list[str]:
    if not isinstance(cohort, list) or not all(isinstance(v, list) and v for v in cohort):
        return ["cohort: must be a list of vectors"]
    if not all(isinstance(x, int | float) and math.isfinite(x) for v in cohort for x in v):
        return ["cohort: every number must be finite"]
    if cohort and (len(cohort) < cohorts.LEAST or len({len(v) for v in cohort}) != 1):
        return [f"cohort: {len(cohort)} vectors; {cohorts.LEAST} or more of one length are needed"]
    return []
