"""The network's answers: specification section 3, row by row; the table in Python and the view in SQL say the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.db import SqliteStore, open_store
from voicebot.call.machine import DISPOSITIONS
from voicebot.model.outcome import AnsweredBy, Disposition, Outcome
from voicebot.model.records import AttemptProgress, AttemptStart
from voicebot.model.sip_status import Feedback, about_the_network, network_result, q850_cause
from voicebot.nlu.answering import BARRED, NOT_IN_SERVICE, UNREACHABLE

D, F = Disposition, Feedback
NOW = "2026-11-22T12:00:05+00:00"

#: feedback, disposition, statuses, causes: the table's rows that the network alone can tell.
ROWS = [
    (F.INVALID_NUMBER, D.FAILED, (404, 410, 484, 604), (1, 22, 28)),
    (F.REJECTED, D.HUNG_UP, (603, 607, 608), ()),
    (F.POWERED_OFF, D.NO_ANSWER, (), (20,)),
    (F.NO_ANSWER, D.NO_ANSWER, (408, 480, 487), (18, 19)),
    (F.BUSY, D.BUSY, (486, 600), (17,)),
    (None, D.FAILED, (500, 502, 503, 504, 513, 580), (34, 38, 41, 42)),
    (None, D.FAILED, (None, 302, 400, 401, 403, 407, 488), ()),
]


@pytest.mark.parametrize(("feedback", "disposition", "statuses", "causes"), ROWS)
def test_the_rows(feedback, disposition, statuses, causes):
    for status in statuses:
        result = network_result(status)
        assert (result.feedback, result.disposition) == (feedback, disposition), status
    for cause in causes:
        for status in (None, 404, 480, 486, 503, 603):
            result = network_result(status, cause)
            assert (result.feedback, result.disposition) == (feedback, disposition), (status, cause)


@pytest.mark.parametrize("cause", [None, 16, 21, 31, 127])
def test_a_cause_that_says_nothing_leaves_it_to_the_status(cause):
    assert network_result(480, cause).feedback is F.NO_ANSWER
    assert network_result(503, cause).disposition is D.FAILED


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Q.850;cause=16", 16),
        ('Busy Here,Q.850 ;cause=17 ;text="User busy"', 17),
        ('SIP;cause=200;text="x", q.850; text="a" ; Cause = 34', 34),
        ("SIP;cause=480", None),
        ("Q.850", None),
        ("Q.850;cause=999", None),
        ("Q.850;cause=1234", None),
        ("Not Found", None),
        ("", None),
    ],
)
def test_the_cause_is_read_from_the_reason(text, cause):
    assert q850_cause(text) == cause


@given(st.text())
def test_any_text_is_read_without_an_error(text):
    cause = q850_cause(text)
    assert cause is None or 0 <= cause <= 127


def test_which_causes_tell_of_the_network():
    assert not [c for c in (1, 16, 17, 18, 19, 20, 21, 22, 27, 28, 31) if about_the_network(c)]
    assert all(about_the_network(c) for c in (2, 3, 34, 38, 41, 42, 47, 63, 127))


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "bank.db") as opened:
        yield opened


def feedback(store: SqliteStore, outcome: Outcome, **facts: object) -> tuple[object, int]:
    """`feedback` and `counts` of an attempt with this end."""
    start = AttemptStart(None, None, "reminder", "v", "outbound", "00", "baresip", NOW)
    attempt = store.open_attempt(start)
    store.progress(attempt, AttemptProgress(**facts))  # type: ignore[arg-type]
    store.close_attempt(attempt, outcome)
    row = store.db.row("SELECT feedback, counts FROM v_attempts WHERE attempt_id = ?", attempt)
    assert row is not None
    return row["feedback"], row["counts"]


STATUSES = [None, 302, 401, 403, 404, 408, 410, 480, 484, 486, 487, 488, 500, 503, 504, 600, 603, 604, 606, 607, 608]
CAUSES = [None, 1, 16, 17, 18, 19, 20, 21, 22, 28, 34, 38, 41, 42, 127]


def test_the_view_says_the_same(store):
    for status in STATUSES:
        for cause in CAUSES:
            result = network_result(status, cause)
            by = "caller" if result.disposition is D.HUNG_UP else None
            got = feedback(store, Outcome(result.disposition, hung_up_by=by), sip_status=status, sip_cause=cause)
            counts = 1 if result.feedback else 0
            assert got == (result.feedback, counts), (status, cause)


@pytest.mark.parametrize(
    ("outcome", "facts", "wanted"),
    [
        (Outcome(DISPOSITIONS[NOT_IN_SERVICE], error="announcement_not_in_service"), {}, "invalid_number"),
        (Outcome(DISPOSITIONS[BARRED], error="announcement_barred"), {}, "suspended"),
        (Outcome(DISPOSITIONS[UNREACHABLE], error="announcement_unreachable"), {}, "powered_off"),
        (Outcome(D.WRONG_PARTY), {"answered_by": AnsweredBy.HUMAN, "talk_s": 20.0}, "wrong_party"),
        (Outcome(D.HUNG_UP, hung_up_by="caller"), {"answered_by": AnsweredBy.HUMAN, "talk_s": 9.9}, "rejected"),
        (Outcome(D.VOICEMAIL), {"answered_by": AnsweredBy.VOICEMAIL, "talk_s": 20.0}, "machine"),
        (Outcome(D.HUNG_UP), {"answered_by": AnsweredBy.SCREENING, "talk_s": 20.0}, "machine"),
    ],
)
def test_the_rows_that_need_the_conversation(store, outcome, facts, wanted):
    """The row "third party answered" is part of wrong_party: WRONG_PARTY does not tell a relative from a stranger."""
    assert feedback(store, outcome, sip_status=200, answered_at=NOW, **facts) == (wanted, 1)


def test_a_call_that_no_trunk_took_says_nothing_about_the_customer(store):
    assert feedback(store, Outcome(D.FAILED, error="trunk"), sip_status=408) == (None, 0)
    assert feedback(store, Outcome(D.FAILED, error="network")) == (None, 0)
