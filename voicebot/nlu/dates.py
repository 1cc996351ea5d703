"""Days as people say them. The words and their order come from the language's table, what they mean from here.

"next Friday" is the first Friday after today. Where that Friday lies in the current week (Monday to Sunday), many
people mean the one a week later: the value is marked ambiguous and the later day is given as the alternative.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from voicebot.nlu.patterns import Match, find
from voicebot.nlu.readers import CENTURIES, FIRST_YEAR, LAST_YEAR, date_readers
from voicebot.nlu.tables import Words
from voicebot.nlu.tokens import Token


@dataclass(frozen=True, slots=True)
class Day:
    """A day meant by tokens [start, end). `ambiguous`: people may mean another, perhaps `alternative`.
    `value` None: the words are about a day and do not name one ("next week")."""

    value: date | None
    start: int
    end: int
    ambiguous: bool = False
    alternative: date | None = None


def find_days(tokens: Sequence[Token], words: Words, today: date, *, past: bool) -> tuple[Day, ...]:
    """Days named, the best first: longer phrases before shorter, later ones before earlier (people correct themselves).

    `past`: a day of birth (a year must be named, the day lies before today); else a day to come, this year's or next.
    """
    readers = date_readers(words)
    found: list[Day] = list(numeric_days(tokens, words, today, past=past))
    for form, phrases in words.dates.forms.items():
        for pattern in phrases:
            found += [_day(form, match, today, past) for match in find(pattern, tokens, readers)]
    return _best(found)


def _best(found: Sequence[Day]) -> tuple[Day, ...]:
    """Overlapping readings: the longest wins, of equal ones that with a value."""
    ordered = sorted(found, key=lambda day: (day.start - day.end, day.value is None, day.ambiguous))
    kept: list[Day] = []
    for day in ordered:
        if all(day.end <= other.start or day.start >= other.end for other in kept):
            kept.append(day)
    return tuple(sorted(kept, key=lambda day: (day.value is None, day.start - day.end, -day.start)))


@dataclass(frozen=True, slots=True)
class _Said:
    """The values of a form, the day it was said on, and whether a day of the past is meant."""

    values: Mapping[str, int]
    today: date
    past: bool = False

    def number(self, *names: str) -> int:
        """The first of the values that was said."""
        return next(self.values[name] for name in names if name in self.values)


def _day(form: str, match: Match, today: date, past: bool) -> Day:
    if past and form not in ("day_month_year", "today"):
        return Day(None, match.start, match.end)
    value, ambiguous, alternative = MEANINGS[form](_Said(match.values, today, past))
    return Day(value, match.start, match.end, ambiguous, alternative)


Meaning = tuple[date | None, bool, date | None]


def _sure(value: date | None) -> Meaning:
    return value, False, None


def _day_month_year(said: _Said) -> Meaning:
    if said.number("year") <= 99 and said.number("day") in CENTURIES:
        return _sure(None)  # "February nineteen twenty-two" is a month of 1922, not the 19th
    year = full_year(said.number("year"), said.today, said.past)
    return _sure(_made(year, said.number("month", "month_ordinal"), said.number("day"), said.today, said.past))


def _made(year: int, month: int, day: int, today: date, past: bool) -> date | None:
    try:
        made = date(year, month, day)
    except ValueError:
        return None
    return None if past and made >= today else made


def full_year(year: int, today: date, past: bool) -> int:
    """A year of two figures in full: the last such year for a birth date, else this century's."""
    if year > 99:
        return year
    century = today.year // 100 * 100
    return century + year - 100 * (past and century + year >= today.year)


def _day_month(said: _Said) -> Meaning:
    for year in range(said.today.year, said.today.year + 9):  # the 29th of February comes within eight years
        made = _made(year, said.number("month"), said.number("day"), said.today, said.past)
        if made and made >= said.today:
            return _sure(made)
    return _sure(None)


def month_later(today: date, months: int, day: int | None = None) -> date:
    """`day` of the month so many months on (None: the same day), the month's last day where it has no such day."""
    year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(today.day if day is None else day, last))


def _next_day(day: int, today: date) -> date | None:
    """The next day with that number."""
    for months in range(3):
        made = month_later(today, months, day)
        if made.day == day and made >= today:
            return made
    return None


def _day_in_month(said: _Said, months: int) -> Meaning:
    made = month_later(said.today, months, said.number("day"))
    return _sure(made if made.day == said.number("day") and made >= said.today else None)


def _units(count: int, unit: int, today: date) -> date:
    return month_later(today, count) if unit == 31 else today + timedelta(days=count * unit)


def _weekday(said: _Said) -> Meaning:
    """The first after today; on the day itself people say "today", so a week later is meant, not surely."""
    ahead = (said.number("weekday") - said.today.isoweekday()) % 7
    if ahead == 0:
        return said.today + timedelta(days=7), True, said.today
    return _sure(said.today + timedelta(days=ahead))


