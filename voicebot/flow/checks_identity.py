"""Who is on the line: knowledge, voice, and the gate that joins them (specification section 1, biometrics 9)."""

from __future__ import annotations

from dataclasses import replace

from voicebot.flow.checks import PASSED, CheckInput, CheckResult, check, count, fact, heard
from voicebot.flow.checks_challenge import risks
from voicebot.flow.voice_evidence import voice_evidence, warning_evidence
from voicebot.model.outcome import WarningCode, WarningRaised
from voicebot.model.voice import VoiceDecision, VoiceReason, VoiceState

#: Reasons for which the voice cannot decide at all: knowledge decides then.
_NO_VOICE = frozenset({VoiceReason.NOT_ENROLLED, VoiceReason.OPTED_OUT, VoiceReason.EXPIRED})
#: Reasons that no knowledge outweighs.
_FOR_A_PERSON = frozenset({VoiceReason.SPEAKER_CHANGE, VoiceReason.SPOOF_RISK})
_RESULTS = {
    VoiceState.MATCH: PASSED,
    VoiceState.MISMATCH: "voice_mismatch",
    VoiceState.INCONCLUSIVE: "voice_inconclusive",
}
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
    (PASSED, "voice_mismatch", "voice_inconclusive", "voice_exhausted", "knowledge_wrong", "challenge_needed"),
    grants=True,
)
def right_party_verified(given: CheckInput) -> CheckResult:
    """The gate. With a voiceprint: the voice matches and the date of birth is right; without one (never enrolled, opted
    out, expired): date of birth and last four digits are right. A mismatch is never outweighed by knowledge. An
    inconclusive voice may be followed by `max_extra_prompts` more questions; then, where the evidence does not speak
    against the customer, both knowledge questions decide, else it is `voice_exhausted`. Where there is a risk, an
    accepted voice counts only after random digits were repeated (`challenge_needed`)."""
    birth = given.facts.get("birth_date_ok") is True
    digits = given.facts.get("id_last4_ok") is True
    if not _usable(given):
        passed = birth and digits
        facts = {"identity_by": "knowledge"} if passed else {}
        return CheckResult(PASSED if passed else "knowledge_wrong", facts, {"by": "knowledge"})
    voice = _voice(given)
    if voice.result == "voice_inconclusive":
        return _inconclusive(given, voice, knows=birth and digits)
    if voice.result == PASSED and not birth:
        return CheckResult("knowledge_wrong", {}, voice.detail, voice.warnings)
    wanted = risks(given) if voice.result == PASSED else ()
    if wanted and given.facts.get("challenge_ok") is not True:
        return CheckResult("challenge_needed", {}, {**voice.detail, "risk": list(wanted)}, voice.warnings)
    facts = {"identity_by": "voice"} if voice.result == PASSED else {}
    return CheckResult(voice.result, facts, voice.detail, voice.warnings)


@check("voiceprint_consent", ("enrolled", "granted", "refused", "not_asked"))
def voiceprint_consent(given: CheckInput) -> CheckResult:
    """Where do we stand with the agreement to a voiceprint? A refusal is not asked about again. An expired voiceprint
    is to be made anew, under the consent there is."""
    said = fact(given, "consent_voiceprint", bool)
    consent = given.consent_voiceprint if said is None else said
    old = given.voice is not None and given.voice.reason is VoiceReason.EXPIRED
    if given.voiceprint_enrolled and not old and consent is not False:
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
    detail = {
        "net_speech_s": info.net_speech_s,
        "utterances": info.utterances,
        "reasons": list(info.reasons),
        "missing": "; ".join(info.missing),
    }
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
    warnings: list[WarningRaised] = []
    if decision.state is VoiceState.MISMATCH and given.warning is not None:
        evidence = warning_evidence(given, decision)
        warnings.append(WarningRaised(given.warning, "the voice is not the enrolled customer's", evidence))
    if decision.reason is VoiceReason.SPOOF_RISK:
        evidence = warning_evidence(given, decision)
        warnings.append(WarningRaised(WarningCode.W_V5, "the voice may be replayed or synthetic", evidence))
    facts = {"voice_state": decision.state.value}
    return CheckResult(_RESULTS[decision.state], facts, voice_evidence(decision), tuple(warnings))


def _inconclusive(given: CheckInput, voice: CheckResult, *, knows: bool) -> CheckResult:
    asked = count(given, "voice_prompts")
    if asked < given.limits.max_extra_prompts:
        return replace(voice, facts={**voice.facts, "voice_prompts": asked + 1})
    if not _knowledge_may_decide(given.voice):
        return replace(voice, result="voice_exhausted")
    if not knows:
        return replace(voice, result="knowledge_wrong")
    facts = {**voice.facts, "identity_by": "knowledge"}
    return replace(voice, result=PASSED, facts=facts, detail={**voice.detail, "by": "knowledge"})


def _knowledge_may_decide(decision: VoiceDecision | None) -> bool:
    """The voice left it open, and nothing it showed speaks against the customer: no worse a service than without one.
    A change of speaker or a suspected recording is for a person."""
    if decision is None:
        return True
    return decision.reason not in _FOR_A_PERSON and (decision.llr is None or decision.llr >= 0)
