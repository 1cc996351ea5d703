"""TF-IDF of words and letters with logistic regression: the baseline the network has to beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from voicebot.errors import ModelError
from voicebot.scoring.emotion.data import CLASSES, Example
from voicebot.scoring.emotion.figures import Floats, indices
from voicebot.scoring.emotion.model import Arrays, words_array, words_of

KIND = "linear"
#: Features of whole words, and of letters inside them.
SORTS = ("w ", "c ")


@dataclass(frozen=True, slots=True)
class LinearClassifier:
    """`terms`: feature -> column; `idf` (F); `weights` (F, K); `bias` (K)."""

    terms: Mapping[str, int]
    idf: NDArray[np.floating[Any]]
    weights: NDArray[np.floating[Any]]
    bias: NDArray[np.floating[Any]]
    kind: str = KIND

    def logits(self, texts: Sequence[tuple[str, ...]]) -> Floats:
        """See Classifier."""
        found = np.tile(np.asarray(self.bias, dtype=np.float64), (len(texts), 1))
        for row, text in enumerate(texts):
            known = {term: n for term, n in features(text).items() if term in self.terms}
            weighed = weigh(known, {term: float(self.idf[self.terms[term]]) for term in known})
            if weighed:
                columns = [self.terms[term] for term in weighed]
                found[row] += np.array(list(weighed.values())) @ self.weights[columns]
        return found

    def arrays(self) -> Arrays:
        """See Classifier."""
        ordered = sorted(self.terms, key=lambda term: self.terms[term])
        return {"terms": words_array(ordered), "idf": self.idf, "weights": self.weights, "bias": self.bias}


@dataclass(frozen=True, slots=True)
class LinearLearner:
    """`at_most`: features kept of each sort, `at_least`: texts one has to be in; `c`: inverse of the regularisation."""

    at_most: int = 30_000
    at_least: int = 3
    c: float = 1.0
    kind: str = KIND

    def fit(self, train: Sequence[Example], dev: Sequence[Example]) -> LinearClassifier:  # noqa: ARG002 - nothing to stop
        """See Learner. Rare classes weigh more, by the square root of their rarity."""
        found = [features(example.tokens) for example in train]
        counts = Counter(term for text in found for term in text)
        terms = set[str]()
        for sort in SORTS:
            frequent = [t for t, n in counts.most_common() if n >= self.at_least and t.startswith(sort)]
            terms.update(frequent[: self.at_most])
        idf = {term: float(np.log((1 + len(found)) / (1 + counts[term])) + 1) for term in terms}
        vectors = DictVectorizer()
        x = vectors.fit_transform([weigh({t: n for t, n in text.items() if t in terms}, idf) for text in found])
        truth = indices([example.label for example in train])
        rarity = {label: float(np.sqrt(len(truth) / n)) for label, n in Counter(truth.tolist()).items()}
        model = LogisticRegression(C=self.c, class_weight=rarity, max_iter=300)
        model.fit(x, truth)
        columns = {str(term): int(at) for term, at in vectors.vocabulary_.items()}
        weights, bias = np.zeros((len(columns), len(CLASSES))), np.full(len(CLASSES), -30.0)
        for row, place in enumerate(model.classes_):
            weights[:, place], bias[place] = model.coef_[row], model.intercept_[row]
        return LinearClassifier(columns, np.array([idf[term] for term in vectors.feature_names_]), weights, bias)


def restore(arrays: Arrays) -> LinearClassifier:
    """From a model file's arrays. Raises ModelError where they do not fit together."""
    try:
        terms = {term: at for at, term in enumerate(words_of(arrays["terms"]))}
        idf, weights, bias = arrays["idf"], arrays["weights"], arrays["bias"]
    except KeyError as error:
        raise ModelError(f"model of emotion: no array {error}", hint="make it again: score train-emotion") from None
    if idf.shape != (len(terms),) or weights.shape != (len(terms), len(CLASSES)) or bias.shape != (len(CLASSES),):
        raise ModelError("model of emotion: its arrays do not fit", hint="make it again: score train-emotion")
    return LinearClassifier(terms, idf, weights, bias)


def features(text: tuple[str, ...]) -> Counter[str]:
    """Words and pairs of words (`w `), and 3 to 5 letters inside a word (`c `), with how often they are there."""
    found = Counter(f"w {word}" for word in text)
    found.update(f"w {first} {second}" for first, second in pairwise(text))
    for word in text:
        padded = f"_{word}_"
        for n in (3, 4, 5):
            found.update(f"c {padded[at : at + n]}" for at in range(len(padded) - n + 1))
    return found


def weigh(text: Mapping[str, int], idf: Mapping[str, float]) -> dict[str, float]:
    """Sublinear TF-IDF, each sort of features of length one."""
    found = dict[str, float]()
    for sort in SORTS:
        there = {term: (1 + log(n)) * idf[term] for term, n in text.items() if term.startswith(sort)}
        length = sqrt(sum(value * value for value in there.values())) or 1.0
        found |= {term: value / length for term, value in there.items()}
    return found
