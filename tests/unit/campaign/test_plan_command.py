"""`voicebot campaign plan, check, redraw, decisions, replay` on a portfolio in SQLite."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from storage.campaign import campaign_store
from storage.db import open_store
from voicebot.cli import cli
from voicebot.errors import CampaignError
from voicebot.model.campaign import CampaignState

DAY = ("--day", "2026-11-25", "--at", "2026-11-22T12:00:00Z")


class Bank:
    """A database with 300 loans of the example portfolio, and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.database = folder, folder / "bank.db"
        (folder / "voicebot.toml").write_text(f'[paths]\ndatabase = "{self.database}"\n')
        out = str(folder / "portfolio")
        self("portfolio", "example", "--loans", "300", "--seed", "1", "--today", "2026-11-22", "--out", out)
        self("portfolio", "import", out)

    def __call__(self, *arguments: str, status: int = 0) -> Result:
        given = ["--settings", str(self.folder / "voicebot.toml"), *arguments]
        result = CliRunner().invoke(cli, given, catch_exceptions=status != 2)
        assert result.exit_code == status, result.output
        return result

    def json(self, *arguments: str) -> dict[str, object]:
        found = json.loads(self("campaign", "plan", *arguments, *DAY, "--json").stdout)
        assert isinstance(found, dict)
        return found


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return Bank(tmp_path_factory.mktemp("bank"))


def test_a_dry_run_says_who_when_and_why_not_and_stores_nothing(bank):
    plan = bank.json("campaigns/reminders.yaml", "--dry-run")
    assert plan["campaign"] == "reminders"
    assert plan["stored"] is None
    assert plan["contacts"]
    assert {"not_due", "nothing_unpaid"} <= set(plan["skipped"])
    assert all(contact["due"] <= contact["until"] for contact in plan["contacts"])
    shown = bank("campaign", "plan", "campaigns/reminders.yaml", "--dry-run", *DAY).stdout
    assert "left out because" in shown
    assert "dry run: nothing was stored" in shown
    with open_store(bank.database) as store:
        assert campaign_store(store).campaigns() == ()
        assert campaign_store(store).decisions(datetime(2020, 1, 1, tzinfo=UTC)) == ()


def test_a_plan_is_stored_once_and_can_be_decided_again(bank):
    first = bank.json("campaigns/invitation.yaml")
    assert first["stored"] == len(first["contacts"]) > 0
    assert bank.json("campaigns/invitation.yaml")["stored"] == 0
    with open_store(bank.database) as store:
        jobs = campaign_store(store).jobs("invitation-2026-11")
        decisions = campaign_store(store).decisions(datetime(2020, 1, 1, tzinfo=UTC))
    assert len(jobs) == first["stored"]
    assert len(decisions) == 2 * len(first["left_out"])  # of both plans
    assert {d.rule for _, d, _ in decisions} == {one["rule"] for one in first["left_out"]}
    assert "decision(s) identical" in bank("campaign", "replay").stdout
    account = first["left_out"][0]["account"]
    shown = bank("campaign", "decisions", "--account", account, "--days", "3650", "--json").stdout
    assert {json.loads(line)["account"] for line in shown.splitlines()} == {account}


def test_a_spoiled_decision_is_found(bank):
    bank.json("campaigns/invitation.yaml")
    with open_store(bank.database) as store, store.db.write():
        store.db.run("UPDATE gate_decisions SET allowed = 1 WHERE id = (SELECT min(id) FROM gate_decisions)")
    result = bank("campaign", "replay", status=1)
    assert "differs: allowed: True then, False now" in result.stdout
    with open_store(bank.database) as store, store.db.write():
        store.db.run("UPDATE gate_decisions SET allowed = 0")


def test_a_day_that_is_over_has_no_contacts(bank):
    day = ("--day", "2026-11-25", "--at", "2026-11-27T12:00:00Z", "--json", "--dry-run")
    plan = json.loads(bank("campaign", "plan", "campaigns/reminders.yaml", *day).stdout)
    assert plan["contacts"] == []
    assert plan["skipped"]["over"] == len(plan["left_out"]) > 0


