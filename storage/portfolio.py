"""Import of the portfolio (customers and loans): all rows are checked, then all are written at once, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from storage import repositories_people as people
from storage.codec import iso, now_utc
from storage.connection import Connection, Value
from storage.portfolio_csv import CsvFile, CsvRow, Problem, read_csv
from storage.portfolio_fields import CUSTOMERS, LOANS
from voicebot.errors import PortfolioError
from voicebot.model.portfolio import Account, Customer, Loan, Offer

_OFFER = ("offer_product", "offer_limit", "offer_currency", "offer_rate_percent")


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What two files hold: good customers and accounts, and every problem (by file, then line)."""

    customers: tuple[Customer, ...]
    accounts: tuple[Account, ...]
    problems: tuple[Problem, ...]
    customers_sha256: str
    loans_sha256: str
    usable: bool


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Rows written, and what was left out (only with `keep_good`)."""

    customers: int
    accounts: int
    problems: tuple[Problem, ...]


def read_portfolio(
    customers: Path, loans: Path, *, today: date, known: dict[str, Customer], purposes: Set[str] | None = None
) -> Portfolio:
    """Read and check both files. `known`: customers that are in the database already; `purposes`: the classes there
    are (None: any word). Raises PortfolioError where a file cannot be opened."""
    people_file, loan_file = read_csv(customers, CUSTOMERS), read_csv(loans, LOANS)
    problems = [*people_file.problems, *loan_file.problems]
    problems += _twice(people_file, "id") + _twice(loan_file, "account_id")
    good: dict[str, Customer] = {}
    for row in _unique(people_file, "id"):
        if row.day("birth_date") >= today or row.day("birth_date").year < 1900:
            problems.append(Problem(people_file.path, row.line, "birth_date is not in the past, or before 1900"))
        else:
            good[row.text("id")] = _customer(row)
    spoiled = ({row.text("id") for row in people_file.rows} | people_file.bad_keys) - set(good)
    accounts = []
    for row in _unique(loan_file, "account_id"):
        faults = _loan_faults(row, good, known, spoiled, purposes)
        problems += [Problem(loan_file.path, row.line, fault) for fault in faults]
        if not faults:
            owner = row.text("customer_id")
            accounts.append(_account(row, good.get(owner) or known[owner]))
    order = {people_file.path: 0, loan_file.path: 1}
    return Portfolio(
        customers=tuple(good.values()),
        accounts=tuple(accounts),
        problems=tuple(sorted(problems, key=lambda p: (order[p.path], p.line))),
        customers_sha256=people_file.sha256,
        loans_sha256=loan_file.sha256,
        usable=people_file.usable and loan_file.usable,
    )


def import_portfolio(
    db: Connection,
    customers: Path,
    loans: Path,
    *,
    keep_good: bool = False,
    purposes: Set[str] | None = None,
    today: date | None = None,
) -> ImportResult:
    """Upsert by id, so that importing the same files again changes nothing. Raises PortfolioError that lists every bad
    row; nothing is written then. `keep_good`: write the good rows all the same (not where a whole file is unusable)."""
    now = now_utc()
    known = {row["id"]: people.to_customer(row) for row in db.rows("SELECT * FROM customers")}
    portfolio = read_portfolio(customers, loans, today=today or now.date(), known=known, purposes=purposes)
    if portfolio.problems and not (keep_good and portfolio.usable):
        raise PortfolioError(
            f"{len(portfolio.problems)} problem(s); nothing was imported\n  "
            + "\n  ".join(str(p) for p in portfolio.problems),
            hint="correct these lines and import again, or import the good rows alone with --keep-good"
            if portfolio.usable
            else "correct the file and import again (docs/database.md lists the columns)",
        )
    with db.write():
        for customer in portfolio.customers:
            people.put_customer(db, customer, now)
        for account in portfolio.accounts:
            people.put_account(db, account, now)
        row: dict[str, Value] = {
            "at": iso(now),
            "customers_sha": portfolio.customers_sha256,
            "loans_sha": portfolio.loans_sha256,
            "customers": len(portfolio.customers),
            "accounts": len(portfolio.accounts),
            "bad_rows": len({(p.path, p.line) for p in portfolio.problems}),
        }
        db.insert("imports", row)
    return ImportResult(len(portfolio.customers), len(portfolio.accounts), portfolio.problems)


def _twice(file: CsvFile, key: str) -> list[Problem]:
    """Every row whose id another row has too: which one is right is not known, so none is taken."""
    seen: dict[str, list[int]] = {}
    for row in file.rows:
        seen.setdefault(row.text(key), []).append(row.line)
    twice = [
        Problem(file.path, line, f"{key} is also in line {', '.join(str(x) for x in lines if x != line)}")
        for lines in seen.values()
        if len(lines) > 1
        for line in lines
    ]
    beside_bad = [(value, lines[0]) for value, lines in seen.items() if len(lines) == 1 and value in file.bad_keys]
    return twice + [Problem(file.path, line, f"{key} is also in a bad row") for _, line in beside_bad]


def _unique(file: CsvFile, key: str) -> list[CsvRow]:
    counts = Counter(row.text(key) for row in file.rows)
    return [row for row in file.rows if counts[row.text(key)] == 1 and row.text(key) not in file.bad_keys]


def _loan_faults(
    row: CsvRow,
    good: dict[str, Customer],
    known: dict[str, Customer],
    spoiled: set[str],
    purposes: Set[str] | None,
) -> list[str]:
    faults, owner = [], row.text("customer_id")
    if owner in spoiled:
        faults.append("the row of its customer is bad")
    elif owner not in good and owner not in known:
        faults.append("customer_id is no customer's id")
    if row.day("due_on") < row.day("disbursed_on"):
        faults.append("due_on is before disbursed_on")
    if purposes is not None and row.text("purpose") not in purposes:
        faults.append(f"purpose is none of {', '.join(sorted(purposes))}")
    given = [name for name in _OFFER if name in row.values]
    if given and len(given) < len(_OFFER):
        faults.append(f"an offer needs {', '.join(_OFFER)}, or none of them")
    return faults


def _customer(row: CsvRow) -> Customer:
    return Customer(
        id=row.text("id"),
        name=row.text("name"),
        number=row.text("number"),
        birth_date=row.day("birth_date"),
        id_last4=row.text("id_last4"),
        language=row.text("language"),
        timezone=row.text("timezone"),
    )


def _account(row: CsvRow, customer: Customer) -> Account:
    loan = Loan(
        product=row.text("product"),
        principal=row.money("principal"),
        outstanding=row.money("outstanding"),
        due=row.money("due"),
        due_on=row.day("due_on"),
        currency=row.text("currency"),
        purpose=row.text("purpose"),
        disbursed_on=row.day("disbursed_on"),
    )
    offer = None
    if "offer_product" in row.values:
        product, money = row.text("offer_product"), row.text("offer_currency")
        offer = Offer(product, row.money("offer_limit"), money, row.money("offer_rate_percent"))
    return Account(row.text("account_id"), customer, loan, offer)
