"""`voicebot calls` and `voicebot portfolio`."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from storage.campaign import campaign_store
from storage.db import open_store
from voicebot.commands.calls import calls
from voicebot.commands.campaign import campaign
from voicebot.commands.portfolio import portfolio
from voicebot.errors import PortfolioError, StorageError
from voicebot.model.campaign import CampaignKind, CampaignRow, Method, NewJob
from voicebot.model.outcome import AnsweredBy, Disposition, ItemResult, Outcome, Promise, WarningCode, WarningRaised
from voicebot.model.records import AttemptProgress, CheckRecord, Turn
from voicebot.model.voice import VoiceDecision, VoiceState
from voicebot.settings import PathSettings, Settings

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def run(path, tmp_path):
    settings = Settings(
        paths=PathSettings(
            database=path,
            recordings=tmp_path / "rec",
            templates=ROOT / "scripts_templates",
            flows=ROOT / "callflows",
        )
    )

    def invoke(command, *arguments: str, fails: bool = False) -> str:
        result = CliRunner().invoke(command, list(arguments), obj=settings)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == int(fails), result.output
        return result.output

    return invoke


@pytest.fixture
def told(store, start):
    """One promise with all there is, and one attempt that is still open."""
    number = store.open_attempt(start("A-1"))
    facts = AttemptProgress("id@host", 200, "OK", AnsweredBy.HUMAN, talk_s=42.4, recording="2026/1.wav")
    store.progress(number, facts)
    said = Turn("ask", "ask", "When can you [pay]?", 1.5, 3.25, 1.0, "next Friday", 3.5, 4.5, intent="promise")
    store.add_turn(number, said)
    store.add_check(number, CheckRecord("ask", "voiceprint_matches", "passed", 4.0, {"score": 0.71}))
    store.set_voice(number, VoiceDecision(VoiceState.MATCH, None, 0.71, 5.0, 6.2, 0.55, 0.35, "ecapa", "default"))
    warning = WarningRaised(WarningCode.W_V4, "purpose differs", {"item": "purpose"})
    promise = Promise(Decimal("2000"), date(2026, 11, 27))
    items = {"purpose": ItemResult.MISMATCH}
    store.close_attempt(number, Outcome(Disposition.PROMISE_TO_PAY, True, promise, items=items, warnings=(warning,)))
    store.open_attempt(start("A-2", flow="invitation"))
    return number


def test_list_shows_a_line_each(run, told):
    shown = run(calls, "list")
    for word in ("Joe Miller", "PROMISE_TO_PAY", "2000 USD by 2026-11-27", "match 0.71 (6.2 s)", "open", "invitation"):
        assert word in shown


def test_list_filters_limits_and_speaks_json(run, told):
    found = json.loads(run(calls, "list", "--disposition", "promise_to_pay", "--json"))
    assert [x["attempt_id"] for x in found] == [told]
    assert found[0]["promise_amount"] == "2000"
    assert json.loads(run(calls, "list", "--limit", "1", "--json"))[0]["flow"] == "invitation"
    assert json.loads(run(calls, "list", "--account", "A-1", "--json"))[0]["account_id"] == "A-1"
    assert "no attempts that match" in run(calls, "list", "--disposition", "BUSY")


def test_show_tells_the_whole_call(run, told, tmp_path):
    shown = run(calls, "show", str(told))
    for word in (
        *("When can you [pay]?", "interrupted after 1.0 s", "3.5: next Friday", "voiceprint_matches", "W-V4-1"),
        *("purpose differs", "purpose: mismatch", "score 0.710", str(tmp_path / "rec" / "2026" / "1.wav"), "200 OK"),
    ):
        assert word in shown
    record = json.loads(run(calls, "show", str(told), "--json"))
    assert record["turns"][0]["reply_text"] == "next Friday"
    assert record["outcome"]["items"] == {"purpose": "mismatch"}
    assert "open" in run(calls, "show", str(told + 1))


def test_show_of_an_unknown_attempt_and_of_no_database(run, told, store, path):
    with pytest.raises(StorageError, match="no attempt 99"):
        run(calls, "show", "99")
    store.close()
    path.unlink()
    with pytest.raises(StorageError, match="there is no database"):
        run(calls, "list")
    assert not path.exists()


def test_reading_does_not_wait_for_a_writer(run, told, store):
    with store.db.write():
        store.db.run("DELETE FROM turns")
        assert "next Friday" in run(calls, "show", str(told))


def test_an_empty_database_says_what_to_do(run, store):
    assert "voicebot dial" in run(calls, "list")


def test_example_then_import(run, tmp_path, path):
    run(portfolio, "example", str(tmp_path / "p"), "--today", "2026-11-22")
    files = [str(tmp_path / "p" / name) for name in ("customers.csv", "loans.csv")]
    assert "imported 16 customers and 16 accounts" in run(portfolio, "import", *files)
    with open_store(path) as store:
        assert store.account("A-1001").loan.due_on == date(2026, 11, 27)
    run(portfolio, "import", *files, "--db", str(tmp_path / "other.db"))
    assert (tmp_path / "other.db").exists()


def test_import_of_bad_rows_stops_and_with_keep_good_tells_them(run, tmp_path):
    run(portfolio, "example", str(tmp_path), "--count", "3")
    file = tmp_path / "customers.csv"
    file.write_text(file.read_text().replace("4021", "40x1"))
    files = [str(tmp_path / name) for name in ("customers.csv", "loans.csv")]
    with pytest.raises(PortfolioError, match="nothing was imported"):
        run(portfolio, "import", *files)
    shown = run(portfolio, "import", *files, "--keep-good")
    assert "left out: " in shown
    assert "customers.csv:2: id_last4 is not four digits" in shown
    assert "imported 2 customers and 2 accounts" in shown


def test_a_purpose_that_understanding_does_not_know_is_a_bad_row(run, tmp_path):
    run(portfolio, "example", str(tmp_path))
    file = tmp_path / "loans.csv"
    file.write_text(file.read_text().replace("house_repair", "moon_travel", 1))
    with pytest.raises(PortfolioError, match=r"loans.csv:2: purpose is none of agriculture, business"):
        run(portfolio, "import", str(tmp_path / "customers.csv"), str(file))


def test_a_whole_portfolio_by_folder_with_a_dry_run_first(run, path, tmp_path):
    run(portfolio, "example", "--loans", "30", "--seed", "2", "--today", "2026-11-22", "--out", str(tmp_path / "p"))
    looked = json.loads(run(portfolio, "import", str(tmp_path / "p"), "--dry-run", "--json"))
    assert (looked["written"], looked["problem_count"], len(looked["files"])) == (False, 0, 10)
    assert "30 accounts" in run(portfolio, "import", str(tmp_path / "p"))
    again = json.loads(run(portfolio, "import", str(tmp_path / "p"), "--json"))
    assert all(file["known"] == file["good"] for file in again["files"])
    assert again["payments"] == {"cancelled": 0, "kept": 0, "broken": 0}


def test_a_dry_run_with_bad_rows_reports_them_and_fails(run, tmp_path):
    (tmp_path / "agents.csv").write_text("id,name,role\na,A,agent\n,B,agent\n")
    shown = run(portfolio, "import", "--agents", str(tmp_path / "agents.csv"), "--dry-run", fails=True)
    assert "agents.csv:3: id is empty" in shown
    with pytest.raises(PortfolioError, match="its name says not what it is"):
        run(portfolio, "import", str(tmp_path / "other.csv"))
    with pytest.raises(PortfolioError, match="no file to import"):
        run(portfolio, "import")


def test_payments_cancel_the_reminder_at_once(run, path, tmp_path):
    run(portfolio, "example", str(tmp_path), "--today", "2026-11-22")
    run(portfolio, "import", str(tmp_path / "customers.csv"), str(tmp_path / "loans.csv"))
    now = datetime(2026, 11, 22, tzinfo=UTC)
    with open_store(path) as store:
        campaigns = campaign_store(store)
        row = CampaignRow("r", "r", CampaignKind.REMINDER, "reminder", "none", "", "1", now)
        campaigns.add_campaign(row)
        campaigns.add_jobs([NewJob("r", "A-1001", "C-1001", Method.SMS, "reminder", "T-3", "T-3 2026-11-27", now)], now)
    file = tmp_path / "today.jsonl"
    payment = {"id": "P-1", "account_id": "A-1001", "amount": 450, "currency": "USD", "paid_at": "2026-11-20"}
    file.write_text(json.dumps(payment) + "\n")
    assert "1 pending contact(s) cancelled" in run(portfolio, "payments", str(file))
    assert "0 pending contact(s) cancelled" in run(portfolio, "payments", str(file))


def test_tasks_are_given_out_moved_and_closed(run, path, tmp_path):
    (tmp_path / "agents.csv").write_text("id,name,role,supervisor_id\ns,S,supervisor,\na,A,agent,s\nb,B,agent,s\n")
    run(portfolio, "import", str(tmp_path / "agents.csv"))
    with open_store(path) as store:
        for n in range(3):
            campaign_store(store).add_task("callback", "asked for it", f"k{n}", datetime(2026, 11, 22, tzinfo=UTC))
    assert "3 task(s) and 0 case(s) given" in run(campaign, "assign", "--supervisor", "s")
    assert "1 task(s)" in run(campaign, "transfer", "--from", "a", "--to", "b")
    listed = json.loads(run(campaign, "tasks", "--owner", "b", "--json"))
    assert len(listed) == 2
    assert "is closed" in run(campaign, "close", str(listed[0]["id"]), "--reason", "done")
    people = json.loads(run(campaign, "tasks", "--people", "--json"))
    assert {p["id"]: p["open"] for p in people} == {"a": 0, "b": 1, "s": 1}
    assert "asked for it" in run(campaign, "tasks")
