"""What a section of thresholds is."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Frozen; a key that is not known, or a number that is not finite, is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def must_sum_to_one(name: str, weights: Iterable[float]) -> None:
    """Raises ValueError where they do not."""
    total = math.fsum(weights)
    if not math.isclose(total, 1.0, abs_tol=1e-9):
        raise ValueError(f"the weights {name} sum to {total:g}, not to 1")
