"""Labelled collection talk: what debtors say, with the emotion, the signals of cooperation and the label a person gave;
and what the product makes of it with keywords alone and with the emotion beside them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from voicebot.errors import ScoringError
from voicebot.nlu.language import Language
from voicebot.nlu.understand import understand
from voicebot.scoring.config_cases import COOPERATION, CooperationSettings
from voicebot.scoring.cooperation import APART, COOPERATIVE, NON_COOPERATIVE, Communication, communication
from voicebot.scoring.emotion.data import CLASSES, tokens
from voicebot.scoring.emotion.figures import Figures, figures, indices
from voicebot.scoring.emotion.model import Emotion
from voicebot.scoring.lexicon import Lexicon, keywords
from voicebot.scoring.ports import EmotionJudge
from voicebot.scoring.signals import signals_of, understood

LABELS = (COOPERATIVE, NON_COOPERATIVE, *APART)
#: What a reminder's question for payment listens for.
EXPECTED = ("affirm_deny", "promise", "can_pay", "can_pay_partly", "cannot_pay")
_COLUMNS = ("signals", "emotion", "label", "text")


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance. `signals`: of COOPERATION, none where it says nothing of cooperation; `emotion`: of CLASSES;
    `label`: of LABELS."""

    text: str
    signals: frozenset[str]
    emotion: str
    label: str


@dataclass(frozen=True, slots=True)
class Found:
    """How the labels come out. `accuracy`, and `recall` of each label: of all; `refused_f1`: F1 of "does not
    cooperate"; `confusion`: rows the truth, columns what was said, in the order of LABELS."""

    accuracy: float
    recall: dict[str, float]
    refused_f1: float
    confusion: tuple[tuple[int, ...], ...]

    def as_json(self) -> dict[str, object]:
        """Names and plain numbers, four digits."""
        return {
            "accuracy": round(self.accuracy, 4),
            "recall": {name: round(value, 4) for name, value in self.recall.items()},
            "non_cooperative_f1": round(self.refused_f1, 4),
            "labels": list(LABELS),
            "confusion": [list(row) for row in self.confusion],
        }


def read_talk(path: Path) -> list[Said]:
    """TSV with the columns signals (joined by commas, or none), emotion, label, text. Raises ScoringError naming every
    wrong line."""
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    except OSError as error:
        raise ScoringError(f"{path}: cannot be read ({error.strerror})", hint="a TSV of utterances") from None
    except UnicodeDecodeError as error:
        raise ScoringError(f"{path}: not UTF-8 ({error})", hint="save it as UTF-8") from None
    if not lines or tuple(lines[0]) != _COLUMNS:
        raise ScoringError(
            f"{path}:1: the columns are not {', '.join(_COLUMNS)}", hint="examples/collection-talk/en.tsv"
        )
    faults = [f"{path}:{number}: {fault}" for number, line in enumerate(lines[1:], 2) for fault in _faults(line)]
    if faults or len(lines) == 1:
        raise ScoringError("\n".join(faults) or f"{path}: no utterance", hint="examples/collection-talk/en.tsv")
    return [Said(text, _signals(signals), emotion, label) for signals, emotion, label, text in lines[1:]]


def _signals(text: str) -> frozenset[str]:
    return frozenset() if text == "none" else frozenset(text.split(","))


def _faults(line: Sequence[str]) -> list[str]:
    if len(line) != len(_COLUMNS):
        return [f"{len(line)} columns instead of {len(_COLUMNS)}"]
    signals, emotion, label, text = line
    found = [f"{name!r} is no signal" for name in sorted(_signals(signals) - set(COOPERATION))]
    found += [f"{emotion!r} is no emotion"] if emotion not in CLASSES else []
    found += [f"{label!r} is no label"] if label not in LABELS else []
    return found + ([] if tokens(text) else ["no word"])


def emotion_figures(talk: Sequence[Said], emotion: Emotion) -> Figures:
    """The model's figures on it."""
    p = emotion.probabilities([tokens(said.text) for said in talk])
    return figures(p, indices([said.emotion for said in talk]))


def facts_of(talk: Sequence[Said], language: Language, today: date) -> list[frozenset[str]]:
    """What a reminder understands of each utterance: facts of signals.SIGNALS and names of intents."""
    found = []
    for said in talk:
        names = {intent.name for intent in understand([said.text], EXPECTED, language, today)}
        found.append(frozenset(names | {"hardship"} if "cannot_pay" in names else names))
    return found


def heard(
    talk: Sequence[Said], lexicon: Lexicon, window: int, facts: Sequence[frozenset[str]] = ()
) -> list[Communication]:
    """Each utterance as a conversation of one turn. `window`: of negations; `facts`: of each (none: keywords have to do
    alone)."""
    found = []
    for place, said in enumerate(talk):
        hits = keywords([said.text], lexicon, window)
        known = facts[place] if facts else frozenset[str]()
        words = (*(f"{group}: {phrase}" for group, phrase in hits), *understood(known))
        found.append(Communication(words, signals_of(known, (group for group, _ in hits))))
    return found


def labels(
    talk: Sequence[Said], given: Sequence[Communication], used: CooperationSettings, judge: EmotionJudge | None = None
) -> list[str]:
    """The labels that `score run cases` gives."""
    found = []
    for said, one in zip(talk, given, strict=True):
        p_neg = judge.p_negative([said.text]) if judge is not None and one.keywords else None
        found.append(communication(replace(one, p_neg=p_neg), used).text("label"))
    return found


def compare(talk: Sequence[Said], given: Sequence[str]) -> Found:
    """Labels against those a person gave."""
    confusion = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    for said, label in zip(talk, given, strict=True):
        confusion[LABELS.index(said.label), LABELS.index(label)] += 1
    right, there, named = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    bad = LABELS.index(NON_COOPERATIVE)
    return Found(
        accuracy=float(right.sum() / len(talk)),
        recall={name: float(right[i] / max(there[i], 1)) for i, name in enumerate(LABELS)},
        refused_f1=float(2 * right[bad] / max(there[bad] + named[bad], 1)),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
    )
