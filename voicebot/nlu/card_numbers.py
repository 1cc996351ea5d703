"""Numbers of payment cards in what was said or pressed: nobody asks for them, and where one comes it is not kept.

PCI DSS 3.4: a card's number is never stored readable; 3.3.1: its code not at all. A recogniser mishears digits, so a
long run counts as a card also where its check digit (Luhn, ISO/IEC 7812-1) is wrong: a run too many costs a few digits
of a transcript.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from voicebot.nlu.digits import DigitRun, digit_runs
from voicebot.nlu.tables import Words
from voicebot.nlu.tokens import fold, tokenise

#: Digits of a card's number (ISO/IEC 7812-1: at most 19; of those in use 13 at least).
SHORTEST, LONGEST = 13, 19
#: Counting from one on, and how many digits of it are no accident.
_COUNTING = "".join(str(number) for number in range(1, 41))
_COUNTED = 6
#: Tokens between two runs that are still one number ("four one one one and then ...").
_GAP = 4
MASK = "[digits not kept]"
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+")
_BETWEEN = re.compile(r"[\s.,/-]*\Z")


def luhn(digits: str) -> bool:
    """True where the last digit is the check digit of those before it."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return digits.isdecimal() and total % 10 == 0


def holds_card(text: str, words: Words) -> bool:
    """Is there a card's number in an answer, in figures or in words: a run of 13 digits and more, or shorter ones near
    each other that together are one with the right check digit?"""
    runs = [run for run in digit_runs(tokenise(text, words.spelling), words) if not counts(run.readings[0])]
    if any(len(reading) >= SHORTEST for run in runs for reading in run.readings):
        return True
    return any(
        SHORTEST <= len(joined) <= LONGEST and luhn(joined)
        for first in range(len(runs))
        for joined in _joined(runs[first:])
    )


def counts(digits: str) -> bool:
    """Does somebody count aloud ("one, two, three ... fifteen"), as the bot asks for to hear the voice?"""
    return len(digits) >= _COUNTED and digits in _COUNTING


def edge_digits(text: str, words: Words) -> tuple[str, str]:
    """The digits an answer begins with and those it ends with ("" where it does not): half a number may follow."""
    tokens = tokenise(text, words.spelling)
    runs = digit_runs(tokens, words)
    if not runs:
        return "", ""
    first = runs[0].readings[0] if runs[0].start == 0 else ""
    last = runs[-1].readings[0] if runs[-1].end == len(tokens) else ""
    return "" if counts(first) else first, "" if counts(last) else last


def is_card(digits: str) -> bool:
    """Are these digits, from one answer or two, a card's number?"""
    return SHORTEST <= len(digits) <= LONGEST and luhn(digits)


def without_digits(text: str, words: Words) -> str:
    """The text with every number, in figures or words, taken out."""
    known = {*words.digits.words, *words.digits.repeat, *words.numbers.cardinals, *words.numbers.multipliers}
    out, end, masked = "", 0, False
    for match in _WORD.finditer(text):
        word = match.group()
        number = word.isdecimal() or fold(word) in known
        between = text[end : match.start()]
        if number:
            out += "" if masked and _BETWEEN.match(between) else between + MASK
        else:
            out += between + word
        end, masked = match.end(), number
    return out + text[end:]


def _joined(runs: Sequence[DigitRun]) -> list[str]:
    """What the first run becomes with one after the other of those near it."""
    found, joined = [], runs[0].readings[0]
    for before, run in pairwise(runs):
        if run.start - before.end > _GAP:
            break
        joined += run.readings[0]
        found.append(joined)
    return found
