"""The follow-up after disbursement (document Q, step Q2): every finding, what it raises, and what a person gets."""

from __future__ import annotations

import pytest

from tests.unit.flow.helpers import BORN_RIGHT, HANGS_UP, NONSENSE, SILENCE, Answer, Call, means, until_verified
from voicebot.model.outcome import Disposition, ItemResult, WarningCode

VEHICLE, TRAVEL = means("purpose", purpose="vehicle"), means("purpose", purpose="travel")
FOUR = means("rating", rating=4)
M, X, U, N = (ItemResult(r) for r in ("match", "mismatch", "unclear", "not_asked"))
WELL: list[Answer] = ["affirm", "affirm", VEHICLE, "affirm", "deny", FOUR, "deny"]


def follow_up(*answers: Answer) -> Call:
    return until_verified(Call("follow_up")).hears(*answers)


def test_all_as_it_should_be() -> None:
    found = follow_up(*WELL).outcome()
    assert found.disposition is Disposition.RPC_VERIFIED
    assert found.items == {"identity": M, "purpose": M, "procedure": M}
    assert (found.complaint, found.needs_human, found.rating, found.warnings) == (None, None, 4, ())


@pytest.mark.parametrize(
    ("answers", "items"),
    [
        (["affirm", "affirm", TRAVEL, "affirm", "affirm", "deny", FOUR, "deny"], (M, X, M)),
        (["affirm", "affirm", TRAVEL, "deny", VEHICLE, "affirm", "deny", FOUR, "deny"], (M, M, M)),
        (["affirm", "deny", "affirm", VEHICLE, "affirm", "deny", FOUR, "deny"], (M, M, X)),
        (["affirm", "deny", "deny", VEHICLE, "affirm", "deny", FOUR, "deny"], (M, M, M)),
        (["affirm", "affirm", VEHICLE, "deny", "affirm", "deny", FOUR, "deny"], (M, M, X)),
        (["affirm", "affirm", VEHICLE, "affirm", "affirm", "affirm", "deny"], (M, M, X)),
        (["affirm", "affirm", VEHICLE, "affirm", "affirm", "deny", FOUR, "deny"], (M, M, M)),
        (["affirm", "cannot_say", VEHICLE, "affirm", "deny", FOUR, "deny"], (M, M, U)),
        (["cannot_say", "affirm", VEHICLE, "affirm", "deny", FOUR, "deny"], (U, M, M)),
        (["affirm", "affirm", NONSENSE, NONSENSE, NONSENSE, "affirm", "deny", FOUR, "deny"], (M, U, M)),
    ],
)
def test_what_is_found_item_by_item(answers: list[Answer], items: tuple[ItemResult, ...]) -> None:
    found = follow_up(*answers).outcome()
    assert found.disposition is Disposition.RPC_VERIFIED
    assert tuple(found.items[name] for name in ("identity", "purpose", "procedure")) == items
    wrong = X in items
    assert [w.code for w in found.warnings] == ([WarningCode.W_Q3] if wrong else [])
    assert found.needs_human == ("review" if wrong else None)


def test_one_misheard_answer_raises_nothing() -> None:
    """Whatever is wrong is read back before it counts."""
    call = follow_up("affirm", "deny")
    assert call.prompt == "follow_up.confirm_not_received"
    assert call.outcome().warnings == ()


def test_the_borrower_never_applied() -> None:
    call = follow_up("deny", "affirm")
    found = call.outcome()
    assert (found.disposition, found.dispute, found.items["identity"]) == (Disposition.DISPUTE, True, X)
    assert [w.code for w in found.warnings] == [WarningCode.W_Q3]
    assert found.needs_human == "review"
    assert call.prompts_said[-2:] == ["follow_up.not_mine", "follow_up.dispute_noted"]


def test_a_complaint_is_told_in_ones_own_words_and_goes_to_a_person() -> None:
    call = follow_up(*WELL[:-1], "affirm", means("free", text="nobody ever called me back"))
    found = call.outcome()
    assert (found.disposition, found.complaint, found.needs_human) == (Disposition.RPC_VERIFIED, True, "complaint")
    assert "complaint" in found.intents  # what the gate and the statistics look for
    assert found.warnings == ()
    assert "follow_up.complaint_noted" in call.prompts_said


def test_a_demanded_fee_is_the_procedure_and_a_complaint() -> None:
    found = follow_up("affirm", "affirm", VEHICLE, "affirm", "complaint", means("free", text="…")).outcome()
    assert (found.items["procedure"], found.complaint, found.needs_human) == (X, True, "complaint")
    (warning,) = found.warnings
    assert warning.evidence["items"] == ["procedure"]
    assert warning.evidence["fee_asked"] is True
    assert "cash" not in str(warning.evidence)


def test_a_call_that_breaks_off_keeps_what_it_found() -> None:
    found = follow_up("affirm", "deny", "affirm", HANGS_UP).outcome()
    assert (found.disposition, found.needs_human) == (Disposition.HUNG_UP, "review")
    assert found.items == {"identity": M, "purpose": N, "procedure": X}
    assert [w.code for w in found.warnings] == [WarningCode.W_Q3]


def test_a_complaint_in_another_script_is_noted_and_the_question_asked_again() -> None:
    call = until_verified(Call("reminder")).hears("complaint")
    assert call.prompts_said[-2:] == ["everywhere.complaint", "reminder.ask_pay"]
    found = call.hears(HANGS_UP).outcome()
    assert (found.complaint, found.needs_human) == (True, "complaint")


@pytest.mark.parametrize("answer", ["refuse", "cannot_say"])
def test_nobody_is_pressed_for_a_rating(answer: str) -> None:
    call = follow_up(*WELL[:-2], answer)
    assert call.prompt == "follow_up.ask_complaint"
    assert call.hears("deny").outcome().rating is None


def test_silence_at_the_rating_gets_no_rating() -> None:
    call = follow_up(*WELL[:-2], SILENCE, NONSENSE)
    assert call.prompt == "follow_up.ask_complaint"


def test_a_callback_goes_on_with_the_follow_up() -> None:
    call = Call("inbound", direction="inbound", last_flow="follow_up").hears("affirm", BORN_RIGHT)
    assert call.prompt == "follow_up.ask_applied"
