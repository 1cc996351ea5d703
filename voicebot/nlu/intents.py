"""Intents by their example phrases: strong and weak phrases first, likeness to the examples second.

Likeness: cosine of weighted features (words, pairs of words, letter triples), weights by how rare a feature is in all
examples. Features no example has count against, so unrelated speech stays far from everything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from voicebot.nlu.patterns import Pattern, first_words, match_at
from voicebot.nlu.tables import NegationWords
from voicebot.nlu.tokens import Token

STRONG, WEAK = 0.95, 0.75
#: Likeness under which an example says nothing, and the most it can say.
LIKE_MIN, LIKE_MAX = 0.62, 0.92
#: Factor where one of the two is negated and the other is not.
OPPOSITE = 0.5
#: How many words a negation reaches.
REACH = 3
_PAIR, _LETTERS = 0.7, 0.3


@dataclass(frozen=True, slots=True)
class IntentSpec:
    """One intent of intents.yaml. `examples` as written; `everywhere`: understood in every step; `over`: intents that
    step back where this one was understood too; `aside`: steps back itself where a yes was said with it."""

    name: str
    everywhere: bool
    strong: tuple[Pattern, ...]
    weak: tuple[Pattern, ...]
    examples: tuple[str, ...]
    over: tuple[str, ...] = ()
    aside: bool = False


@dataclass(frozen=True, slots=True)
class _Example:
    label: str
    norm: float
    negated: bool


class LikenessIndex:
    """Examples by feature, for quick comparison with what was said. Built once per language; not changed after."""

    def __init__(self, examples: Iterable[tuple[str, Sequence[Token]]], negation: NegationWords) -> None:
        self._negation = negation
        rows = [(label, _features(tokens), tokens) for label, tokens in examples if tokens]
        counts: dict[str, int] = {}
        for _, features, _tokens in rows:
            for feature in features:
                counts[feature] = counts.get(feature, 0) + 1
        size = len(rows) + 1
        self._idf = {feature: math.log(size / count) + 1 for feature, count in counts.items()}
        self._unknown = math.log(size) + 1
        self._examples: list[_Example] = []
        self._postings: dict[str, list[tuple[int, float]]] = {}
        for index, (label, features, tokens) in enumerate(rows):
            weights = {feature: weight * self._idf[feature] for feature, weight in features.items()}
            norm = math.sqrt(sum(weight * weight for weight in weights.values()))
            self._examples.append(_Example(label, norm, is_negated(tokens, negation)))
            for feature, weight in weights.items():
                self._postings.setdefault(feature, []).append((index, weight))

    def likeness(self, tokens: Sequence[Token]) -> Mapping[str, float]:
        """Label -> cosine in [0, 1] with its nearest example."""
        features = _features(tokens)
        scores: dict[int, float] = {}
        total = 0.0
        for feature, share in features.items():
            weight = share * self._idf.get(feature, self._unknown)
            total += weight * weight
            for index, other in self._postings.get(feature, ()):
                scores[index] = scores.get(index, 0.0) + weight * other
        norm = math.sqrt(total)
        negated = is_negated(tokens, self._negation)
        best: dict[str, float] = {}
        for index, score in scores.items():
            example = self._examples[index]
            cosine = score / (norm * example.norm)
            if example.negated != negated:
                cosine *= OPPOSITE
            if cosine > best.get(example.label, 0.0):
                best[example.label] = cosine
        return best


def _features(tokens: Sequence[Token]) -> dict[str, float]:
    features: dict[str, float] = {}
    before = "^"
    for token in tokens:
        features["w " + token.text] = 1.0
        features[f"p {before} {token.text}"] = _PAIR
        before = token.text
        padded = f" {token.text} "
        for i in range(len(padded) - 2):
            features["l " + padded[i : i + 3]] = _LETTERS
    return features


class PhraseIndex:
    """Strong and weak phrases by their first word."""

    def __init__(self, specs: Iterable[tuple[str, Sequence[Pattern], Sequence[Pattern]]]) -> None:
        self._by_word: dict[str, list[tuple[str, Pattern, float]]] = {}
        for label, strong, weak in specs:
            for confidence, phrases in ((STRONG, strong), (WEAK, weak)):
                for pattern in phrases:
                    for word in first_words(pattern) or ():
                        self._by_word.setdefault(word, []).append((label, pattern, confidence))

    def find(self, tokens: Sequence[Token], negation: NegationWords) -> Mapping[str, float]:
        """Label -> confidence of the phrases found that no negation turns round."""
        found: dict[str, float] = {}
        turned = negated_places(tokens, negation)
        for at, token in enumerate(tokens):
            for label, pattern, confidence in self._by_word.get(token.text, ()):
                if confidence <= found.get(label, 0.0) or turned[at]:
                    continue
                if match_at(pattern, tokens, at, {}):
                    found[label] = confidence
        return found


def negated_places(tokens: Sequence[Token], negation: NegationWords) -> list[bool]:
    """For each place: does a negation shortly before, in the same thought, turn round what begins there?"""
    harmless = _harmless(tokens, negation)
    turned = []
    for at in range(len(tokens)):
        state = False
        for back in range(at - 1, max(at - REACH, 0) - 1, -1):
            word = tokens[back].text
            if word in negation.breaks or tokens[back].clause != tokens[at].clause:
                break
            if word in negation.words and word not in negation.answers and not harmless[back]:
                state = True
                break
        turned.append(state)
    return turned


def _harmless(tokens: Sequence[Token], negation: NegationWords) -> list[bool]:
    found = [False] * len(tokens)
    for at in range(len(tokens)):
        for pattern in negation.harmless:
            match = match_at(pattern, tokens, at, {})
            if match:
                found[match.start : match.end] = [True] * (match.end - match.start)
    return found


def is_negated(tokens: Sequence[Token], negation: NegationWords) -> bool:
    """Is there a negation that counts?"""
    harmless = _harmless(tokens, negation)
    return any(
        token.text in negation.words and not harmless[at] and (at > 0 or token.text not in negation.answers)
        for at, token in enumerate(tokens)
    )


def combined(like: float) -> float | None:
    """A likeness as confidence, None where it says nothing."""
    return None if like < LIKE_MIN else round(min(like, LIKE_MAX), 3)
