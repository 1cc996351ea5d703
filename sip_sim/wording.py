"""Did the bot say this? Whole words, compared with room for the recogniser's slips."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Final

ENOUGH: Final = 0.75  # share of a phrase's words that must be heard
_NUMBERS: Final = {
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4",
    "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_ORDINALS: Final = {
    "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th", "seventh": "7th",
    "eighth": "8th", "ninth": "9th", "tenth": "10th", "eleventh": "11th", "twelfth": "12th", "fifteenth": "15th",
}  # fmt: skip
_SAME: Final = {
    **_ORDINALS,
    **_NUMBERS,
    "instalment": "installment",
    "instalments": "installment",
    "cheque": "check",
    "okay": "ok",
}


def tokens(text: str) -> list[str]:
    """Lower-case words; number words as digits, British spelling as American, a plural as its singular."""
    words = re.findall(r"[a-z0-9]+", text.lower().replace("'", ""))
    return [_SAME.get(word, word[:-1] if len(word) > 4 and word.endswith("s") else word) for word in words]


def alike(wanted: str, heard: str) -> bool:
    """The same word, or for words of five letters and more one that a recogniser could mistake for it."""
    if wanted == heard:
        return True
    return min(len(wanted), len(heard)) >= 5 and SequenceMatcher(None, wanted, heard).ratio() >= 0.8


def share_heard(phrase: str, text: str) -> float:
    """Share (0-1) of the phrase's words that the text holds; `a | b` takes the better of the two."""
    spoken = tokens(text)
    best = 0.0
    for alternative in phrase.split("|"):
        wanted = tokens(alternative)
        if wanted:
            found = sum(any(alike(word, other) for other in spoken) for word in wanted)
            best = max(best, found / len(wanted))
    return best


def heard_all(phrases: Iterable[str], text: str, enough: float = ENOUGH) -> bool:
    """Was each of the phrases heard?"""
    return all(share_heard(phrase, text) >= enough for phrase in phrases)


def forbidden_heard(words: Iterable[str], text: str) -> list[str]:
    """Which of the forbidden words or phrases stand in the text, whole (a phrase: its words in a row)."""
    spoken = tokens(text)
    found: list[str] = []
    for phrase in words:
        wanted = tokens(phrase)
        starts = range(len(spoken) - len(wanted) + 1)
        if wanted and any(all(map(alike, wanted, spoken[start : start + len(wanted)])) for start in starts):
            found.append(phrase)
    return found


def said_twice(utterances: Sequence[str], run: int = 4) -> str:
    """Words (`run` in a row) of one utterance that a later one holds again, empty for none.

    Within one utterance nothing is compared: recognisers like to write a sentence twice that was said once.
    """
    known: set[tuple[str, ...]] = set()
    for utterance in utterances:
        spoken = tokens(utterance)
        runs = [tuple(spoken[start : start + run]) for start in range(len(spoken) - run + 1)]
        for words in runs:
            if words in known:
                return " ".join(words)
        known.update(runs)
    return ""
