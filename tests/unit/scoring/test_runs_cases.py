"""From calls in the database to classes, assignment and warnings (document C)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.unit.scoring.conftest import NOW, TODAY, Bank
from voicebot.errors import StorageError
from voicebot.model.outcome import Disposition, Outcome, Promise
from voicebot.model.records import Consent
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.config_cases import EmotionSettings
from voicebot.scoring.runs_cases import run_cases, run_collectors, window_start

DEFAULT = ScoringSettings()
D = Disposition


def classes(bank: Bank) -> dict[str, str]:
    return {account: str(score.result["class"]) for account, score in bank.scoring.newest("case").items()}


def test_calls_become_classes(bank: Bank) -> None:
    for back in (1, 2):
        bank.call(1, D.NO_ANSWER, days_ago=back)
    for back in range(6):
        bank.call(2, D.FAILED, days_ago=back, status=404)
    promise = Promise(Decimal("450"), date(2026, 12, 1))
    bank.call(3, Outcome(D.PROMISE_TO_PAY, right_party=True, promise=promise), words="i will pay on friday")
    bank.call(4, Outcome(D.REFUSED, right_party=True, refusal=True), words="no i will not pay you")
    figures = run_cases(bank.scoring, DEFAULT, NOW)
    assert classes(bank) == {
        "A-1": "normal",
        "A-2": "abnormal",
        "A-3": "cooperative",
        "A-4": "non_cooperative",
        "A-5": "normal",
    }
    found = bank.scoring.newest("case")
    assert round(float(str(found["A-1"].result["A"])), 3) == 0.249
    assert round(float(str(found["A-2"].result["A"])), 3) == 0.555
    assert found["A-5"].reasons == ("untried",)
    assert found["A-2"].inputs["invalid"] == 6
    assert found["A-4"].version.startswith("S12/1+")
    assert figures["overdue"] == 5
    assert bank.codes() == ["W-C1"]
    warning = bank.scoring.warnings()[0]
    assert (warning.customer_id, warning.subject, warning.owner, warning.state) == (
        "C-2",
        "case:A-2",
        "supervisor",
        "open",
    )
    assert warning.due_at == (NOW + timedelta(hours=48)).isoformat(timespec="microseconds")


def test_a_second_run_changes_nothing_and_warns_nobody_again(bank: Bank) -> None:
    for back in range(6):
        bank.call(2, D.FAILED, days_ago=back, status=404)
    run_cases(bank.scoring, DEFAULT, NOW)
    later = NOW + timedelta(days=1)
    figures = run_cases(bank.scoring, DEFAULT, later)
    assert (figures["changed"], figures["warnings"]) == (0, 0)
    history = bank.scoring.history("case", "A-2")
    assert len(history) == 1
    assert history[0].checked_at > history[0].at


def test_keywords_in_the_words_are_what_is_stored_not_the_words(bank: Bank) -> None:
    attempt = bank.call(1, Outcome(D.RPC_VERIFIED, right_party=True), words="you can sue me my name is john smith")
    run_cases(bank.scoring, DEFAULT, NOW)
    label = bank.scoring.newest("communication")[f"attempt:{attempt}"]
    assert label.inputs["keywords"] == ["threat: sue me"]
    assert label.result["label"] == "non_cooperative"
    stored = str(bank.store.db.rows("SELECT * FROM scores"))
    assert "john" not in stored


class Judge:
    """Every text is as negative as it is told to be."""

    version = "judge/1"
    languages = frozenset({"en"})

    def __init__(self, p: float) -> None:
        self.p = p
        self.asked = 0

    def p_negative(self, texts: object) -> float:
        self.asked += 1
        return self.p


def test_what_the_flow_understood_as_a_refusal_counts_as_a_keyword(bank: Bank) -> None:
    bank.call(1, Outcome(D.REFUSED, right_party=True, refusal=True), words="that is not going to happen")
    bank.call(2, Outcome(D.DO_NOT_CALL, right_party=True, opt_out=True), words="cease and desist")
    bank.call(
        3, Outcome(D.RPC_VERIFIED, right_party=True, intents=("who_is_this",)), words="that is not going to happen"
    )
    run_cases(bank.scoring, DEFAULT, NOW)
    found = classes(bank)
    assert [found[f"A-{n}"] for n in (1, 2, 3)] == ["non_cooperative", "non_cooperative", "cooperative"]
    (stored,) = bank.scoring.communications_of("A-1")
    assert stored.result["keywords"] == ["understood: refusal"]


def test_the_emotion_is_asked_only_where_a_keyword_was_said(bank: Bank) -> None:
    bank.call(1, Outcome(D.RPC_VERIFIED, right_party=True), words="yes that is fine")
    bank.call(2, Outcome(D.RPC_VERIFIED, right_party=True), words="none of your business really")
    judge = Judge(0.1)
    run_cases(bank.scoring, DEFAULT, NOW, judge)
    assert judge.asked == 0  # C-2 has not agreed: the keyword decides
    assert classes(bank)["A-2"] == "non_cooperative"
    bank.store.add_consent(None, Consent("C-2", "emotion", "written", "v1", True, NOW.isoformat()))
    run_cases(bank.scoring, DEFAULT, NOW, judge)
    assert judge.asked == 1
    assert classes(bank)["A-2"] == "cooperative"  # K = 1 - p_neg: calm
    run_cases(bank.scoring, DEFAULT, NOW, Judge(0.9))
    assert classes(bank)["A-2"] == "non_cooperative"


def told(bank: Bank, granted: bool | None, days_ago: float = 0) -> None:
    """The customer of A-2 hears of it, and answers (None: with silence)."""
    at = (NOW - timedelta(days=days_ago)).isoformat()
    bank.store.add_consent(None, Consent("C-2", "emotion", "spoken", "v1", granted, at))


def test_the_emotion_is_asked_in_its_language_and_until_the_customer_takes_the_consent_back(bank: Bank) -> None:
    bank.call(2, Outcome(D.RPC_VERIFIED, right_party=True), words="none of your business really")
    judge = Judge(0.1)
    told(bank, None, days_ago=2)
    without = DEFAULT.model_copy(update={"emotion": EmotionSettings(enabled=True, consent=False)})
    run_cases(bank.scoring, without, NOW, judge)
    assert judge.asked == 1
    judge.languages = frozenset({"zh"})
    run_cases(bank.scoring, without, NOW, judge)
    assert judge.asked == 1
    judge.languages = frozenset({"en"})
    told(bank, True)
    told(bank, False)
    for settings in (DEFAULT, without):  # where telling is enough, a no is a no all the same
        run_cases(bank.scoring, settings, NOW, judge)
    assert judge.asked == 1


def test_no_emotion_is_judged_of_what_was_said_before_the_first_notice(bank: Bank) -> None:
    without = DEFAULT.model_copy(update={"emotion": EmotionSettings(enabled=True, consent=False)})
    outcome = Outcome(D.RPC_VERIFIED, right_party=True)
    bank.call(2, outcome, words="none of your business really", days_ago=5)
    told(bank, None, days_ago=3)
    judge = Judge(0.1)
    run_cases(bank.scoring, without, NOW, judge)
    assert judge.asked == 0
    bank.call(2, outcome, words="none of your business really", days_ago=1)
    run_cases(bank.scoring, without, NOW, judge)
    assert judge.asked == 1


def test_network_failures_and_our_own_are_no_feedback(bank: Bank) -> None:
    bank.call(1, D.FAILED, status=503)
    bank.call(1, D.TECHNICAL_FAILURE, days_ago=2, status=500)
    run_cases(bank.scoring, DEFAULT, NOW)
    assert bank.scoring.newest("case")["A-1"].reasons == ("untried",)


def test_contacts_of_people_count_too(bank: Bank) -> None:
    bank.collector("K-1")
    with bank.store.db.write():
        for i in range(4):
            bank.store.db.insert(
                "contacts",
                {
                    "source": "crm",
                    "source_id": str(i),
                    "account_id": "A-1",
                    "collector_id": "K-1",
                    "method": "phone" if i < 2 else "sms",
                    "at": (NOW - timedelta(days=1 if i == 2 else 20)).isoformat(timespec="microseconds"),
                    "duration_s": 60.0,
                    "feedback": "rejected" if i < 2 else None,
                },
            )
    run_cases(bank.scoring, DEFAULT, NOW)
    inputs = bank.scoring.newest("case")["A-1"].inputs
    wanted = {"n_call": 2, "n_hang": 2, "rejected": 2, "n_other": 2, "n_other_recent": 1}
    assert {name: inputs[name] for name in wanted} == wanted


def test_a_paid_case_is_closed_and_its_collector_is_free(bank: Bank, make_account) -> None:
    bank.collector("K-1")
    run_cases(bank.scoring, DEFAULT, NOW)
    run_collectors(bank.scoring, DEFAULT, NOW)
    assert bank.scoring.approve(None, "S-1", NOW) == 5
    bank.put(make_account(1, due="0.00"))
    run_cases(bank.scoring, DEFAULT, NOW)
    assert classes(bank)["A-1"] == "closed"
    assert run_collectors(bank.scoring, DEFAULT, NOW)["ended"] == 1
    assert [row.account_id for row in bank.scoring.assignments(("ended",))] == ["A-1"]


def test_payments_make_an_instalment_paid(bank: Bank) -> None:
    with bank.store.db.write():
        payment = {"account_id": "A-1", "currency": "USD", "imported_at": NOW.isoformat()}
        bank.store.db.insert("payments", {"id": "p1", "amount": "449.00", "paid_at": NOW.isoformat(), **payment})
    assert "A-1" in {row.account_id for row in bank.scoring.cases(TODAY, None)}
    with bank.store.db.write():
        bank.store.db.insert("payments", {"id": "p2", "amount": "1.00", "paid_at": NOW.isoformat(), **payment})
    assert "A-1" not in {row.account_id for row in bank.scoring.cases(TODAY, None)}


def test_a_schedule_counts_its_payments_from_the_beginning(bank: Bank) -> None:
    with bank.store.db.write():
        for n, days in enumerate((70, 40, 9, -20), 1):
            due_on = (TODAY - timedelta(days=days)).isoformat()
            bank.store.db.insert("schedules", {"account_id": "A-1", "n": n, "due_on": due_on, "due": "100"})
        bank.store.db.insert(
            "payments",
            {
                "id": "p1",
                "account_id": "A-1",
                "amount": "150",
                "currency": "USD",
                "paid_at": (NOW - timedelta(days=60)).isoformat(),
                "imported_at": NOW.isoformat(),
            },
        )
    overdue = {row.account_id: row.overdue_d for row in bank.scoring.cases(TODAY, None)}
    assert overdue["A-1"] == 40


def test_assignment_waits_for_approval_and_counts_the_cap(bank: Bank) -> None:
    bank.collector("K-1", cap=2)
    bank.collector("K-2", cap=1)
    run_cases(bank.scoring, DEFAULT, NOW)
    figures = run_collectors(bank.scoring, DEFAULT, NOW)
    assert (figures["proposed"], figures["waiting"]) == (3, 2)
    assert bank.codes() == ["W-C2"]
    proposed = bank.scoring.assignments(("proposed",))
    assert {row.collector_id for row in proposed} == {"K-1", "K-2"}
    bank.scoring.approve([proposed[0].account_id], "S-1", NOW)
    run_collectors(bank.scoring, DEFAULT, NOW)
    assert len(bank.scoring.assignments(("approved",))) == 1
    assert len(bank.scoring.assignments(("proposed",))) == 2  # one of the cap is used up
    assert bank.codes() == ["W-C2"]
    fairness = bank.scoring.newest("fairness")["collectors"].result
    assert fairness["queue"] == 2


def test_a_supervisor_overrides_with_a_reason(bank: Bank) -> None:
    bank.collector("K-1")
    bank.collector("K-2", cap=0)
    run_cases(bank.scoring, DEFAULT, NOW)
    run_collectors(bank.scoring, DEFAULT, NOW)
    bank.scoring.override("A-1", "K-2", "S-1", "speaks the language", NOW)
    rows = bank.scoring.assignments(("proposed", "approved", "replaced"), "A-1")
    assert [(row.collector_id, row.state, row.reason) for row in rows] == [
        ("K-1", "replaced", "speaks the language"),
        ("K-2", "approved", "speaks the language"),
    ]
    assert rows[1].decided_by == "S-1"


@pytest.mark.parametrize(
    ("account", "collector", "said"), [("A-99", "K-1", "no account A-99"), ("A-1", "K-9", "no collector K-9")]
)
def test_an_override_needs_both(bank: Bank, account: str, collector: str, said: str) -> None:
    bank.collector("K-1")
    with pytest.raises(StorageError, match=said):
        bank.scoring.override(account, collector, "S-1", "x", NOW)


def test_what_was_not_proposed_cannot_be_approved(bank: Bank) -> None:
    with pytest.raises(StorageError, match="no proposal for A-1, A-2"):
        bank.scoring.approve(["A-1", "A-2"], "S-1", NOW)


def test_saturation_comes_from_the_window(bank: Bank) -> None:
    bank.collector("K-1")
    with bank.store.db.write():
        for i, days in enumerate((1, 2, 20)):
            bank.store.db.insert(
                "contacts",
                {
                    "source": "crm",
                    "source_id": str(i),
                    "account_id": "A-1",
                    "collector_id": "K-1",
                    "method": "phone",
                    "at": (NOW - timedelta(days=days)).isoformat(timespec="microseconds"),
                    "duration_s": 3600.0,
                    "feedback_after_s": 1800.0,
                },
            )
    run_cases(bank.scoring, DEFAULT, NOW)
    run_collectors(bank.scoring, DEFAULT, NOW)
    found = bank.scoring.newest("collector")["K-1"]
    assert (found.inputs["D_p"], found.inputs["N_p"], found.inputs["t_fb"]) == (120, 2, 30)
    assert float(str(found.result["S"])) == pytest.approx(100 / 0.7 * (0.3 * 0.4 + 0.25 * 0.02 + 0.15 * 0.5))


def test_the_window_skips_weekends() -> None:
    assert NOW.weekday() == 6  # a Sunday
    assert window_start(NOW, 5) == NOW - timedelta(days=6)
    assert window_start(NOW - timedelta(days=2), 1) == NOW - timedelta(days=3)
