"""The calls of the benchmark: one verification script, spoken by as many customers as talk at once.

Who interrupts, murmurs, coughs, hesitates or stands in a noise follows from the customer's place in the list, all
times from the seed: two runs say the same things at the same moments of the conversation.
"""

from __future__ import annotations

import csv
import random
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from voicebot.demo.bench_figures import Spoken
from voicebot.demo.bench_sound import RATE, Samples
from voicebot.demo.prepare import Cast, Enrolled

#: The simulator's voices, in turn.
VOICES = ("joe", "heart", "joe-deep", "heart-low", "joe-light", "heart-bright")
#: standard: with interruptions, murmurs, coughs, pauses and noise; plain: everybody waits, and the line is clean.
SETS = ("standard", "plain")
#: What a customer says who means to use the loan for what the bank has on record.
_PURPOSES = {
    "house_repair": "I used the money to repair the roof of my house.",
    "vehicle": "I bought a used car with it, to drive to work.",
    "business": "I put it into my shop, to buy new stock.",
    "education": "I paid the tuition fees for my daughter's university.",
    "medical": "I needed it for the hospital bill after my surgery.",
    "agriculture": "I bought seeds and fertilizer for my farm.",
    "debt_consolidation": "I paid off my old credit card debts with it.",
    "household": "I bought a new washing machine and some furniture.",
    "travel": "We used it for a holiday with the whole family.",
    "other": "I used the money for my daughter's wedding.",
}
_MURMURS = ("Mm-hm.", "Uh-huh.")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
#: Heard where the question is asked whole (again); a prompt that was cut short holds less than three quarters of it.
_AGAIN = {
    "date": "please say your date of birth",
    "able": "able to pay the next instalment of dollars on | able to pay the next installment of dollars on",
}

Step = dict[str, object]


@dataclass(frozen=True, slots=True)
class Person:
    """A customer of the portfolio, as the scenarios need it."""

    account: str
    name: str
    born: date
    id_last4: str
    purpose: str


@dataclass(slots=True)
class Part:
    """A scenario while it is written: its steps, and what each sentence is."""

    steps: list[Step] = field(default_factory=list)
    script: dict[str, Spoken] = field(default_factory=dict)

    def answer(self, kind: str, says: str, **step: object) -> None:
        """An answer; `step`: when."""
        self.steps.append({**step, "says": says})
        self.script[says] = Spoken(says, kind)

    def hesitating(self, kind: str, says: tuple[str, str], pause_s: float, **step: object) -> None:
        """An answer with a pause in it."""
        self.answer(kind, says[0], **step)
        self.script[says[0]] = Spoken(says[0], kind, goes_on=True)
        self.answer(kind, says[1], after_s=pause_s)

    def probe(self, what: str, at_ms: int) -> None:
        """A sound into the bot's next prompt that is no answer: a murmur (its words), or a sound file."""
        how = "plays" if what.endswith(".wav") else "backchannel"
        self.steps.append({"barge_in_ms": at_ms, how: what})
        text = f"({what})" if how == "plays" else what
        self.script[text] = Spoken(text)


def bench_cast(customers: int) -> Cast:
    """The first customers (at least 16: the small loads share one database) of the example portfolio, the voices in
    turn; all enrolled but every fourth."""
    count = max(customers, 16)
    enrolled = tuple(Enrolled(f"C-{1001 + i}", VOICES[i % len(VOICES)]) for i in range(count) if is_enrolled(i))
    return Cast(count, enrolled)


def is_enrolled(index: int) -> bool:
    """Every fourth customer has no voiceprint and is asked for the last digits of the identity card."""
    return index % 4 != 3


def people(portfolio: tuple[Path, Path]) -> list[Person]:
    """The portfolio's customers.csv and loans.csv, in order."""
    with portfolio[0].open(newline="", encoding="utf-8") as file:
        customers = {row["id"]: row for row in csv.DictReader(file)}
    with portfolio[1].open(newline="", encoding="utf-8") as file:
        loans = list(csv.DictReader(file))
    found = []
    for loan in loans:
        row = customers[loan["customer_id"]]
        born = date.fromisoformat(row["birth_date"])
        found.append(Person(loan["account_id"], row["name"], born, row["id_last4"], loan["purpose"]))
    return found


