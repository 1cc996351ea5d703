"""The calls of the benchmark: one verification script, spoken by as many customers as talk at once."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import yaml

from voicebot.demo.prepare import Cast, Enrolled

#: The simulator's voices, in turn.
VOICES = ("joe", "heart", "joe-deep", "heart-low", "joe-light", "heart-bright")
#: What each answer answers: the kind of question its reply gap is counted under.
KINDS = ("yes/no", "date", "open", "yes/no", "yes/no")


def bench_cast(customers: int) -> Cast:
    """The first customers of the example portfolio, all enrolled, the voices in turn."""
    enrolled = tuple(Enrolled(f"C-{1001 + i}", VOICES[i % len(VOICES)]) for i in range(customers))
    return Cast(max(customers, 16), enrolled)


def write_scenarios(folder: Path, people: Path, customers: int) -> Path:
    """One scenario file a customer; `people`: the portfolio's customers.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.yaml"):
        old.unlink()
    with people.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:customers]
    for index, row in enumerate(rows):
        born = date.fromisoformat(row["birth_date"])
        scenario = _scenario(row["id"], row["name"], born, VOICES[index % len(VOICES)], "PCMA" if index % 2 else "PCMU")
        text = yaml.safe_dump(scenario, sort_keys=False, width=200)
        (folder / f"bench_{index + 1:03}.yaml").write_text(text, encoding="utf-8")
    return folder


def sentences(name: str, born: date) -> tuple[str, ...]:
    """What a customer says, in order; KINDS in the same order."""
    return (
        f"Yes, this is {name} speaking, good morning, how can I help you?",
        f"My date of birth is {born:%B} {born.day}, {born.year}.",
        "I used the money to repair the roof of my house.",
        "Yes, of course I will.",
        "Yes, I can.",
    )


def _scenario(customer: str, name: str, born: date, voice: str, codec: str) -> dict[str, object]:
    said = sentences(name, born)
    return {
        "scenario": f"bench, {customer}",
        "persona": {"name": name, "voice": voice},
        "call": {"flow": "verification", "account": customer.replace("C-", "A-"), "codec": codec},
        "caller": [
            {"hears": "am I speaking with", "says": said[0]},
            {"hears": "date of birth", "says": said[1]},
            {"hears": "used the loan for", "says": said[2]},
            {"hears": "is that right", "optional": True, "says": "Yes, that is right."},
            {"hears": "keep paying your instalments | keep paying your installments", "says": said[3]},
            {"hears": "pay the next instalment | pay the next installment", "says": said[4]},
            {"hears": "goodbye | good bye"},
        ],
        "expect": {"disposition": "RPC_VERIFIED"},
    }
