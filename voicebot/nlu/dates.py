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
from voicebot.nlu.readers import date_readers
from voicebot.nlu.tables import Words
from voicebot.nlu.tokens import Token

Values = Mapping[str, int]


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


def _day(form: str, match: Match, today: date, past: bool) -> Day:
    if past and form not in ("day_month_year", "today"):
        return Day(None, match.start, match.end)
    value, ambiguous, alternative = MEANINGS[form](match.values, today, past)
    return Day(value, match.start, match.end, ambiguous, alternative)


Meaning = tuple[date | None, bool, date | None]


def _sure(value: date | None) -> Meaning:
    return value, False, None


def _day_month_year(v: Values, today: date, past: bool) -> Meaning:
    month = v.get("month", v.get("month_ordinal", 0))
    return _sure(_made(full_year(v["year"], today, past), month, v["day"], today, past))


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


def _day_month(v: Values, today: date, past: bool) -> Meaning:
    for year in range(today.year, today.year + 9):  # the 29th of February comes within eight years
        made = _made(year, v["month"], v["day"], today, past)
        if made and made >= today:
            return _sure(made)
    return _sure(None)


def month_later(today: date, months: int, day: int | None = None) -> date:
    """`day` of the month so many months on (None: the same day), the month's last day where it has no such day."""
    index = today.year * 12 + today.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(today.day if day is None else day, last))


def _day_of_month(v: Values, today: date, past: bool) -> Meaning:
    day = v.get("day", v.get("day_ordinal", 0))
    for months in range(3):
        made = month_later(today, months, day)
        if made.day == day and made >= today:
            return _sure(made)
    return _sure(None)


def _day_this_month(v: Values, today: date, past: bool) -> Meaning:
    made = month_later(today, 0, v["day"])
    return _sure(made if made.day == v["day"] and made >= today else None)


def _day_next_month(v: Values, today: date, past: bool) -> Meaning:
    made = month_later(today, 1, v["day"])
    return _sure(made if made.day == v["day"] else None)


def _units(count: int, unit: int, today: date) -> date:
    return month_later(today, count) if unit == 31 else today + timedelta(days=count * unit)


def _in_units(v: Values, today: date, past: bool) -> Meaning:
    return _sure(_units(v.get("number", 1), v["unit"], today))


def _in_couple_units(v: Values, today: date, past: bool) -> Meaning:
    return _units(2, v["unit"], today), True, None


def _weekday(v: Values, today: date, past: bool) -> Meaning:
    """The first after today; on the day itself people say "today", so a week later is meant, not surely."""
    ahead = (v["weekday"] - today.isoweekday()) % 7
    if ahead == 0:
        return today + timedelta(days=7), True, today
    return _sure(today + timedelta(days=ahead))


def _weekday_day(v: Values, today: date, past: bool) -> Meaning:
    """ "Friday the 13th": the next such day of the month; not sure where the weekday is another."""
    value = _day_of_month({"day": v["day_ordinal"]}, today, past)[0]
    return value, value is None or value.isoweekday() != v["weekday"], None


def _next_weekday(v: Values, today: date, past: bool) -> Meaning:
    ahead = (v["weekday"] - today.isoweekday() - 1) % 7 + 1
    this_week = ahead < 7 and today.isoweekday() + ahead <= 7
    first = today + timedelta(days=ahead)
    return first, this_week, first + timedelta(days=7) if this_week else None


def _weekday_next_week(v: Values, today: date, past: bool) -> Meaning:
    return _sure(today + timedelta(days=7 - today.isoweekday() + v["weekday"]))


def _week_end(v: Values, today: date, past: bool) -> Meaning:
    """Friday, or the week's last day where Friday is over: not sure."""
    return today + timedelta(days=max(5, today.isoweekday()) - today.isoweekday()), True, None


def _next_week_end(v: Values, today: date, past: bool) -> Meaning:
    return today + timedelta(days=12 - today.isoweekday()), True, None


def _month_middle(v: Values, today: date, past: bool) -> Meaning:
    return _day_of_month({"day": 15}, today, past)[0], True, None


def _nothing(v: Values, today: date, past: bool) -> Meaning:
    return _sure(None)


MEANINGS: Mapping[str, Callable[[Values, date, bool], Meaning]] = {
    "day_month_year": _day_month_year,
    "day_month": _day_month,
    "month_year": _nothing,
    "month": _nothing,
    "day": _day_of_month,
    "day_this_month": _day_this_month,
    "day_next_month": _day_next_month,
    "today": lambda v, today, past: _sure(today),
    "tomorrow": lambda v, today, past: _sure(today + timedelta(days=1)),
    "day_after_tomorrow": lambda v, today, past: _sure(today + timedelta(days=2)),
    "in_units": _in_units,
    "in_couple_units": _in_couple_units,
    "weekday": _weekday,
    "weekday_day": _weekday_day,
    "next_weekday": _next_weekday,
    "weekday_next_week": _weekday_next_week,
    "month_end": lambda v, today, past: _sure(month_later(today, 0, 31)),
    "next_month_end": lambda v, today, past: _sure(month_later(today, 1, 31)),
    "month_middle": _month_middle,
    "next_month_start": lambda v, today, past: _sure(month_later(today, 1, 1)),
    "week_end": _week_end,
    "next_week_end": _next_week_end,
    "vague": _nothing,
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
    """Figures only: eight (two of them the day, two the month, four the year), six with a short year for a birth date,
    or four and then a year."""
    text, end = tokens[at].text, at + 1
    if not tokens[at].is_number or tokens[at].ordinal:
        return []
    if len(text) == 4 and end < len(tokens) and tokens[end].is_number and len(tokens[end].text) == 4:
        text, end = text + tokens[end].text, end + 1
    if len(text) != 8 and not (past and len(text) == 6):
        return []
    if words.dates.order == "ymd" and len(text) == 8:
        return [Day(_made(int(text[:4]), int(text[4:6]), int(text[6:]), today, past), at, end)]
    year = full_year(int(text[4:]), today, past)
    return [_ordered(int(text[:2]), int(text[2:4]), year, (at, end), words, today, past)] if year > 99 else []
