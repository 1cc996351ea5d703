"""Numbers of payment cards are found however they are said, and nothing of them is left."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.nlu.card_numbers import MASK, edge_digits, holds_card, is_card, luhn, without_digits
from voicebot.nlu.language import load_language

ROOT = Path(__file__).resolve().parents[3]
WORDS = load_language(ROOT / "scripts_templates", ROOT / "callflows", "en").words
#: The payment schemes' own numbers for tests.
TEST_CARDS = ("4111111111111111", "5500000000000004", "340000000000009", "6011000000000004", "4222222222222")
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.mark.parametrize("card", TEST_CARDS)
@pytest.mark.parametrize("split", [None, 4, 1])
@pytest.mark.parametrize("spoken", [False, True])
def test_a_card_number_is_found_and_taken_out(card: str, split: int | None, spoken: bool) -> None:
    size = split or len(card)
    groups = [card[i : i + size] for i in range(0, len(card), size)]
    if spoken:
        groups = [" ".join(NAMES[int(digit)] for digit in group) for group in groups]
    text = f"yes my card is {', '.join(groups) if split == 4 else ' '.join(groups)} thank you"
    assert luhn(card)
    assert holds_card(text, WORDS)
    assert without_digits(text, WORDS) == f"yes my card is {MASK} thank you"


@pytest.mark.parametrize(
    "text",
    ["4111 1111 1111 1112", "it's 4111 1111 and then 1111 1111", "4111-1111-1111-1111.", "double four " * 7],
)
def test_misheard_and_broken_numbers_too(text: str) -> None:
    assert holds_card(text, WORDS)
    assert not re.search(r"\d", without_digits(text, WORDS))


@pytest.mark.parametrize(
    "text",
    [
        "I will pay four hundred and fifty dollars on the first of may nineteen ninety",
        "I paid 450 on 2026-11-15 and 300 on 2026-12-01",
        "call me at 1 800 555 0100",
        "four zero two one",
        "",
    ],
)
def test_what_is_no_card(text: str) -> None:
    assert not holds_card(text, WORDS)


def test_a_number_in_two_answers() -> None:
    _, first = edge_digits("it is 4111 1111", WORDS)
    second, _ = edge_digits("1111 1111 that's it", WORDS)
    assert is_card(first + second)
    assert edge_digits("my number", WORDS) == ("", "")


@given(st.text(max_size=80))
def test_any_text_can_be_looked_at(text: str) -> None:
    holds_card(text, WORDS)
    assert not re.search(r"[0-9]", without_digits(text, WORDS))


@given(st.text("0123456789", min_size=12, max_size=18))
def test_one_check_digit_of_ten_fits(body: str) -> None:
    assert sum(luhn(body + str(digit)) for digit in range(10)) == 1