def write_scenarios(
    folder: Path, customers: Sequence[Person], seed: int = 1, which: str = "standard"
) -> Mapping[str, Mapping[str, Spoken]]:
    """One scenario file a customer; returns, by the scenario's name, what each of its sentences is."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, sound in sounds(seed).items():
        _write_wav(folder / name, sound)
    scripts = {}
    for index, person in enumerate(customers):
        part = conversation(person, index, lively=which == "standard")
        slug = f"bench_{index + 1:03}"
        text = yaml.safe_dump(_scenario(person, index, part, seed, which), sort_keys=False, width=200)
        (folder / f"{slug}.yaml").write_text(text, encoding="utf-8")
        scripts[slug] = part.script
    return scripts


def conversation(person: Person, index: int, *, lively: bool) -> Part:
    """What this customer says, in order. Each lively one interrupts once and makes one sound that is no answer.

    A step that interrupts must not follow an optional one: the simulator would take it for the optional one's successor
    and wait for the end of the prompt.
    """
    habit = index % 4 if lively else -1
    part = Part()
    party = f"Yes, this is {person.name} speaking, good morning, how can I help you?"
    part.answer("yes/no", party, hears="am I speaking with")
    _date(part, person, habit, index)
    if is_enrolled(index):
        part.answer("other", _COUNT, hears="count aloud", optional=True)
    else:
        digits = ", ".join(_DIGITS[int(d)] for d in person.id_last4)
        part.answer("digits", f"{digits.capitalize()}.", hears="last four digits")
        part.answer("yes/no", "No, thank you, I would rather not.", hears=_CONSENT, optional=True)
    purpose = _PURPOSES.get(person.purpose, _PURPOSES["other"])
    if habit == 1:
        first, _, rest = purpose.partition(" ")
        part.hesitating("open", (f"Well, let me think, {first}", rest), 0.6, hears=_PURPOSE)
        part.answer("open", purpose, hears=_PURPOSE, optional=True)
    else:
        part.answer("open", purpose, hears=_PURPOSE)
    part.answer("yes/no", "Yes, that is right.", hears="is that right", optional=True)
    willing = "keep paying your instalments | keep paying your installments"
    part.answer("yes/no", "Yes, of course I will.", hears=willing)
    _able(part, habit)
    part.steps.append({"hears": "goodbye | good bye"})
    return part


_COUNT = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen."
_CONSENT = "make a voiceprint from this call | make a voice print from this call"
_PURPOSE = "used the loan for | use the loan for"


def _date(part: Part, person: Person, habit: int, index: int) -> None:
    born = person.born
    whole = f"My date of birth is {born:%B} {born.day}, {born.year}."
    if habit == 1:
        part.answer("date", whole, barge_in_ms=1000)
        part.answer("date", whole, hears=_AGAIN["date"], optional=True)
        return
    probes = {0: _MURMURS[index // 4 % 2], 2: "cough.wav", 3: "door.wav"}
    if habit in probes:
        part.probe(probes[habit], 1200)
    if habit == 2:
        halves = (f"I was born on the {_ordinal(born.day)} of", f"{born:%B}, {born.year}.")
        part.hesitating("date", halves, 0.6, hears="date of birth")
        part.answer("date", whole, hears=_AGAIN["date"], optional=True)
    else:
        part.answer("date", whole, hears="date of birth")


def _able(part: Part, habit: int) -> None:
    words = "Yes, I can."
    if habit == 1:
        part.probe("cough.wav", 1300)
    if habit in (0, 2, 3):
        part.answer("yes/no", words, barge_in_ms=1000 + 100 * habit)
        part.answer("yes/no", words, hears=_AGAIN["able"], optional=True)
    else:
        part.answer("yes/no", words, hears="pay the next instalment | pay the next installment")


def _ordinal(day: int) -> str:
    ending = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _scenario(person: Person, index: int, part: Part, seed: int, which: str) -> Step:
    rng = random.Random(f"{seed}/{index}")
    network = {"noise": {"kind": "white", "snr_db": 20}} if which == "standard" and index % 4 == 3 else {}
    call: Step = {"flow": "verification", "account": person.account, "codec": "PCMA" if index % 2 else "PCMU"}
    return {
        "scenario": f"bench, {person.account}",
        "persona": {
            "name": person.name,
            "voice": VOICES[index % len(VOICES)],
            "reaction_ms": rng.randrange(200, 601, 10),
        },
        "call": {**call, "seed": seed * 1000 + index, **({"network": network} if network else {})},
        "answers": {"after_s": round(rng.uniform(0.3, 2.5), 2)},
        "caller": part.steps,
        "expect": {"disposition": "RPC_VERIFIED"},
    }


# -- sounds that are no answers ----------------------------------------------------------------------------------------


def sounds(seed: int) -> dict[str, Samples]:
    """File name to sound, 8 kHz: a cough (two bursts of breath) and a door (a dull knock). Made here, not recorded."""
    rng = np.random.default_rng(seed)
    cough = np.concatenate([_burst(rng, 0.16, 18.0, 3), np.zeros(round(0.12 * RATE)), _burst(rng, 0.22, 12.0, 3)])
    door = np.concatenate([_burst(rng, 0.05, 60.0, 12), np.zeros(round(0.03 * RATE)), _burst(rng, 0.15, 25.0, 16)])
    return {"cough.wav": _as_samples(cough), "door.wav": _as_samples(door)}


def _burst(rng: np.random.Generator, seconds: float, decay: float, smooth: int) -> NDArray[np.float64]:
    """Noise that dies away; `smooth`: samples averaged over (the more, the duller)."""
    count = round(seconds * RATE)
    noise = np.convolve(rng.standard_normal(count + smooth), np.ones(smooth) / smooth, "valid")[:count]
    return noise * np.exp(-decay * np.arange(count) / RATE)


def _as_samples(sound: NDArray[np.float64]) -> Samples:
    return np.asarray(np.round(sound / np.abs(sound).max() * 20000), dtype=np.int16)


def _write_wav(path: Path, sound: Samples) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(sound.astype("<i2").tobytes())
