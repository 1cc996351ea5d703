"""A rating from 1 (bad) to 5 (good): "four", "four out of five", "very satisfied"."""

from __future__ import annotations

from collections.abc import Sequence

from voicebot.nlu.intents import negated_places
from voicebot.nlu.numbers import below_hundred
from voicebot.nlu.patterns import match_at
from voicebot.nlu.tables import Words
from voicebot.nlu.tokens import Token

LOWEST, HIGHEST = 1, 5


def find_rating(tokens: Sequence[Token], words: Words) -> int | None:
    """The rating said; None where none was, or a number that is none. Of several numbers the one before "out of five",
    else the last ("from one to five, four"); words only where no number was said, the longest phrase first."""
    numbers = _numbers(tokens, words)
    if numbers:
        values = [value for value, _ in numbers]
        of_most = len(values) > 1 and values[-1] == HIGHEST and numbers[-1][1] - numbers[-2][1] > 1
        chosen = values[-2] if of_most and len(values) == _PAIR else values[-1]
        return chosen if LOWEST <= chosen <= HIGHEST else None
    turned = negated_places(tokens, words.negation)
    best: tuple[int, int] | None = None
    for at in range(len(tokens)):
        for pattern, value in words.ratings:
            match = match_at(pattern, tokens, at, {})
            if match is None or turned[at]:
                continue
            if best is None or match.end - match.start > best[0]:
                best = (match.end - match.start, value)
    return best[1] if best else None


#: "Four out of five" are two numbers, "from one to five, four" three.
_PAIR = 2


def _numbers(tokens: Sequence[Token], words: Words) -> list[tuple[int, int]]:
    """Whole numbers from left to right with the place after each."""
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        read = (int(token.text), at + 1) if token.is_number else below_hundred(tokens, at, words.numbers)
        if read is None:
            at += 1
            continue
        found.append(read)
        at = read[1]
    return found
