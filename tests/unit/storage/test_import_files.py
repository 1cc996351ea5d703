"""Import of all kinds of files: what is good comes in whole, by whatever names its columns have."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from storage.campaign import campaign_store
from storage.portfolio import ImportOptions, import_files
from storage.portfolio_example_whole import write_whole
from storage.portfolio_kinds import KINDS
from storage.portfolio_mapping import read_mapping
from tests.support.portfolio_rows import (
    AGENT,
    CONSENT,
    CUSTOMER,
    GOOD,
    LINE,
    LISTED,
    LOAN,
    NOW,
    PAYMENT,
    TODAY,
    counts,
    text,
)
from voicebot.errors import PortfolioError
from voicebot.model.records import Consent


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
