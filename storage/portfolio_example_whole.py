"""A whole example portfolio: every kind of file, synthetic, the same for the same seed and day.

Customers live in several time zones, some with the state unknown, some loans without a channel: campaigns and their
rules have something to choose from and something to refuse. Rows are made one by one: a million loans need no memory.
"""

from __future__ import annotations

import calendar
import csv
import random
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from storage.portfolio_example import FIRST_NAMES, LAST_NAMES, PEOPLE, PURPOSES, Person
from storage.portfolio_kinds import KINDS
from voicebot.errors import PortfolioError

_PRODUCTS = (
    ("P-ONLINE", "Harbour Online Credit", "online"),
    ("P-CAR", "Harbour Car Loan", "secured"),
    ("P-FARM", "Harbour Farm Credit", "agricultural"),
    ("P-SMALL", "Harbour Small Business Loan", "business"),
)
_CHANNELS = (
    ("CH-BRANCH", "Branch", "own"),
    ("CH-APP", "App", "own"),
    ("CH-DEALER", "Car dealers", "partner"),
    ("CH-COOP", "Farm cooperatives", "partner"),
)
_FUNDS = (("F-OWN", "Harbour Bank"), ("F-ALPHA", "Alpha Fund"), ("F-BETA", "Beta Fund"))
_BRANCHES = ("North", "South", "East", "West", "Harbour")
#: Time zone and the states in it.
_PLACES = (
    ("America/New_York", ("NY", "FL", "NJ", "MA")),
    ("America/Chicago", ("IL", "TX", "MN")),
    ("America/Denver", ("CO", "UT")),
    ("America/Phoenix", ("AZ",)),
    ("America/Los_Angeles", ("CA", "WA")),
    ("Pacific/Honolulu", ("HI",)),
)
_TERMS = (6, 12, 18)
#: Supervisors, each with this many agents.
_TEAMS, _TEAM = 4, 8


class _Writer(Protocol):
    def writerow(self, row: list[str], /) -> object: ...


def write_whole(folder: Path, *, today: date, loans: int = 5000, seed: int = 1) -> tuple[Path, ...]:
    """Write one CSV file of each kind; returns their paths. Every tenth customer has two loans. The first people are
    those of the small example. Raises PortfolioError."""
    paths = {name: folder / f"{name}.csv" for name in KINDS}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            files: dict[str, _Writer] = {}
            for name, path in paths.items():
                opened = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
                files[name] = csv.writer(opened, lineterminator="\n")
                files[name].writerow([column.name for column in KINDS[name].columns])
            _things(files)
            _people(files, random.Random(seed), today, loans)
    except OSError as error:
        raise PortfolioError(f"{folder}: {error.strerror}", hint="give a folder that can be written") from None
    return tuple(paths.values())


def _things(files: dict[str, _Writer]) -> None:
    for name, rows in (("products", _PRODUCTS), ("channels", _CHANNELS), ("funding_sources", _FUNDS)):
        for row in rows:
            files[name].writerow([*row])
    for team in range(1, _TEAMS + 1):
        files["agents"].writerow([f"S-{team}", f"Supervisor {team}", "supervisor", "", "1", f"s{team}@bank.example"])
        for n in range(1, _TEAM + 1):
            serving = "0" if n == _TEAM else "1"  # one of each team is away
            name, address = f"Agent {team}{n}", f"a{team}{n}@bank.example"
            files["agents"].writerow([f"AG-{team}{n}", name, "agent", f"S-{team}", serving, address])


def _people(files: dict[str, _Writer], rng: random.Random, today: date, loans: int) -> None:
    made, customer = 0, 0
    while made < loans:
        customer += 1
        person = PEOPLE[customer - 1] if customer <= len(PEOPLE) else _person(rng)
        customer_id = f"C-{1000 + customer}"
        files["customers"].writerow(_customer(customer, person, rng))
        _wishes(files, customer, customer_id, today, rng)
        for _ in range(2 if customer > len(PEOPLE) and customer % 10 == 0 else 1):
            if made < loans:
                made += 1
                _loan(files, made, customer_id, person, today, rng)
                person = _person(rng)


def _person(rng: random.Random) -> Person:
    principal = rng.randrange(2000, 60000, 500)
    return Person(
        name=f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}",
        birth=date(rng.randint(1950, 2004), rng.randint(1, 12), rng.randint(1, 28)).isoformat(),
        last4=f"{rng.randrange(10000):04d}",
        purpose=rng.choice(PURPOSES),
        principal=principal,
        outstanding=0,
        due="",
        due_in=rng.randint(-25, 30),
        offer=rng.choice((0, 0, 0, 5000, 10000)),
    )


