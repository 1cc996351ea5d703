"""What a call leaves to people and the next call: times not to call, a task, a rating, the results of a follow-up."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from storage.scoring import ScoringRepository
from tests.support.campaign_rows import NOW, job, row
from voicebot.campaign.gate import decide
from voicebot.campaign.profiles import load_profiles
from voicebot.campaign.retry import RetryRules, next_try
from voicebot.model.campaign import CampaignState, GateFacts, Method
from voicebot.model.no_call import NoCallWindow
from voicebot.model.outcome import Disposition, ItemResult, Outcome, WarningCode, WarningRaised
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.runs_customers import run_warnings

ROOT = Path(__file__).resolve().parents[3]
EVENING_ONLY = NoCallWindow(time(), time(18))
M, X = ItemResult.MATCH, ItemResult.MISMATCH
#: Monday noon in New York, where the customer is.
MONDAY = datetime(2026, 11, 23, 12, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)


def closed(store, start, outcome: Outcome, flow: str = "follow_up") -> int:
    attempt = store.open_attempt(start("A-1", flow=flow))
    assert store.close_attempt(attempt, outcome)
    return attempt


def test_the_next_call_moves_out_of_the_time_named(campaigns, store, start):
    """Said in a call about one loan, it holds for the next job of another loan of the same customer."""
    rules = load_profiles(ROOT / "calling_rules")["none"]
    assert decide(rules, campaigns.gate_facts("A-3", "service", MONDAY), MONDAY).allowed
    attempt = closed(store, start, Outcome(Disposition.CALLBACK, no_call=(EVENING_ONLY,)), "reminder")
    facts: GateFacts = campaigns.gate_facts("A-3", "service", MONDAY)
    decision = decide(rules, facts, MONDAY)
    six = datetime(2026, 11, 23, 18, tzinfo=ZoneInfo("America/New_York"))
    assert (decision.rule, decision.retry_at) == ("personal_window", six)
    assert decide(rules, facts, six.astimezone(UTC)).allowed
    assert store.call(attempt).outcome.no_call == (EVENING_ONLY,)


def test_an_unknown_caller_leaves_no_times(store, start):
    attempt = store.open_attempt(start(None, direction="inbound"))
    assert store.close_attempt(attempt, Outcome(Disposition.CALLBACK, no_call=(EVENING_ONLY,)))
    assert store.db.rows("SELECT * FROM personal_windows") == []


def test_a_complaint_is_a_task_for_the_supervisor_and_stops_the_robot(campaigns, store, start):
    with store.db.write():
        for agent, boss in (("S-1", None), ("AG-1", "S-1")):
            store.db.insert("agents", {"id": agent, "name": agent, "role": "agent", "supervisor_id": boss})
        store.db.run("UPDATE accounts SET agent_id = 'AG-1' WHERE id = 'A-1'")
    outcome = Outcome(
        Disposition.RPC_VERIFIED, right_party=True, intents=("complaint",), complaint=True, needs_human="complaint"
    )
    attempt = closed(store, start, outcome)
    (task,) = campaigns.tasks()
    assert (task.kind, task.owner_id, task.attempt_id, task.account_id) == ("complaint", "S-1", attempt, "A-1")
    assert task.due_at is not None
    assert campaigns.gate_facts("A-1", "service", NOW).stopped_by == "complaint"
    campaigns.close_task(task.id, "closed", "settled")
    assert campaigns.gate_facts("A-1", "service", NOW).stopped_by is None
    found = store.call(attempt).outcome
    assert (found.complaint, found.needs_human) == (True, "complaint")


def test_the_results_of_a_follow_up_where_reports_read_them(store, start):
    wrong = {"identity": M, "purpose": X, "procedure": ItemResult.NOT_ASKED}
    warning = WarningRaised(WarningCode.W_Q3, "purpose", {"items": ["purpose"]})
    outcome = Outcome(
        Disposition.RPC_VERIFIED,
        right_party=True,
        items=wrong,
        warnings=(warning,),
        needs_human="review",
        rating=2,
    )
    attempt = closed(store, start, outcome)
    (found,) = store.db.rows("SELECT * FROM v_follow_ups")
    names = ("purpose_ok", "procedure_ok", "identity_ok", "complaint", "needs_human", "rating")
    assert [found[name] for name in names] == [0, None, 1, 0, 1, 2]
    (counts,) = store.db.rows("SELECT rated, rating_sum, complaints FROM v_performance")
    assert (counts["rated"], counts["rating_sum"], counts["complaints"]) == (1, 2, 0)
    assert store.call(attempt).outcome.rating == 2
    (stored,) = store.call(attempt).warnings
    assert (stored.code, stored.owner) == ("W-Q3", "internal audit")
    # The nightly run does not warn again about what the call has warned of.
    assert run_warnings(ScoringRepository(store.db), ScoringSettings(), NOW)["follow-up faults"] == 0


def test_followed_up_is_not_planned_again(campaigns, store, start):
    closed(store, start, Outcome(Disposition.RPC_VERIFIED, right_party=True))
    assert {c.account.id: c.followed_up for c in campaigns.candidates(NOW.date())}["A-1"] is True


def test_the_job_after_a_callback_waits_for_the_time(campaigns, store, start):
    """The whole way: named in the call of a job, the job is pending again, and the gate keeps it back until then."""
    campaigns.add_campaign(row())
    campaigns.add_jobs([job("A-1")], NOW)
    campaigns.set_campaign_state("c", CampaignState.RUNNING, "", NOW)
    (leased,) = campaigns.lease(1, NOW, (Method.PHONE,))
    attempt = store.open_attempt(start("A-1", campaign_id="c", job_id=leased.id))
    six = datetime(2026, 11, 23, 18, tzinfo=ZoneInfo("America/New_York"))
    store.close_attempt(attempt, Outcome(Disposition.CALLBACK, no_call=(EVENING_ONLY,), callback_at=six))
    state, reason, when = next_try(campaigns.closed_try(leased.id), 1, MONDAY, RetryRules())
    assert (state.value, reason, when) == ("pending", "callback", six)
