"""Checks one by one: the gate's whole table, and what a defect of a check does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tests.unit.flow.helpers import ACCOUNT, BORN, INCONCLUSIVE, MATCH, MISMATCH, NOW, at, book, decision
from voicebot.errors import FlowError
from voicebot.flow.checks import CheckInput, CheckResult, Limits, Registered, check_done, registered, run_checks
from voicebot.flow.engine import start, step
from voicebot.flow.state import FlowState, with_facts
from voicebot.model.flow import CallStarted, CheckDone, Transfer, TransferDone, VoiceLost
from voicebot.model.outcome import WarningCode, WarningRaised
from voicebot.model.voice import VoiceDecision, VoiceReason

BASE = CheckInput({}, ACCOUNT, NOW, warning=WarningCode.W_V1)


def result(name: str, **changes: object) -> CheckResult:
    """One check's result."""
    return run_checks([name], replace(BASE, **changes))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("voice", "enrolled", "consent", "birth", "digits", "wanted"),
    [
        (MATCH, True, None, True, None, "passed"),
        (MATCH, True, True, True, None, "passed"),
        (MATCH, True, None, False, True, "knowledge_wrong"),
        (MATCH, True, None, None, None, "knowledge_wrong"),
        (MISMATCH, True, None, True, True, "voice_mismatch"),
        (INCONCLUSIVE, True, None, True, True, "voice_inconclusive"),
        (None, True, None, True, True, "voice_inconclusive"),
        (None, False, None, True, True, "passed"),
        (None, False, None, True, False, "knowledge_wrong"),
        (None, False, None, False, True, "knowledge_wrong"),
        (None, False, None, True, None, "knowledge_wrong"),
        (None, False, None, None, None, "knowledge_wrong"),
        (MISMATCH, False, None, True, True, "passed"),
        (MISMATCH, True, False, True, True, "passed"),
        (MISMATCH, True, False, True, False, "knowledge_wrong"),
        (decision("inconclusive", VoiceReason.OPTED_OUT), True, None, True, False, "knowledge_wrong"),
    ],
)
def test_the_gate(
    voice: VoiceDecision | None,
    enrolled: bool,
    consent: bool | None,
    birth: bool | None,
    digits: bool | None,
    wanted: str,
) -> None:
    facts = {"birth_date_ok": birth, "id_last4_ok": digits}
    found = result(
        "right_party_verified", facts=facts, voice=voice, voiceprint_enrolled=enrolled, consent_voiceprint=consent
    )
    assert found.result == wanted
    assert bool(found.warnings) is (wanted == "voice_mismatch")


def test_only_one_check_opens_the_gate() -> None:
    assert [name for name, entry in registered().items() if entry.grants] == ["right_party_verified"]


@pytest.mark.parametrize("name", sorted(registered()))
def test_every_check_stands_an_unknown_caller_and_wrong_facts(name: str) -> None:
    odd: dict[str, object] = dict.fromkeys(
        ("birth_date", "id_last4", "purpose", "promise_amount", "promise_date", "callback_time", "voice_prompts"), "?"
    )
    for facts in ({}, odd):
        for account in (None, ACCOUNT):
            found = result(name, facts=facts, account=account)
            assert found.result in registered()[name].results
            json.dumps(dict(found.detail))


def test_evidence_and_details_are_plain_json() -> None:
    found = result("voiceprint_matches", voice=MISMATCH, voiceprint_enrolled=True)
    [warning] = found.warnings
    assert json.loads(json.dumps(dict(warning.evidence)))["score"] == 0.1


def test_no_warning_where_the_script_names_none() -> None:
    assert not result("voiceprint_matches", voice=MISMATCH, voiceprint_enrolled=True, warning=None).warnings


def test_checks_run_in_order_up_to_the_first_that_fails() -> None:
    done = run_checks(["promise_full", "promise_complete", "has_offer"], BASE)
    assert [(r.name, r.result) for r in done] == [
        ("promise_full", "passed"),
        ("promise_complete", "passed"),
        ("has_offer", "passed"),
    ]
    late = replace(ACCOUNT, loan=replace(ACCOUNT.loan, due_on=date(2026, 1, 1)))
    assert [r.result for r in run_checks(["promise_full", "has_offer"], replace(BASE, account=late))] == ["no_date"]


def test_the_event_of_several_checks() -> None:
    warning = WarningRaised(WarningCode.W_V4, "x")
    done = check_done([CheckResult("passed", {"a": 1}, {}, (warning,)), CheckResult("wrong", {"b": 2})])
    assert done == CheckDone("wrong", {"a": 1, "b": 2, "warnings": (warning,)})
    assert check_done([]).result == "passed"


