"""Import of the portfolio: every bad row is listed, all at once, and nothing is imported beside it unless asked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.portfolio import import_portfolio
from storage.portfolio_csv import read_csv
from storage.portfolio_example import COMMITTED_TODAY, write_example
from storage.portfolio_fields import CUSTOMERS
from voicebot.errors import PortfolioError
from voicebot.model.portfolio import Offer

ROOT = Path(__file__).resolve().parents[3]
TODAY = date(2026, 11, 22)
PEOPLE_HEADER = "id,name,number,birth_date,id_last4,language,timezone"
LOANS_HEADER = (
    "account_id,customer_id,product,principal,outstanding,due,due_on,currency,purpose,disbursed_on,"
    "offer_product,offer_limit,offer_currency,offer_rate_percent"
)
JOE = "C-1001,Joe Miller,15550101001,1990-05-02,4021,en,UTC"
LOAN = "A-1001,C-1001,Credit,12000.00,8400.00,450.00,2026-11-27,USD,vehicle,2026-01-02,,,,"


@pytest.fixture
def files(tmp_path):
    """Writes both files (text or bytes) and returns their paths."""

    def write(people: str | bytes = f"{PEOPLE_HEADER}\n{JOE}\n", loans: str | bytes = f"{LOANS_HEADER}\n{LOAN}\n"):
        paths = tmp_path / "customers.csv", tmp_path / "loans.csv"
        for path, data in zip(paths, (people, loans), strict=True):
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        return paths

    return write


@pytest.fixture
def empty(store):
    """The store without the portfolio of conftest."""
    with store.db.write():
        store.db.run("DELETE FROM accounts")
        store.db.run("DELETE FROM customers")
    return store


def test_the_example_imports_and_importing_again_changes_nothing(empty, tmp_path):
    paths = write_example(tmp_path, today=TODAY)
    for _ in range(2):
        result = import_portfolio(empty.db, *paths, today=TODAY)
        assert (result.customers, result.accounts, result.problems) == (16, 16, ())
        assert len(empty.accounts()) == 16
    joe = empty.account("A-1001")
    assert (joe.customer.name, joe.customer.birth_date, joe.customer.id_last4) == (
        "Joe Miller",
        date(1990, 5, 2),
        "4021",
    )
    assert empty.account_by_number("15550101001") == joe
    assert empty.account("A-1006").offer == Offer("Harbour Plus Loan", Decimal("5000.00"), "USD", Decimal("6.5"))
    assert len(empty.db.rows("SELECT * FROM imports")) == 2


def test_the_committed_example_is_what_the_generator_makes(tmp_path):
    for made in write_example(tmp_path, today=COMMITTED_TODAY):
        assert made.read_text() == (ROOT / "examples" / "portfolio" / made.name).read_text()


def test_the_example_is_synthetic_and_moves_with_the_day(tmp_path, empty):
    paths = write_example(tmp_path, today=date(2031, 3, 1), count=300, seed=7)
    import_portfolio(empty.db, *paths, today=date(2031, 3, 1))
    accounts = empty.accounts()
    assert len(accounts) == 300
    assert all(a.customer.number.startswith("1555") for a in accounts)
    assert empty.account("A-1001").loan.due_on == date(2031, 3, 6)
    again = [p.read_text() for p in paths]
    assert [p.read_text() for p in write_example(tmp_path, today=date(2031, 3, 1), count=300, seed=7)] == again


def test_byte_order_mark_crlf_blank_lines_quotes_and_optional_columns(empty, files):
    head = "\ufeffnumber,id,name,birth_date,id_last4\r\n\r\n"
    people = head + '15550101001,C-1001,"Miller, ""Joe""",1990-05-02,4021\r\n,,,,\r\n'
    short = ",".join(LOANS_HEADER.split(",")[:10])
    loans = f"{short}\n{','.join(LOAN.split(',')[:10])}\n"
    import_portfolio(empty.db, *files(people, loans), today=TODAY)
    account = empty.account("A-1001")
    assert (account.customer.name, account.customer.language, account.customer.timezone) == (
        'Miller, "Joe"',
        "en",
        "UTC",
    )
    assert account.offer is None


def people(*rows: str) -> str:
    return "\n".join((PEOPLE_HEADER, *rows)) + "\n"


def loans(*rows: str) -> str:
    return "\n".join((LOANS_HEADER, *rows)) + "\n"


def joe(**changed: str) -> str:
    values = dict(zip(PEOPLE_HEADER.split(","), JOE.split(","), strict=True))
    return ",".join({**values, **changed}.values())


def loan(**changed: str) -> str:
    values = dict(zip(LOANS_HEADER.split(","), LOAN.split(","), strict=True))
    return ",".join({**values, **changed}.values())


