"""Who is on the line: knowledge, voice, and the gate that joins them (specification section 1, biometrics 9)."""

from __future__ import annotations

from voicebot.flow.checks import PASSED, CheckInput, CheckResult, check, count, fact, heard
from voicebot.model.outcome import WarningCode, WarningRaised
from voicebot.model.voice import VoiceDecision, VoiceReason, VoiceState

#: Reasons for which the voice cannot decide at all: knowledge decides then.
_NO_VOICE = frozenset({VoiceReason.NOT_ENROLLED, VoiceReason.OPTED_OUT, VoiceReason.EXPIRED})
#: What speaking more can mend in an enrolment.
_MORE_SPEECH = frozenset({"too_little_speech", "too_few_utterances"})


@check("already_greeted", (PASSED, "not_yet"))
def already_greeted(given: CheckInput) -> CheckResult:
    """Has this call had its greeting, disclosure and recording notice?"""
    return CheckResult(PASSED if given.facts.get("greeted") is True else "not_yet")


@check("already_reached", (PASSED, "not_yet"))
def already_reached(given: CheckInput) -> CheckResult:
    """Has the person on the line said to be the customer in this call?"""
    return CheckResult(PASSED if given.facts.get("reached") is True else "not_yet")


@check("caller_known", (PASSED, "unknown_caller"))
def caller_known(given: CheckInput) -> CheckResult:
    """Inbound: does the caller's number belong to an account?"""
    return CheckResult(PASSED if given.account is not None else "unknown_caller")


@check("birth_date_matches", (PASSED, "birth_date_wrong"))
def birth_date_matches(given: CheckInput) -> CheckResult:
    """Is a date of birth that any hypothesis heard the customer's? Exact: identity has no tolerance."""
    known = given.account.customer.birth_date if given.account else None
    right = known is not None and known in heard(given, "birth_date")
    return CheckResult(
        PASSED if right else "birth_date_wrong",
        {"birth_date_ok": right},
        {"hypotheses": len(heard(given, "birth_date"))},
    )


@check("id_last4_matches", (PASSED, "id_wrong"))
def id_last4_matches(given: CheckInput) -> CheckResult:
    """Are the last four digits of the identity document the customer's?"""
    known = given.account.customer.id_last4 if given.account else None
    said = [str(value) for value in heard(given, "id_last4")]
    right = known is not None and known in said
    return CheckResult(PASSED if right else "id_wrong", {"id_last4_ok": right}, {"hypotheses": len(said)})


@check("voiceprint_usable", (PASSED, "not_usable"))
def voiceprint_usable(given: CheckInput) -> CheckResult:
    """Can the voice decide: enrolled, not opted out, not expired? Else the second knowledge question is needed."""
    return CheckResult(PASSED if _usable(given) else "not_usable", detail={"enrolled": given.voiceprint_enrolled})


@check("voiceprint_matches", (PASSED, "voice_mismatch", "voice_inconclusive", "not_usable"))
def voiceprint_matches(given: CheckInput) -> CheckResult:
    """The decision on the voice alone; a mismatch raises the flow's warning."""
    return _voice(given) if _usable(given) else CheckResult("not_usable")


@check(
    "right_party_verified",
    (PASSED, "voice_mismatch", "voice_inconclusive", "voice_exhausted", "knowledge_wrong"),
    grants=True,
)
def right_party_verified(given: CheckInput) -> CheckResult:
    """The gate. With a voiceprint: the voice matches and the date of birth is right; without one (never enrolled, opted
    out, expired): date of birth and last four digits are right. A mismatch is never outweighed by knowledge. An
    inconclusive voice may be followed by `max_extra_prompts` more questions, then it is `voice_exhausted`."""
    birth = given.facts.get("birth_date_ok") is True
    digits = given.facts.get("id_last4_ok") is True
    if not _usable(given):
        passed = birth and digits
        facts = {"identity_by": "knowledge"} if passed else {}
        return CheckResult(PASSED if passed else "knowledge_wrong", facts, {"by": "knowledge"})
    voice = _voice(given)
    if voice.result == "voice_inconclusive":
        return _inconclusive(given, voice)
    if voice.result == PASSED and not birth:
        return CheckResult("knowledge_wrong", {}, voice.detail)
    facts = {"identity_by": "voice"} if voice.result == PASSED else {}
    return CheckResult(voice.result, facts, voice.detail, voice.warnings)