def test_an_unknown_check_and_one_that_breaks_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FlowError, match="no check is named `nope`"):
        run_checks(["nope"], BASE)
    broken = Registered("has_offer", lambda _: CheckResult("maybe"), ("passed",))
    monkeypatch.setitem(registered(), "has_offer", broken)  # type: ignore[arg-type]
    with pytest.raises(FlowError, match="does not declare"):
        run_checks(["has_offer"], BASE)


@pytest.mark.parametrize(
    ("amount", "limit", "wanted"),
    [("0.01", 30, "passed"), ("9000", 30, "passed"), ("9000.01", 30, "amount_too_high"), ("-1", 30, "amount_invalid")],
)
def test_the_limits_of_an_amount(amount: str, limit: int, wanted: str) -> None:
    facts = {"promise_amount": Decimal(amount), "promise_date": NOW.date()}
    assert result("promise_complete", facts=facts, limits=Limits(promise_max_days=limit)).result == wanted


@pytest.mark.parametrize(("day", "wanted"), [(date(2026, 12, 23), "passed"), (date(2026, 12, 24), "date_too_far")])
def test_the_last_day_of_a_promise(day: date, wanted: str) -> None:
    assert result("promise_complete", facts={"promise_amount": Decimal(1), "promise_date": day}).result == wanted


@pytest.mark.parametrize(
    ("hour", "wanted"), [(9, "passed"), (16, "passed"), (17, "outside_hours"), (8, "outside_hours"), (0, "passed")]
)
def test_the_office_hours(hour: int, wanted: str) -> None:
    facts = {"appointment_date": date(2026, 11, 27), "appointment_time": at(hour)}
    assert result("appointment_complete", facts=facts).result == wanted


def test_an_appointment_earlier_today_has_passed() -> None:
    facts = {"appointment_date": NOW.date(), "appointment_time": at(9, 30)}
    assert result("appointment_complete", facts=facts).result == "date_past"


# --- a voice lost while something else runs -------------------------------------------------------------------


def waiting_at(flow: str, name: str) -> FlowState:
    """A verified conversation that waits for a check or a transfer."""
    state, _ = step(book(), start(book(), "reminder"), CallStarted("outbound"))
    target = book().step(flow, name)
    waits = "check" if target.check else "transfer"
    return replace(state, flow=flow, step=name, verified=True, waiting=type(state.waiting)(waits))


def test_a_check_that_runs_while_the_voice_is_lost_cannot_open_the_gate() -> None:
    state, effects = step(book(), waiting_at("identity", "gate"), VoiceLost("speaker_change"))
    assert (state.verified, effects) == (False, ())
    state, _ = step(book(), state, CheckDone("passed", {"identity_by": "voice"}))
    assert not state.verified
    assert state.facts["right_party"] is None
    assert state.at == "identity.ask_birth_date"


def test_another_check_that_runs_while_the_voice_is_lost_leads_to_the_scripts_handler() -> None:
    state, _ = step(book(), waiting_at("reminder", "plan"), VoiceLost("speaker_change"))
    state, _ = step(book(), with_facts(state, {"promise_amount": 1}), CheckDone("passed"))
    assert state.at == "identity.ask_birth_date"
    assert not state.verified


@pytest.mark.parametrize(("accepted", "at_step"), [(True, "reminder.helped"), (False, "identity.ask_birth_date")])
def test_a_transfer_that_runs_while_the_voice_is_lost(accepted: bool, at_step: str) -> None:
    state, effects = step(book(), waiting_at("reminder", "help"), VoiceLost("speaker_change"))
    assert effects == ()
    state, effects = step(book(), state, TransferDone(accepted))
    assert state.at == at_step
    assert not isinstance(effects[-1], Transfer)


def test_birth_date_and_digits_are_compared_exactly() -> None:
    assert result("birth_date_matches", facts={"birth_date": BORN}).result == "passed"
    assert result("birth_date_matches", facts={"birth_date": BORN.replace(day=3)}).result == "birth_date_wrong"
    assert result("id_last4_matches", facts={"id_last4": "42"}).result == "id_wrong"


@pytest.mark.parametrize("found", ["voice_mismatch", "voice_inconclusive", "voice_exhausted", "knowledge_wrong"])
def test_the_gate_run_again_with_another_result_closes(found: str) -> None:
    state, _ = step(book(), waiting_at("identity", "gate"), CheckDone(found))
    assert not state.verified