BAD = [
    (people(joe(birth_date="1990-02-30")), loans(LOAN), "customers.csv:2: birth_date is a date that does not exist"),
    (people(joe(birth_date="02/05/1990")), loans(LOAN), "customers.csv:2: birth_date is not a date (YYYY-MM-DD)"),
    (people(joe(birth_date="20260101")), loans(LOAN), "customers.csv:2: birth_date is not a date"),
    (people(joe(birth_date="2030-01-01")), loans(LOAN), "customers.csv:2: birth_date is not in the past"),
    (people(joe(name="")), loans(LOAN), "customers.csv:2: name is empty"),
    (people(joe(name="Joe\0")), loans(LOAN), "customers.csv:2: name holds a NUL byte"),
    (people(joe(name="J\x1b[31moe")), loans(LOAN), "customers.csv:2: name holds control characters"),
    (people(joe(name="x" * 201)), loans(LOAN), "customers.csv:2: name is 201 characters long"),
    (people(joe(name="x" * 200_000), JOE), loans(LOAN), "customers.csv:2: is not CSV (field larger"),
    (people(joe(number="sip:joe@evil")), loans(LOAN), "customers.csv:2: number is not a number to dial"),
    (people(joe(number="12\r\nVia: x")), loans(LOAN), "customers.csv:2: "),
    (people(joe(id_last4="40211")), loans(LOAN), "customers.csv:2: id_last4 is not four digits"),
    (people(joe(id_last4="４０２１")), loans(LOAN), "customers.csv:2: id_last4 is not four digits"),
    (people(joe(timezone="Mars/Olympus")), loans(LOAN), "customers.csv:2: timezone is not a time zone"),
    (people(joe(timezone="../../etc/passwd")), loans(LOAN), "customers.csv:2: timezone is not a time zone"),
    (people(joe(language="../en")), loans(LOAN), "customers.csv:2: language is not a language"),
    (people(joe(id="../x")), loans(LOAN), "customers.csv:2: id is not an id"),
    (people(JOE, JOE), loans(LOAN), "customers.csv:3: id is also in line 2"),
    (people(JOE, joe(id_last4="x")), loans(LOAN), "customers.csv:2: id is also in a bad row"),
    (people(JOE + ",more"), loans(LOAN), "customers.csv:2: has 8 fields, the header 7"),
    (people(JOE, 'C-2,"never closed'), loans(LOAN), "customers.csv:3: is not CSV (unexpected end of data)"),
    (people(JOE, 'C-2,"a"b,c'), loans(LOAN), "customers.csv:3: is not CSV"),
    ("", loans(LOAN), "customers.csv:1: the file is empty"),
    (PEOPLE_HEADER, loans(LOAN), "customers.csv:1: there is no row below the header"),
    ("id,name\n1,2\n", loans(LOAN), "customers.csv:1: missing column(s) number, birth_date, id_last4"),
    (people(JOE).replace("timezone", "sun sign"), loans(LOAN), "customers.csv:1: unknown column(s) 'sun sign'"),
    (people(JOE).replace("timezone", "name"), loans(LOAN), "customers.csv:1: column(s) given twice: name"),
    (people(JOE).replace(",", ";"), loans(LOAN), "customers.csv:1: the columns must be separated by commas"),
    (people(joe(name="Jos\u00e9")).encode("latin-1"), loans(LOAN), "customers.csv:2: byte 0xe9 is not UTF-8"),
    (people(JOE).encode("utf-16"), loans(LOAN), "customers.csv:1: is UTF-16"),
    (b"\x00\x01\x02", loans(LOAN), "customers.csv:1: missing column(s)"),
    (people(JOE), loans(loan(customer_id="C-9")), "loans.csv:2: customer_id is no customer's id"),
    (people(joe(id_last4="")), loans(LOAN), "loans.csv:2: the row of its customer is bad"),
    (people(JOE), loans(LOAN, LOAN), "loans.csv:2: account_id is also in line 3"),
    (people(JOE), loans(loan(due="-1")), "loans.csv:2: due is negative"),
    (people(JOE), loans(loan(due="NaN")), "loans.csv:2: due is not an amount"),
    (people(JOE), loans(loan(due="1e3")), "loans.csv:2: due is not an amount"),
    (people(JOE), loans(loan(due="9" * 14)), "loans.csv:2: due is not an amount"),
    (people(JOE), loans(loan(due='"1,250.00"')), "loans.csv:2: due is not an amount"),
    (people(JOE), loans(loan(currency="XYZ")), "loans.csv:2: currency is not a currency"),
    (people(JOE), loans(loan(purpose="House Repair")), "loans.csv:2: purpose is not a purpose class"),
    (people(JOE), loans(loan(due_on="2020-01-01")), "loans.csv:2: due_on is before disbursed_on"),
    (people(JOE), loans(loan(offer_limit="5000")), "loans.csv:2: an offer needs"),
]


