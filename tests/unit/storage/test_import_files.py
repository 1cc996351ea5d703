"""Import of all kinds of files: what is good comes in whole, what is bad is named by file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from storage import connection
from storage.campaign import campaign_store
from storage.db import SqliteStore, open_store
from storage.portfolio import ImportOptions, ImportReport, import_files
from storage.portfolio_example_whole import write_whole
from storage.portfolio_kinds import KINDS
from storage.portfolio_mapping import read_mapping
from voicebot.errors import PortfolioError, StorageError
from voicebot.model.records import Consent

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CUSTOMER = {"id": "C-1", "name": "Joe", "number": "15550101001", "birth_date": "1990-05-02", "id_last4": "4021"}
LOAN = {
    **{"account_id": "A-1", "customer_id": "C-1", "product": "Credit", "principal": "1200.00", "outstanding": "300.00"},
    **{"due": "100.00", "due_on": "2026-11-27", "currency": "USD", "purpose": "vehicle", "disbursed_on": "2026-01-31"},
}
LINE = {"account_id": "A-1", "n": "1", "due_on": "2026-02-28", "due": "100.00"}
PAYMENT = {
    "id": "P-1",
    "account_id": "A-1",
    "amount": "100.00",
    "currency": "USD",
    "paid_at": "2026-11-20T09:00:00+08:00",
}
CONSENT = {"customer_id": "C-1", "purpose": "marketing", "basis": "written", "text_version": "2", "granted": "1"}
LISTED = {"list": "federal", "number": "+15550101001"}
AGENT = {"id": "a", "name": "A", "role": "agent"}
GOOD = {"customers": [CUSTOMER], "loans": [LOAN]}
Rows = list[dict[str, str]]
TABLES = ("customers", "accounts", "schedules", "payments", "agents", "consents", "imports", "import_files")


@pytest.fixture
def bank(path: Path) -> SqliteStore:
    with open_store(path) as store:
        yield store


@pytest.fixture
def put(bank: SqliteStore, tmp_path: Path) -> Callable[..., ImportReport]:
    """Writes files (rows as CSV, or the text itself) and imports them."""

    def run(options: ImportOptions | None = None, kind: str = "csv", **files: Rows | str) -> ImportReport:
        paths = {}
        for name, rows in files.items():
            paths[name] = tmp_path / f"{name}.{kind}"
            paths[name].write_text(rows if isinstance(rows, str) else text(rows, kind), encoding="utf-8")
        given = options or ImportOptions(today=TODAY)
        return import_files(bank.db, paths, bank.number_hash, given)

    return run


def text(rows: Rows, kind: str = "csv") -> str:
    if kind == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return "\n".join([",".join(names), *(",".join(row.get(n, "") for n in names) for row in rows)]) + "\n"


def counts(bank: SqliteStore) -> dict[str, int]:
    return {table: bank.db.row(f"SELECT count(*) AS n FROM {table}")["n"] for table in TABLES}


def lines(error: PortfolioError) -> list[str]:
    return [re.sub(r"^ *\S*/(?=\w+\.(csv|jsonl):)", "", line) for line in error.message.splitlines()[1:]]


# --- what is good


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_everything_comes_in_and_again_changes_nothing(bank, put, kind):
    files = {
        "products": [{"id": "p", "name": "Credit", "class": "online"}],
        "channels": [{"id": "h", "name": "App", "class": "own"}],
        "funding_sources": [{"id": "f", "name": "Fund"}],
        "agents": [{**AGENT, "supervisor_id": "s"}, {"id": "s", "name": "S", "role": "supervisor", "in_service": "no"}],
        "customers": [{**CUSTOMER, "email": "joe@example.org", "region": "NY", "line_type": "mobile"}],
        "loans": [{**LOAN, "product_id": "p", "channel_id": "h", "funding_source_id": "f", "agent_id": "a"}],
        "schedules": [LINE, {**LINE, "n": "2", "due_on": "2026-03-31"}],
        "payments": [PAYMENT, {**PAYMENT, "id": "P-2", "paid_at": "2026-11-21"}],
        "do_not_call": [LISTED, {**LISTED, "list": "own", "since": "2020-02-29"}],
        "consents": [{**CONSENT, "at": "2026-01-01T10:00:00Z"}],
    }
    for again in (False, True):
        report = put(kind=kind, **files)
        assert (report.problem_count, report.written) == (0, True)
        assert {f.kind: f.known for f in report.files if f.known} == (
            {f.kind: f.good for f in report.files} if again else {}
        )
        found = counts(bank)
    assert found == {
        **{"customers": 1, "accounts": 1, "schedules": 2, "payments": 2, "agents": 2, "consents": 1},
        **{"imports": 2, "import_files": 20},
    }
    facts = campaign_store(bank).gate_facts("A-1", "service", NOW)
    assert (facts.lists, facts.region, facts.line_type) == (("federal", "own"), "NY", "mobile")
    assert facts.consents["marketing"].basis == "written"
    (one,) = campaign_store(bank).candidates(TODAY)
    assert (one.product_class, one.channel_class, one.funding_source_id, one.agent_id) == ("online", "own", "f", "a")
    assert one.unpaid == ()
    assert bank.db.row("SELECT paid_at FROM payments WHERE id = 'P-1'")["paid_at"].startswith("2026-11-20T01:00:00")
    assert not bank.db.rows("SELECT * FROM do_not_call_lists WHERE number_hash LIKE '%5550101001%'")


def test_amounts_of_json_are_taken_as_they_are_written(bank, put):
    row = {
        **LOAN,
        "principal": 0.1,
        "outstanding": 12345678901.25,
        "due": 7,
        "due_on": "2026-11-27",
        "offer_limit": None,
    }
    put(kind="jsonl", customers=text([CUSTOMER], "jsonl"), loans=json.dumps(row) + "\n")
    loan = bank.account("A-1").loan
    assert (loan.principal, loan.outstanding, loan.due) == (Decimal("0.1"), Decimal("12345678901.25"), Decimal(7))


def test_a_file_without_the_new_columns_leaves_them_as_they_are(bank, put):
    put(customers=[{**CUSTOMER, "email": "joe@example.org", "region": "NY"}])
    put(customers=[{**CUSTOMER, "name": "Joseph", "region": ""}])
    row = bank.db.row("SELECT name, email, region FROM customers")
    assert row == {"name": "Joseph", "email": "joe@example.org", "region": None}


def test_a_schedule_is_replaced_as_a_whole(bank, put):
    put(**GOOD, schedules=[LINE, {**LINE, "n": "2", "due_on": "2026-03-31"}])
    put(schedules=[{**LINE, "due": "50.00"}])
    assert bank.db.rows("SELECT n, due FROM schedules") == [{"n": 1, "due": "50.00"}]


def test_usual_names_of_columns(bank, put):
    head = "Customer No,Full Name,Phone,DOB,Last4,Time Zone"
    put(customers=f"{head}\nC-1,Joe,15550101001,1990-05-02,4021,America/New_York\n")
    put(loans=[LOAN])
    put(payments="Payment ID,Loan ID,Paid,ccy,Value Date\nP-1,A-1,5.00,USD,2026-11-20\n")
    assert bank.account("A-1").customer.timezone == "America/New_York"
    assert bank.db.row("SELECT paid_at FROM payments")["paid_at"] == "2026-11-20T12:00:00.000000+00:00"


@pytest.mark.parametrize("suffix", ["yaml", "toml"])
def test_a_mapping(bank, put, tmp_path, suffix):
    file = tmp_path / f"map.{suffix}"
    file.write_text(
        "customers:\n  id: KUNDE\n  number: TEL\n  timezone: {value: Europe/Berlin}\n"
        if suffix == "yaml"
        else '[customers]\nid = "KUNDE"\nnumber = "TEL"\ntimezone = {value = "Europe/Berlin"}\n'
    )
    options = ImportOptions(today=TODAY, mappings=read_mapping(file))
    head = "KUNDE,name,TEL,birth_date,id_last4,shoe size,id"
    report = put(options, customers=f"{head}\nC-1,Joe,15550101001,1990-05-02,4021,44,9\n")
    assert report.files[0].unused == ("shoe size", "id")
    row = bank.db.row("SELECT id, timezone FROM customers")
    assert row == {"id": "C-1", "timezone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("clients: {id: X}", "no kind of file"),
        ("customers: {colour: X}", "no column"),
        ("customers: {id: [1]}", "needs the name of a header"),
        ("customers: 7", "needs a table"),
        ("customers: {id", "is not YAML"),
        ("", "no kind of file"),
    ],
)
def test_a_wrong_mapping(tmp_path, content, message):
    file = tmp_path / "map.yaml"
    file.write_text(content)
    with pytest.raises(PortfolioError, match=message):
        read_mapping(file)
    with pytest.raises(PortfolioError, match="No such file"):
        read_mapping(tmp_path / "none.yaml")


# --- what is bad


def customer(**changed: str) -> dict[str, Rows | str]:
    return {"customers": [{**CUSTOMER, **changed}]}


def loan(**changed: str) -> dict[str, Rows | str]:
    return {"customers": [CUSTOMER], "loans": [{**LOAN, **changed}]}


def payment(*changed: dict[str, str]) -> dict[str, Rows | str]:
    return {**GOOD, "payments": [{**PAYMENT, **c} for c in changed]}


def schedule(*changed: dict[str, str]) -> dict[str, Rows | str]:
    return {**GOOD, "schedules": [{**LINE, **c} for c in changed]}


MARCH = {"n": "2", "due_on": "2026-03-31"}
BAD = [
    (
        {"customers": [CUSTOMER, CUSTOMER]},
        ["customers.csv:2: id is also in line 3", "customers.csv:3: id is also in line 2"],
    ),
    (
        customer(timezone="Mars/Olympus"),
        ["customers.csv:2: timezone is not a time zone (IANA name, e.g. America/New_York)"],
    ),
    (
        customer(timezone="EST5EDT4"),
        ["customers.csv:2: timezone is not a time zone (IANA name, e.g. America/New_York)"],
    ),
    (customer(birth_date="1990-02-30"), ["customers.csv:2: birth_date is a date that does not exist"]),
    (customer(email="joe at home"), ["customers.csv:2: email is not an email address"]),
    (customer(line_type="fax"), ["customers.csv:2: line_type is none of landline, mobile"]),
    (loan(due_on="2027-02-29"), ["loans.csv:2: due_on is a date that does not exist"]),
    (loan(due_on="2026-11-31"), ["loans.csv:2: due_on is a date that does not exist"]),
    (loan(product_id="p"), ["loans.csv:2: product_id is no product's id"]),
    (
        loan(agent_id="p", channel_id="q"),
        ["loans.csv:2: channel_id is no channel's id", "loans.csv:2: agent_id is no agent's id"],
    ),
    (payment({"account_id": "A-9"}), ["payments.csv:2: account_id is no loan's id"]),
    (payment({"currency": "EUR"}), ["payments.csv:2: currency is not the loan's"]),
    (payment({"amount": "0.00"}), ["payments.csv:2: amount is 0"]),
    (payment({"amount": "-5"}), ["payments.csv:2: amount is negative"]),
    (payment({"paid_at": "2026-11-25T00:00:00Z"}), ["payments.csv:2: paid_at is in the future"]),
    (payment({"paid_at": "2026-11-20T10:00:00"}), ["payments.csv:2: paid_at has no offset from UTC (add Z or +08:00)"]),
    (payment({"paid_at": "2026-02-29"}), ["payments.csv:2: paid_at is a date that does not exist"]),
    (payment({}, {"amount": "7"}), ["payments.csv:2: id is also in line 3", "payments.csv:3: id is also in line 2"]),
    (schedule({"account_id": "A-9"}), ["schedules.csv:2: account_id is no loan's id"]),
    (schedule({"n": "0"}), ["schedules.csv:2: n is not a number from 1 on"]),
    (schedule({"n": "2"}), ["schedules.csv:2: the instalment before it is missing"]),
    (
        schedule({}, {**MARCH, "due_on": "2026-02-28"}),
        [
            "schedules.csv:2: another instalment of this loan is bad",
            "schedules.csv:3: due_on is not after that of the instalment before",
        ],
    ),
    (
        schedule({}, {**MARCH, "due": "x"}),
        [
            "schedules.csv:2: another instalment of this loan is bad",
            "schedules.csv:3: due is not an amount (digits and a point, e.g. 1250.00)",
        ],
    ),
    (schedule({"due_on": "2026-01-01"}), ["schedules.csv:2: due_on is before the loan's disbursed_on"]),
    (
        schedule({}, {}),
        [
            "schedules.csv:2: account_id and n are also in line 3",
            "schedules.csv:3: account_id and n are also in line 2",
        ],
    ),
    ({"agents": [{**AGENT, "supervisor_id": "b"}]}, ["agents.csv:2: supervisor_id is no agent's id"]),
    (
        {"agents": [{**AGENT, "supervisor_id": "b"}, {**AGENT, "id": "b", "supervisor_id": "a"}]},
        ["agents.csv:2: supervisor_id leads back to the agent", "agents.csv:3: supervisor_id leads back to the agent"],
    ),
    (
        {**GOOD, "consents": [{**CONSENT, "customer_id": "C-7", "at": "2026-01-01"}]},
        ["consents.csv:2: customer_id is no customer's id"],
    ),
    (
        {**GOOD, "consents": [{**CONSENT, "basis": "hearsay", "at": "2026-01-01"}]},
        ["consents.csv:2: basis is none of spoken, written, import"],
    ),
    (
        {"do_not_call": [LISTED, {**LISTED, "number": "1 555"}]},
        ["do_not_call.csv:3: number is not a number to dial (3 to 15 digits, or a SIP user)"],
    ),
]


@pytest.mark.parametrize(("files", "problems"), BAD)
def test_one_bad_row_and_nothing_is_imported(bank, put, files, problems):
    with pytest.raises(PortfolioError) as caught:
        put(**files)
    assert lines(caught.value) == problems
    assert "--keep-good" in caught.value.hint
    assert not any(counts(bank).values())
    report = put(ImportOptions(today=TODAY, dry_run=True), **files)
    assert (report.problem_count, report.written) == (len(problems), False)
    assert not any(counts(bank).values())


CUT = "has no line break at its end: the file may be cut in the middle (if it is whole, end it with one)"


@pytest.mark.parametrize(
    ("kind", "end", "problems"),
    [
        ("csv", -1, [CUT]),
        ("csv", -20, ["paid_at is not a time that exists (ISO 8601, e.g. 2026-11-22T10:30:00+08:00)", CUT]),
        ("csv", -40, ["has 2 fields, the header 5", CUT]),
        ("jsonl", -1, [CUT]),
        ("jsonl", -9, ["is not JSON (Unterminated string starting at)", CUT]),
    ],
)
def test_a_file_that_is_cut_in_the_middle(bank, put, kind, end, problems):
    put(kind=kind, **GOOD)
    before = counts(bank)
    whole = text([PAYMENT, {**PAYMENT, "id": "P-2"}], kind)
    with pytest.raises(PortfolioError) as caught:
        put(kind=kind, payments=whole[:end])
    line = 3 if kind == "csv" else 2
    assert lines(caught.value) == [f"payments.{kind}:{line}: {problem}" for problem in problems]
    assert counts(bank) == before


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("[1]", "is not a JSON object"),
        ('{"id": "a", "id": "b"}', "is not JSON (a name comes twice)"),
        ('{"id": NaN}', "is not JSON (NaN is no number)"),
        ('{"id": "a", "name": "n", "role": ["x"]}', "role holds a list or an object"),
        ('{"id": "a", "name": "n", "role": "r", "shoe": 4}', "unknown column(s) 'shoe'"),
        ('{"id": "a", "name": "n"}', "missing column(s) role"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_json_lines_that_are_none(put, line, problem):
    with pytest.raises(PortfolioError) as caught:
        put(kind="jsonl", agents=f"{line}\n" + text([AGENT], "jsonl"))
    assert f"agents.jsonl:1: {problem}" in str(caught.value)


def test_a_bad_loan_takes_what_belongs_to_it_along(bank, put):
    files: dict[str, Rows | str] = {
        "customers": [CUSTOMER, {**CUSTOMER, "id": "C-2"}],
        "loans": [LOAN, {**LOAN, "account_id": "A-2", "customer_id": "C-2", "due": "x"}],
        "schedules": [LINE, {**LINE, "account_id": "A-2"}],
        "payments": [PAYMENT, {**PAYMENT, "id": "P-2", "account_id": "A-2"}],
    }
    report = put(ImportOptions(today=TODAY, keep_good=True), **files)
    assert [f"{p.path.name}:{p.line}: {p.reason}" for p in report.problems] == [
        "loans.csv:3: due is not an amount (digits and a point, e.g. 1250.00)",
        "schedules.csv:3: the row of its loan is bad",
        "payments.csv:3: the row of its loan is bad",
    ]
    assert {f.kind: (f.good, f.bad, f.written) for f in report.files} == {
        "customers": (2, 0, 2),
        **dict.fromkeys(("loans", "schedules", "payments"), (1, 1, 1)),
    }


def test_only_the_first_problems_are_listed(put):
    rows = [{**CUSTOMER, "id": f"C-{n}", "id_last4": "x"} for n in range(80)]
    with pytest.raises(PortfolioError) as caught:
        put(customers=rows)
    assert len(lines(caught.value)) == 51
    assert "... and 30 more" in str(caught.value)
    assert "80 problem(s)" in str(caught.value)


def test_an_id_that_is_there_often_names_some_lines(put):
    with pytest.raises(PortfolioError, match="id is also in line 3, 4, 5, 6, 7 and 4 more"):
        put(customers=[CUSTOMER] * 10)


def test_a_payment_is_not_changed_by_another_of_the_same_id(bank, put):
    put(**GOOD, payments=[PAYMENT])
    with pytest.raises(PortfolioError, match="already, with other values"):
        put(payments=[{**PAYMENT, "amount": "99.00"}])
    assert put(payments=[{**PAYMENT, "amount": "100.0"}]).files[0].written == 0


# --- consents and lists


def test_an_older_paper_does_not_undo_what_the_customer_said(bank, put):
    put(**GOOD)
    bank.add_consent(None, Consent("C-1", "marketing", "spoken", "1", False, "2026-10-01T00:00:00+00:00"))
    assert put(consents=[{**CONSENT, "at": "2026-09-01"}]).files[0].written == 0
    assert bank.consent("C-1", "marketing").granted is False
    assert (
        put(consents=[{**CONSENT, "at": "2026-10-02"}, {**CONSENT, "at": "2026-10-03", "granted": ""}]).files[0].written
        == 2
    )
    assert bank.consent("C-1", "marketing").granted is None
    assert campaign_store(bank).gate_facts("A-1", "marketing", NOW).consents["marketing"].granted is None


def test_numbers_that_left_a_list(bank, put):
    put(do_not_call=[LISTED, {**LISTED, "list": "own"}])
    other = {**LISTED, "number": "15550101002"}
    put(do_not_call=[other])
    assert len(bank.db.rows("SELECT * FROM do_not_call_lists")) == 3
    put(ImportOptions(today=TODAY, replace_lists=True), do_not_call=[other])
    assert [r["list"] for r in bank.db.rows("SELECT list FROM do_not_call_lists ORDER BY list")] == ["federal", "own"]


# --- faults from outside


def test_a_full_disk_leaves_nothing_half_imported(bank, tmp_path):
    write_whole(tmp_path, today=TODAY, loans=300)
    files = {name: tmp_path / f"{name}.csv" for name in KINDS}
    pages = bank.db.row("PRAGMA page_count")["page_count"]
    for more in (1, 20, 60):
        bank.db.rows(f"PRAGMA max_page_count = {pages + more}")
        with pytest.raises(StorageError, match="full"):
            import_files(bank.db, files, bank.number_hash, ImportOptions(today=TODAY))
        assert not any(counts(bank).values())
    bank.db.rows("PRAGMA max_page_count = 1000000")
    assert import_files(bank.db, files, bank.number_hash, ImportOptions(today=TODAY)).problem_count == 0
    assert counts(bank)["accounts"] == 300
    assert bank.db.row("PRAGMA integrity_check") == {"integrity_check": "ok"}


def test_a_locked_database_is_said_and_the_import_may_be_tried_again(path, tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_MS", 100)
    write_whole(tmp_path, today=TODAY, loans=20)
    files = {name: tmp_path / f"{name}.csv" for name in KINDS}
    with open_store(path) as holder, open_store(path) as other:
        with holder.db.write(), pytest.raises(StorageError, match="locked") as caught:
            import_files(other.db, files, other.number_hash, ImportOptions(today=TODAY))
        assert caught.value.retryable
        assert not any(counts(other).values())
        assert import_files(other.db, files, other.number_hash, ImportOptions(today=TODAY)).written


def test_the_check_holds_up_nobody_else(path, tmp_path):
    write_whole(tmp_path, today=TODAY, loans=20)
    files = {name: tmp_path / f"{name}.csv" for name in KINDS}
    wrote: list[str] = []
    with open_store(path) as store, open_store(path) as other:

        def meanwhile(kind: str, rows: int, done: int, size: int) -> None:
            other.add_campaign(kind, "name", "reminder")
            wrote.append(kind)

        import_files(store.db, files, store.number_hash, ImportOptions(today=TODAY), meanwhile)
    assert wrote == list(KINDS)


def test_files_that_are_not_there(put, bank, tmp_path):
    with pytest.raises(PortfolioError, match="No such file"):
        import_files(bank.db, {"agents": tmp_path / "none.csv"}, bank.number_hash)
    put(agents=[AGENT])  # the private database is gone, and another import can have it


# --- the example


def test_the_whole_example(bank, tmp_path):
    written = [p.read_text() for p in write_whole(tmp_path / "a", today=TODAY, loans=400, seed=3)]
    assert [p.read_text() for p in write_whole(tmp_path / "b", today=TODAY, loans=400, seed=3)] == written
    assert [p.read_text() for p in write_whole(tmp_path / "b", today=TODAY, loans=400, seed=4)] != written
    files = {name: tmp_path / "a" / f"{name}.csv" for name in KINDS}
    report = import_files(bank.db, files, bank.number_hash, ImportOptions(today=TODAY))
    assert report.problem_count == 0
    assert report.file("loans").written == 400
    found = list(campaign_store(bank).candidates(TODAY))
    assert len({c.account.customer.timezone for c in found}) == 6
    assert {c.channel_class for c in found} == {"own", "partner", None}
    due = {(c.unpaid[0].due_on - TODAY).days for c in found if c.unpaid}
    assert {0, 1, 3} <= due
    assert min(due) < -20
    assert any(1 <= (TODAY - c.account.loan.disbursed_on).days <= 7 for c in found)
    assert bank.account("A-1001").customer.name == "Joe Miller"
    assert all(c.account.customer.number.startswith("1555") for c in found)
