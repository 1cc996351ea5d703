"""Loading what judges the emotion of a text: the shipped model, or a bank's own file."""

from __future__ import annotations

from pathlib import Path

from voicebot.errors import ModelError
from voicebot.scoring.emotion import linear
from voicebot.scoring.emotion.judge import TextJudge
from voicebot.scoring.emotion.model import Classifier, Emotion, load

#: The model that comes along (docs/scoring.md has its figures).
SHIPPED = Path(linear.__file__).with_name("emotion-en.npz")


def load_emotion(path: Path | None = None) -> Emotion:
    """The model file at `path` (None: the shipped one). Raises ModelError."""
    path = path or SHIPPED
    description, arrays = load(path)
    try:
        if description.kind == linear.KIND:
            classifier: Classifier = linear.restore(arrays)
        elif description.kind == "network":
            from voicebot.engines import emotion_network

            classifier = emotion_network.restore(arrays)
        else:
            raise ModelError(f"a kind of model that is not known: {description.kind}", hint="linear or network")
    except ModelError as error:
        raise ModelError(f"{path}: {error.message}", hint=error.hint) from None
    return Emotion(classifier, description)


def load_judge(path: Path | None = None) -> TextJudge:
    """A judge for `voicebot score run`. Raises ModelError."""
    return TextJudge(load_emotion(path))
