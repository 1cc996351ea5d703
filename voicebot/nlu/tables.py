"""The tables of words of a language, typed. Read by words_file; nothing here knows English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voicebot.nlu.patterns import Pattern
from voicebot.nlu.tokens import Spelling


@dataclass(frozen=True, slots=True)
class NumberWords:
    """Words of numbers. `cardinals`: 0-99 (compounds may be listed); `decimal`, `thousands`: marks inside digits."""

    cardinals: Mapping[str, int]
    multipliers: Mapping[str, int]
    ordinals: Mapping[str, int]
    joiners: frozenset[str]
    one: frozenset[str]
    half: frozenset[str]
    decimal: str
    thousands: str


@dataclass(frozen=True, slots=True)
class DigitWords:
    """Names of digits, repeats ("double"), and what recognisers write for digits."""

    words: Mapping[str, int]
    repeat: Mapping[str, int]
    homophones: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DateWords:
    """`order`: mdy, dmy or ymd. `weekdays`: Monday 1. `forms`: name of a form -> its phrases."""

    order: str
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    units: Mapping[str, int]
    year_zero: frozenset[str]
    forms: Mapping[str, tuple[Pattern, ...]]


@dataclass(frozen=True, slots=True)
class TimeWords:
    """`earliest_hour`: without "in the morning" and the like, hours below it are in the afternoon."""

    earliest_hour: int
    forms: Mapping[str, tuple[Pattern, ...]]
    morning: tuple[Pattern, ...]
    afternoon: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class AmountWords:
    """`currency`: word or sign -> ISO 4217. `shares`: phrases and the hundredths of what is owed they mean."""

    currency: Mapping[str, str]
    subunits: frozenset[str]
    not_money: frozenset[str]
    shares: tuple[tuple[Pattern, int], ...]


@dataclass(frozen=True, slots=True)
class YesNoWords:
    """Words count at the edges of an answer, phrases anywhere."""

    affirm_words: frozenset[str]
    affirm: tuple[Pattern, ...]
    deny_words: frozenset[str]
    deny: tuple[Pattern, ...]
    unsure: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class NegationWords:
    """`words` turn round what follows them; `answers` are those that also are an answer of their own ("no, I ...");
    `harmless` phrases hold one and turn nothing round; `breaks` end its reach."""

    words: frozenset[str]
    answers: frozenset[str]
    harmless: tuple[Pattern, ...]
    breaks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Words:
    """All of words.yaml. `dangling`: words after which an answer is not over; `backchannel`: those that only show that
    somebody listens; `ratings`: phrases and the rating from 1 to 5 they mean."""

    spelling: Spelling
    dangling: frozenset[str]
    backchannel: frozenset[str]
    negation: NegationWords
    numbers: NumberWords
    digits: DigitWords
    dates: DateWords
    times: TimeWords
    amounts: AmountWords
    yes_no: YesNoWords
    ratings: tuple[tuple[Pattern, int], ...] = ()