def _weekday_day(said: _Said) -> Meaning:
    """ "Friday the 13th": the next such day of the month; not sure where the weekday is another."""
    value = _next_day(said.number("day_ordinal"), said.today)
    return value, value is None or value.isoweekday() != said.number("weekday"), None


def _next_weekday(said: _Said) -> Meaning:
    today = said.today.isoweekday()
    ahead = (said.number("weekday") - today - 1) % 7 + 1
    this_week = today + ahead <= 7
    first = said.today + timedelta(days=ahead)
    return first, this_week, first + timedelta(days=7) if this_week else None


def _week_end(said: _Said) -> Meaning:
    """Friday, or today where Friday is over: not sure."""
    return said.today + timedelta(days=max(5 - said.today.isoweekday(), 0)), True, None


MEANINGS: Mapping[str, Callable[[_Said], Meaning]] = {
    "day_month_year": _day_month_year,
    "day_month": _day_month,
    "month_year": lambda _: _sure(None),
    "month": lambda _: _sure(None),
    "day": lambda said: _sure(_next_day(said.number("day", "day_ordinal"), said.today)),
    "day_this_month": lambda said: _day_in_month(said, 0),
    "day_next_month": lambda said: _day_in_month(said, 1),
    "today": lambda said: _sure(said.today),
    "tomorrow": lambda said: _sure(said.today + timedelta(days=1)),
    "day_after_tomorrow": lambda said: _sure(said.today + timedelta(days=2)),
    "in_units": lambda said: _sure(_units(said.values.get("number", 1), said.number("unit"), said.today)),
    "in_couple_units": lambda said: (_units(2, said.number("unit"), said.today), True, None),
    "weekday": _weekday,
    "weekday_day": _weekday_day,
    "next_weekday": _next_weekday,
    "weekday_next_week": lambda said: _sure(
        said.today + timedelta(days=7 - said.today.isoweekday() + said.number("weekday"))
    ),
    "month_end": lambda said: _sure(month_later(said.today, 0, 31)),
    "next_month_end": lambda said: _sure(month_later(said.today, 1, 31)),
    "month_middle": lambda said: (_next_day(15, said.today), True, None),
    "next_month_start": lambda said: _sure(month_later(said.today, 1, 1)),
    "week_end": _week_end,
    "next_week_end": lambda said: (said.today + timedelta(days=12 - said.today.isoweekday()), True, None),
    "vague": lambda _: _sure(None),
}


def numeric_days(tokens: Sequence[Token], words: Words, today: date, *, past: bool) -> Sequence[Day]:
    """Days said or written as three numbers in the language's order ("05/02/1990", "five two nineteen ninety"), with
    the year first ("1990-05-02"), or run together ("05021990"). Where day and month may change places, the other
    day is the alternative."""
    readers = date_readers(words)
    found: list[Day] = []
    for at in range(len(tokens)):
        found += _run_together(tokens, at, words, today, past)
        for year, after in readers["year_short"](tokens, at):
            found += [
                Day(_made(year, a, b, today, past), at, end)
                for a, place in readers["day"](tokens, after)
                for b, end in readers["day"](tokens, place)
            ]
        found += [
            _ordered(first, second, full_year(year, today, past), (at, end), words, today, past)
            for first, place in readers["day"](tokens, at)
            for second, follow in readers["day"](tokens, place)
            for year, end in readers["year"](tokens, follow)
            if year > 99 or tokens[follow].is_number
        ]
    return [day for day in found if day.value is not None]


def _ordered(first: int, second: int, year: int, span: tuple[int, int], words: Words, today: date, past: bool) -> Day:
    month_first = words.dates.order != "dmy"
    month, day = (first, second) if month_first else (second, first)
    usual = _made(year, month, day, today, past)
    swapped = _made(year, day, month, today, past)
    if usual is None or swapped is None or usual == swapped:
        return Day(usual or swapped, *span)
    return Day(usual, *span, True, swapped)


def _run_together(tokens: Sequence[Token], at: int, words: Words, today: date, past: bool) -> list[Day]:
    """Figures run together: eight (day, month, year in the language's order), six with a short year for a birth date;
    or two to four of them for day and month, and then a year."""
    text, end = tokens[at].text, at + 1
    if not tokens[at].is_number or tokens[at].ordinal:
        return []
    year_text = tokens[end].text if end < len(tokens) and tokens[end].is_number else ""
    if len(text) in (2, 3, 4) and len(year_text) == 4 and FIRST_YEAR <= int(year_text) <= LAST_YEAR:
        splits = {2: (1,), 3: (2, 1), 4: (2,)}[len(text)]
        return [
            _ordered(int(text[:cut]), int(text[cut:]), int(year_text), (at, end + 1), words, today, past)
            for cut in splits
        ]
    if len(text) != 8 and not (past and len(text) == 6):
        return []
    if words.dates.order == "ymd" and len(text) == 8:
        return [Day(_made(int(text[:4]), int(text[4:6]), int(text[6:]), today, past), at, end)]
    year = full_year(int(text[4:]), today, past)
    return [_ordered(int(text[:2]), int(text[2:4]), year, (at, end), words, today, past)] if year > 99 else []
