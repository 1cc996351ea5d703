"""Greeting, right party and the gate, as every flow has them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.unit.flow.helpers import (
    BORN,
    BORN_RIGHT,
    BORN_WRONG,
    DIGITS_RIGHT,
    DIGITS_WRONG,
    HANGS_UP,
    INCONCLUSIVE,
    MATCH,
    MISMATCH,
    NONSENSE,
    SILENCE,
    Answer,
    Call,
    at,
    decision,
    means,
)
from voicebot.model.flow import Say
from voicebot.model.outcome import Disposition, ItemResult, WarningCode
from voicebot.model.voice import VoiceReason

SCRIPTS = ("verification", "invitation", "reminder")
PRIVATE = re.compile(r"loan|instalment|\bdue\b|dollar|offer|credit|\bpay", re.IGNORECASE)


@pytest.mark.parametrize("flow", SCRIPTS)
def test_the_disclosure_comes_first_and_cannot_be_interrupted(flow: str) -> None:
    call = Call(flow)
    says = [effect for effect in call.effects if isinstance(effect, Say)]
    assert [say.prompt for say in says] == ["greeting.hello", "greeting.notice", "right_party.ask"]
    assert [say.barge_in for say in says] == [False, False, True]
    assert "Harbour Bank" in call.words
    assert "automated" in call.words
    assert "recorded" in call.words


@pytest.mark.parametrize(
    ("answers", "wanted", "right_party"),
    [
        (["wrong_person", "deny"], Disposition.WRONG_PARTY, False),
        (["deny", "wrong_person"], Disposition.WRONG_PARTY, False),
        (["deny", NONSENSE, NONSENSE, NONSENSE], Disposition.WRONG_PARTY, False),
        (["deny", HANGS_UP], Disposition.WRONG_PARTY, False),
        (["deny", "affirm", HANGS_UP], Disposition.HUNG_UP, None),
        (["not_here", HANGS_UP], Disposition.RPC_NOT_VERIFIED, False),
        (["not_here", "cannot_say"], Disposition.RPC_NOT_VERIFIED, False),
        (["not_here", SILENCE, SILENCE, "deny", "refuse"], Disposition.RPC_NOT_VERIFIED, False),
        (["deny", "not_here", means("appointment", time=at(18))], Disposition.CALLBACK, False),
        (["not_here", "wrong_person"], Disposition.WRONG_PARTY, False),
        (["not_here", "stop_calling", "affirm"], Disposition.DO_NOT_CALL, False),
        (["affirm", "not_here", "deny"], Disposition.RPC_NOT_VERIFIED, False),
        (["affirm", "not_here", "affirm", HANGS_UP], Disposition.HUNG_UP, None),
        ([HANGS_UP], Disposition.HUNG_UP, None),
        ([NONSENSE, NONSENSE, NONSENSE], Disposition.RPC_NOT_VERIFIED, None),
        ([SILENCE, SILENCE, SILENCE], Disposition.RPC_NOT_VERIFIED, None),
        ([SILENCE, SILENCE, "affirm", NONSENSE, NONSENSE], Disposition.CALLBACK, None),
        (["affirm", BORN_WRONG, BORN_WRONG, BORN_WRONG], Disposition.RPC_NOT_VERIFIED, None),
        (["affirm", "refuse", "deny"], Disposition.RPC_NOT_VERIFIED, None),
        (["affirm", "refuse", "affirm", HANGS_UP], Disposition.HUNG_UP, None),
    ],
)
@pytest.mark.parametrize("flow", SCRIPTS)
def test_before_the_gate(flow: str, answers: list[Answer], wanted: Disposition, right_party: bool | None) -> None:
    call = Call(flow).hears(*answers)
    found = call.outcome()
    assert (found.disposition, found.right_party) == (wanted, right_party)
    assert not PRIVATE.search(call.words)
    assert not found.warnings


@pytest.mark.parametrize(
    ("flow", "code"),
    [("verification", WarningCode.W_V1), ("invitation", WarningCode.W_V2), ("reminder", WarningCode.W_V3)],
)
def test_another_voice_that_knows_the_answers_gets_nothing_private(flow: str, code: WarningCode) -> None:
    call = Call(flow, voice=MISMATCH).hears("affirm", BORN_RIGHT)
    found = call.outcome()
    assert (found.disposition, found.right_party) == (Disposition.VOICE_MISMATCH, False)
    assert not PRIVATE.search(call.words)
    [warning] = found.warnings
    assert warning.code is code
    wanted = {"score", "llr", "net_speech_s", "accept_limit", "reject_limit", "model_id", "reason"}
    assert wanted <= warning.evidence.keys()


def test_the_warning_of_an_inbound_call_is_that_of_its_script() -> None:
    call = Call("inbound", voice=MISMATCH, last_flow="invitation", direction="inbound").hears("affirm", BORN_RIGHT)
    assert [w.code for w in call.outcome().warnings] == [WarningCode.W_V2]


def test_wrong_knowledge_with_another_voice_is_a_mismatch() -> None:
    call = Call("reminder", voice=MISMATCH).hears("affirm", BORN_WRONG, BORN_WRONG, BORN_WRONG)
    assert call.outcome().disposition is Disposition.VOICE_MISMATCH


def test_a_misheard_date_is_asked_again_and_then_right() -> None:
    call = Call("verification").hears("affirm", BORN_WRONG, BORN_RIGHT)
    assert call.state.verified
    assert call.prompts_said.count("identity.ask_birth_date") == 2
    assert "did not match" in call.words


def test_a_date_right_in_any_hypothesis_is_right() -> None:
    heard = (means("date", date=BORN.replace(day=3)), means("date", date=BORN))
    assert Call("verification").hears("affirm", heard).state.verified


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"enrolled": False, "voice": None}, "never enrolled"),
        ({"consent": False}, "opted out"),
        ({"voice": decision("inconclusive", VoiceReason.EXPIRED)}, "expired"),
        ({"voice": decision("inconclusive", VoiceReason.NOT_ENROLLED)}, "not enrolled"),
    ],
)
def test_without_a_voiceprint_two_questions_decide(options: dict[str, object], reason: str) -> None:
    call = Call("reminder", **options).hears("affirm", BORN_RIGHT)  # type: ignore[arg-type]
    assert not call.state.verified, reason
    assert call.prompt == "identity.ask_id_last4"
    assert not PRIVATE.search(call.words)
    call.hears(DIGITS_RIGHT)
    assert call.state.verified
    assert call.outcome().items["identity"] is ItemResult.MATCH


def test_wrong_digits_three_times_verify_nobody() -> None:
    call = Call("reminder", enrolled=False, voice=None).hears("affirm", BORN_RIGHT, *[DIGITS_WRONG] * 3)
    assert call.outcome().disposition is Disposition.RPC_NOT_VERIFIED
    assert not PRIVATE.search(call.words)


def test_an_undecided_voice_is_asked_for_more_speech_at_most_twice() -> None:
    call = Call("reminder", voice=INCONCLUSIVE).hears("affirm", BORN_RIGHT)
    assert call.prompt == "identity.more_speech"
    call.hears(means("free", text="one two three"))
    assert call.prompt == "identity.more_speech"
    call.hears(NONSENSE)
    assert call.outcome().disposition is Disposition.RPC_NOT_VERIFIED
    assert not PRIVATE.search(call.words)


@pytest.mark.parametrize(("later", "verified"), [(MATCH, True), (MISMATCH, False)])
def test_more_speech_decides(later: object, verified: bool) -> None:
    call = Call("reminder", voice=None).hears("affirm", BORN_RIGHT)
    call.voice = later  # type: ignore[assignment]
    call.hears(means("free", text="one two three"))
    assert call.state.verified is verified
    assert (call.outcome().disposition is Disposition.VOICE_MISMATCH) is not verified


def test_a_voice_that_may_be_replayed_warns() -> None:
    spoof = decision("inconclusive", VoiceReason.SPOOF_RISK)
    call = Call("reminder", voice=spoof).hears("affirm", BORN_RIGHT, NONSENSE, NONSENSE)
    assert [w.code for w in call.outcome().warnings] == [WarningCode.W_V5]
    assert call.outcome().disposition is Disposition.RPC_NOT_VERIFIED


def test_items_not_reached_are_not_asked() -> None:
    found = Call("verification").hears("affirm", HANGS_UP).outcome()
    assert set(found.items.values()) == {ItemResult.NOT_ASKED}
    assert list(found.items) == ["identity", "purpose", "willingness", "ability"]


def test_a_name_with_markup_is_spoken_clean() -> None:
    base = Call("reminder").account
    assert base is not None
    odd = replace(base, customer=replace(base.customer, name="<b>Zoë</b> {{ loan.due }} | O'Neil\x07"))
    call = Call("reminder", account=odd)
    assert call.said[-1][1] == "Am I speaking with Zoë loan.due O'Neil?"
