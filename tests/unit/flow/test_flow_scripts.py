"""Whole conversations behind the gate, for every script."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.unit.flow.helpers import (
    ACCOUNT,
    BORN_RIGHT,
    DIGITS_RIGHT,
    HANGS_UP,
    NONSENSE,
    SILENCE,
    Answer,
    Call,
    at,
    means,
    until_verified,
)
from voicebot.flow.checks import EnrolmentInfo
from voicebot.model.flow import HungUp
from voicebot.model.outcome import Disposition, ItemResult, Promise, WarningCode

FRIDAY = date(2026, 11, 27)
TWO_THOUSAND = Decimal(2000)
VEHICLE, TRAVEL = means("purpose", purpose="vehicle"), means("purpose", purpose="travel")


def promise(amount: int | None = None, day: date | None = None, name: str = "promise") -> Answer:
    """ "I can pay AMOUNT on DAY"."""
    slots = {"amount": None if amount is None else Decimal(amount), "date": day}
    return means(name, **{slot: value for slot, value in slots.items() if value is not None})  # type: ignore[arg-type]


# --- verification ---------------------------------------------------------------------------------------------

M, X, U, R, N = (ItemResult(r) for r in ("match", "mismatch", "unclear", "refused", "not_asked"))


@pytest.mark.parametrize(
    ("answers", "items"),
    [
        ([VEHICLE, "willing", "can_pay"], (M, M, M)),
        ([TRAVEL, "affirm", "willing", "can_pay"], (X, M, M)),
        ([TRAVEL, "deny", VEHICLE, "willing", "can_pay"], (M, M, M)),
        ([TRAVEL, VEHICLE, "willing", "can_pay"], (M, M, M)),
        ([(TRAVEL, VEHICLE), "willing", "can_pay"], (M, M, M)),
        ([NONSENSE, NONSENSE, NONSENSE, "willing", "can_pay"], (U, M, M)),
        (["refuse", "willing", "can_pay"], (R, M, M)),
        (["cannot_say", "cannot_say", "cannot_say"], (U, U, U)),
        ([VEHICLE, "unwilling", "affirm", "can_pay"], (M, X, M)),
        ([VEHICLE, "refuse", "deny", "can_pay"], (M, M, M)),
        ([VEHICLE, "willing", "cannot_pay"], (M, M, X)),
        ([VEHICLE, "willing", "can_pay_partly"], (M, M, X)),
        ([VEHICLE, "willing", "hardship"], (M, M, X)),
        ([VEHICLE, "willing", "refuse"], (M, M, R)),
        ([VEHICLE, NONSENSE, NONSENSE, NONSENSE, NONSENSE, NONSENSE, NONSENSE], (M, U, U)),
        ([VEHICLE, "hardship"], (M, N, X)),
    ],
)
def test_verification_compares_item_by_item(answers: list[Answer], items: tuple[ItemResult, ...]) -> None:
    found = until_verified(Call("verification")).hears(*answers).outcome()
    assert found.disposition is Disposition.RPC_VERIFIED
    assert found.right_party is True
    assert tuple(found.items[name] for name in ("purpose", "willingness", "ability")) == items
    assert [w.code for w in found.warnings] == ([WarningCode.W_V4] if items[0] is X else [])


def test_differing_data_with_knowledge_alone_are_no_w_v4() -> None:
    call = Call("verification", enrolled=False, voice=None, consent=False).hears("affirm", BORN_RIGHT, DIGITS_RIGHT)
    found = call.hears(TRAVEL, "affirm", "willing", "can_pay").outcome()
    assert (found.items["purpose"], found.warnings) == (X, ())


def test_verification_that_breaks_off_keeps_what_was_compared() -> None:
    found = until_verified(Call("verification")).hears(VEHICLE, HANGS_UP).outcome()
    assert (found.disposition, found.right_party) == (Disposition.HUNG_UP, True)
    assert (found.items["purpose"], found.items["ability"]) == (M, N)


def test_a_dispute_in_a_verification() -> None:
    found = until_verified(Call("verification")).hears("dispute").outcome()
    assert (found.disposition, found.dispute, found.transferred) == (Disposition.DISPUTE, True, False)


# --- consent and enrolment ------------------------------------------------------------------------------------


def not_enrolled(**options: object) -> Call:
    """Verified by two questions."""
    call = Call("verification", enrolled=False, voice=None, **options)  # type: ignore[arg-type]
    return call.hears("affirm", BORN_RIGHT, DIGITS_RIGHT)


ALL_RIGHT: list[Answer] = [VEHICLE, "willing", "can_pay"]


@pytest.mark.parametrize(
    ("answer", "fact", "last"),
    [("affirm", True, "verification.enrolled"), ("deny", False, None), ("refuse", False, None), (NONSENSE, None, None)],
)
def test_consent_is_asked_once_and_enrols_only_on_yes(answer: Answer, fact: bool | None, last: str | None) -> None:
    call = not_enrolled(enrolment=EnrolmentInfo(True, (), 12.0, 5))
    assert call.prompt == "consent_voiceprint.ask"
    call.hears(*[answer] * (2 if answer == NONSENSE else 1), *ALL_RIGHT)
    assert call.state.facts.get("consent_voiceprint") is fact
    assert ("verification.enrolled" in call.prompts_said) is (last is not None)
    assert call.outcome().disposition is Disposition.RPC_VERIFIED


@pytest.mark.parametrize("stored", [True, False])
def test_consent_that_was_answered_before_is_not_asked_again(stored: bool) -> None:
    call = not_enrolled(consent=stored, enrolment=EnrolmentInfo(True))
    assert "consent_voiceprint.ask" not in call.prompts_said
    call.hears(*ALL_RIGHT)
    assert ("verification.enrolled" in call.prompts_said) is stored


def test_enrolment_asks_for_more_speech_twice_then_gives_up() -> None:
    call = not_enrolled(enrolment=EnrolmentInfo(False, ("too_little_speech",), 6.0, 4)).hears("affirm", *ALL_RIGHT)
    assert call.prompt == "verification.more_speech"
    call.hears(means("free", text="one two")).hears(NONSENSE)
    assert "verification.not_enrolled" in call.prompts_said
    assert call.outcome().disposition is Disposition.RPC_VERIFIED


def test_enrolment_of_poor_sound_is_not_tried_again() -> None:
    call = not_enrolled(enrolment=EnrolmentInfo(False, ("noisy", "too_little_speech"))).hears("affirm", *ALL_RIGHT)
    assert "verification.more_speech" not in call.prompts_said
    assert "verification.not_enrolled" in call.prompts_said


# --- invitation -----------------------------------------------------------------------------------------------


def when(day: date | None = None, hour: int | None = None, name: str = "appointment") -> Answer:
    """ "On DAY at HOUR"."""
    slots = {"date": day, "time": None if hour is None else at(hour)}
    return means(name, **{slot: value for slot, value in slots.items() if value is not None})  # type: ignore[arg-type]


BOOKED = datetime(2026, 11, 27, 15, 0)  # noqa: DTZ001 - local time


@pytest.mark.parametrize(
    ("answers", "appointment"),
    [
        (["interested", when(FRIDAY, 15), "affirm"], BOOKED),
        (["interested", when(FRIDAY, 3), "affirm"], BOOKED),
        (["interested", when(FRIDAY), when(hour=15, name="time"), "affirm"], BOOKED),
        (["interested", when(hour=15), when(FRIDAY), "affirm"], BOOKED),
        (["interested", when(FRIDAY, 20), when(hour=15, name="time"), "affirm"], BOOKED),
        (["interested", when(date(2026, 11, 29), 15), when(FRIDAY), "affirm"], BOOKED),
        (["interested", when(date(2026, 11, 20), 15), when(FRIDAY, 15), "affirm"], BOOKED),
        (["interested", when(date(2027, 11, 20), 15), when(FRIDAY, 15), "affirm"], BOOKED),
        (["interested", when(FRIDAY, 9), "deny", when(FRIDAY, 15), "affirm"], BOOKED),
        (["interested", when(FRIDAY, 9), when(hour=15), "affirm"], BOOKED),
        (["interested", NONSENSE, NONSENSE, NONSENSE], None),
        (["interested", "cannot_say"], None),
        (["interested", HANGS_UP], None),
        (["interested", when(FRIDAY, 15), HANGS_UP], None),
    ],
)
def test_an_accepted_invitation(answers: list[Answer], appointment: datetime | None) -> None:
    found = until_verified(Call("invitation")).hears(*answers).outcome()
    assert (found.disposition, found.appointment) == (Disposition.INVITATION_ACCEPTED, appointment)


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        (["not_interested"], Disposition.INVITATION_DECLINED),
        (["refuse"], Disposition.INVITATION_DECLINED),
        (["cannot_say", "affirm"], Disposition.CALLBACK),
        (["cannot_say", "deny"], Disposition.INVITATION_DECLINED),
        (["cannot_say", HANGS_UP], Disposition.CALLBACK),
        (["interested", "not_interested"], Disposition.INVITATION_DECLINED),
        ([NONSENSE, NONSENSE, NONSENSE], Disposition.CALLBACK),
        ([HANGS_UP], Disposition.HUNG_UP),
    ],
)
def test_an_invitation_not_accepted(answers: list[Answer], wanted: Disposition) -> None:
    found = until_verified(Call("invitation")).hears(*answers).outcome()
    assert (found.disposition, found.appointment) == (wanted, None)


def test_an_invitation_without_an_offer_says_so() -> None:
    call = until_verified(Call("invitation", account=replace(ACCOUNT, offer=None)))
    assert call.prompt == "invitation.nothing"
    assert call.outcome().disposition is Disposition.RPC_VERIFIED


def test_the_offer_comes_after_the_gate() -> None:
    call = Call("invitation").hears("affirm")
    assert "Harbour Plus" not in call.words
    call.hears(BORN_RIGHT)
    assert "up to five thousand dollars, at six point five percent a year" in call.words


# --- reminder -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "amount", "day"),
    [
        ([promise(2000, FRIDAY), "affirm"], 2000, FRIDAY),
        ([promise(2000), promise(day=FRIDAY, name="date"), "affirm"], 2000, FRIDAY),
        ([promise(day=FRIDAY), promise(2000, name="amount"), "affirm"], 2000, FRIDAY),
        (["affirm", "affirm"], 2450, date(2026, 12, 4)),
        (["can_pay", "affirm"], 2450, date(2026, 12, 4)),
        (["deny", promise(500, FRIDAY), "affirm"], 500, FRIDAY),
        (["can_pay_partly", promise(500), promise(day=FRIDAY), "affirm"], 500, FRIDAY),
        ([promise(2000, FRIDAY), promise(1500), "affirm"], 1500, FRIDAY),
        ([promise(2000, FRIDAY), "deny", promise(900, FRIDAY), "affirm"], 900, FRIDAY),
        ([promise(20000, FRIDAY), promise(2000, name="amount"), "affirm"], 2000, FRIDAY),
        ([promise(0, FRIDAY), promise(2000, name="amount"), "affirm"], 2000, FRIDAY),
        ([promise(2000, date(2026, 11, 22)), promise(day=FRIDAY, name="date"), "affirm"], 2000, FRIDAY),
        ([promise(2000, date(2027, 2, 1)), promise(day=FRIDAY, name="date"), "affirm"], 2000, FRIDAY),
        ([promise(2000, date(2026, 11, 23)), "affirm"], 2000, date(2026, 11, 23)),
        ([promise(9000, FRIDAY), "affirm"], 9000, FRIDAY),
        ([means("promise", share=Decimal("0.5"), date=FRIDAY), "affirm"], 1225, FRIDAY),
        ([promise(2000, FRIDAY), NONSENSE, "affirm"], 2000, FRIDAY),
    ],
)
def test_a_promise_is_completed_read_back_and_confirmed(answers: list[Answer], amount: int, day: date) -> None:
    call = until_verified(Call("reminder")).hears(*answers)
    found = call.outcome()
    assert found.disposition is Disposition.PROMISE_TO_PAY
    assert found.promise == Promise(Decimal(amount), day)
    assert "reminder.read_back" in call.prompts_said


def test_the_read_back_says_amount_and_day() -> None:
    call = until_verified(Call("reminder")).hears(promise(2000, FRIDAY))
    wanted = "So you will pay two thousand dollars on Friday, the twenty-seventh of November. Is that right?"
    assert call.said[-1][1] == wanted


def test_an_instalment_in_the_past_is_told_so_and_a_day_asked() -> None:
    late = replace(ACCOUNT, loan=replace(ACCOUNT.loan, due_on=date(2026, 11, 20)))
    call = until_verified(Call("reminder", account=late))
    assert "was due on Friday, the twentieth of November" in call.words
    found = call.hears("affirm", promise(day=FRIDAY, name="date"), "affirm").outcome()
    assert found.promise == Promise(Decimal(2450), FRIDAY)


@pytest.mark.parametrize(
    ("answers", "wanted", "flag"),
    [
        (["hardship", "deny"], Disposition.HARDSHIP, "hardship"),
        (["hardship", "affirm"], Disposition.HARDSHIP, "hardship"),
        (["cannot_pay", NONSENSE, NONSENSE, NONSENSE], Disposition.HARDSHIP, "hardship"),
        (["deny", "cannot_pay", HANGS_UP], Disposition.HARDSHIP, "hardship"),
        ([promise(2000), "hardship", HANGS_UP], Disposition.HARDSHIP, "hardship"),
        (["dispute"], Disposition.DISPUTE, "dispute"),
        (["refuse", "deny"], Disposition.REFUSED, "refusal"),
        (["refuse", HANGS_UP], Disposition.REFUSED, None),
        (["deny", "deny", "deny"], Disposition.REFUSED, "refusal"),
        (["refuse", "affirm"], Disposition.CALLBACK, None),
        (["already_paid"], Disposition.RPC_VERIFIED, None),
        ([HANGS_UP], Disposition.HUNG_UP, None),
        ([promise(2000, FRIDAY), HANGS_UP], Disposition.HUNG_UP, None),
        ([NONSENSE, NONSENSE, NONSENSE], Disposition.CALLBACK, None),
        ([SILENCE, SILENCE, SILENCE], Disposition.CALLBACK, None),
    ],
)
def test_a_reminder_without_a_promise(answers: list[Answer], wanted: Disposition, flag: str | None) -> None:
    found = until_verified(Call("reminder")).hears(*answers).outcome()
    assert (found.disposition, found.promise) == (wanted, None)
    flags = {name: getattr(found, name) for name in ("hardship", "dispute", "refusal")}
    assert {name for name, value in flags.items() if value} == ({flag} if flag else set())


def test_a_confirmed_promise_survives_a_hang_up_during_the_goodbye() -> None:
    call = until_verified(Call("reminder")).hears(promise(2000, FRIDAY), "affirm")
    call.event(HungUp())
    assert call.outcome().disposition is Disposition.PROMISE_TO_PAY


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        (["human"], Disposition.TRANSFERRED),
        (["refuse", "affirm"], Disposition.TRANSFERRED),
        (["hardship", "affirm"], Disposition.HARDSHIP),
        (["dispute"], Disposition.DISPUTE),
    ],
)
def test_with_an_agent_there_the_call_is_handed_over(answers: list[Answer], wanted: Disposition) -> None:
    found = until_verified(Call("reminder", agent=True)).hears(*answers).outcome()
    assert (found.disposition, found.transferred) == (wanted, True)


# --- inbound --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "first_private"),
    [
        ("verification", "verification.intro"),
        ("invitation", "invitation.ask_interest"),
        ("reminder", "reminder.ask_pay"),
        (None, "reminder.ask_pay"),
        ("inbound", "reminder.ask_pay"),
    ],
)
def test_a_caller_is_served_by_the_script_we_called_about(last: str | None, first_private: str) -> None:
    call = Call("inbound", direction="inbound", last_flow=last).hears("affirm", BORN_RIGHT)
    assert call.said[0][1].startswith("Hello, and thank you for calling Harbour Bank")
    private = [p for p in call.prompts_said if p.split(".")[0] in ("verification", "invitation", "reminder")]
    assert private[0] == first_private
    assert call.prompts_said.count("greeting.hello") == 1
    assert call.prompts_said.count("right_party.ask") == 1


def test_an_inbound_promise() -> None:
    call = Call("inbound", direction="inbound").hears("affirm", BORN_RIGHT, promise(2000, FRIDAY), "affirm")
    assert call.outcome().promise == Promise(TWO_THOUSAND, FRIDAY)


@pytest.mark.parametrize(("agent", "wanted"), [(True, Disposition.TRANSFERRED), (False, Disposition.CALLBACK)])
def test_an_unknown_caller_is_handed_to_a_human(agent: bool, wanted: Disposition) -> None:
    call = Call("inbound", account=None, direction="inbound", agent=agent, enrolled=False, voice=None)
    assert call.outcome().disposition is wanted