@pytest.mark.parametrize(("people_file", "loans_file", "message"), BAD)
def test_bad_rows(empty, files, people_file, loans_file, message):
    with pytest.raises(PortfolioError) as caught:
        import_portfolio(empty.db, *files(people_file, loans_file), today=TODAY)
    assert message in str(caught.value)
    assert "nothing was imported" in str(caught.value)
    assert caught.value.hint
    for table in ("customers", "accounts", "imports"):
        assert empty.db.rows(f"SELECT * FROM {table}") == []


MIXED = (
    people(JOE, joe(id="C-2", birth_date="x", id_last4="y"), joe(id="C-3"), joe(id="C-4"), joe(id="C-4")),
    loans(
        LOAN,
        loan(account_id="A-2", customer_id="C-2"),
        loan(account_id="A-3", customer_id="C-3", due="-5"),
        loan(account_id="A-4", customer_id="C-4"),
        loan(account_id="A-5", customer_id="C-1001"),
    ),
)
MIXED_PROBLEMS = [
    "customers.csv:3: birth_date is not a date (YYYY-MM-DD)",
    "customers.csv:3: id_last4 is not four digits",
    "customers.csv:5: id is also in line 6",
    "customers.csv:6: id is also in line 5",
    "loans.csv:3: the row of its customer is bad",
    "loans.csv:4: due is negative",
    "loans.csv:5: the row of its customer is bad",
]


def test_all_problems_are_listed_at_once_by_file_and_line(empty, files):
    with pytest.raises(PortfolioError) as caught:
        import_portfolio(empty.db, *files(*MIXED), today=TODAY)
    lines = [line.rsplit("/", 1)[-1] for line in caught.value.message.splitlines()[1:]]
    assert lines == MIXED_PROBLEMS
    assert "--keep-good" in caught.value.hint


def test_keep_good_imports_the_good_rows_and_says_what_it_left_out(empty, files):
    result = import_portfolio(empty.db, *files(*MIXED), today=TODAY, keep_good=True)
    assert [a.id for a in empty.accounts()] == ["A-1001", "A-5"]
    assert [r["id"] for r in empty.db.rows("SELECT id FROM customers ORDER BY id")] == ["C-1001", "C-3"]
    assert [str(p).rsplit("/", 1)[-1] for p in result.problems] == MIXED_PROBLEMS
    assert empty.db.row("SELECT customers, accounts, bad_rows FROM imports") == {
        "customers": 2,
        "accounts": 2,
        "bad_rows": 6,
    }


def test_keep_good_does_not_help_where_a_file_cannot_be_read(empty, files):
    with pytest.raises(PortfolioError, match="missing column"):
        import_portfolio(empty.db, *files(people(JOE), "account_id\nA-1\n"), today=TODAY, keep_good=True)
    assert empty.accounts() == ()


def test_a_loan_may_belong_to_a_customer_of_an_earlier_import(empty, files):
    import_portfolio(empty.db, *files(), today=TODAY)
    both = people(joe(id="C-3")), loans(loan(account_id="A-7"))
    import_portfolio(empty.db, *files(*both), today=TODAY)
    assert empty.account("A-7").customer.id == "C-1001"


def test_an_upsert_replaces_and_takes_the_offer_away(empty, files):
    offer = {"offer_product": "Plus", "offer_limit": "5000", "offer_currency": "USD", "offer_rate_percent": "6.5"}
    import_portfolio(empty.db, *files(loans=loans(loan(**offer))), today=TODAY)
    assert empty.account("A-1001").offer is not None
    import_portfolio(empty.db, *files(people(joe(name="Joe M")), loans(loan(due="1.00"))), today=TODAY)
    account = empty.account("A-1001")
    assert (account.customer.name, account.loan.due, account.offer) == ("Joe M", Decimal("1.00"), None)


def test_only_known_purposes_where_they_are_given(empty, files):
    with pytest.raises(PortfolioError, match="purpose is none of business, medical"):
        import_portfolio(empty.db, *files(), today=TODAY, purposes={"medical", "business"})


def test_no_message_repeats_personal_data(empty, files):
    bad = people(joe(name="Joe\0Secretname", birth_date="1990-99-99", number="+1 (555) 8675309"))
    with pytest.raises(PortfolioError) as caught:
        import_portfolio(empty.db, *files(bad), today=TODAY)
    for value in ("Secretname", "1990-99", "8675309", "4021"):
        assert value not in str(caught.value)


def test_files_that_are_not_there(empty, tmp_path):
    with pytest.raises(PortfolioError, match="No such file"):
        import_portfolio(empty.db, tmp_path / "a.csv", tmp_path / "b.csv", today=TODAY)
    with pytest.raises(PortfolioError, match="Is a directory"):
        import_portfolio(empty.db, tmp_path, tmp_path, today=TODAY)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_crash(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(f"{PEOPLE_HEADER}\n{JOE}\n".encode() + data)
    found = read_csv(path, CUSTOMERS)
    assert found.rows or found.problems
