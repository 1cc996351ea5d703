"""Strings of digits as people say them and recognisers write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voicebot.nlu.numbers import below_hundred
from voicebot.nlu.tables import Words
from voicebot.nlu.tokens import Token

#: How many readings of one answer are kept ("twenty six" is 26 or 206).
MAX_READINGS = 16


@dataclass(frozen=True, slots=True)
class DigitRun:
    """Digits said one after the other. `readings`: what they may be, the usual one first; `guessed`: a homophone
    was taken for a digit; `end`: the token after the run."""

    readings: tuple[str, ...]
    start: int
    end: int
    guessed: bool = False


def digit_runs(tokens: Sequence[Token], words: Words, *, homophones: bool = False) -> tuple[DigitRun, ...]:
    """Every run of digits, in order. A run goes over words that join numbers ("and")."""
    runs = []
    at = 0
    while at < len(tokens):
        run = _run(tokens, at, words, homophones)
        if run is None:
            at += 1
        else:
            runs.append(run)
            at = run.end
    return tuple(runs)


def best_digits(tokens: Sequence[Token], words: Words, length: int | None) -> tuple[tuple[str, float], ...]:
    """Digit strings meant, best first, with confidence. `length`: exactly so many (None: any).

    Digits said plainly come before those that need a homophone; of several runs the last counts (people correct
    themselves), and all runs together where only that has the right length.
    """
    for homophones, sure in ((False, 0.95), (True, 0.7)):
        runs = digit_runs(tokens, words, homophones=homophones)
        found = [reading for run in reversed(runs) for reading in run.readings if length in (None, len(reading))]
        joined = [text for text in _joined(runs) if len(text) == length]
        if found or joined:
            level = sure if found else sure - 0.1
            unique = list(dict.fromkeys(found or joined))
            return tuple((text, round(level - 0.15 * min(i, 3), 2)) for i, text in enumerate(unique[:4]))
    return ()


def _joined(runs: Sequence[DigitRun]) -> list[str]:
    joined = [""]
    for run in runs:
        joined = [a + b for a in joined for b in run.readings][:MAX_READINGS]
    return joined


def _run(tokens: Sequence[Token], start: int, words: Words, homophones: bool) -> DigitRun | None:
    readings, at, guessed = [""], start, False
    while at < len(tokens):
        piece = _piece(tokens, at, words)
        if piece is None and homophones and tokens[at].text in words.digits.homophones:
            piece, guessed = ((str(words.digits.homophones[tokens[at].text]),), at + 1), True
        if piece is None:
            joins = at > start and tokens[at].text in words.numbers.joiners
            if not joins or _piece(tokens, at + 1, words) is None:
                break
            at += 1
            continue
        readings = [a + b for a in readings for b in piece[0]][:MAX_READINGS]
        at = piece[1]
    return DigitRun(tuple(readings), start, at, guessed) if readings != [""] else None


def _piece(tokens: Sequence[Token], at: int, words: Words) -> tuple[tuple[str, ...], int] | None:
    """One element of a run: figures, a digit's name, a repeat, a number below a hundred, hundreds or thousands."""
    if at >= len(tokens):
        return None
    token = tokens[at]
    if token.is_number:
        return (token.text,), at + 1
    if token.text in words.digits.words:
        return (str(words.digits.words[token.text]),), at + 1
    repeat = words.digits.repeat.get(token.text)
    if repeat is not None:
        digit = _single(tokens, at + 1, words)
        return ((digit * repeat,), at + 2) if digit else None
    small = below_hundred(tokens, at, words.numbers)
    return _counted(tokens, small, words) if small else None


def _single(tokens: Sequence[Token], at: int, words: Words) -> str | None:
    if at >= len(tokens):
        return None
    text = tokens[at].text
    if text.isdecimal() and len(text) == 1:
        return text
    value = words.digits.words.get(text, words.numbers.cardinals.get(text, 99))
    return str(value) if value <= 9 else None


def _counted(tokens: Sequence[Token], small: tuple[int, int], words: Words) -> tuple[tuple[str, ...], int]:
    value, after = small
    if after < len(tokens) and words.numbers.multipliers.get(tokens[after].text) == 1000 and value > 0:
        return _thousands(tokens, value, after + 1, words)
    if after < len(tokens) and words.numbers.multipliers.get(tokens[after].text) == 100 and value > 0:
        rest = _rest(tokens, after + 1, words)
        return (f"{value}{rest[0]:02d}",), rest[1]
    if value > 20 and value % 10:
        return (str(value), f"{value - value % 10}{value % 10}"), after
    return (str(value),), after


def _thousands(tokens: Sequence[Token], value: int, at: int, words: Words) -> tuple[tuple[str, ...], int]:
    """ "nine thousand and seventy five" -> 9075; "one thousand two hundred thirty four" -> 1234."""
    hundreds = 0
    small = below_hundred(tokens, at, words.numbers)
    if small and small[1] < len(tokens) and words.numbers.multipliers.get(tokens[small[1]].text) == 100:
        hundreds, at = small[0] % 10, small[1] + 1
    rest = _rest(tokens, at, words)
    return (str(value * 1000 + hundreds * 100 + rest[0]),), rest[1]


def _rest(tokens: Sequence[Token], at: int, words: Words) -> tuple[int, int]:
    """Below one hundred after a multiplier, with or without a joiner; 0 where nothing follows."""
    joined = at < len(tokens) and tokens[at].text in words.numbers.joiners
    return below_hundred(tokens, at + joined, words.numbers) or (0, at)
