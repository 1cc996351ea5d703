"""How good a classifier is: macro-F1, recall of each class, calibration (ECE, temperature), confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicebot.scoring.emotion.data import CLASSES, NEGATIVE

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BINS = 15
_NEGATIVE = np.array([name in NEGATIVE for name in CLASSES])


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one set of judged texts. `confusion`: rows the truth, columns what was said, in the order of CLASSES;
    `negative_f1`: of "any negative emotion" at one half; `ece`: expected calibration error of the class said;
    `ece_negative`: of p_neg; `n`: texts by class."""

    macro_f1: float
    accuracy: float
    recall: Mapping[str, float]
    precision: Mapping[str, float]
    confusion: tuple[tuple[int, ...], ...]
    ece: float
    negative_f1: float
    ece_negative: float
    n: Mapping[str, int]

    def as_json(self) -> dict[str, object]:
        """Names and plain numbers, four digits."""
        return {
            "macro_f1": round(self.macro_f1, 4),
            "accuracy": round(self.accuracy, 4),
            "recall": {name: round(value, 4) for name, value in self.recall.items()},
            "precision": {name: round(value, 4) for name, value in self.precision.items()},
            "ece": round(self.ece, 4),
            "negative_f1": round(self.negative_f1, 4),
            "ece_negative": round(self.ece_negative, 4),
            "n": dict(self.n),
            "confusion": [list(row) for row in self.confusion],
        }


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Rows of probabilities, (n, K)."""
    scaled = logits / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    powers: Floats = np.exp(scaled)
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def temperature_of(logits: Floats, truth: Integers) -> float:
    """The temperature that makes the likelihood of the truth largest (Guo et al. 2017); about 0.05 to 20."""

    def loss(t: float) -> float:
        p = softmax(logits, t)
        return -float(np.mean(np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-12))))

    tried = [float(t) for t in np.geomspace(0.05, 20.0, 61)]  # steps of a tenth, then of a five-hundredth
    near = min(tried, key=loss)
    return min((float(t) for t in np.geomspace(near / 1.1, near * 1.1, 97)), key=loss)


def figures(p: Floats, truth: Integers) -> Figures:
    """`p`: probabilities (n, K); `truth`: indices of CLASSES. A class without a text has recall 0 and is left out of
    the mean. Raises ValueError for none at all."""
    if not len(truth):
        raise ValueError("no text to judge")
    said = p.argmax(axis=1)
    confusion = np.zeros((len(CLASSES), len(CLASSES)), dtype=np.int64)
    np.add.at(confusion, (truth, said), 1)
    right, there, named = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    recall = right / np.maximum(there, 1)
    precision = right / np.maximum(named, 1)
    f1 = 2 * right / np.maximum(there + named, 1)
    p_neg, is_neg = p[:, _NEGATIVE].sum(axis=1), _NEGATIVE[truth]
    hits = int(np.sum((p_neg >= 0.5) & is_neg))
    return Figures(
        macro_f1=float(f1[there > 0].mean()),
        accuracy=float(right.sum() / len(truth)),
        recall=dict(zip(CLASSES, recall.tolist(), strict=True)),
        precision=dict(zip(CLASSES, precision.tolist(), strict=True)),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        ece=expected_calibration_error(p.max(axis=1), said == truth),
        negative_f1=2 * hits / max(int(np.sum(p_neg >= 0.5)) + int(is_neg.sum()), 1),
        ece_negative=expected_calibration_error(p_neg, is_neg),
        n=dict(zip(CLASSES, there.tolist(), strict=True)),
    )


def expected_calibration_error(p: Floats, happened: NDArray[np.bool_]) -> float:
    """Mean distance of probability and frequency over 15 bins of equal width, weighted by how many fall in each."""
    bins = np.minimum((p * _BINS).astype(np.int64), _BINS - 1)
    parts = [
        abs(float(p[bins == b].mean()) - float(happened[bins == b].mean())) * float(np.mean(bins == b))
        for b in np.unique(bins)
    ]
    return sum(parts)


def indices(labels: Sequence[str]) -> Integers:
    """Labels as indices of CLASSES."""
    return np.array([CLASSES.index(label) for label in labels], dtype=np.int64)
