"""The views that scoring reads."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from voicebot.model.outcome import AnsweredBy, Disposition, Outcome, Promise, WarningCode, WarningRaised
from voicebot.model.records import AttemptProgress, Turn
from voicebot.model.voice import VoiceDecision, VoiceReason, VoiceState

D = Disposition
ANSWERED = "2026-11-22T12:00:05+00:00"


@pytest.fixture
def attempt(store, start):
    """Makes one closed attempt and returns its row of v_attempts."""

    def make(outcome: Outcome, account="A-1", direction="outbound", **facts):
        number = store.open_attempt(start(account, direction=direction))
        store.progress(number, AttemptProgress(**facts))
        store.close_attempt(number, outcome)
        return store.db.row("SELECT * FROM v_attempts WHERE attempt_id = ?", number)

    return make


# SIP status, answered by, disposition, talk_s (None: not answered) -> feedback, hung_up, counts: section 3
CASES = [
    (404, None, D.FAILED, None, "invalid_number", 0, 1),
    (410, None, D.FAILED, None, "invalid_number", 0, 1),
    (484, None, D.FAILED, None, "invalid_number", 0, 1),
    (604, None, D.FAILED, None, "invalid_number", 0, 1),
    (200, AnsweredBy.HUMAN, D.WRONG_PARTY, 20.0, "wrong_party", 0, 1),
    (603, None, D.HUNG_UP, None, "rejected", 1, 1),
    (607, None, D.HUNG_UP, None, "rejected", 1, 1),
    (608, None, D.HUNG_UP, None, "rejected", 1, 1),
    (200, AnsweredBy.HUMAN, D.HUNG_UP, 9.0, "rejected", 1, 1),
    (200, AnsweredBy.HUMAN, D.HUNG_UP, 11.0, None, 0, 1),
    (200, AnsweredBy.VOICEMAIL, D.VOICEMAIL, 20.0, "machine", 0, 1),
    (200, AnsweredBy.SCREENING, D.HUNG_UP, 20.0, "machine", 0, 1),
    (200, None, D.VOICEMAIL, 20.0, "machine", 0, 1),
    (486, None, D.BUSY, None, "busy", 0, 1),
    (600, None, D.BUSY, None, "busy", 0, 1),
    (408, None, D.NO_ANSWER, None, "no_answer", 0, 1),
    (480, None, D.NO_ANSWER, None, "no_answer", 0, 1),
    (487, None, D.NO_ANSWER, None, "no_answer", 0, 1),
    (None, None, D.NO_ANSWER, None, "no_answer", 0, 1),
    (503, None, D.FAILED, None, None, 0, 0),
    (500, None, D.TECHNICAL_FAILURE, None, None, 0, 0),
    (None, None, D.TECHNICAL_FAILURE, None, None, 0, 0),
    (200, AnsweredBy.HUMAN, D.PROMISE_TO_PAY, 60.0, None, 0, 1),
]


@pytest.mark.parametrize(("status", "who", "disposition", "talk_s", "feedback", "hung_up", "counts"), CASES)
def test_feedback_types(attempt, status, who, disposition, talk_s, feedback, hung_up, counts):
    by = "caller" if disposition is D.HUNG_UP else None
    facts = {"talk_s": talk_s, "answered_at": ANSWERED} if talk_s else {}
    row = attempt(Outcome(disposition, hung_up_by=by), sip_status=status, answered_by=who, **facts)
    assert (row["feedback"], row["hung_up"], row["counts"]) == (feedback, hung_up, counts)


@pytest.mark.parametrize(
    ("disposition", "talk_s"), [(D.RPC_NOT_VERIFIED, 6.0), (D.CALLBACK, 30.0), (D.DO_NOT_CALL, 20.0)]
)
def test_somebody_else_at_the_customers_number_is_a_third_party(attempt, store, disposition, talk_s):
    told = Outcome(disposition, right_party=False, intents=("not_here", "third_party"), hung_up_by="caller")
    row = attempt(told, sip_status=200, answered_by=AnsweredBy.HUMAN, talk_s=talk_s, answered_at=ANSWERED)
    assert (row["feedback"], row["hung_up"], row["counts"]) == ("third_party", 0, 1)
    assert store.db.row("SELECT feedback, answered FROM v_contacts") == {"feedback": "third_party", "answered": 0}
    assert store.db.row("SELECT n_third_party AS n FROM v_case_contacts WHERE account_id = 'A-1'") == {"n": 1}


def test_the_three_facts_stay_apart(attempt):
    row = attempt(Outcome(D.HUNG_UP), sip_status=200, answered_by=AnsweredBy.UNKNOWN)
    assert (row["sip_status"], row["answered_by"], row["disposition"]) == (200, "unknown", "HUNG_UP")
    row = attempt(Outcome(D.NO_ANSWER))
    assert (row["sip_status"], row["answered_by"], row["disposition"]) == (None, None, "NO_ANSWER")


def test_an_open_attempt_is_in_the_view_and_counts_for_nothing(store, start):
    store.open_attempt(start())
    row = store.db.row("SELECT * FROM v_attempts")
    assert (row["state"], row["disposition"], row["feedback"], row["hung_up"]) == ("open", None, None, None)
    assert store.db.row("SELECT n_call, n_hang FROM v_case_contacts WHERE account_id = 'A-1'") == {
        "n_call": 0,
        "n_hang": 0,
    }


def test_case_contacts_counts_each_type_and_not_the_networks_failures(attempt, store):
    for status, who, disposition, talk_s, *_ in CASES:
        by = "caller" if disposition is D.HUNG_UP else None
        facts = {"talk_s": talk_s, "answered_at": ANSWERED} if talk_s else {}
        attempt(Outcome(disposition, hung_up_by=by), sip_status=status, answered_by=who, **facts)
    attempt(Outcome(D.RPC_VERIFIED, right_party=True), direction="inbound", answered_at=ANSWERED)
    row = store.db.row("SELECT * FROM v_case_contacts WHERE account_id = 'A-1'")
    counts = {k: v for k, v in row.items() if k.startswith("n_")}
    assert counts == {
        "n_call": 20,
        "n_hang": 4,
        "n_invalid_number": 4,
        "n_suspended": 0,
        "n_powered_off": 0,
        "n_wrong_party": 1,
        "n_third_party": 0,
        "n_rejected": 4,
        "n_machine": 3,
        "n_busy": 2,
        "n_no_answer": 4,
        "n_right_party": 1,
        "n_inbound": 1,
    }
    untried = store.db.row("SELECT * FROM v_case_contacts WHERE account_id = 'A-2'")
    assert (untried["n_call"], untried["n_hang"], untried["last_attempt_at"]) == (0, 0, None)


def test_promises_voiceprint_and_daily(attempt, store, start):
    number = store.open_attempt(start("A-2"))
    store.add_turn(number, Turn("s", "p", "t", 0, 1, reply_gap_s=0.5))
    store.add_turn(number, Turn("s", "p", "t", 2, 3, reply_gap_s=0.7))
    decision = VoiceDecision(VoiceState.MATCH, None, 0.8, 9.0, 4.5, 0.55, 0.35, "ecapa", "default")
    store.set_voice(number, VoiceDecision(VoiceState.INCONCLUSIVE, VoiceReason.NOISY, 0.4, 1.0, 2, 0.5, 0.3, "e", "d"))
    store.set_voice(number, decision)
    store.progress(number, AttemptProgress(answered_at=ANSWERED, answered_by=AnsweredBy.HUMAN, talk_s=30.0))
    promise = Promise(Decimal("2000"), date(2026, 11, 27))
    warning = WarningRaised(WarningCode.W_V4, "purpose")
    store.close_attempt(number, Outcome(D.PROMISE_TO_PAY, right_party=True, promise=promise, warnings=(warning,)))
    attempt(Outcome(D.TECHNICAL_FAILURE))

    (row,) = store.db.rows("SELECT * FROM v_promises")
    assert (row["account_id"], row["amount"], row["currency"], row["due_on"]) == ("A-2", "2000", "USD", "2026-11-27")
    assert (row["kept"], row["instalment"]) == (None, "450.00")
    (row,) = store.db.rows("SELECT * FROM v_voiceprint")
    assert (row["voice_state"], row["voice_reason"], row["voice_score"], row["voice_net_s"]) == (
        "match",
        None,
        0.8,
        4.5,
    )
    (row,) = store.db.rows("SELECT * FROM v_daily")
    assert (row["day"], row["attempts"], row["answered"], row["human"], row["right_party"]) == (
        "2026-11-22",
        2,
        1,
        1,
        1,
    )
    assert (row["promises"], row["technical_failures"], row["voice_match"], row["warnings"]) == (1, 1, 1, 1)
    assert row["mean_reply_gap_s"] == pytest.approx(0.6)
