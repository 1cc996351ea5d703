"""What the gate is told, and that its decisions come back with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path

import pytest

from tests.support.campaign_rows import NOW
from voicebot.errors import CampaignError, StorageError
from voicebot.model.campaign import (
    GateDecision,
)
from voicebot.model.no_call import NoCallWindow
from voicebot.model.outcome import AnsweredBy, Disposition, Outcome
from voicebot.model.records import AttemptProgress, AttemptStart, Consent

Start = Callable[..., AttemptStart]
ROOT = Path(__file__).resolve().parents[3]


def test_facts_of_somebody_nothing_is_known_of(campaigns, store):
    facts = campaigns.gate_facts("A-2", "marketing", NOW)
    assert facts.zones == ()  # UTC is no place
    assert (facts.consents, facts.contacts, facts.lists, facts.no_call_windows) == ({}, (), (), ())
    assert not facts.do_not_call
    assert facts.stopped_by is None
    assert campaigns.gate_facts("A-1", "service", NOW).zones == ("America/New_York",)
    assert "15550101001" not in facts.number_hash
    with pytest.raises(StorageError):
        campaigns.gate_facts("A-9", "service", NOW)


def test_facts_of_lists_windows_and_consents(campaigns, store):
    for granted, at in ((True, "2026-11-01T00:00:00+00:00"), (False, "2026-11-02T00:00:00+00:00")):
        store.add_consent(None, Consent("C-1", "ai_voice", "spoken", "1", granted, at))
    number = store.number_hash("15550101001")
    campaigns.add_no_call_window("C-1", NoCallWindow(time(9), time(12, 30), (2, 1)), NOW)
    with pytest.raises(CampaignError, match="weekdays"):
        campaigns.add_no_call_window("C-1", NoCallWindow(time(9), time(12), (0,)), NOW)
    with store.db.write():
        for name in ("reassigned", "federal"):
            values = {"list": name, "number_hash": number, "imported_at": NOW.isoformat()}
            store.db.insert("do_not_call_lists", values)
        window = {"customer_id": "C-1", "weekdays": "12", "from_time": "9 am", "to_time": "noon"}
        store.db.insert("personal_windows", {**window, "since": NOW.isoformat()})
    facts = campaigns.gate_facts("A-1", "service", NOW)
    assert facts.consents["ai_voice"].granted is False
    assert facts.lists == ("federal", "reassigned")
    assert facts.no_call_windows == (NoCallWindow(time(9), time(12, 30), (1, 2)), NoCallWindow(time(), time()))


def test_facts_of_calls_by_person_and_by_number(campaigns, store, start, clock):
    number = store.number_hash("15550101001")
    calls = [
        ("A-1", "outbound", number, AnsweredBy.HUMAN, Outcome(Disposition.PROMISE_TO_PAY, right_party=True)),
        ("A-3", "outbound", "f" * 64, AnsweredBy.VOICEMAIL, Outcome(Disposition.VOICEMAIL)),
        (None, "inbound", number, AnsweredBy.UNKNOWN, Outcome(Disposition.HUNG_UP)),
        ("A-2", "outbound", "e" * 64, None, Outcome(Disposition.NO_ANSWER)),
    ]
    for account, direction, number_hash, by, outcome in calls:
        attempt = store.open_attempt(start(account, direction=direction, number_hash=number_hash))
        if by is not None:
            store.progress(attempt, AttemptProgress(answered_at=NOW.isoformat(), answered_by=by))
        store.close_attempt(attempt, outcome)
        clock.forward(hours=1)
    found = campaigns.gate_facts("A-1", "service", clock()).contacts
    assert [(c.account_id, c.inbound, c.effective, c.conversation) for c in found] == [
        ("A-1", False, True, True),
        ("A-3", False, False, False),
        (None, True, True, False),
    ]
    clock.forward(days=40)
    assert campaigns.gate_facts("A-1", "service", clock()).contacts == ()


def test_contacts_by_people_count_too(campaigns, store):
    with store.db.write():
        values = {"source": "crm", "account_id": "A-3", "method": "phone", "at": NOW.isoformat()}
        store.db.insert("contacts", {**values, "source_id": "1", "right_party": 1, "answered": 1})
        store.db.insert("contacts", {**values, "source_id": "2", "method": "email"})
    (contact,) = campaigns.gate_facts("A-1", "service", NOW).contacts
    assert (contact.effective, contact.conversation, contact.account_id) == (True, True, "A-3")


@pytest.mark.parametrize(
    ("outcome", "stopped"),
    [
        (Outcome(Disposition.DISPUTE, dispute=True), "dispute"),
        (Outcome(Disposition.PROMISE_TO_PAY, hardship=True), "hardship"),
        (Outcome(Disposition.CALLBACK, intents=("complaint",)), "complaint"),
        (Outcome(Disposition.REFUSED, refusal=True), None),
    ],
)
def test_a_dispute_ends_automation_until_a_person_has_closed_it(campaigns, store, start, outcome, stopped):
    attempt = store.open_attempt(start())
    store.close_attempt(attempt, outcome)
    assert campaigns.gate_facts("A-1", "service", NOW).stopped_by == stopped
    assert campaigns.gate_facts("A-2", "service", NOW).stopped_by is None
    campaigns.add_task("review", "said so", "t", NOW, account_id="A-1", attempt_id=attempt)
    (task,) = campaigns.tasks()
    campaigns.close_task(task.id, "closed", "settled")
    assert campaigns.gate_facts("A-1", "service", NOW).stopped_by is None
    assert not campaigns.tasks()
    with pytest.raises(CampaignError):
        campaigns.close_task(task.id, "closed", "twice")


def test_an_open_takeover_is_a_persons_case(campaigns):
    assert campaigns.add_task("takeover", "3 unanswered", "k", NOW, account_id="A-1")
    assert not campaigns.add_task("takeover", "3 unanswered", "k", NOW, account_id="A-1")
    assert campaigns.gate_facts("A-1", "service", NOW).stopped_by == "human"


def test_wrong_party_and_do_not_call(campaigns, store, start):
    number = store.number_hash("15550101001")
    store.close_attempt(store.open_attempt(start(number_hash=number)), Outcome(Disposition.WRONG_PARTY))
    assert campaigns.gate_facts("A-3", "service", NOW).wrong_party
    store.close_attempt(
        store.open_attempt(start(number_hash=number, direction="inbound")),
        Outcome(Disposition.DO_NOT_CALL, right_party=True, opt_out=True),
    )
    facts = campaigns.gate_facts("A-3", "service", NOW)
    assert not facts.wrong_party
    assert facts.do_not_call


def test_somebody_else_at_home_does_not_block_the_number(campaigns, store, start):
    number = store.number_hash("15550101001")
    told = Outcome(Disposition.RPC_NOT_VERIFIED, right_party=False, intents=("not_here", "third_party"))
    store.close_attempt(store.open_attempt(start(number_hash=number)), told)
    facts = campaigns.gate_facts("A-3", "service", NOW)
    assert not facts.wrong_party
    assert facts.stopped_by is None


def test_decisions_come_back_with_their_facts(campaigns, store, start):
    store.close_attempt(store.open_attempt(start()), Outcome(Disposition.NO_ANSWER))
    store.add_consent(None, Consent("C-1", "ai_voice", "written", "1", True, "2026-11-01T00:00:00+00:00"))
    facts = campaigns.gate_facts("A-1", "service", NOW)
    decision = GateDecision(False, "call_hours", "night", "us", "1-ab/gate-1", NOW, NOW + timedelta(hours=2), {"n": 1})
    number = campaigns.add_decision(None, decision, facts)
    ((found, back, given),) = campaigns.decisions(NOW)
    assert (found, given) == (number, facts)
    assert back.inputs["n"] == 1
    assert dataclasses.replace(back, inputs={}) == dataclasses.replace(decision, inputs={})
    assert campaigns.decisions(NOW + timedelta(seconds=1)) == ()
