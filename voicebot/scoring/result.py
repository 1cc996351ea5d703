"""One shape for what every formula gives: what went in, what came out by the names of the specification, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

#: A plain value of a formula, as it is stored as JSON and shown.
Value = float | int | str | bool | None | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a formula gave.

    `formula`: its name (contact-anomaly, ...); `version`: of the formula and of the thresholds it was computed with;
    `inputs`: what went in; `values`: intermediate values and the result in the order they come about, by the names of
    the specification; `reasons`: short words a person reads, most important first.
    """

    formula: str
    version: str
    inputs: Mapping[str, Value]
    values: Mapping[str, Value]
    reasons: tuple[str, ...] = field(default=())

    def number(self, name: str) -> float:
        """A value that is a number. Raises TypeError where it is none (a formula that did not get so far)."""
        value = self.values[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{self.formula}: {name} is not a number")
        return float(value)

    def text(self, name: str) -> str:
        """A value as text."""
        return str(self.values[name])

    def as_json(self) -> dict[str, object]:
        """Plain values: the result's names on top, beside `formula`, `version`, `inputs` and `reasons`."""
        values = {name: _plain(value) for name, value in self.values.items()}
        inputs = {name: _plain(value) for name, value in self.inputs.items()}
        return {
            "formula": self.formula,
            "version": self.version,
            "inputs": inputs,
            **values,
            "reasons": list(self.reasons),
        }


def _plain(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow at either end."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    return math.exp(x) / (1 + math.exp(x))


def saturating(x: float, scale: float) -> float:
    """1 - exp(-x/scale): 0 at 0, 0.63 at `scale`, never above 1."""
    return max(0.0, -math.expm1(-x / scale))


def reaches(x: float, limit: float) -> bool:
    """x >= limit, a rounding error of floating point forgiven: 0.39999999999999997 is 0.4."""
    return x >= limit - 1e-9


def clamp(x: float, low: float = 0.0, high: float = 1.0) -> float:
    """`x` within [low, high]."""
    return max(low, min(high, x))
