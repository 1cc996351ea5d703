"""Training with folds that share no dialogue: which classifier ships, and with which figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from voicebot.errors import ScoringError
from voicebot.scoring.emotion.data import Example, Source, data_hash
from voicebot.scoring.emotion.figures import Figures, Floats, Integers, figures, indices, softmax, temperature_of
from voicebot.scoring.emotion.model import Description, Emotion, Learner

#: A tenth of the training part stops the training and sets the temperature.
_DEV = 10
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """A learner over all folds. `whole`: out of fold, calibrated; `by_fold`: macro-F1 of each; `ece_raw`: without
    the temperature."""

    kind: str
    whole: Figures
    by_fold: tuple[float, ...]
    ece_raw: float

    def as_json(self) -> dict[str, object]:
        """As the model file and --json have it."""
        by_fold = [round(value, 4) for value in self.by_fold]
        return {**self.whole.as_json(), "macro_f1_by_fold": by_fold, "ece_without_temperature": round(self.ece_raw, 4)}


@dataclass(frozen=True, slots=True)
class Trained:
    """`emotion`: the winner, trained on everything; `judged`: every learner; `why`: it won."""

    emotion: Emotion
    judged: tuple[Judged, ...]
    why: str


def train(
    examples: Sequence[Example],
    learners: Sequence[Learner],
    sources: Sequence[Source],
    *,
    folds: int,
    date: str,
    compare: int | None = None,
    language: str = "en",
    report: Report = lambda _: None,
) -> Trained:
    """Judge every learner on the same folds of `compare` texts (None: all), train the winner on all. `learners`: the
    baseline first: a later one has to beat it by more than the noise of the folds. `date`: stored. Raises ScoringError
    where a class has too few dialogues for the folds."""
    some = _every_nth(examples, compare)
    parts = split(some, folds)
    judged = tuple(_judge(learner, some, parts, report) for learner in learners)
    best, why = choose(judged)
    report(f"{judged[best].kind}: training on everything")
    learn, dev = _dev(examples)
    classifier = learners[best].fit([examples[i] for i in learn], [examples[i] for i in dev])
    temperature = _temperature(classifier.logits([examples[i].tokens for i in dev]), [examples[i] for i in dev])
    data = data_hash(examples)
    about = Description(
        id=f"emotion-{language}-{judged[best].kind}-{data[:8]}",
        kind=judged[best].kind,
        language=language,
        date=date,
        data=data,
        examples=len(examples),
        temperature=temperature,
        figures={each.kind: {"folds": folds, "texts": len(some), **each.as_json()} for each in judged},
        sources=_credits(sources),
    )
    return Trained(Emotion(classifier, about), judged, why)


def choose(judged: Sequence[Judged]) -> tuple[int, str]:
    """(place of the winner, why). A later one wins where its mean macro-F1 over the folds is better by more than the
    standard error of the difference."""
    best, why = 0, "there is no other"
    for place, other in enumerate(judged[1:], 1):
        gaps = [b - a for a, b in zip(judged[best].by_fold, other.by_fold, strict=True)]
        gap, noise = fmean(gaps), stdev(gaps) / sqrt(len(gaps)) if len(gaps) > 1 else 0.0
        winner = place if gap > noise else best
        why = f"macro-F1 of {other.kind} minus {judged[best].kind}: {gap:+.4f}, standard error {noise:.4f}"
        best = winner
    return best, f"{judged[best].kind} ships: {why}"


def split(examples: Sequence[Example], folds: int) -> list[tuple[Integers, Integers]]:
    """(train, test) indices; classes alike in each, no dialogue on both sides. Raises ScoringError."""
    labels, groups = indices([e.label for e in examples]), [e.group for e in examples]
    dialogues = {label: len({g for g, at in zip(groups, labels, strict=True) if at == label}) for label in set(labels)}
    if min(dialogues.values(), default=0) < folds or folds < 2:
        raise ScoringError(
            f"{folds} folds need as many dialogues of every class, and at least two", hint="more data, or fewer folds"
        )
    cutter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=1)
    return list(cutter.split(np.zeros(len(labels)), labels, groups))


def _every_nth(examples: Sequence[Example], n: int | None) -> Sequence[Example]:
    """`n` of them, so that all sources stay."""
    if n is None or n >= len(examples):
        return examples
    return [examples[place * len(examples) // n] for place in range(n)]


def _judge(
    learner: Learner, examples: Sequence[Example], parts: Sequence[tuple[Integers, Integers]], report: Report
) -> Judged:
    p, raw, truth = [], [], []
    by_fold = []
    for number, (outside, test) in enumerate(parts, 1):
        outer = [examples[i] for i in outside]
        learn, dev = _dev(outer)
        classifier = learner.fit([outer[i] for i in learn], [outer[i] for i in dev])
        held = [outer[i] for i in dev]
        temperature = _temperature(classifier.logits([e.tokens for e in held]), held)
        logits = classifier.logits([examples[i].tokens for i in test])
        here = indices([examples[i].label for i in test])
        p.append(softmax(logits, temperature))
        raw.append(softmax(logits))
        truth.append(here)
        by_fold.append(figures(p[-1], here).macro_f1)
        report(f"{learner.kind}: fold {number} of {len(parts)}, macro-F1 {by_fold[-1]:.3f}")
    whole, said = np.concatenate(truth), np.concatenate(p)
    return Judged(learner.kind, figures(said, whole), tuple(by_fold), figures(np.concatenate(raw), whole).ece)


def _dev(examples: Sequence[Example]) -> tuple[Integers, Integers]:
    """(to learn from, to stop by): a tenth, or as much as the rarest class allows."""
    labels, groups = indices([e.label for e in examples]), [e.group for e in examples]
    parts = max(2, min(_DEV, int(np.bincount(labels).min())))
    cutter = StratifiedGroupKFold(n_splits=parts, shuffle=True, random_state=2)
    learn, dev = next(iter(cutter.split(np.zeros(len(labels)), labels, groups)))
    return learn, dev


def _temperature(logits: Floats, examples: Sequence[Example]) -> float:
    return temperature_of(logits, indices([e.label for e in examples]))


def _credits(sources: Sequence[Source]) -> list[dict[str, Any]]:
    return [{"name": s.name, "licence": s.licence, "cite": s.cite} for s in sources]
