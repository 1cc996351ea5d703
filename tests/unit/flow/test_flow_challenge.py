"""Random digits to be repeated, the fall back on knowledge, and what warnings rest on."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from tests.unit.flow.helpers import (
    ACCOUNT,
    BORN_RIGHT,
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
    book,
    decision,
    means,
)
from voicebot.call.challenge import challenge_codes
from voicebot.flow.book import Challenge, VoicePolicy
from voicebot.flow.checks import Limits
from voicebot.flow.engine import step, voice_policy
from voicebot.model.flow import Say, VoiceLost
from voicebot.model.outcome import Disposition, ItemResult, WarningCode
from voicebot.model.voice import VoiceComparison, VoiceDecision, VoiceReason

PRIVATE = re.compile(r"loan|instalment|\bdue\b|dollar|offer|credit|\bpay", re.IGNORECASE)
CODES = ("402 917", "183 506", "759 260", "316 845")
ALWAYS = Limits(challenge=Challenge.ALWAYS)
OWN, OTHER = decision("inconclusive"), replace(decision("inconclusive"), llr=-3.0)
SPOOF = decision("match", VoiceReason.SPOOF_RISK)


def asked(
    flow: str = "reminder",
    limits: Limits = ALWAYS,
    answer_voice: VoiceDecision | None = OWN,
    voice: VoiceDecision = MATCH,
    **more: object,
) -> Call:
    """A call in which the date of birth has just been said right."""
    given = {"codes": CODES, **more}
    call = Call(flow, voice=voice, limits=limits, answer_voice=answer_voice, **given)  # type: ignore[arg-type]
    return call.hears("affirm", BORN_RIGHT)


def digits(code: str) -> Answer:
    return means("digits", digits=code.replace(" ", ""))


def test_the_digits_said_by_the_customers_voice_open_the_gate() -> None:
    call = asked()
    assert call.prompt == "challenge.ask"
    assert "four zero two, nine one seven" in call.said[-1][1]
    assert not call.state.verified
    assert not PRIVATE.search(call.words)
    call.hears(digits(CODES[0]))
    assert call.state.verified
    assert not call.outcome().warnings


def test_the_prompt_with_the_digits_cannot_be_interrupted() -> None:
    says = [e for e in asked().effects if isinstance(e, Say) and e.prompt == "challenge.ask"]
    assert [say.barge_in for say in says] == [False]


@pytest.mark.parametrize(
    "first", [digits("402 918"), NONSENSE, digits("999 999")], ids=["one wrong", "not heard", "all"]
)
def test_one_more_try_with_other_digits(first: Answer) -> None:
    call = asked().hears(first)
    assert call.prompt == "challenge.ask"
    assert "one eight three, five zero six" in call.said[-1][1]
    assert call.hears(digits(CODES[1])).state.verified


def test_the_old_digits_are_worth_nothing_in_the_second_try() -> None:
    call = asked().hears(NONSENSE, digits(CODES[0]))
    assert call.outcome().disposition is Disposition.RPC_NOT_VERIFIED


@pytest.mark.parametrize(
    "answers",
    [[NONSENSE, NONSENSE], [digits("111 111"), digits("222 222")], ["refuse"], ["cannot_say"], [SILENCE, SILENCE]],
    ids=["not heard", "wrong", "refused", "cannot", "silent"],
)
@pytest.mark.parametrize("flow", ["verification", "invitation", "reminder"])
def test_not_repeated_is_a_warning_and_no_disclosure(flow: str, answers: list[Answer]) -> None:
    call = asked(flow)
    for answer in answers:
        if not call.state.over:
            call.hears(answer)
    while not call.state.over:
        call.hears(SILENCE)
    found = call.outcome()
    assert not PRIVATE.search(call.words)
    assert found.right_party is not True
    if answers != [SILENCE, SILENCE]:  # silence is offered a call at another time, as everywhere
        assert found.disposition is Disposition.RPC_NOT_VERIFIED
        assert [w.code for w in found.warnings] == [WarningCode.W_V5]
        assert found.warnings[0].evidence["risk"] == ["always"]
        json.dumps(dict(found.warnings[0].evidence))


@pytest.mark.parametrize("voice", [OTHER, None], ids=["another voice", "keys, or too little speech"])
def test_the_right_digits_by_another_voice_are_not_repeated(voice: VoiceDecision | None) -> None:
    call = asked(answer_voice=voice).hears(digits(CODES[0]), digits(CODES[1]))
    assert call.outcome().disposition is Disposition.RPC_NOT_VERIFIED
    assert [w.code for w in call.outcome().warnings] == [WarningCode.W_V5]


@pytest.mark.parametrize(
    ("limits", "voice", "wanted"),
    [
        (Limits(), MATCH, False),
        (Limits(), SPOOF, True),
        (Limits(challenge_amount=9000.0), MATCH, True),
        (Limits(challenge_amount=9000.01), MATCH, False),
        (Limits(challenge=Challenge.NEVER, challenge_amount=1.0), SPOOF, False),
        (ALWAYS, MATCH, True),
    ],
)
def test_risk_asks_for_it(limits: Limits, voice: VoiceDecision, wanted: bool) -> None:
    call = asked(limits=limits, voice=voice)
    assert (call.prompt == "challenge.ask") is wanted
    assert call.state.verified is not wanted


def test_a_suspected_recording_warns_also_where_nothing_is_asked() -> None:
    call = asked(limits=Limits(challenge=Challenge.NEVER), voice=SPOOF)
    assert call.state.verified
    assert [w.code for w in call.outcome().warnings] == [WarningCode.W_V5]


@pytest.mark.parametrize("options", [{"enrolled": False}, {"consent": False}])
def test_who_has_or_wants_no_voiceprint_is_never_asked(options: dict[str, object]) -> None:
    call = Call("reminder", limits=ALWAYS, codes=CODES, **options).hears("affirm", BORN_RIGHT, DIGITS_RIGHT)  # type: ignore[arg-type]
    assert call.state.verified
    assert "challenge.ask" not in call.prompts_said


def test_after_a_lost_voice_it_is_asked_again_with_digits_of_its_own() -> None:
    call = asked().hears(digits(CODES[0]))
    call.event(VoiceLost("speaker_change"))
    assert not call.state.verified
    call.hears(BORN_RIGHT)
    assert call.prompt == "challenge.ask"
    assert call.hears(digits(CODES[0])).prompt == "challenge.ask"
    assert call.hears(digits(CODES[2])).state.verified


def test_codes_used_up_close_the_gate() -> None:
    call = asked(codes=())
    assert call.outcome().disposition is Disposition.RPC_NOT_VERIFIED


def test_codes_are_random_and_can_be_said() -> None:
    found = challenge_codes(200)
    assert len(set(found)) > 190
    for code in found:
        assert re.fullmatch(r"\d{3} \d{3}", code)
        assert not re.search(r"(\d)\1", code.replace(" ", ""))


# --- the voice leaves it open ----------------------------------------------------------------------------------


def undecided(voice: VoiceDecision) -> Call:
    return Call("reminder", voice=voice).hears("affirm", BORN_RIGHT, NONSENSE, NONSENSE)


@pytest.mark.parametrize(
    "reason",
    [VoiceReason.BETWEEN_LIMITS, VoiceReason.NOISY, VoiceReason.EMOTIONAL, VoiceReason.CHANNEL],
)
def test_knowledge_decides_where_the_voice_leaves_it_open(reason: VoiceReason) -> None:
    call = undecided(decision("inconclusive", reason))
    assert call.prompt == "identity.ask_id_last4"
    assert not PRIVATE.search(call.words)
    assert call.hears(DIGITS_RIGHT).state.verified
    assert call.state.facts["identity_by"] == "knowledge"


def test_it_takes_both_answers() -> None:
    call = undecided(INCONCLUSIVE).hears(DIGITS_WRONG, DIGITS_WRONG, DIGITS_WRONG)
    assert call.outcome().disposition is Disposition.RPC_NOT_VERIFIED
    assert not PRIVATE.search(call.words)


@pytest.mark.parametrize(
    "voice",
    [
        replace(INCONCLUSIVE, llr=-0.1),
        decision("inconclusive", VoiceReason.SPEAKER_CHANGE),
        decision("inconclusive", VoiceReason.SPOOF_RISK),
    ],
    ids=["leans against", "handed over", "suspected"],
)
def test_knowledge_outweighs_no_voice_that_speaks_against(voice: VoiceDecision) -> None:
    assert undecided(voice).outcome().disposition is Disposition.RPC_NOT_VERIFIED


def test_the_digits_asked_for_can_bring_a_mismatch_to_light() -> None:
    call = undecided(INCONCLUSIVE)
    call.voice = MISMATCH
    assert call.hears(DIGITS_RIGHT).outcome().disposition is Disposition.VOICE_MISMATCH


# --- evidence and policy ---------------------------------------------------------------------------------------

COURSE = (VoiceComparison(4.2, INCONCLUSIVE, 0.3), VoiceComparison(9.8, MISMATCH, 0.1))


def test_a_warning_rests_on_every_comparison_and_its_offset_in_the_recording() -> None:
    call = Call("verification", voice=MISMATCH, comparisons=COURSE, recording="2026-11-23/attempt-1.wav")
    [warning] = call.hears("affirm", BORN_RIGHT).outcome().warnings
    evidence = json.loads(json.dumps(dict(warning.evidence)))
    assert [(c["t"], c["last_score"], c["state"]) for c in evidence["comparisons"]] == [
        (4.2, 0.3, "inconclusive"),
        (9.8, 0.1, "mismatch"),
    ]
    assert evidence["recording"] == "2026-11-23/attempt-1.wav"
    assert {"model_id", "calibration_id"} <= evidence.keys()


def test_a_wrong_item_with_the_right_voice_is_w_v4_with_the_voices_evidence() -> None:
    call = Call("verification", consent=False, enrolled=True, comparisons=COURSE)
    call.consent = None
    call.hears("affirm", BORN_RIGHT, means("purpose", purpose="education"), "affirm", "willing", "can_pay")
    found = call.outcome()
    assert found.items["purpose"] is ItemResult.MISMATCH
    [warning] = found.warnings
    assert warning.code is WarningCode.W_V4
    assert warning.evidence["items"] == ["purpose"]
    assert warning.evidence["stated_purpose"] == "education"
    assert len(warning.evidence["comparisons"]) == 2  # type: ignore[arg-type]


def test_the_reminder_is_stricter_than_the_settings_and_so_is_a_call_back_about_it() -> None:
    outbound = Call("reminder").hears("affirm")
    assert outbound.state.flow == "identity"
    assert voice_policy(book(), outbound.state) == VoicePolicy(alpha=0.001)
    inbound = Call("inbound", direction="inbound", last_flow="reminder")
    assert voice_policy(book(), inbound.state).alpha is None
    assert voice_policy(book(), inbound.hears("affirm").state).alpha == 0.001


def test_the_innermost_flow_decides_each_part() -> None:
    call = Call("reminder").hears("affirm")
    inner = replace(book().flows["identity"], voiceprint=VoicePolicy(beta=0.02, challenge=Challenge.ALWAYS))
    changed = replace(book(), flows={**book().flows, "identity": inner})
    assert voice_policy(changed, call.state) == VoicePolicy(0.001, 0.02, Challenge.ALWAYS)


def test_hanging_up_at_the_digits_is_no_outcome_of_its_own() -> None:
    assert asked().hears(HANGS_UP).outcome().disposition is Disposition.HUNG_UP
    assert step(book(), asked().state, VoiceLost("x"))[1] == ()
    assert ACCOUNT.loan.outstanding == 9000
