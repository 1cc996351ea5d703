"""Money, days, times and digits as people say them, by a language's table (scripts_templates/<language>/spoken.yaml).

Nothing here assumes English: number words are num2words', weekdays and months Babel's, and the table's patterns put
them together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import yaml
from babel.dates import format_date, get_day_names
from num2words import num2words
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from voicebot.errors import FlowError, PromptError
from voicebot.model.no_call import EVERY_DAY, NoCallWindow, read_windows

MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Money:
    """An amount with its currency (ISO 4217), as templates get it."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Currency(_Part):
    one: str
    many: str
    cent: str
    cents: str


class _Number(_Part):
    replace: dict[str, str] = Field(default_factory=dict)
    minus: str


class _Money(_Part):
    whole: str
    with_cents: str
    only_cents: str
    percent: str
    point: str
    currencies: dict[str, _Currency]


class _Day(_Part):
    plain: str
    with_year: str


class _Time(_Part):
    noon: str
    midnight: str
    whole: str
    minutes: str
    small_minute: str
    moment: str
    parts: dict[str, str]


class _Windows(_Part):
    before: str
    after: str
    between: str
    outside: str
    hours_on: str
    whole_days: str
    always: str
    weekday: str
    days: dict[str, str]
    comma: str
    last: str


class SpokenTable(_Part):
    """The keys of spoken.yaml."""

    language: str
    number: _Number
    digits: tuple[str, ...] = Field(min_length=10, max_length=10)
    money: _Money
    day: _Day
    time: _Time
    windows: _Windows
    terms: dict[str, str] = Field(default_factory=dict)


