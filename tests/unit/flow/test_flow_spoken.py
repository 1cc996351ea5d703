"""Money, days, times and digits as people say them."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.flow.helpers import TEMPLATES
from voicebot.errors import FlowError, PromptError
from voicebot.flow.spoken import Money, Spoken, load_spoken

ENGLISH = Spoken(load_spoken(TEMPLATES / "en" / "spoken.yaml"))


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("2450", "USD", "two thousand four hundred fifty dollars"),
        ("2450.00", "USD", "two thousand four hundred fifty dollars"),
        ("1", "USD", "one dollar"),
        ("1.01", "USD", "one dollar and one cent"),
        ("0.50", "USD", "fifty cents"),
        ("0", "USD", "zero dollars"),
        ("450.25", "USD", "four hundred fifty dollars and twenty-five cents"),
        ("1000000", "EUR", "one million euros"),
        ("2.02", "GBP", "two pounds and two pence"),
        ("99.999", "USD", "one hundred dollars"),
        ("-5", "USD", "minus five dollars"),
        ("300", "CNY", "three hundred yuan"),
        ("7", "XYZ", "seven X Y Z"),
    ],
)
def test_money(amount: str, currency: str, said: str) -> None:
    assert ENGLISH.money(Money(Decimal(amount), currency)) == said


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 12, 4), "Friday, the fourth of December"),
        (date(2026, 11, 1), "Sunday, the first of November"),
        (date(2027, 1, 31), "Sunday, the thirty-first of January"),
        (date(2028, 2, 29), "Tuesday, the twenty-ninth of February"),
    ],
)
def test_days(day: date, said: str) -> None:
    assert ENGLISH.day(day) == said


def test_a_day_with_its_year() -> None:
    assert ENGLISH.day(date(2026, 12, 4), True) == "Friday, the fourth of December, twenty twenty-six"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (time(15), "three in the afternoon"),
        (time(9, 30), "nine thirty in the morning"),
        (time(12), "noon"),
        (time(0), "midnight"),
        (time(12, 5), "twelve oh five in the afternoon"),
        (time(0, 45), "twelve forty-five in the morning"),
        (time(18), "six in the evening"),
        (time(23, 59), "eleven fifty-nine in the evening"),
        (datetime(2026, 12, 4, 8), "eight in the morning"),  # noqa: DTZ001 - local time
    ],
)
def test_times(at: object, said: str) -> None:
    assert ENGLISH.time(at) == said


def test_a_moment() -> None:
    moment = datetime(2026, 12, 4, 15)  # noqa: DTZ001 - local time
    assert ENGLISH.moment(moment) == "Friday, the fourth of December, at three in the afternoon"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("1 800 555 0100", "one, eight zero zero, five five five, zero one zero zero"),
        ("0042", "zero zero four two"),
        ("+44-20", "four four, two zero"),
        (7, "seven"),
        ("", ""),
    ],
)
def test_digits(value: object, said: str) -> None:
    assert ENGLISH.digits(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (6, "six"),
        (Decimal("6.50"), "six point five"),
        (Decimal("12.05"), "twelve point zero five"),
        (-3, "minus three"),
        (Decimal(10), "ten"),
    ],
)
def test_numbers(value: object, said: str) -> None:
    assert ENGLISH.number(value) == said
    assert ENGLISH.percent(value) == f"{said} percent"


@pytest.mark.parametrize(
    ("name", "value"),
    [("money", 5), ("day", "today"), ("time", "noon"), ("moment", date(2026, 1, 1)), ("number", "x"), ("number", True)],
)
def test_the_wrong_kind_of_value(name: str, value: object) -> None:
    with pytest.raises(PromptError):
        ENGLISH.filters()[name](value)


def test_a_class_is_said_in_words() -> None:
    assert ENGLISH.words("debt_consolidation") == "debt consolidation"


def test_another_language_is_a_table() -> None:
    table = load_spoken(TEMPLATES / "en" / "spoken.yaml")
    german = table.model_copy(
        update={
            "language": "de",
            "number": table.number.model_copy(update={"replace": {}}),
            "day": table.day.model_copy(update={"plain": "{weekday}, {ordinal} {month}"}),
        }
    )
    assert Spoken(german).day(date(2026, 12, 4)) == "Freitag, vierte Dezember"
    assert Spoken(german).number(21) == "einundzwanzig"


@pytest.mark.parametrize("text", ["a: [", "language: en\n", "language: en\nunknown: 1\n"])
def test_a_broken_table(tmp_path: Path, text: str) -> None:
    path = tmp_path / "spoken.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FlowError, match=r"spoken\.yaml:\d+: "):
        load_spoken(path)
    with pytest.raises(FlowError, match="cannot be read"):
        load_spoken(tmp_path / "none.yaml")
