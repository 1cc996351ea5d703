"""When an answer is over."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from voicebot.nlu.complete import backchannel, completeness
from voicebot.nlu.language import load_language

ROOT = Path(__file__).resolve().parents[3]
TODAY = date(2026, 11, 18)
ENGLISH = load_language(ROOT / "scripts_templates", ROOT / "callflows", "en")


@pytest.mark.parametrize(
    ("kinds", "text", "wanted"),
    [
        ("affirm_deny", "yes", "complete"),
        ("affirm_deny", "no thanks", "complete"),
        ("affirm_deny", "wrong number", "complete"),
        ("affirm_deny", "yes but", "incomplete"),
        ("affirm_deny", "uh", "incomplete"),
        ("affirm_deny", "", "incomplete"),
        ("affirm_deny", "yes um", "incomplete"),
        ("affirm_deny", "the weather is nice", "open"),
        ("affirm_deny", "what is this about", "complete"),
        ("digits:4", "my number is two six", "incomplete"),
        ("digits:4", "one two three", "incomplete"),
        ("digits:4", "one two three four", "final"),
        ("digits:4", "1, 2, 3, 4.", "final"),
        ("digits:4", "stop calling me", "complete"),
        ("digits", "one two three four", "incomplete"),
        ("birth_date", "second of May", "incomplete"),
        ("birth_date", "second of May nineteen", "incomplete"),
        ("birth_date", "second of May nineteen ninety", "final"),
        ("birth_date", "I was born in", "incomplete"),
        ("date", "next Friday", "final"),
        ("date", "next week", "incomplete"),
        ("date", "on the", "incomplete"),
        ("amount", "two thousand", "final"),
        ("amount", "I can pay uh", "incomplete"),
        ("promise", "I can pay uh", "incomplete"),
        ("promise", "I can pay two thousand", "incomplete"),
        ("promise", "I can pay two thousand next Friday", "final"),
        ("promise", "I lost my job", "complete"),
        ("appointment", "tomorrow", "incomplete"),
        ("appointment", "tomorrow at ten", "final"),
        ("time", "half past", "incomplete"),
        ("time", "half past three", "final"),
        ("free", "well it started last year", "open"),
        ("free", "well it started last year and", "incomplete"),
        ("purpose", "to buy a car", "complete"),
        ("purpose", "it was to", "incomplete"),
        ("purpose", "something with elephants", "open"),
        ("ability", "yes I can", "final"),
        ("ability", "yes", "complete"),
        ("ability", "no I cannot", "final"),
        ("affirm_deny", "yes this is Peter Stone speaking", "complete"),
        ("interest", "tell me more", "final"),
    ],
)
def test_completeness(kinds: str, text: str, wanted: str) -> None:
    assert completeness(text, kinds.split(), ENGLISH, TODAY) == wanted


@pytest.mark.parametrize("text", ["mm-hm", "Mm-hmm.", "uh-huh", "Uh, mm-hm.", "Mhm", "hmm"])
def test_a_sign_of_listening(text: str) -> None:
    assert backchannel(text, ENGLISH)


@pytest.mark.parametrize("text", ["", "yes", "mm-hm, but no", "okay", "uh two"])
def test_an_answer_is_none(text: str) -> None:
    assert not backchannel(text, ENGLISH)
