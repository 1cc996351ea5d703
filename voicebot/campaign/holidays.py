"""Days without calls, as data: fixed days, ranges, the n-th weekday of a month, days counted from Easter."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Self

from pydantic import model_validator

from voicebot.campaign.yaml_model import WEEKDAYS, Model

_DAY = re.compile(r"(\d{2})-(\d{2})\Z")
_NTH = re.compile(rf"([1-4]|last) ({'|'.join(WEEKDAYS)}) of (\d{{2}})\Z")
_EASTER = re.compile(r"easter([+-]\d{1,2})?\Z")
_HINT = "write 12-25, 2026-02-17, 2026-02-16..2026-02-22, `3 mon of 01`, `last mon of 05`, easter or easter+1"


class Holiday(Model):
    """One rule of a list. `on`: MM-DD, YYYY-MM-DD, a range of such, `3 mon of 01`, `last mon of 05`, easter+1."""

    on: str
    name: str = ""

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        try:
            falls_on(self.on, date(2028, 1, 1))  # a leap year: 02-29 is a day
        except ValueError as error:
            raise ValueError(f"`{self.on}` is no day ({error}): {_HINT}") from None
        return self


class Holidays(Model):
    """A list file. `covers`: years of which all days are known; in others nobody is called (none given: every year)."""

    holidays: str
    covers: tuple[int, int] | None = None
    days: tuple[Holiday, ...]

    def on(self, day: date) -> str | None:
        """The rule that makes this day a holiday, "unknown" outside `covers`, None for an ordinary day."""
        if self.covers is not None and not self.covers[0] <= day.year <= self.covers[1]:
            return "unknown"
        return next((h.name or h.on for h in self.days if falls_on(h.on, day)), None)


def falls_on(rule: str, day: date) -> bool:
    """True where a rule names this day. Raises ValueError for a rule that is none."""
    first, _, last = rule.partition("..")
    if last:
        a, b = date.fromisoformat(first), date.fromisoformat(last)
        if b < a:
            raise ValueError("it ends before it begins")
        return a <= day <= b
    if found := _DAY.match(rule):
        month, number = int(found[1]), int(found[2])
        date(2028, month, number)
        return (day.month, day.day) == (month, number)
    if found := _NTH.match(rule):
        month = date(2028, int(found[3]), 1).month
        return day.month == month and WEEKDAYS[day.weekday()] == found[2] and _nth(day, found[1])
    if found := _EASTER.match(rule):
        return day == easter(day.year) + timedelta(days=int(found[1] or 0))
    return day == date.fromisoformat(rule)


def _nth(day: date, which: str) -> bool:
    if which == "last":
        return (day + timedelta(days=7)).month != day.month
    return (day.day - 1) // 7 + 1 == int(which)


@lru_cache(maxsize=64)
def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), g = divmod(b, 4), (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    n = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * n) // 451
    month, number = divmod(h + n - 7 * m + 114, 31)
    return date(year, month, number + 1)