@check("voiceprint_consent", ("enrolled", "granted", "refused", "not_asked"))
def voiceprint_consent(given: CheckInput) -> CheckResult:
    """Where do we stand with the agreement to a voiceprint? A refusal is not asked about again."""
    said = fact(given, "consent_voiceprint", bool)
    consent = given.consent_voiceprint if said is None else said
    if given.voiceprint_enrolled and consent is not False:
        return CheckResult("enrolled")
    if consent is None:
        return CheckResult("not_asked")
    return CheckResult("granted" if consent else "refused")


@check("enrol_voiceprint", (PASSED, "need_more_speech", "poor_quality", "no_consent"))
def enrol_voiceprint(given: CheckInput) -> CheckResult:
    """Did this call's own speech make a voiceprint? (The call layer makes it, and only after consent.)"""
    if voiceprint_consent(given).result != "granted":
        return CheckResult("no_consent")
    info = given.enrolment
    if info is None:
        return CheckResult("poor_quality", {"enrolled": False}, {"reasons": ["not_made"]})
    detail = {"net_speech_s": info.net_speech_s, "utterances": info.utterances, "reasons": list(info.reasons)}
    if info.ok:
        return CheckResult(PASSED, {"enrolled": True}, detail)
    asked = count(given, "enrol_prompts")
    if asked < given.limits.max_extra_prompts and set(info.reasons) <= _MORE_SPEECH:
        return CheckResult("need_more_speech", {"enrol_prompts": asked + 1}, detail)
    return CheckResult("poor_quality", {"enrolled": False}, detail)


def _usable(given: CheckInput) -> bool:
    """The voice can decide. A refusal in this call or in the store counts at once."""
    refused = given.consent_voiceprint is False or given.facts.get("consent_voiceprint") is False
    if not given.voiceprint_enrolled or refused:
        return False
    return given.voice is None or given.voice.reason not in _NO_VOICE


def _voice(given: CheckInput) -> CheckResult:
    decision = given.voice
    if decision is None:
        return CheckResult("voice_inconclusive", detail={"reason": VoiceReason.NOT_ENOUGH_SPEECH.value})
    evidence = voice_evidence(decision)
    if decision.state is VoiceState.MATCH:
        return CheckResult(PASSED, {"voice_state": decision.state.value}, evidence)
    warnings: list[WarningRaised] = []
    if decision.state is VoiceState.MISMATCH and given.warning is not None:
        warnings.append(WarningRaised(given.warning, "the voice is not the enrolled customer's", evidence))
    if decision.reason is VoiceReason.SPOOF_RISK:
        warnings.append(WarningRaised(WarningCode.W_V5, "the voice may be replayed or synthetic", evidence))
    result = "voice_mismatch" if decision.state is VoiceState.MISMATCH else "voice_inconclusive"
    return CheckResult(result, {"voice_state": decision.state.value}, evidence, tuple(warnings))


def _inconclusive(given: CheckInput, voice: CheckResult) -> CheckResult:
    asked = count(given, "voice_prompts")
    if asked >= given.limits.max_extra_prompts:
        return CheckResult("voice_exhausted", voice.facts, voice.detail, voice.warnings)
    facts = {**voice.facts, "voice_prompts": asked + 1}
    return CheckResult("voice_inconclusive", facts, voice.detail, voice.warnings)


def voice_evidence(decision: VoiceDecision) -> dict[str, object]:
    """A decision as plain values: what a warning and a record rest on."""
    return {
        "state": decision.state.value,
        "reason": decision.reason.value if decision.reason else None,
        "score": decision.score,
        "llr": decision.llr,
        "net_speech_s": decision.net_speech_s,
        "accept_limit": decision.accept_limit,
        "reject_limit": decision.reject_limit,
        "model_id": decision.model_id,
        "calibration_id": decision.calibration_id,
    }