def load_spoken(path: Path) -> SpokenTable:
    """Read a language's table. Raises FlowError naming each wrong key."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - text only, no objects
        return SpokenTable.model_validate(data)
    except OSError as error:
        raise FlowError(
            f"{path}:1: cannot be read ({error.strerror})", hint="copy it from scripts_templates/en"
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise FlowError(f"{path}:{mark.line + 1 if mark else 1}: not YAML") from None
    except ValidationError as error:
        wrong = [f"{path}:1: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise FlowError("\n".join(wrong), hint="scripts_templates/en/spoken.yaml has every key") from None


class Spoken:
    """The filters of one language."""

    def __init__(self, table: SpokenTable) -> None:
        self.table = table

    def filters(self) -> Mapping[str, Callable[..., str]]:
        """By their names in templates."""
        return {
            "money": self.money,
            "day": self.day,
            "time": self.time,
            "moment": self.moment,
            "digits": self.digits,
            "number": self.number,
            "percent": self.percent,
            "words": self.words,
            "windows": self.windows,
        }

    def number(self, value: object) -> str:
        """A whole number or a decimal in words: 2450 -> "two thousand four hundred fifty"."""
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise PromptError("`number` wants a number")
        if value < 0:
            return f"{self.table.number.minus} {self.number(-value)}"
        whole = int(value)
        said = self._cardinal(whole)
        fraction = f"{value:f}".partition(".")[2].rstrip("0") if isinstance(value, Decimal) else ""
        return f"{said} {self.table.money.point} {self._each(fraction)}" if fraction else said

    def percent(self, value: object) -> str:
        """4.5 -> "four point five percent"."""
        return self.table.money.percent.format(number=self.number(value))

    def money(self, value: object) -> str:
        """Money(2450.50, USD) -> "two thousand four hundred fifty dollars and fifty cents"."""
        if not isinstance(value, Money):
            raise PromptError("`money` wants an amount of money, such as loan.due")
        amount = value.amount.quantize(Decimal("0.01"))
        if amount < 0:
            return f"{self.table.number.minus} {self.money(Money(-amount, value.currency))}"
        units, cents = divmod(int(amount * 100), 100)
        unit = self.table.money.currencies.get(value.currency)
        if unit is None:  # said letter by letter: better than a wrong name
            unit = _Currency(one=" ".join(value.currency), many=" ".join(value.currency), cent="", cents="")
        parts = {
            "units": self._cardinal(units),
            "unit": unit.one if units == 1 else unit.many,
            "cents": self._cardinal(cents),
            "cent": unit.cent if cents == 1 else unit.cents,
        }
        pattern = self.table.money.whole if not cents else self.table.money.with_cents
        return (self.table.money.only_cents if cents and not units else pattern).format(**parts)

    def day(self, value: object, year: bool = False) -> str:
        """date(2026, 12, 4) -> "Friday, the fourth of December"."""
        if not isinstance(value, date):
            raise PromptError("`day` wants a day, such as loan.due_on")
        pattern = self.table.day.with_year if year else self.table.day.plain
        return pattern.format(
            weekday=format_date(value, "EEEE", locale=self.table.language),
            month=format_date(value, "MMMM", locale=self.table.language),
            ordinal=self._words(value.day, "ordinal"),
            year=self._words(value.year, "year"),
        )

    def time(self, value: object) -> str:
        """time(15, 30) -> "three thirty in the afternoon"."""
        if isinstance(value, datetime):
            value = value.time()
        if not isinstance(value, time):
            raise PromptError("`time` wants a time of day")
        table = self.table.time
        if value.minute == 0 and value.hour in (0, 12):
            return table.noon if value.hour else table.midnight
        part = next((said for until, said in table.parts.items() if value.hour < int(until)), "")
        hour = self._cardinal((value.hour - 1) % 12 + 1)
        minute = self._cardinal(value.minute)
        if value.minute < 10:
            minute = table.small_minute.format(minute=minute)
        return (table.minutes if value.minute else table.whole).format(hour=hour, minute=minute, part=part).strip()

    def moment(self, value: object) -> str:
        """A day with its time: "Friday, the fourth of December, at three in the afternoon"."""
        if not isinstance(value, datetime):
            raise PromptError("`moment` wants a day with a time")
        return self.table.time.moment.format(day=self.day(value), time=self.time(value))

    def windows(self, value: object) -> str:
        """Times of model.no_call, "12345 12:00-14:00" -> "between noon and two in the afternoon on weekdays"."""
        try:
            windows = read_windows(str(value))
        except ValueError:
            windows = ()
        if not windows:
            raise PromptError("`windows` wants times, such as no_call.windows")
        return self._listed([self._window(window) for window in windows])

    def _window(self, window: NoCallWindow) -> str:
        table = self.table.windows
        whole, every_day = window.since == window.until, window.weekdays == EVERY_DAY
        if whole and every_day:
            return table.always
        days = "" if every_day else self._weekdays(window.weekdays)
        if whole:
            return table.whole_days.format(days=days)
        pattern = table.between if window.since < window.until else table.outside
        pattern = table.before if window.since == MIDNIGHT else table.after if window.until == MIDNIGHT else pattern
        hours = pattern.format(since=self.time(window.since), until=self.time(window.until))
        return table.hours_on.format(hours=hours, days=days) if days else hours

    def _weekdays(self, weekdays: tuple[int, ...]) -> str:
        known = self.table.windows.days.get("".join(map(str, weekdays)))
        names = get_day_names("wide", locale=self.table.language)
        return known or self._listed([self.table.windows.weekday.format(weekday=names[day - 1]) for day in weekdays])

    def _listed(self, parts: list[str]) -> str:
        table = self.table.windows
        return table.last.join([*([table.comma.join(parts[:-1])] if parts[1:] else []), parts[-1]])

    def digits(self, value: object) -> str:
        """Digit by digit, groups kept apart: "1 800" -> "one, eight zero zero"."""
        groups = (self._each(group) for group in str(value).replace("-", " ").split())
        return ", ".join(group for group in groups if group)

    def words(self, value: object) -> str:
        """The name of a class as it is said: home_repair -> "home repair"."""
        text = str(value)
        return self.table.terms.get(text, text.replace("_", " "))

    def _each(self, digits: str) -> str:
        return " ".join(self.table.digits[int(d)] for d in digits if d in "0123456789")

    def _cardinal(self, value: int) -> str:
        return self._words(value, "cardinal")

    def _words(self, value: int, to: str) -> str:
        said = _num2words(value, self.table.language, to)
        for old, new in self.table.number.replace.items():
            said = said.replace(old, new)
        return said


@lru_cache(maxsize=4096)
def _num2words(value: int, language: str, to: str) -> str:
    try:
        return str(num2words(value, lang=language, to=to))
    except (NotImplementedError, OverflowError):
        return str(value)
