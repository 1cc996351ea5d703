"""A whole day: a portfolio is imported, a campaign is planned and started by command, real calls reach customers who
behave differently, a payment comes in, and scoring makes of it what those people did, as worked out here by hand."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from storage.db import open_store
from storage.scoring import ScoringRepository
from tests.support.bots import write_toml
from tests.support.idle import until
from tests.support.live_campaign import Talks, number, open_bank
from tests.support.tone_talk import talk_in_tones
from voicebot.cli import cli
from voicebot.settings import Settings

pytestmark = [pytest.mark.timeout(90), pytest.mark.usefixtures("nothing_left")]

COUNT, SEED = 40, 6
CAMPAIGN = """
campaign: late
title: Late payers
kind: reminder
profile: none
flow: reminder
due: {{from: "00:00", until: "23:59"}}
reminder: {{steps: [], batch: {{days: [{day}], methods: phone, lasts_days: 4}}}}
rules:
  - {{name: late, days_past_due: {{from: 1}}}}
"""
#: What each customer does, in the order of the accounts that are called; the others are busy. First the outcome.
BEHAVIOUR: tuple[tuple[str, dict[str, str] | int], ...] = (
    ("PROMISE_TO_PAY", {}),  # and pays
    ("PROMISE_TO_PAY", {}),  # and does not
    ("REFUSED", {"Can you pay it": "no I will not pay this", "Would you like a colleague to help": "2"}),
    ("DISPUTE", {"Can you pay it": "I dispute this debt, it is not mine"}),
    ("RPC_VERIFIED", {"Can you pay it": "I have already paid"}),
    ("HARDSHIP", {"Can you pay it": "I lost my job and I cannot pay", "speak to a colleague": "2"}),
    ("WRONG_PARTY", {"Am I speaking with": "2", "are you": "2"}),
    ("NO_ANSWER", 480),
    ("HUNG_UP", 603),
    ("FAILED", 404),
)
COLLECTORS = {"K-1": 2, "K-2": 1, "K-3": 3}


@dataclass(frozen=True, slots=True)
class Loan:
    """A row of the example's files."""

    account: str
    customer: str
    due: str
    due_on: date
    person: dict[str, str]

    @property
    def keys(self) -> dict[str, str]:
        """What this customer presses, who promises all of it in five days."""
        born, then = date.fromisoformat(self.person["birth_date"]), datetime.now(UTC).date() + timedelta(days=5)
        return {
            "Am I speaking with": "1",
            "your date of birth": f"{born:%m%d%Y}",
            "last four digits": self.person["id_last4"],
            "Can you pay it": "1",
            "On which day": f"{then:%m%d%Y}",
            "Is that right": "1",
        }


