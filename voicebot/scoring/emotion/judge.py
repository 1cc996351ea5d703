"""The judge of emotion that scoring asks (ports.EmotionJudge), over whatever classifier a model file holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voicebot.scoring.emotion.data import CLASSES, NEGATIVE, tokens
from voicebot.scoring.emotion.model import Emotion


class TextJudge:
    """Judges the debtor's turns one by one; a turn weighs as much as it has words."""

    def __init__(self, emotion: Emotion) -> None:
        self._emotion = emotion
        self._negative = [CLASSES.index(name) for name in NEGATIVE]

    @property
    def version(self) -> str:
        """Id of the model."""
        return self._emotion.description.id

    @property
    def languages(self) -> frozenset[str]:
        """Languages it knows."""
        return frozenset({self._emotion.description.language})

    def p_negative(self, texts: Sequence[str]) -> float | None:
        """See EmotionJudge: the probability of anxious, sad, angry or abusive."""
        found = self.probabilities(texts)
        return None if found is None else min(1.0, sum(found[i] for i in self._negative))

    def probabilities(self, texts: Sequence[str]) -> list[float] | None:
        """Mean probabilities in the order of CLASSES; None where no word was said."""
        turns = [turn for turn in map(tokens, texts) if turn]
        if not turns:
            return None
        mean = np.average(self._emotion.probabilities(turns), axis=0, weights=[len(turn) for turn in turns])
        return [float(value) for value in mean]
