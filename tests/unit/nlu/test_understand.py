"""Understanding, by a table of cases (cases.yaml) and properties that must hold for any text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from num2words import num2words

from voicebot.model.intent import Intent
from voicebot.nlu.complete import Completeness, completeness
from voicebot.nlu.language import VALUE_KINDS, load_language
from voicebot.nlu.understand import understand

ROOT = Path(__file__).resolve().parents[3]
TODAY = date(2026, 11, 18)  # a Wednesday
ENGLISH = load_language(ROOT / "scripts_templates", ROOT / "callflows", "en")
KINDS = (*VALUE_KINDS, "digits:4", "affirm_deny", "ability", "willingness", "interest", "refuse")


def cases() -> Iterator[object]:
    """Every row of the table."""
    table = yaml.load((Path(__file__).parent / "cases.yaml").read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    for group, rows in table.items():
        for kinds, text, wanted in rows:
            yield pytest.param(kinds.split(), text, wanted, id=f"{group}: {text[:40]}")


def described(intent: Intent) -> list[str]:
    """An intent as the table writes it, in words."""
    words = [] if {"digits", "purpose", "share"} & {intent.name} else [intent.name]
    for slot, value in intent.slots.items():
        if slot == "ambiguous":
            continue
        if isinstance(value, time):
            words.append(value.strftime("%H:%M"))
        elif slot in ("digits", "purpose"):
            words += [slot, str(value)]
        elif slot == "share":
            words += ["share", str(value)]
        elif slot != "text":
            words += str(value).split()
    return [*words, *(["ambiguous"] if intent.slots.get("ambiguous") else [])]


@pytest.mark.parametrize(("kinds", "text", "wanted"), cases())
def test_case(kinds: list[str], text: str, wanted: str) -> None:
    found = understand((text,), kinds, ENGLISH, TODAY)
    names = [intent.name for intent in found]
    if wanted == "none":
        assert found == ()
    elif wanted.startswith("-"):
        assert wanted[1:] not in names[:1]
    elif ">" in wanted:
        first, second = wanted.split(" > ")
        assert names.index(first) < names.index(second)
        assert names[0] == first
    else:
        words = [word for word in described(found[0]) if word != "amount" or "share" not in wanted]
        assert words == wanted.split()


def test_slots_are_typed() -> None:
    promise = understand(("I can pay $5,000 on the 15th",), ["promise"], ENGLISH, TODAY)[0]
    assert promise.slots == {"amount": Decimal(5000), "date": date(2026, 12, 15)}
    assert type(promise.slots["amount"]) is Decimal
    assert understand(("3 pm",), ["time"], ENGLISH, TODAY)[0].slots == {"time": time(15)}
    assert understand((" so  it goes ",), ["free"], ENGLISH, TODAY)[0].slots == {"text": "so it goes"}


def test_next_friday_gives_both_readings() -> None:
    found = understand(("next Friday",), ["date"], ENGLISH, TODAY)
    assert [intent.slots["date"] for intent in found] == [date(2026, 11, 20), date(2026, 11, 27)]
    assert found[0].confidence > found[1].confidence


@pytest.mark.parametrize("today", [TODAY + timedelta(days=days) for days in range(14)])
def test_next_friday_is_the_first_friday_after_today(today: date) -> None:
    best = understand(("next Friday",), ["date"], ENGLISH, today)[0]
    found = best.slots["date"]
    assert isinstance(found, date)
    assert found.isoweekday() == 5
    assert 1 <= (found - today).days <= 7
    same_week = found.isocalendar()[:2] == today.isocalendar()[:2]
    assert bool(best.slots.get("ambiguous")) == same_week


def test_every_hypothesis_is_tried() -> None:
    heard = ("of february nineteen twenty two", "fifth of february nineteen twenty two")
    assert understand(heard[:1], ["birth_date"], ENGLISH, TODAY) == ()
    assert understand(heard, ["birth_date"], ENGLISH, TODAY)[0].slots["date"] == date(1922, 2, 5)
    both = understand(("one two three four", "one two three five"), ["digits:4"], ENGLISH, TODAY)
    assert [intent.slots["digits"] for intent in both] == ["1234", "1235"]


def test_kind_expected_wins_over_one_understood_everywhere() -> None:
    found = understand(("I don't know the second of May 1990",), ["birth_date"], ENGLISH, TODAY)
    assert [intent.name for intent in found] == ["date", "cannot_say"]


def test_unknown_kind_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="shoe_size"):
        understand(("42",), ["shoe_size"], ENGLISH, TODAY)


@pytest.mark.parametrize(
    "value", [*range(0, 130), 365, 999, 1000, 1001, 1990, 2500, 4711, 12345, 100000, 999999, 1000000]
)
def test_numbers_as_num2words_says_them(value: int) -> None:
    text = num2words(value) + " dollars"
    found = understand((text,), ["amount"], ENGLISH, TODAY)
    assert ([intent.slots["amount"] for intent in found] or [Decimal(0)]) == [Decimal(value)]


@pytest.mark.parametrize("offset", range(0, 36500, 331))
def test_dates_in_their_usual_forms(offset: int) -> None:
    day = date(1921, 1, 1) + timedelta(days=offset)
    ordinal, year = num2words(day.day, to="ordinal"), num2words(day.year, to="year")
    month = day.strftime("%B")
    for text in (
        f"the {ordinal} of {month} {year}",
        f"{month} {ordinal} {year}",
        f"{month} {day.day}, {day.year}",
        day.isoformat(),
    ):
        found = understand((text,), ["birth_date"], ENGLISH, TODAY)
        assert found, text
        assert found[0].slots["date"] == day, text


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.sampled_from(KINDS))
def test_any_text_is_survived(text: str, kind: str) -> None:
    for intent in understand((text, text[::-1]), [kind], ENGLISH, TODAY):
        assert 0 <= intent.confidence <= 1
    assert completeness(text, [kind], ENGLISH, TODAY) in Completeness


WORDS = sorted(
    {*ENGLISH.words.numbers.cardinals, *ENGLISH.words.numbers.multipliers, *ENGLISH.words.numbers.ordinals}
    | {*ENGLISH.words.dates.months, *ENGLISH.words.dates.weekdays, *ENGLISH.words.dates.units}
    | {"a", "and", "half", "past", "the", "of", "in", "next", "$", "dollars", "cents", "no", "yes", "not", "can", "pay"}
    | {
        "05/02/1990",
        "1,000,000,000,000,000",
        "99999999999999999999",
        "31",
        "0",
        "²",
        "٣",
        "1.2.3.4",
        "15th",
        "99th",
        "5k",
    }
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=25), st.sampled_from(KINDS))
def test_any_mixture_of_its_words_is_survived(words: list[str], kind: str) -> None:
    text = " ".join(words)
    found = understand((text,), [kind], ENGLISH, TODAY)
    for intent in found:
        assert 0 <= intent.confidence <= 1
        if kind == "digits:4" and intent.name == "digits":
            assert len(str(intent.slots["digits"])) == 4
        if kind == "birth_date" and intent.name == "date":
            assert str(intent.slots["date"]) < TODAY.isoformat()
        if kind in ("promise", "appointment") and "date" in intent.slots:
            assert str(intent.slots["date"]) >= TODAY.isoformat()


def test_a_language_of_other_words_needs_no_code(tmp_path: Path) -> None:
    """The same tables in made-up words, another order of dates and other marks in figures."""
    source = (ROOT / "scripts_templates/en/words.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("order: mdy", "order: dmy"), ('decimal: "."', 'decimal: ","'), ('thousands: ","', 'thousands: "."'),
        ("    seven: 7", "    zeven: 7"), ("    march: 3", "    maart: 3"), ("words: [yes, ", "words: [ja, "),
        ("words: [\"no\", nope", "words: [\"nee\", nope"),
    ):  # fmt: skip
        assert old in source, old
        source = source.replace(old, new)
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx" / "words.yaml").write_text(source, encoding="utf-8")
    other = load_language(tmp_path, ROOT / "callflows", "xx")
    assert understand(("ja",), ["affirm_deny"], other, TODAY)[0].name == "affirm"
    assert understand(("yes",), ["affirm_deny"], other, TODAY) == ()
    assert understand(("1.250,50",), ["amount"], other, TODAY)[0].slots["amount"] == Decimal("1250.50")
    assert understand(("05/02/1990",), ["birth_date"], other, TODAY)[0].slots["date"] == date(1990, 2, 5)
    assert understand(("zeven maart 1985",), ["birth_date"], other, TODAY)[0].slots["date"] == date(1985, 3, 7)