def voicebot(settings: Path, *arguments: str) -> str:
    """The command as a person gives it."""
    result = CliRunner().invoke(cli, ["--settings", str(settings), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def scored(settings: Path, part: str) -> dict[str, Any]:
    return dict(json.loads(voicebot(settings, "score", "run", part, "--json"))[part])


def loans(folder: Path) -> list[Loan]:
    with (folder / "customers.csv").open() as file:
        people = {row["id"]: row for row in csv.DictReader(file)}
    with (folder / "loans.csv").open() as file:
        return [
            Loan(r["account_id"], r["customer_id"], r["due"], date.fromisoformat(r["due_on"]), people[r["customer_id"]])
            for r in csv.DictReader(file)
        ]


def prepare(settings: Settings, folder: Path) -> None:
    """Import, plan, start: by command."""
    file = write_toml(settings, folder / "bank.toml")
    voicebot(file, "portfolio", "example", str(folder / "files"), "--count", str(COUNT), "--seed", str(SEED))
    shown = voicebot(file, "portfolio", "import", str(folder / "files"))
    assert f"imported {COUNT} customers and {COUNT} accounts" in shown
    yesterday = datetime.now(UTC).date() - timedelta(days=1)  # begun everywhere on earth
    (folder / "late.yaml").write_text(CAMPAIGN.format(day=yesterday.day))
    voicebot(file, "campaign", "plan", str(folder / "late.yaml"), "--day", yesterday.isoformat())
    voicebot(file, "campaign", "start", "late")


async def test_what_customers_do_becomes_classes_warnings_and_assignments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk_in_tones(monkeypatch)
    talks, file = Talks(), tmp_path / "bank.toml"
    settings = {"max_lines": 8}
    async with open_bank(
        tmp_path, settings, prepare=lambda s: prepare(s, tmp_path), observer=talks, max_calls=10
    ) as bot:
        known, today = loans(tmp_path / "files"), datetime.now(UTC).date()
        called = [loan for loan in known if loan.due_on < today - timedelta(days=1)]
        for loan, (_, does) in zip(called, BEHAVIOUR, strict=False):
            bot.exchange.answers[number(loan.account)] = [does if isinstance(does, int) else "talks"]
            talks.replies[number(loan.account)] = loan.keys | (does if isinstance(does, dict) else {})
        async with bot.dialing():
            await until(lambda: len(bot.done) == len(called), "every customer is called", 40)
        assert sorted(bot.dialled) == sorted(number(loan.account) for loan in called)
    people = dict(zip(PEOPLE, called, strict=False))
    outcomes = {loan.account: "BUSY" for loan in called}
    outcomes |= {loan.account: name for loan, (name, _) in zip(called, BEHAVIOUR, strict=False)}
    assert outcomes_of(tmp_path / "bank.db") == outcomes
    pays(file, people["pays"])
    overdue = [loan for loan in known if loan.due_on < today]  # one since yesterday: nobody called
    the_cases(file, overdue, people)
    the_assignment(file, [loan for loan in overdue if loan != people["pays"]], people)
    the_warnings(file, people)
    the_tags(file, people)
    the_performance(file, len(called))
    the_report(file, called)


#: Who does what, in the order of BEHAVIOUR.
PEOPLE = ("pays", "promises", "refuses", "disputes", "paid", "hardship", "wrong", "away", "rejects", "invalid")


def outcomes_of(database: Path) -> dict[str, str]:
    """One a customer."""
    with open_store(database) as store:
        rows = store.db.rows("SELECT account_id, disposition FROM attempts JOIN outcomes ON attempt_id = attempts.id")
    assert len({row["account_id"] for row in rows}) == len(rows)
    return {row["account_id"]: row["disposition"] for row in rows}


def pays(settings: Path, loan: Loan) -> None:
    """What was promised comes in."""
    file = settings.with_name("paid.csv")
    now = datetime.now(UTC).isoformat()
    file.write_text(f"id,account_id,amount,currency,paid_at\nP-1,{loan.account},{loan.due},USD,{now}\n")
    assert "1 promise(s) kept, 0 broken" in voicebot(settings, "portfolio", "payments", str(file))


def the_cases(settings: Path, overdue: list[Loan], people: dict[str, Loan]) -> None:
    """S11, S12, S21-S24."""
    found = scored(settings, "cases")
    classes = dict.fromkeys((loan.account for loan in overdue), "normal")
    for name, kind in CLASSES.items():
        classes[people[name].account] = kind
    counted = Counter(classes.values())
    assert found["cases"] == len(overdue)
    assert found["classes"] == {name: counted[name] for name in found["classes"]}
    assert (found["for a person"], found["warnings"]) == (2, 1)
    with open_store(settings.with_name("bank.db")) as store:
        stored = ScoringRepository(store.db).newest("case")
    assert {account: case.result["class"] for account, case in stored.items()} == classes
    # S24 of one call to a number that does not exist, by hand.
    a_p = 0.30 * (0 + 5 * 0.20) / (1 + 5) + 0.55 * 1.0 + 0.15 * (1 - math.exp(-1 / 20))
    assert stored[people["invalid"].account].result["A"] == pytest.approx(0.9 * a_p)
    assert stored[people["disputes"].account].result["person"] == "dispute"
    assert stored[people["hardship"].account].result["person"] == "hardship"


#: What a case becomes; the others were not reached, and not often enough tried to be abnormal.
CLASSES = {
    "pays": "cooperative",
    "promises": "cooperative",
    "refuses": "non_cooperative",
    "disputes": "cooperative",  # a dispute is not held against anybody
    "paid": "cooperative",
    "hardship": "cooperative",
    "invalid": "abnormal",
}
WEIGHTS = {"normal": 1.2, "abnormal": 2.0, "cooperative": 0.5, "non_cooperative": 1.0}


def the_assignment(settings: Path, overdue: list[Loan], people: dict[str, Loan]) -> None:
    """S14, dealt out one by one: the longest overdue first, to who has least work (then fewest cases, then by id)."""
    file = settings.with_name("collectors.csv")
    file.write_text("id,name,daily_cap\n" + "".join(f"{who},Person {who},{cap}\n" for who, cap in COLLECTORS.items()))
    origin = ("--source", "test", "--source-date", "2026-11-22", "--basis", "staff list")
    voicebot(settings, "score", "import", "collectors", str(file), *origin)
    kinds = {people[name].account: kind for name, kind in CLASSES.items()}
    work, given, expected = dict.fromkeys(COLLECTORS, 0.0), Counter[str](), dict[str, str]()
    for loan in sorted(overdue, key=lambda loan: (loan.due_on, loan.account)):
        free = [who for who, cap in COLLECTORS.items() if given[who] < cap]
        if free:
            who = min(free, key=lambda who: (work[who], given[who], who))
            expected[loan.account] = who
            work[who] += WEIGHTS[kinds.get(loan.account, "normal")]
            given[who] += 1
    found = scored(settings, "collectors")
    assert (found["proposed"], found["waiting"], found["warnings"]) == (6, len(overdue) - 6, 1)
    assert "approved 6 case(s)" in voicebot(settings, "score", "approve", "--all", "--by", "S-1")
    with open_store(settings.with_name("bank.db")) as store:
        rows = ScoringRepository(store.db).assignments(("approved",))
    assert {row.account_id: row.collector_id for row in rows} == expected
    assert len(set(expected.values())) == 3


def the_warnings(settings: Path, people: dict[str, Loan]) -> None:
    """W-C1 of the abnormal case, W-C2 of those who wait, W-Q2 of the dispute and the hardship; nothing else."""
    found = scored(settings, "warnings")
    assert found["level rose"] == 2
    with open_store(settings.with_name("bank.db")) as store:
        rows = ScoringRepository(store.db).warnings(open_only=False)
    assert sorted((row.code, row.customer_id or row.subject or "") for row in rows) == sorted(
        [
            ("W-C1", people["invalid"].customer),
            ("W-C2", "collectors"),
            ("W-Q2", people["disputes"].customer),
            ("W-Q2", people["hardship"].customer),
        ]
    )
    hours = {"W-C1": 48, "W-C2": 8, "W-Q2": 48}
    for row in rows:
        lasts = datetime.fromisoformat(row.due_at) - datetime.fromisoformat(row.raised_at)
        assert (row.state, lasts) == ("open", timedelta(hours=hours[row.code]))


def the_tags(settings: Path, people: dict[str, Loan]) -> None:
    """The portrait of some. Willingness: (kept + 1) / (promised + 2) less 0.1 a refusal is 0.67 and 0.4."""
    scored(settings, "tags")
    for name, wanted in {
        "disputes": {"reach": "easy", "concern": "dispute", "level": "orange"},
        "refuses": {"reach": "easy", "concern": "refusal", "cooperation": "non_cooperative", "willingness": "fair"},
        "pays": {"reach": "easy", "cooperation": "cooperative", "willingness": "high"},
        "invalid": {"reach": "hard", "number": "invalid"},
    }.items():
        told = json.loads(voicebot(settings, "score", "explain", people[name].account, "--json"))
        assert {tag: told["portrait"][tag]["value"] for tag in wanted} == wanted, name


def the_performance(settings: Path, called: int) -> None:
    """Q4: all rows together."""
    rows = scored(settings, "performance")["table"]
    assert {row["campaign"] for row in rows} == {"late"}
    names = ("attempts", "connects", "right_party", "promises", "promises_kept", "refusals", "cured")
    sums = {name: sum(row[name] for row in rows) for name in names}
    assert sums == dict(zip(names, (called, 7, 6, 2, 1, 1, 1), strict=True))


def the_report(settings: Path, called: list[Loan]) -> None:
    """The day as a page: figures, and nobody's name or number."""
    page = settings.with_name("day.html")
    voicebot(settings, "report", "--html", str(page))
    text = page.read_text()
    for shown in ("W-C1", "W-C2", "W-Q2", "K-3", "late"):
        assert shown in text
    for loan in called:
        assert loan.person["name"] not in text
        assert loan.person["number"] not in text
