"""Loading the tables: every problem is reported at once, as file:line."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from voicebot.errors import FlowError
from voicebot.nlu.language import Language, load_language

ROOT = Path(__file__).resolve().parents[3]
WORDS = (ROOT / "scripts_templates/en/words.yaml").read_text(encoding="utf-8")
INTENTS = (ROOT / "callflows/intents.yaml").read_text(encoding="utf-8")
Load = Callable[[str, str], Language]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loader(words: str = WORDS, intents: str = INTENTS) -> Language:
        (tmp_path / "en").mkdir(exist_ok=True)
        (tmp_path / "en/words.yaml").write_text(words, encoding="utf-8")
        (tmp_path / "intents.yaml").write_text(intents, encoding="utf-8")
        return load_language(tmp_path, tmp_path, "en")

    return loader


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_shipped_tables() -> None:
    start = time.perf_counter()
    english = load_language(ROOT / "scripts_templates", ROOT / "callflows", "en")
    assert time.perf_counter() - start < 3  # 0.2 s on a machine with nothing else to do
    wanted = {"stop_calling", "human", "wrong_person", "repeat", "who_is_this", "call_later", "wait", "already_paid"}
    wanted |= {"dispute", "hardship", "refuse", "cannot_say", "bad_time", "complaint", "not_here", "no_recording"}
    assert wanted == set(english.everywhere)
    for name, spec in english.intents.items():
        assert len(set(spec.examples)) >= 12, name
    classes = "house_repair vehicle business education medical agriculture debt_consolidation household travel other"
    assert set(english.purposes) == set(classes.split())


def test_kinds() -> None:
    english = load_language(ROOT / "scripts_templates", ROOT / "callflows", "en")
    for kind in ("affirm_deny", "digits:6", "digits", "ability", "refuse", "birth_date", "free"):
        assert english.knows(kind)
    for kind in ("digits:", "digits:x", "digits:0", "digits:99", "affirm", "shoe_size", ""):
        assert not english.knows(kind)
    assert english.answers("birth_date") == ("date",)
    assert english.answers("digits:4") == ("digits",)
    assert english.answers("interest") == ("interested", "not_interested")
    assert english.answers("affirm_deny") == ("affirm", "deny")


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("order: mdy", "order: dym", "order: mdy", "must be one of mdy, dmy, ymd"),
        ("    seven: 7", "    seven: sieben", "    seven: 7", "whole number from 0 to 99"),
        ("    friday: 5", "    friday: 8", "    friday: 5", "whole number from 1 to 7"),
        ("    today: [", "    todai: [", "    today: [", "unknown key `todai`"),
        ("{weekday} after next", "{wochentag} after next", "{weekday} after next", "`{wochentag}` is not a value"),
        ("numbers:\n", "nombers:\n", "numbers:\n", "unknown key `nombers`"),
        ("    eight: 8", "    seven: 8", "    eight: 8", "`seven` is there twice"),
        ("earliest_hour: 8", "earliest_hour: early", "earliest_hour: 8", "must be from 0 to 12"),
    ],
)
def test_words_wrong(load: Load, old: str, new: str, at: str, message: str) -> None:
    with pytest.raises(FlowError) as caught:
        load(WORDS.replace(old, new, 1), INTENTS)
    wrong = [line for line in caught.value.message.splitlines() if message in line]
    assert wrong
    assert f"words.yaml:{line_of(WORDS, at)}:" in wrong[0]
    assert "docs/understanding.md" in caught.value.hint


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("    everywhere: true", "    everywhere: sometimes", "    everywhere: true", "must be true or false"),
        ("  wait:\n", "  digits:\n", "  wait:\n", "cannot name an intent"),
        ("  wait:\n", "  human:\n", "  wait:\n", "`human` is there twice"),
        (
            "    over: [can_pay, cannot_pay]",
            "    over: [can_pay, nobody]",
            "    over: [can_pay, cannot_pay]",
            "`nobody` is no intent",
        ),
        ("affirm: can_pay", "affirm: can_bay", "affirm: can_pay", "`can_bay` is no intent"),
        ('"^ please? hold on"', '"* hold on"', '"^ please? hold on"', "must start with a word"),
        ('"^ please? hold on"', '"hold? $"', '"^ please? hold on"', "has no word that must be there"),
        ('"^ please? hold on"', '"hold {day}"', '"^ please? hold on"', "is not a value"),
        ("    examples:", "    exmaples:", "    examples:", "unknown key `exmaples`"),
        ("intents:\n", "intents: [\n", "intents:\n", "not YAML"),
    ],
)
def test_intents_wrong(load: Load, old: str, new: str, at: str, message: str) -> None:
    with pytest.raises(FlowError) as caught:
        load(WORDS, INTENTS.replace(old, new, 1))
    wrong = [line for line in caught.value.message.splitlines() if message in line]
    assert wrong
    if message != "not YAML":  # YAML itself says where it gave up
        assert f"intents.yaml:{line_of(INTENTS, at)}:" in wrong[0]


def test_all_problems_at_once(load: Load) -> None:
    with pytest.raises(FlowError) as caught:
        load(
            WORDS.replace("order: mdy", "order: x").replace("    seven: 7", "    seven: y"),
            INTENTS.replace("everywhere: true", "everywhere: 1", 1),
        )
    assert len(caught.value.message.splitlines()) == 3


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FlowError) as caught:
        load_language(tmp_path, tmp_path, "en")
    assert "words.yaml:1: cannot be read" in caught.value.message
    assert "intents.yaml:1: cannot be read" in caught.value.message


def test_not_text(load: Load, tmp_path: Path) -> None:
    load(WORDS, INTENTS)
    (tmp_path / "intents.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FlowError, match="not UTF-8"):
        load_language(tmp_path, tmp_path, "en")


def test_an_intent_added_is_understood(load: Load) -> None:
    from datetime import date

    from voicebot.nlu.understand import understand

    more = INTENTS.replace(
        "  wait:\n",
        '  praise:\n    strong: ["praise|compliment"]\n    examples: [I want to praise you]\n  wait:\n',
        1,
    )
    found = understand(("I have a compliment",), ["praise"], load(WORDS, more), date(2026, 11, 18))
    assert [intent.name for intent in found] == ["praise"]
