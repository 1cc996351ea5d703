"""Import of bad rows: each is named by file and line, and nothing comes in beside it."""

from __future__ import annotations

import re

import pytest

from storage.portfolio import ImportOptions
from tests.support.portfolio_rows import (
    AGENT,
    CONSENT,
    CUSTOMER,
    GOOD,
    LINE,
    LISTED,
    LOAN,
    PAYMENT,
    TODAY,
    Rows,
    counts,
    text,
)
from voicebot.errors import PortfolioError


def lines(error: PortfolioError) -> list[str]:
    return [re.sub(r"^ *\S*/(?=\w+\.(csv|jsonl):)", "", line) for line in error.message.splitlines()[1:]]


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
