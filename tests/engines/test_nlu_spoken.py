"""Answers spoken by a neural voice through an 8 kHz mu-law line, heard by Whisper, understood."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest

from voicebot.engines.whisper_text import expects_digits
from voicebot.model.audio import AudioFrame
from voicebot.nlu.grammar import phrases
from voicebot.nlu.language import load_language
from voicebot.nlu.understand import understand

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 18)  # a Wednesday
ENGLISH = load_language(ROOT / "scripts_templates", ROOT / "callflows", "en")


@pytest.mark.parametrize(
    ("said", "kinds", "name", "slots"),
    [
        ("Yes, speaking.", "affirm_deny", "affirm", {}),
        ("No, thank you.", "affirm_deny", "deny", {}),
        ("No, you have the wrong number.", "affirm_deny", "wrong_person", {}),
        ("Please stop calling me.", "affirm_deny", "stop_calling", {}),
        ("I want to talk to a human.", "digits:4", "human", {}),
        ("four seven one one", "digits:4", "digits", {"digits": "4711"}),
        ("nine oh seven five", "digits:4", "digits", {"digits": "9075"}),
        ("double two seven three", "digits:4", "digits", {"digits": "2273"}),
        ("The second of May, nineteen ninety.", "birth_date", "date", {"date": date(1990, 5, 2)}),
        ("March third, nineteen eighty five.", "birth_date", "date", {"date": date(1985, 3, 3)}),
        ("I can pay two thousand dollars next Friday.", "promise", "promise",
         {"amount": Decimal(2000), "date": date(2026, 11, 20)}),
        ("Five hundred on the fifteenth.", "promise", "promise", {"amount": Decimal(500), "date": date(2026, 12, 15)}),
        ("Tomorrow at half past three in the afternoon.", "appointment", "appointment",
         {"time": time(15, 30), "date": date(2026, 11, 19)}),
        ("I lost my job and I cannot pay this month.", "promise", "hardship", {}),
        ("I bought a tractor for the farm.", "purpose", "purpose", {"purpose": "agriculture"}),
        ("I'm not interested.", "interest", "not_interested", {}),
    ],
)  # fmt: skip
def test_spoken(whisper, heart, telephone, said: str, kinds: str, name: str, slots: dict[str, object]) -> None:
    frame: AudioFrame = telephone(heart.synthesize(said))
    stream = whisper.start(phrases(kinds.split(), ENGLISH, everywhere=False))
    stream.accept(frame)
    heard = stream.finish()
    found = understand(heard.hypotheses, kinds.split(), ENGLISH, TODAY)
    assert found, heard.hypotheses
    assert found[0].name == name, heard.hypotheses
    assert slots.items() <= dict(found[0].slots).items(), heard.hypotheses


def test_digit_steps_are_told_as_such_to_whisper() -> None:
    assert expects_digits(phrases(["digits:4"], ENGLISH, everywhere=False), "en")
    assert not expects_digits(phrases(["birth_date"], ENGLISH, everywhere=False), "en")
