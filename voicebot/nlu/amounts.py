"""Amounts of money as people say them; the words come from the language's table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from voicebot.nlu.numbers import below_hundred, figures, number
from voicebot.nlu.patterns import find
from voicebot.nlu.tables import Words
from voicebot.nlu.tokens import Token


@dataclass(frozen=True, slots=True)
class Money:
    """An amount meant by tokens [start, end), in the loan's currency. `named`: a currency was said; `ambiguous`: it may
    be another; `share`: hundredths of what is owed, instead of `value`."""

    value: Decimal | None
    start: int
    end: int
    named: bool = False
    ambiguous: bool = False
    share: int | None = None


def find_amounts(tokens: Sequence[Token], words: Words, taken: Sequence[tuple[int, int]] = ()) -> tuple[Money, ...]:
    """Amounts named, the best first: with a currency before without, then later ones (people correct themselves).
    `taken`: spans of tokens that are days or times."""
    found: list[Money] = []
    at = 0
    while at < len(tokens):
        span = next((end for start, end in taken if start <= at < end), None)
        money = None if span else _amount(tokens, at, words)
        if money and not any(start < money.end and money.start < end for start, end in taken):
            found.append(money)
        at = span or (money.end if money else at + 1)
    found += _shares(tokens, words, found)
    return tuple(sorted(found, key=lambda money: (not money.named, money.share is not None, -money.start)))


def _amount(tokens: Sequence[Token], at: int, words: Words) -> Money | None:
    start = at
    sign = tokens[at].text in words.amounts.currency
    at += sign
    if at < len(tokens) and tokens[at].ordinal:
        return None
    read = number(tokens, at, words.numbers)
    if read is None:
        return None
    value, end = read
    wide, ambiguous = _colloquial(tokens, at, end, words)
    if wide:
        value, end = wide
    named = sign
    if end < len(tokens) and tokens[end].text in words.amounts.currency:
        named, end = True, end + 1
        cents = _cents(tokens, end, words)
        if cents:
            value, end = value + cents[0], cents[1]
    elif end < len(tokens) and tokens[end].text in words.amounts.subunits:
        return Money(value / 100, start, end + 1, True)
    elif not named and not _is_money(tokens, end, words):
        return None
    return Money(value, start, end, named, ambiguous) if value > 0 else None


def _is_money(tokens: Sequence[Token], end: int, words: Words) -> bool:
    if end >= len(tokens):
        return True
    return tokens[end].text not in words.amounts.not_money and tokens[end].glue not in (":", "/", "-")


def _cents(tokens: Sequence[Token], at: int, words: Words) -> tuple[Decimal, int] | None:
    """ "and fifty cents"; after a currency also "dollars fifty"."""
    joined = at < len(tokens) and tokens[at].text in words.numbers.joiners
    read = below_hundred(tokens, at + joined, words.numbers)
    if read is None:
        written = figures(tokens, at + joined, words.numbers)
        read = (int(written[0]), written[1]) if written and written[0] < 100 else None
    if read is None:
        return None
    value, end = read
    if end < len(tokens) and tokens[end].text in words.amounts.subunits:
        return Decimal(value) / 100, end + 1
    lone = not joined and value >= 10 and end == len(tokens)
    return (Decimal(value) / 100, end) if lone else None


def _colloquial(tokens: Sequence[Token], at: int, end: int, words: Words) -> tuple[tuple[Decimal, int] | None, bool]:
    """ "two fifty" and "twelve fifty": hundreds left out; not sure."""
    first = below_hundred(tokens, at, words.numbers)
    if first is None or first[1] != end or not 1 <= first[0] <= 99 or (first[0] >= 20 and first[0] % 10 == 0):
        return None, False
    second = below_hundred(tokens, end, words.numbers)
    if second is None or second[0] < 10:
        return None, False
    after = second[1]
    if after < len(tokens) and tokens[after].text in words.numbers.multipliers:
        return None, False
    return (Decimal(first[0] * 100 + second[0]), after), True


def _shares(tokens: Sequence[Token], words: Words, amounts: Sequence[Money]) -> list[Money]:
    found: list[Money] = []
    for pattern, share in words.amounts.shares:
        for match in find(pattern, tokens, {}):
            overlaps = any(match.start < other.end and other.start < match.end for other in [*amounts, *found])
            if not overlaps:
                found.append(Money(None, match.start, match.end, share=share))
    return found