def _number(i: int) -> str:
    return f"1555{101000 + i:07d}"


def _customer(i: int, p: Person, rng: random.Random) -> list[str]:
    fixed = i <= len(PEOPLE)
    zone, states = next(place for place in _PLACES if place[0] == p.timezone) if fixed else rng.choice(_PLACES)
    state = rng.choice((*states, *states, ""))
    known = [f"C-{1000 + i}", p.name, _number(i), p.birth, p.last4, "en", zone]
    email = f"customer{i}@example.com" if rng.random() < 0.7 else ""
    risk = rng.choices(("low", "medium", "high", ""), (5, 3, 1, 1))[0]
    return [*known, email, state, rng.choice(("mobile", "mobile", "landline", "")), risk]


def _wishes(files: dict[str, _Writer], i: int, customer_id: str, today: date, rng: random.Random) -> None:
    """Consents, and numbers on lists."""
    at = (today - timedelta(days=rng.randint(10, 700))).isoformat() + "T15:00:00+00:00"
    for purpose, basis, share in (
        ("ai_voice", "written", 0.8),
        ("marketing", "written", 0.35),
        ("recording", "written", 0.8),
    ):
        drawn = rng.random()
        if drawn < share:
            files["consents"].writerow([customer_id, purpose, basis, "1", "1", at])
        elif drawn < share + 0.05:
            files["consents"].writerow([customer_id, purpose, basis, "1", "0", at])
    for name, share in (("national_do_not_call", 0.15), ("reassigned_numbers", 0.01)):
        if i > len(PEOPLE) and rng.random() < share:
            files["do_not_call"].writerow([name, _number(i), (today - timedelta(days=rng.randint(1, 900))).isoformat()])


def _loan(files: dict[str, _Writer], i: int, customer_id: str, p: Person, today: date, rng: random.Random) -> None:
    account_id = f"A-{1000 + i}"
    fresh = rng.random() < 0.03  # disbursed in the last days: for the follow-up call
    term = rng.choice(_TERMS)
    past = 0 if fresh else rng.randint(1, term - 1)
    next_due = today + timedelta(days=rng.randint(20, 30) if fresh else p.due_in)
    disbursed = today - timedelta(days=rng.randint(1, 7)) if fresh else _months(next_due, -past - 1)
    each = Decimal(p.due) if p.due else (Decimal(p.principal) / term).quantize(Decimal("1.00"))
    lines = [(n, _months(next_due, n - past - 1), each) for n in range(1, term + 1)]
    paid = list(_payments(account_id, lines, today, rng))
    product, channel = rng.choice(_PRODUCTS), rng.choice(_CHANNELS)
    money = [f"{each * term:.2f}", f"{max(each * term - sum(a for _, a, _ in paid), Decimal(0)):.2f}", f"{each:.2f}"]
    what = [account_id, customer_id, product[1], *money, next_due.isoformat(), "USD", p.purpose, disbursed.isoformat()]
    offer = ["Harbour Plus Loan", f"{p.offer}.00", "USD", "6.5"] if p.offer else ["", "", "", ""]
    agent = f"AG-{rng.randint(1, _TEAMS)}{rng.randint(1, _TEAM)}"
    whose = [product[0], channel[0] if rng.random() < 0.95 else "", rng.choice(_FUNDS)[0], agent, rng.choice(_BRANCHES)]
    files["loans"].writerow([*what, *offer, *whose])
    for n, due_on, due in lines:
        files["schedules"].writerow([account_id, str(n), due_on.isoformat(), f"{due:.2f}"])
    for name, amount, at in paid:
        files["payments"].writerow([name, account_id, f"{amount:.2f}", "USD", at])


def _payments(
    account_id: str, lines: list[tuple[int, date, Decimal]], today: date, rng: random.Random
) -> Iterator[tuple[str, Decimal, str]]:
    """Most pay on time, some late, a few in part, and some have stopped."""
    stopped = rng.random() < 0.08
    for n, due_on, due in lines:
        if due_on > today + timedelta(days=5) or (stopped and due_on > today - timedelta(days=45)):
            return
        kind = rng.random()
        paid_on = due_on + timedelta(days=rng.randint(-5, 0) if kind < 0.85 else rng.randint(1, 20))
        if paid_on <= today and (due_on <= today or kind < 0.3):
            part = due if kind < 0.97 else (due / 2).quantize(Decimal("1.00"))
            moment = datetime.combine(paid_on, time(rng.randint(0, 11), rng.randint(0, 59)), UTC)
            yield f"PAY-{account_id}-{n}", part, moment.isoformat()


def _months(day: date, months: int) -> date:
    """So many months later; a 31st becomes a shorter month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
