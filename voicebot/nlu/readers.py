"""Readers of the values in phrases of dates and times: `{day}`, `{month}`, `{year}`, `{number}`, `{hour}` ..."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from voicebot.nlu.numbers import below_hundred, number, ordinal
from voicebot.nlu.patterns import Readers, SlotReader
from voicebot.nlu.tables import Words
from voicebot.nlu.tokens import Token

Options = Sequence[tuple[int, int]]
FIRST_YEAR, LAST_YEAR = 1900, 2100
#: Numbers that begin a year said in two parts ("nineteen ninety"): alone they are no year yet.
CENTURIES = (19, 20)


def date_readers(words: Words) -> Readers:
    """Readers of the tables of dates."""
    return _remembering(
        {
            "day": lambda tokens, at: _within(_ordinals(tokens, at, words) + _cardinals(tokens, at, words), 1, 31),
            "day_ordinal": lambda tokens, at: _within(_ordinals(tokens, at, words), 1, 31),
            "month": lambda tokens, at: _named(tokens, at, words.dates.months),
            "month_ordinal": lambda tokens, at: _within(_ordinals(tokens, at, words), 1, 12),
            "year": lambda tokens, at: years(tokens, at, words),
            "year_short": _four_figures,
            "number": lambda tokens, at: _numbers(tokens, at, words),
            "unit": lambda tokens, at: _named(tokens, at, words.dates.units),
            "weekday": lambda tokens, at: _named(tokens, at, words.dates.weekdays),
        }
    )


def time_readers(words: Words) -> Readers:
    """Readers of the tables of times."""
    return _remembering(
        {
            "hour": lambda tokens, at: _within(_cardinals(tokens, at, words), 0, 23),
            "minute": lambda tokens, at: _minutes(tokens, at, words),
            "minute_unit": lambda tokens, at: _within(_cardinals(tokens, at, words), 1, 9),
            "minute_to": lambda tokens, at: _within(_cardinals(tokens, at, words), 1, 29),
        }
    )


def years(tokens: Sequence[Token], at: int, words: Words) -> list[tuple[int, int]]:
    """Years: 1990, "nineteen ninety", "nineteen oh five", "two thousand and five", "90" (the century is open)."""
    if at >= len(tokens):
        return []
    found = _four_figures(tokens, at)
    if tokens[at].is_number:
        text = tokens[at].text
        following = tokens[at + 1] if at + 1 < len(tokens) else None
        if found and following and following.is_number and len(following.text) == 1 and text.endswith("0"):
            found.append((int(text) + int(following.text), at + 2))  # "1980 6": the recogniser parted 1986
        if len(text) == 2 and not tokens[at].ordinal:
            found.append((int(text), at + 1))
            if following and following.is_number and len(following.text) == 2:
                found.append((int(text + following.text), at + 2))
        return _valid(found)
    whole = number(tokens, at, words.numbers)
    if whole and whole[0] == int(whole[0]) and whole[0] not in CENTURIES:
        found.append((int(whole[0]), whole[1]))
    century = below_hundred(tokens, at, words.numbers)
    if century and century[0] in CENTURIES:
        found += _in_century(tokens, century, words)
    return _valid(found)


def _in_century(tokens: Sequence[Token], century: tuple[int, int], words: Words) -> list[tuple[int, int]]:
    value, after = century
    if after < len(tokens) and tokens[after].text in words.dates.year_zero:
        unit = below_hundred(tokens, after + 1, words.numbers)
        return [(value * 100 + unit[0], unit[1])] if unit and unit[0] <= 9 else []
    rest = below_hundred(tokens, after, words.numbers)
    return [(value * 100 + rest[0], rest[1])] if rest and rest[0] >= 10 else []


def _valid(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(year, after) for year, after in found if FIRST_YEAR <= year <= LAST_YEAR or 0 <= year <= 99]


def _four_figures(tokens: Sequence[Token], at: int) -> list[tuple[int, int]]:
    if at >= len(tokens) or not tokens[at].is_number or len(tokens[at].text) != 4:
        return []
    return _within([(int(tokens[at].text), at + 1)], FIRST_YEAR, LAST_YEAR)


def _ordinals(tokens: Sequence[Token], at: int, words: Words) -> list[tuple[int, int]]:
    read = ordinal(tokens, at, words.numbers)
    return [read] if read else []


def _cardinals(tokens: Sequence[Token], at: int, words: Words) -> list[tuple[int, int]]:
    """Below one hundred; "oh five" too (zero words are names of the digit 0)."""
    if at >= len(tokens):
        return []
    token = tokens[at]
    if token.is_number:
        return [(int(token.text), at + 1)] if len(token.text) <= 2 and not token.ordinal else []
    zero = words.digits.words.get(token.text) == 0 or words.numbers.cardinals.get(token.text) == 0
    if zero:
        unit = below_hundred(tokens, at + 1, words.numbers)
        return [unit] if unit and unit[0] <= 9 else []
    read = below_hundred(tokens, at, words.numbers)
    if read is None:
        return []
    if read[1] == at + 2:  # "thirty five" may be thirty and then five
        return [read, (words.numbers.cardinals[token.text], at + 1)]
    return [read]


def _minutes(tokens: Sequence[Token], at: int, words: Words) -> list[tuple[int, int]]:
    if at < len(tokens) and tokens[at].is_number and len(tokens[at].text) != 2:
        return []
    return _within(_cardinals(tokens, at, words), 0 if at < len(tokens) and tokens[at].is_number else 10, 59)


def _numbers(tokens: Sequence[Token], at: int, words: Words) -> list[tuple[int, int]]:
    read = number(tokens, at, words.numbers)
    return [(int(read[0]), read[1])] if read and read[0] == int(read[0]) and read[0] < 400 else []


def _named(tokens: Sequence[Token], at: int, names: Mapping[str, int]) -> list[tuple[int, int]]:
    value = names.get(tokens[at].text) if at < len(tokens) else None
    return [] if value is None else [(value, at + 1)]


def _within(options: Options, low: int, high: int) -> list[tuple[int, int]]:
    return [(value, after) for value, after in options if low <= value <= high]


def _remembering(readers: Readers) -> Readers:
    """Each reader remembers its answers: one set of readers serves one answer."""

    def remember(reader: SlotReader) -> SlotReader:
        known: dict[int, Options] = {}

        def read(tokens: Sequence[Token], at: int) -> Options:
            if at not in known:
                known[at] = reader(tokens, at)
            return known[at]

        return read

    return {name: remember(reader) for name, reader in readers.items()}
