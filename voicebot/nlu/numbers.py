"""Numbers in words and figures. A reader takes tokens and a place and gives the value and the place after it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from voicebot.nlu.tables import NumberWords
from voicebot.nlu.tokens import Token

#: Figures longer than this are no amount (and keep arithmetic small for any input).
MAX_FIGURES = 12
Reading = tuple[Decimal, int]


def figures(tokens: Sequence[Token], at: int, words: NumberWords) -> Reading | None:
    """A number written in figures: "5", "5,000", "2.5", "1,250.50"."""
    if at >= len(tokens) or not tokens[at].is_number or len(tokens[at].text) > MAX_FIGURES:
        return None
    if at > 0 and tokens[at - 1].is_number and tokens[at].glue in (words.decimal, words.thousands):
        return None  # inside a number
    text, after = tokens[at].text, at + 1
    while after < len(tokens) and tokens[after].is_number and tokens[after].glue == words.thousands:
        if len(tokens[after].text) != 3 or len(text) + 3 > MAX_FIGURES:
            return None
        text, after = text + tokens[after].text, after + 1
    if after < len(tokens) and tokens[after].is_number and tokens[after].glue == words.decimal:
        fraction = tokens[after].text
        if len(fraction) == 3:  # "9.075" is nine thousand and seventy-five to Whisper, money has two places
            return _swapped(tokens, text + fraction, after + 1, words)
        return (Decimal(f"{text}.{fraction}"), after + 1) if len(fraction) <= 2 else None
    return Decimal(text), after


def _swapped(tokens: Sequence[Token], text: str, at: int, words: NumberWords) -> Reading | None:
    """The marks of another country: "1.250,50"."""
    if at < len(tokens) and tokens[at].is_number and tokens[at].glue == words.thousands:
        return (Decimal(f"{text}.{tokens[at].text}"), at + 1) if len(tokens[at].text) == 2 else None
    return Decimal(text), at


def below_hundred(tokens: Sequence[Token], at: int, words: NumberWords) -> tuple[int, int] | None:
    """Words of 0..99: "twenty six", "nineteen", "five"."""
    value = words.cardinals.get(tokens[at].text) if at < len(tokens) else None
    if value is None:
        return None
    if value >= 20 and value % 10 == 0 and at + 1 < len(tokens):
        unit = words.cardinals.get(tokens[at + 1].text, 0)
        if 1 <= unit <= 9:
            return value + unit, at + 2
    return value, at + 1


def number(tokens: Sequence[Token], at: int, words: NumberWords) -> Reading | None:
    """The longest number that starts at `at`: "two thousand", "twenty five hundred", "a hundred and fifty"."""
    total, current, after = Decimal(0), _start(tokens, at, words), at
    ceiling = Decimal(10) ** 15
    if current is None:
        return None
    value, after = current
    while True:
        value, after = _multiplied(tokens, value, after, words)
        multiplier = words.multipliers.get(tokens[after].text) if after < len(tokens) else None
        if multiplier is not None and multiplier >= 1000 and multiplier < ceiling and value < 1000:
            total, ceiling, after = total + value * multiplier, Decimal(multiplier), after + 1
            following = _tail(tokens, after, words)
            if following is None or following[0] >= ceiling:
                return total, after
            value, after = following
            continue
        return total + value, after


def _start(tokens: Sequence[Token], at: int, words: NumberWords) -> Reading | None:
    read = figures(tokens, at, words)
    if read is None:
        small = below_hundred(tokens, at, words)
        read = (Decimal(small[0]), small[1]) if small else None
    if read is not None:
        return _and_half(tokens, read, words)
    if at < len(tokens) and tokens[at].text in words.one and at + 1 < len(tokens):
        at += 1
        if tokens[at].text in words.multipliers:
            return Decimal(1), at
        return None
    # A bare "thousand" is one: recognisers drop the article.
    return (Decimal(1), at) if at < len(tokens) and tokens[at].text in words.multipliers else None


def _and_half(tokens: Sequence[Token], read: Reading, words: NumberWords) -> Reading:
    """ "two and a half thousand": only before a multiplier."""
    value, at = read
    place = at
    for group in (words.joiners, words.one, words.half):
        if place >= len(tokens) or tokens[place].text not in group:
            return value, at
        place += 1
    followed = place < len(tokens) and tokens[place].text in words.multipliers
    return (value + Decimal("0.5"), place) if followed else (value, at)


def _multiplied(tokens: Sequence[Token], value: Decimal, at: int, words: NumberWords) -> Reading:
    """A multiplier of hundreds and what follows it below one hundred."""
    multiplier = words.multipliers.get(tokens[at].text) if at < len(tokens) else None
    if multiplier is None or multiplier >= 1000 or not 0 < value < 100:
        return value, at
    value, at = value * multiplier, at + 1
    tail = _tail(tokens, at, words)
    if tail is not None and tail[0] < multiplier and not _multiplies(tokens, tail[1], words):
        return value + tail[0], tail[1]
    return value, at


def _multiplies(tokens: Sequence[Token], at: int, words: NumberWords) -> bool:
    return at < len(tokens) and words.multipliers.get(tokens[at].text, 1000) < 1000


def _tail(tokens: Sequence[Token], at: int, words: NumberWords) -> Reading | None:
    """What may follow a multiplier, with or without a joiner."""
    joined = at < len(tokens) and tokens[at].text in words.joiners
    at += joined
    small = below_hundred(tokens, at, words)
    if small is not None and small[0] > 0:
        return Decimal(small[0]), small[1]
    read = figures(tokens, at, words)
    if read is not None and 0 < read[0] < 1000 and tokens[at].glue is None:
        return read
    if at < len(tokens) and tokens[at].text in words.one and at + 1 < len(tokens):
        return (Decimal(1), at + 1) if tokens[at + 1].text in words.multipliers else None
    return None


def ordinal(tokens: Sequence[Token], at: int, words: NumberWords) -> tuple[int, int] | None:
    """ "fifteenth", "twenty first", "15th"."""
    if at >= len(tokens):
        return None
    if tokens[at].ordinal:
        return (int(tokens[at].text), at + 1) if len(tokens[at].text) <= 2 else None
    value = words.ordinals.get(tokens[at].text)
    if value is not None:
        return value, at + 1
    tens = words.cardinals.get(tokens[at].text, 0)
    if tens >= 20 and tens % 10 == 0 and at + 1 < len(tokens):
        unit = words.ordinals.get(tokens[at + 1].text, 99)
        if unit <= 9:
            return tens + unit, at + 2
    return None
