"""The meter of abandoned calls: what counts, and that a campaign stops dialing before the law's share is reached."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.campaign_rows import NOW, row
from voicebot.campaign.gatekeeper import Gatekeeper
from voicebot.campaign.profiles import Abandoned, load_profiles
from voicebot.errors import DialForbidden
from voicebot.model.campaign import Answered, CampaignState
from voicebot.model.outcome import AnsweredBy, Disposition, Outcome
from voicebot.model.records import AttemptProgress, Turn

PROFILES = load_profiles(Path(__file__).resolve().parents[3] / "calling_rules")


@pytest.fixture
def called(store, start, campaigns, clock):
    """A call of a campaign: when the bot began to speak (None: never), who answered, how long it lasted."""
    campaigns.add_campaign(row("us", profile="us"))
    campaigns.set_campaign_state("us", CampaignState.RUNNING, "test", NOW)

    def make(
        began: float | None,
        by: AnsweredBy | None = AnsweredBy.HUMAN,
        *,
        talk_s: float = 20.0,
        hung_up_by: str | None = None,
        campaign: str = "us",
        answered: bool = True,
    ) -> None:
        clock.forward(seconds=1)
        attempt = store.open_attempt(start("A-1", campaign_id=campaign))
        at = clock.now.isoformat() if answered else None
        store.progress(attempt, AttemptProgress(answered_by=by, answered_at=at, talk_s=talk_s))
        if began is not None:
            store.add_turn(attempt, Turn("s", "p", "Hello", began, began + 1))
        store.close_attempt(attempt, Outcome(Disposition.HUNG_UP, hung_up_by=hung_up_by))

    return make


def test_what_counts(called, campaigns):
    called(0.4)
    called(2.5)
    called(None, by=None)
    called(None, talk_s=1.5, hung_up_by="caller")  # did not wait for us
    called(None, talk_s=4.0, hung_up_by="caller")
    called(None, by=AnsweredBy.VOICEMAIL)
    called(1.0, by=AnsweredBy.VOICEMAIL)
    called(None, by=AnsweredBy.SCREENING)
    called(None, answered=False, by=None)
    called(None, campaign="c")
    assert campaigns.answered("us", NOW, 2.0) == Answered(people=5, abandoned=3, silent_machines=1)
    assert campaigns.answered("us", NOW + timedelta(days=1), 2.0) == Answered()


@pytest.mark.parametrize(
    ("answered", "share"),
    [
        (Answered(1000, 25, 0), 0.025),
        (Answered(10, 1, 0), 0.02),  # of few answers no share is taken
        (Answered(100, 0, 0), 0.0),
        (Answered(997, 22, 100), 0.025),  # persons among what was taken for a machine count too
    ],
)
def test_the_share(answered, share):
    assert Abandoned(max=0.025).share(answered) == pytest.approx(share)


def test_at_two_and_a_half_percent_the_campaign_stops_dialing(called, campaigns, clock):
    gate = Gatekeeper(campaigns, PROFILES, None, (), now=clock)
    allowed = pytest.raises(DialForbidden, match="rule consent_ai_voice")  # the gate's own rules are asked next
    called(0.3)
    called(None)
    with allowed:
        gate.admitted("A-1", "reminder", pytest.fail, campaign_id="us")
    called(None)
    clock.forward(seconds=11)
    with pytest.raises(DialForbidden) as stopped:
        gate.admitted("A-1", "reminder", pytest.fail, campaign_id="us")
    assert stopped.value.rule == "abandoned_calls"
    assert "2 of 3 answered calls of 30 days heard nobody within 2 s: 4.0%" in str(stopped.value)
    assert stopped.value.retry_at is not None
    standing = campaigns.campaign("us")
    assert (standing.state, "the limit is 2.5%" in str(standing.state_reason)) == (CampaignState.PAUSED, True)
    campaigns.set_campaign_state("us", CampaignState.RUNNING, "again", clock.now)
    with pytest.raises(DialForbidden, match="heard nobody"):  # whoever resumes it is stopped again
        gate.admitted("A-1", "reminder", pytest.fail, campaign_id="us")
    clock.forward(days=31)
    with allowed:
        gate.admitted("A-1", "reminder", pytest.fail, campaign_id="us")


def test_profiles_without_the_rule_have_no_meter(called, campaigns, clock):
    for _ in range(3):
        called(None, campaign="c")
    gate = Gatekeeper(campaigns, PROFILES, None, (), now=clock)
    assert gate.admitted("A-1", "reminder", lambda: 1, campaign_id="c", job_id=None) == 1
