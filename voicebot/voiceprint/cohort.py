"""AS-norm: a score measured against the scores that other people get (Cumani et al. 2011; Matejka et al. 2017).

Both sides of a comparison, the voice heard and the voiceprint, are held against a cohort: other customers of the same
bank, on the same kind of line. How far the score stands above their best ones is what counts. Worth it only with an
own cohort of 200 people or more: strangers' voices made the error worse on a telephone (1.39 to 2.25 %), and twenty
people ruined the low false-accept end (biometrics.md section 1). A cohort is made of people's voices: it is biometric
data, and a calibration that holds one is to be kept like the voiceprints.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voicebot.model.voice import Embedding

#: Least people in a cohort, and how many of its nearest are looked at.
LEAST = 200
NEAREST = 100
#: The very nearest is left out: it may be the person himself.
_SKIP = 1

Array = NDArray[np.float64]


class Cohort:
    """Unit vectors of other people."""

    def __init__(self, vectors: Sequence[Embedding] | NDArray[np.float64]) -> None:
        self._vectors = np.asarray(vectors, dtype=np.float64)

    @property
    def people(self) -> int:
        """How many."""
        return len(self._vectors)

    def spread(self, vector: Array) -> tuple[float, float]:
        """Mean and deviation of a unit vector's cosines to its nearest in the cohort."""
        scores = np.sort(self._vectors @ vector)[::-1][_SKIP : _SKIP + NEAREST]
        return float(scores.mean()), max(float(scores.std()), 1e-3)

    def normalised(self, score: float, heard: tuple[float, float], known: tuple[float, float]) -> float:
        """A score from the spreads of the voice heard and of the voiceprint's centre."""
        return 0.5 * ((score - heard[0]) / heard[1] + (score - known[0]) / known[1])
