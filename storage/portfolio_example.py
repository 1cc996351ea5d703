"""The example portfolio: synthetic people (named after landscapes, with 555 numbers) and their loans."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from storage.portfolio_fields import CUSTOMERS, LOANS
from voicebot.errors import PortfolioError

#: The day the committed example (examples/portfolio) is made for.
COMMITTED_TODAY = date(2026, 11, 22)

PURPOSES = ("house_repair", "vehicle", "business", "education", "medical", "agriculture", "household")
FIRST_NAMES = ("Ada", "Ben", "Cora", "Dan", "Eve", "Finn", "Gina", "Hal", "Ida", "Jon", "Kay", "Lars")
LAST_NAMES = ("Birch", "Cliff", "Delta", "Elm", "Fern", "Glen", "Heath", "Isle", "Knoll", "Linden", "Moor", "Oak")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a loan. `due_in`: days from today to the due day; `offer`: limit, 0 = none."""

    name: str
    birth: str
    last4: str
    purpose: str
    principal: int
    outstanding: int
    due: str
    due_in: int
    offer: int
    timezone: str = "America/New_York"


PEOPLE = (
    Person("Joe Miller", "1990-05-02", "4021", "house_repair", 12000, 8400, "450.00", 5, 0),
    Person("Anna Field", "1985-03-14", "7716", "vehicle", 18000, 12500, "620.00", 7, 0),
    Person("Peter Stone", "1978-11-23", "3059", "business", 40000, 31000, "2000.00", 3, 0),
    Person("Maria Lopez", "1992-07-08", "6482", "education", 9000, 5200, "380.00", 6, 0),
    Person("Samuel Green", "1969-01-30", "9147", "agriculture", 25000, 16000, "1250.00", 4, 0),
    Person("Rita Brook", "1988-09-17", "2503", "household", 6000, 2400, "210.00", 10, 5000),
    Person("Oscar Hill", "1975-12-05", "8360", "medical", 15000, 9800, "540.00", 8, 10000, "America/Chicago"),
    Person("Nora Lake", "1995-04-21", "1974", "vehicle", 20000, 17500, "700.00", -4, 0, "America/Chicago"),
    Person("Victor Wood", "1982-06-11", "5238", "business", 60000, 42000, "3000.00", 2, 0, "America/Chicago"),
    Person("Ellen Marsh", "1971-10-03", "7095", "house_repair", 22000, 14000, "850.00", -12, 0, "America/Denver"),
    Person("Hugo Dale", "1998-02-25", "4617", "education", 7000, 6100, "175.00", 9, 0, "America/Denver"),
    Person("Clara Ford", "1987-08-19", "3842", "household", 5000, 1500, "160.00", 1, 8000, "America/Denver"),
    Person("Martin Grove", "1966-05-28", "9506", "agriculture", 30000, 27000, "1600.00", -30, 0, "America/Los_Angeles"),
    Person("Paula Rivers", "1993-11-09", "2781", "medical", 11000, 7300, "410.00", 0, 0, "America/Los_Angeles"),
    Person("Leon Forest", "1980-03-06", "6134", "vehicle", 16000, 4000, "480.00", 14, 12000, "America/Los_Angeles"),
    Person("Iris Meadow", "1973-07-31", "8429", "business", 50000, 38000, "2500.00", -2, 0, "America/Los_Angeles"),
)


def write_example(folder: Path, *, today: date, count: int = len(PEOPLE), seed: int = 1) -> tuple[Path, Path]:
    """Write customers.csv and loans.csv; returns their paths. Due days lie around `today`. The first 16 people are
    always the same; the rest of `count` (for load tests) comes from `seed`. Raises PortfolioError."""
    people = [*PEOPLE, *_more(count - len(PEOPLE), random.Random(seed))][:count]
    paths = folder / "customers.csv", folder / "loans.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(paths[0], [c.name for c in CUSTOMERS[:7]], [_customer(i, p) for i, p in enumerate(people, 1)])
        _write(paths[1], [c.name for c in LOANS[:14]], [_loan(i, p, today) for i, p in enumerate(people, 1)])
    except OSError as error:
        raise PortfolioError(f"{folder}: {error.strerror}", hint="give a folder that can be written") from None
    return paths


def _write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _customer(i: int, p: Person) -> list[str]:
    return [f"C-{1000 + i}", p.name, f"1555{101000 + i:07d}", p.birth, p.last4, "en", p.timezone]


def _loan(i: int, p: Person, today: date) -> list[str]:
    disbursed = today + timedelta(days=p.due_in) - timedelta(days=30 * (6 + i % 12))
    row = [f"A-{1000 + i}", f"C-{1000 + i}", "Harbour Online Credit", f"{p.principal}.00", f"{p.outstanding}.00", p.due]
    row += [(today + timedelta(days=p.due_in)).isoformat(), "USD", p.purpose, disbursed.isoformat()]
    return row + (["Harbour Plus Loan", f"{p.offer}.00", "USD", "6.5"] if p.offer else ["", "", "", ""])


def _more(count: int, rng: random.Random) -> list[Person]:
    return [
        Person(
            name=f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}",
            birth=date(rng.randint(1950, 2004), rng.randint(1, 12), rng.randint(1, 28)).isoformat(),
            last4=f"{rng.randrange(10000):04d}",
            purpose=rng.choice(PURPOSES),
            principal=(principal := rng.randrange(2000, 60000, 500)),
            outstanding=principal * rng.randint(10, 95) // 100,
            due=f"{principal // 24}.00",
            due_in=rng.randint(-60, 30),
            offer=rng.choice((0, 0, 5000, 10000)),
        )
        for _ in range(max(0, count))
    ]
