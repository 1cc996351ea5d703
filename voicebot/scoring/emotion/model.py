"""What a trained classifier of texts is, and its file: arrays and a JSON description in one .npz, never a pickle."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from voicebot.errors import ModelError
from voicebot.scoring.emotion.data import CLASSES, Example
from voicebot.scoring.emotion.figures import Floats, softmax

#: Of the file; another format is refused.
FORMAT = 1
_HINT = "`voicebot score train-emotion DATA --out FILE` makes one; [emotion] model in scoring.toml names it"

#: Arrays of a model, by name.
Arrays = Mapping[str, NDArray[Any]]


class Classifier(Protocol):
    """Gives every class of CLASSES a score. `kind`: what it is, says who can load it."""

    @property
    def kind(self) -> str:
        """linear or network."""
        ...

    def logits(self, texts: Sequence[tuple[str, ...]]) -> Floats:
        """(n, K) for n texts as data.tokens makes them; the softmax of a row is its probabilities."""
        ...

    def arrays(self) -> Arrays:
        """All that is needed to make it again."""
        ...


class Learner(Protocol):
    """Learns a classifier from examples."""

    @property
    def kind(self) -> str:
        """linear or network."""
        ...

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> Classifier:
        """`dev`: dialogues that are not in `train`, to stop by; it is never learned from."""
        ...


@dataclass(frozen=True, slots=True)
class Description:
    """What a model file says of itself. `figures`: out of fold, as Figures.as_json, by kind; `sources`: name, licence
    and where from of every source of its data; `data`: sha256 of it."""

    id: str
    kind: str
    language: str
    date: str
    data: str
    examples: int
    temperature: float
    figures: Mapping[str, Any]
    sources: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Emotion:
    """A classifier with its temperature."""

    classifier: Classifier
    description: Description

    def probabilities(self, texts: Sequence[tuple[str, ...]]) -> Floats:
        """(n, K), calibrated."""
        return softmax(self.classifier.logits(texts), self.description.temperature)


def save(path: Path, emotion: Emotion) -> None:
    """Write FILE, whole or not at all. Floats are kept in half precision."""
    about = emotion.description
    head = {
        "format": FORMAT,
        "classes": CLASSES,
        "id": about.id,
        "kind": about.kind,
        "language": about.language,
        "date": about.date,
        "data": about.data,
        "examples": about.examples,
        "temperature": about.temperature,
        "figures": about.figures,
        "sources": list(about.sources),
    }
    kept = {name: _half(array) for name, array in emotion.classifier.arrays().items()}
    text = np.frombuffer(json.dumps(head, ensure_ascii=False).encode(), dtype=np.uint8)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, description=text, **kept)
    part.replace(path)


def load(path: Path) -> tuple[Description, Arrays]:
    """Read FILE. Raises ModelError where it is missing, spoiled, or made for other classes."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: _single(stored[name]) for name in stored.files}
        head = json.loads(arrays.pop("description").tobytes())
        if head["format"] != FORMAT or tuple(head["classes"]) != CLASSES:
            raise ModelError(f"{path}: made by another version, or for other emotions", hint=_HINT)
        fields = {name: head[name] for name in Description.__slots__}
        return Description(**fields), arrays
    except FileNotFoundError:
        raise ModelError(f"{path}: no model of emotion there", hint=_HINT) from None
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, EOFError) as error:
        raise ModelError(f"{path}: no model of emotion ({type(error).__name__}: {error})", hint=_HINT) from None


def words_array(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Strings without a line end, as bytes: what an .npz holds without pickle."""
    return np.frombuffer("\n".join(texts).encode(), dtype=np.uint8)


def words_of(array: NDArray[Any]) -> list[str]:
    """The reverse of `words_array`."""
    text = array.tobytes().decode()
    return text.split("\n") if text else []


def _half(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.float16) if array.dtype.kind == "f" else array


def _single(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.float32) if array.dtype.kind == "f" else array
