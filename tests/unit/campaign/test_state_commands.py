"""`voicebot campaign start|pause|resume|stop|status|run` as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from storage.campaign import campaign_store
from storage.db import open_store
from storage.portfolio import import_portfolio
from storage.portfolio_example import COMMITTED_TODAY, write_example
from tests.support.bots import bot_settings
from tests.support.live_campaign import job
from voicebot.campaign.dialer_state import DialerState, state_file, write_state
from voicebot.campaign.pacing import own_lines
from voicebot.commands.campaign import campaign
from voicebot.errors import CampaignError
from voicebot.model.campaign import CampaignKind, CampaignRow
from voicebot.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A bank with the campaign `spring`, planned: three jobs."""
    made = bot_settings(tmp_path, "127.0.0.1:5070")
    with open_store(made.paths.database) as store:
        assert not import_portfolio(store.db, *write_example(tmp_path / "p", today=COMMITTED_TODAY)).problems
        campaigns = campaign_store(store)
        plan = job("A-1001")
        campaigns.add_campaign(row("lines: 4"))
        campaigns.add_jobs([plan, job("A-1002"), job("A-1003")], plan.not_before)
    return made


def row(definition: str) -> CampaignRow:
    at = job("A-1001").not_before
    return CampaignRow("spring", "Spring", CampaignKind.REMINDER, "reminder", "none", definition, "sha", at)


def typed(settings: Settings, *words: str) -> Result:
    return CliRunner().invoke(campaign, words, obj=settings, catch_exceptions=True)


def standing(settings: Settings) -> dict[str, object]:
    return json.loads(typed(settings, "status", "spring", "--json").output)


def test_the_ways_of_a_campaign(settings: Settings) -> None:
    assert standing(settings)["campaigns"][0]["state"] == "draft"
    assert typed(settings, "start", "spring").output == "spring is running\n"
    assert typed(settings, "pause", "spring", "--reason", "new script").exit_code == 0
    found = standing(settings)["campaigns"][0]
    assert (found["state"], found["reason"]) == ("paused", "new script")
    assert found["jobs"] == {"pending": 3, "leased": 0, "done": 0, "cancelled": 0, "human": 0, "failed": 0}
    assert found["next_due"] is not None
    assert typed(settings, "resume", "spring").exit_code == 0
    assert typed(settings, "stop", "spring").exit_code == 0
    assert standing(settings)["campaigns"][0]["jobs"]["cancelled"] == 3
    again = typed(settings, "start", "spring")
    assert isinstance(again.exception, CampaignError)


def test_an_unknown_campaign_is_an_error(settings: Settings) -> None:
    for words in (("start", "x"), ("status", "x"), ("run", "x")):
        assert isinstance(typed(settings, *words).exception, CampaignError)


def test_a_campaign_that_is_not_started_does_not_run(settings: Settings) -> None:
    refused = typed(settings, "run", "spring")
    assert "spring is draft" in str(refused.exception)
    assert "voicebot campaign start" in str(refused.exception)


def test_status_shows_the_running_dialer(settings: Settings) -> None:
    assert standing(settings)["dialer"] is None
    assert "no dialer runs" in typed(settings, "status").output
    write_state(state_file(settings.paths.database), DialerState(8, 3, "open", {"spring": 2}))
    assert standing(settings)["dialer"] == {"lines": 8, "lines_in_use": 3, "breaker": "open"}
    assert standing(settings)["campaigns"][0]["in_work"] == 2
    assert "3 of 8 lines in use, the trunk's breaker is open" in typed(settings, "status").output


@pytest.mark.parametrize(
    ("definition", "lines"),
    [("lines: 4", 4), ("campaign: x\nlines: '2'\n", 2), ("campaign: x", None), ("lines: many", None), ("a: [", None)],
)
def test_a_campaigns_own_lines(definition: str, lines: int | None) -> None:
    assert own_lines(row(definition)) == lines
