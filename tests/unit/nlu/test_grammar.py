"""Phrase lists for grammar recognisers."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.nlu.grammar import phrases
from voicebot.nlu.language import load_language

ROOT = Path(__file__).resolve().parents[3]
ENGLISH = load_language(ROOT / "scripts_templates", ROOT / "callflows", "en")


@pytest.mark.parametrize("kind", ["free", "purpose", "ability", "willingness"])
def test_open_questions_have_none(kind: str) -> None:
    assert phrases([kind], ENGLISH) is None
    assert phrases(["affirm_deny", kind], ENGLISH) is None


@pytest.mark.parametrize(
    ("kind", "wanted", "unwanted"),
    [
        ("affirm_deny", {"yes", "no", "i don't know", "speaking", "of course", "no thanks"}, {"january", "seven"}),
        ("digits:4", {"one", "oh", "double", "triple", "seven", "twenty"}, {"january", "yes"}),
        ("birth_date", {"january", "second", "nineteen", "the", "of", "oh"}, {"dollars"}),
        ("date", {"friday", "next", "tomorrow", "end of the month", "weeks"}, {"dollars"}),
        ("amount", {"thousand", "hundred", "dollars", "cents", "a"}, {"friday"}),
        ("promise", {"thousand", "friday", "dollars", "half of it"}, {"speaking"}),
        ("time", {"half past", "o'clock", "noon", "in the morning"}, {"dollars"}),
        ("interest", {"i'm not interested", "tell me more about it", "yes"}, {"january"}),
        ("refuse", {"i won't pay"}, {"january"}),
    ],
)
def test_phrases(kind: str, wanted: set[str], unwanted: set[str]) -> None:
    found = phrases([kind], ENGLISH)
    assert found is not None
    assert wanted <= set(found)
    assert not unwanted & set(found)


@pytest.mark.parametrize("kind", ["affirm_deny", "digits:4", "date", "promise", "appointment", "interest"])
def test_what_is_understood_everywhere_is_always_in(kind: str) -> None:
    found = phrases([kind], ENGLISH)
    assert found is not None
    assert {"stop calling me", "human please", "wrong number", "i already paid", "hold on", "i lost my job"} <= set(
        found
    )
    assert list(found) == sorted(set(found))
    for phrase in found:
        assert phrase == phrase.lower()
        assert all(char.isalpha() or char in " '" for char in phrase), phrase