def test_a_contact_waits_for_the_rules(bank):
    """On Thanksgiving nobody is called; what stays due for days is called the day after."""
    at = ("--day", "2026-11-26", "--at", "2026-11-26T12:00:00Z", "--json", "--dry-run")
    plan = json.loads(bank("campaign", "plan", "campaigns/invitation.yaml", *at).stdout)
    assert plan["contacts"]
    assert {one["waits_for"] for one in plan["contacts"]} == {"holiday"}
    assert all(one["due"].startswith("2026-11-27T") for one in plan["contacts"])
    plan = json.loads(bank("campaign", "plan", "campaigns/follow_up.yaml", *at).stdout)
    assert plan["contacts"] == []
    assert "gate: holiday" in plan["skipped"]


def test_a_draw_is_made_again_from_its_seed(bank):
    plan = bank.json("campaigns/verification.yaml", "--seed", "42")
    draw = plan["draw"]
    assert draw["seed"] == 42
    assert draw["drawn"] == sum(n for _, n in draw["strata"].values())
    assert "the same draw" in bank("campaign", "redraw", "verification-2026-11").stdout
    with pytest.raises(CampaignError, match="drawn already"):
        bank("campaign", "plan", "campaigns/verification.yaml", *DAY, status=2)
    with pytest.raises(CampaignError, match="no campaign nothing"):
        bank("campaign", "redraw", "nothing", status=2)


def test_another_list_is_another_draw(bank):
    other = bank.folder / "other.yaml"
    text = Path("campaigns/verification.yaml").read_text(encoding="utf-8")
    other.write_text(text.replace("verification-{month}", "other").replace("strata: [product, branch]", "strata: []"))
    bank.json(str(other), "--seed", "1")
    with open_store(bank.database) as store, store.db.write():
        store.db.run("UPDATE accounts SET disbursed_on = '2026-11-24' WHERE id = 'A-1001'")
    result = bank("campaign", "redraw", "other", status=1)
    assert "another list than then" in result.stdout


def test_a_stopped_campaign_gets_nothing_more(bank):
    text = Path("campaigns/invitation.yaml").read_text(encoding="utf-8").replace("invitation-{month}", "stopped")
    (bank.folder / "stopped.yaml").write_text(text)
    bank.json(str(bank.folder / "stopped.yaml"))
    with open_store(bank.database) as store:
        campaign_store(store).set_campaign_state("stopped", CampaignState.STOPPED, "test", datetime.now(UTC))
    with pytest.raises(CampaignError, match="it is stopped"):
        bank("campaign", "plan", str(bank.folder / "stopped.yaml"), *DAY, status=2)


def test_follow_ups_go_to_the_team(bank):
    plan = bank.json("campaigns/follow_up.yaml", "--dry-run")
    given = {contact["rule"]: contact["assignee"] for contact in plan["contacts"]}
    assert given.get("everybody") is None
    assert all(contact["assignee"] for contact in plan["contacts"] if contact["rule"] == "partner-channels")


def test_check_names_what_is_wrong_with_its_line(bank):
    assert "campaigns/reminders.yaml: good" in bank("campaign", "check").stdout
    wrong = bank.folder / "wrong.yaml"
    wrong.write_text("campaign: a\ntitle: b\nkind: reminder\nprofile: uk\nflow: nothing\n")
    with pytest.raises(CampaignError) as caught:
        bank("campaign", "check", str(wrong), status=2)
    assert [line.rsplit("wrong.yaml:")[1][0] for line in caught.value.message.splitlines()] == ["4", "5"]


@pytest.mark.parametrize("given", [("--at", "tomorrow"), ("--day", "2026-02-30")])
def test_a_moment_that_is_none(bank, given):
    assert "Invalid value" in bank("campaign", "plan", "campaigns/reminders.yaml", *given, status=2).output
