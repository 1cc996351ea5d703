"""Keys of the telephone."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.nlu.language import VALUE_KINDS, load_language
from voicebot.nlu.understand import understand_keys

ROOT = Path(__file__).resolve().parents[3]
TODAY = date(2026, 11, 18)
ENGLISH = load_language(ROOT / "scripts_templates", ROOT / "callflows", "en")


@pytest.mark.parametrize(
    ("kind", "keys", "name", "slot"),
    [
        ("affirm_deny", "1", "affirm", None),
        ("affirm_deny", "2#", "deny", None),
        ("ability", "1", "can_pay", None),
        ("interest", "2", "not_interested", None),
        ("affirm_deny", "0", "human", None),
        ("digits:4", "0", "human", None),
        ("promise", "9", "stop_calling", None),
        ("digits:4", "4711#", "digits", "4711"),
        ("digits:4", "0000", "digits", "0000"),
        ("digits", "42", "digits", "42"),
        ("birth_date", "05021990", "date", date(1990, 5, 2)),
        ("birth_date", "050290#", "date", date(1990, 5, 2)),
        ("date", "12012026", "date", date(2026, 12, 1)),
        ("amount", "2000", "amount", Decimal(2000)),
        ("amount", "125*50#", "amount", Decimal("125.50")),
        ("promise", "500", "promise", Decimal(500)),
        ("time", "1530", "time", time(15, 30)),
    ],
)
def test_keys(kind: str, keys: str, name: str, slot: object) -> None:
    best = understand_keys(keys, [kind], ENGLISH, TODAY)[0]
    assert best.name == name
    if slot is not None:
        assert slot in best.slots.values()


@pytest.mark.parametrize(
    ("kind", "keys"),
    [("affirm_deny", "3"), ("digits:4", "123"), ("digits:4", "12345"), ("birth_date", "13451990"), ("free", "5"),
     ("date", ""), ("amount", "0#0"), ("time", "2561"), ("amount", "1*2*3"), ("affirm_deny", "A")],
)  # fmt: skip
def test_keys_that_mean_nothing(kind: str, keys: str) -> None:
    assert understand_keys(keys, [kind], ENGLISH, TODAY) == ()


@pytest.mark.parametrize(("keys", "wanted"), [("1", "affirm"), ("2", "deny"), ("3", "promise"), ("500", "promise")])
def test_a_yes_by_key_is_not_an_amount_of_one(keys: str, wanted: str) -> None:
    """The reminder listens for both: "can you pay it?"."""
    found = understand_keys(keys, ["affirm_deny", "promise"], ENGLISH, TODAY)
    assert [intent.name for intent in found] == [wanted]


def test_a_day_by_keys_is_not_an_amount_of_millions() -> None:
    """The reminder listens for both: "on which day can you pay?"."""
    found = understand_keys("11272026", ["date", "promise"], ENGLISH, TODAY)
    assert [(intent.name, set(intent.slots)) for intent in found] == [("date", {"date"})]


KINDS = (*VALUE_KINDS, "affirm_deny", "digits:4", "ability")


KINDS = (*VALUE_KINDS, "affirm_deny", "digits:4", "ability")


@given(st.text("0123456789*#AB", max_size=40), st.sampled_from(KINDS))
def test_any_keys_are_survived(keys: str, kind: str) -> None:
    for intent in understand_keys(keys, [kind], ENGLISH, TODAY):
        assert 0 < intent.confidence <= 1
