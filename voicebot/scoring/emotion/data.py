"""Labelled texts for the emotion of a text, read as sources.toml maps them. Folders are read, nothing is fetched."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from voicebot.errors import ScoringError
from voicebot.scoring.lexicon import words

#: In the order of every array of probabilities.
CLASSES = ("calm", "positive", "anxious", "sad", "angry", "abusive")
#: p_neg is the mass of these.
NEGATIVE = ("anxious", "sad", "angry", "abusive")
SOURCES = Path(__file__).resolve().parent / "sources.toml"
#: The specification's: what a text is cut to.
MAX_TOKENS = 256

#: Place-holders of the sources, and mark-up.
_NOT_SAID = re.compile(r"\[(?:NAME|RELIGION)\]|<[^>]*>")
_Class = Literal["calm", "positive", "anxious", "sad", "angry", "abusive"]


class Source(BaseModel):
    """One [[source]] of sources.toml, whose head says what each key is."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    files: tuple[str, ...] = Field(min_length=1)
    text: str
    licence: str
    cite: str
    label: str | None = None
    classes: dict[str, _Class] = Field(default_factory=dict)
    class_: _Class | None = Field(default=None, alias="class")
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    group: tuple[str, ...] = ()
    follows: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    at_most: dict[str, int] = Field(default_factory=dict)


class Sources(BaseModel):
    """All of sources.toml. `labels`: by class, the words that start its place in the label encoder."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    labels: dict[str, tuple[str, ...]]
    source: tuple[Source, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Example:
    """`tokens`: as `tokens` makes them; `label`: of CLASSES; `group`: its dialogue, `source`: where it is from."""

    tokens: tuple[str, ...]
    label: str
    group: str
    source: str


def tokens(text: str) -> tuple[str, ...]:
    """What a recogniser could have written: lower-case words, contractions written out, no punctuation, no signs, every
    number `0`, no place-holders like [NAME]; at most MAX_TOKENS."""
    kept = (word for word in words(_NOT_SAID.sub(" ", text)) if word != ",")
    return tuple("0" if word.isdigit() else word for word in kept)[:MAX_TOKENS]


def load_sources(path: Path = SOURCES) -> Sources:
    """Raises ScoringError naming every wrong key."""
    try:
        found = Sources.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ScoringError(f"{path}: cannot be read ({error.strerror})", hint="give a file of sources") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ScoringError(f"{path}: not TOML: {error}", hint=f"{SOURCES} is an example") from None
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ScoringError(f"{path}: wrong\n" + "\n".join(lines), hint=f"{SOURCES} says what each key is") from None
    faults = [f"labels: {name} has no words" for name in CLASSES if not found.labels.get(name)]
    faults += [
        f"source {s.name}: needs either `label` with `classes`, or `class`"
        for s in found.source
        if (s.class_ is None) != bool(s.label and s.classes)
    ]
    named = {*found.labels, *(name for s in found.source for name in s.at_most)}
    faults += [f"{name}: no such class" for name in sorted(named - set(CLASSES))]
    if faults:
        raise ScoringError(f"{path}: " + "; ".join(faults), hint=f"{SOURCES} says what each key is")
    return found


def read(folder: Path, sources: Sources) -> list[Example]:
    """All examples: of each text one, none where two sources or rows disagree on it. Raises ScoringError naming every
    file that is not there and every column that is missing."""
    missing = sorted({str(folder / f) for s in sources.source for f in s.files if not (folder / f).is_file()})
    if missing:
        raise ScoringError(
            f"{len(missing)} file(s) are not there: {', '.join(missing)}",
            hint="DATA is the folder that holds goemotions/, convabuse/ ... (docs/scoring.md says where they are from)",
        )
    found: dict[tuple[str, ...], Example | None] = {}
    for source in sources.source:
        for example in _of(folder, source):
            known = found.setdefault(example.tokens, example)
            if known is not None and known.label != example.label:
                found[example.tokens] = None
    kept = [example for example in found.values() if example is not None]
    lacking = sorted(set(CLASSES) - {example.label for example in kept})
    if lacking:
        raise ScoringError(f"no example of {', '.join(lacking)}", hint="every class needs examples to be learned")
    return kept


def data_hash(examples: Iterable[Example]) -> str:
    """sha256 over labels and words, in no order: the same data, the same hash."""
    lines = sorted(f"{example.label}\t{' '.join(example.tokens)}" for example in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _of(folder: Path, source: Source) -> Iterator[Example]:
    rows = [row for file in source.files for row in _rows(folder / file, source)]
    groups = _dialogues(rows, source)
    by_class: dict[str, list[Example]] = {}
    for row, group in zip(rows, groups, strict=True):
        label: str | None = source.class_ or source.classes.get(row[source.label or ""])
        said = tokens(row[source.text])
        if label and said and all(row[name] in allowed for name, allowed in source.where.items()):
            by_class.setdefault(label, []).append(Example(said, label, f"{group}", source.name))
    for label, examples in by_class.items():
        limit = source.at_most.get(label)
        yield from examples if limit is None else sorted(examples, key=_lot)[:limit]


def _lot(example: Example) -> str:
    return hashlib.sha256(" ".join(example.tokens).encode()).hexdigest()


def _rows(path: Path, source: Source) -> list[Mapping[str, str]]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    text = raw.decode("utf-8")
    needed = {source.text, *source.group, *source.where, *([source.label] if source.label else [])}
    needed |= {name for side in source.follows or () for name in side}
    if path.name.removesuffix(".gz").endswith(".jsonl"):
        rows: list[Mapping[str, str]] = [_plain(json.loads(line)) for line in text.splitlines() if line.strip()]
    else:
        rows = list(csv.DictReader(io.StringIO(text, newline="\n"), delimiter="\t", quoting=csv.QUOTE_NONE))
    lacking = sorted(needed - set(rows[0])) if rows else []
    if lacking:
        raise ScoringError(f"{path}:1: no column {', '.join(lacking)}", hint="sources.toml names the columns")
    return rows


def _plain(row: Mapping[str, object]) -> dict[str, str]:
    return {name: ",".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in row.items()}


def _dialogues(rows: Sequence[Mapping[str, str]], source: Source) -> list[str]:
    """A name of the dialogue for each row; a row without one is its own, by its words (so twins share it)."""
    folder = source.files[0].split("/")[0]
    if source.group:
        return [f"{folder}:{'/'.join(row[name] for name in source.group)}" for row in rows]
    if source.follows is None:
        return [f"{folder}:{row[source.text]}" for row in rows]
    before, here = source.follows
    tree: dict[tuple[str, ...], tuple[str, ...]] = {}

    def root(node: tuple[str, ...]) -> tuple[str, ...]:
        while (up := tree.setdefault(node, node)) != node:
            node = up
        return node

    for row in rows:
        tree[root(tuple(row[name] for name in before))] = root(tuple(row[name] for name in here))
    return [f"{folder}:{'/'.join(root(tuple(row[name] for name in here)))}" for row in rows]
