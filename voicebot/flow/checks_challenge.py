"""Random digits to be repeated: what a recording or a prepared synthetic voice cannot do (specification section 1,
"dynamic voice password" of JR/T 0164-2018). The digits must be right and the voice of that very answer the customer's.

The digits are facts given at the start of the call (`challenge_codes`), so flows stay pure; each is used once.
"""

from __future__ import annotations

from voicebot.flow.book import Challenge
from voicebot.flow.checks import PASSED, CheckInput, CheckResult, check, count, fact, heard
from voicebot.flow.voice_evidence import warning_evidence
from voicebot.model.outcome import WarningCode, WarningRaised
from voicebot.model.voice import VoiceReason

#: Times the digits may be said: once, and once more with other ones.
MAX_TRIES = 2
#: The answer's own LLR must speak for the customer; at its 2 to 4 s no stricter limit is fair (docs/voiceprint.md).
LEAST_LLR = 0.0


def risks(given: CheckInput) -> tuple[str, ...]:
    """Why the digits are wanted; () where they are not. Only an accepted voice can be a recording: who is known by
    knowledge questions is never asked."""
    level = given.limits.challenge
    if level is Challenge.NEVER:
        return ()
    found = ["always"] if level is Challenge.ALWAYS else []
    if given.voice is not None and given.voice.reason is VoiceReason.SPOOF_RISK:
        found.append("spoof_risk")
    limit = given.limits.challenge_amount
    if limit > 0 and given.account is not None and float(given.account.loan.outstanding) >= limit:
        found.append("amount")
    return tuple(found)


@check("challenge_code", (PASSED, "used_up"))
def challenge_code(given: CheckInput) -> CheckResult:
    """Take the next digits; what was said before counts no more."""
    codes = given.facts.get("challenge_codes")
    if not isinstance(codes, tuple) or not codes:
        return CheckResult("used_up")
    fresh = {"challenge_digits": str(codes[0]), "challenge_codes": codes[1:]}
    return CheckResult(PASSED, {**fresh, "challenge_said": None, "challenge_said_heard": ()})


@check("challenge_repeated", (PASSED, "repeat_wrong", "not_repeated"))
def challenge_repeated(given: CheckInput) -> CheckResult:
    """Were the digits said exactly (in any hypothesis), by the customer's voice? Once more with other digits if not."""
    wanted = "".join((fact(given, "challenge_digits", str) or "").split())
    digits = bool(wanted) and wanted in [str(value) for value in heard(given, "challenge_said")]
    voice = given.answer_voice
    evidence = voice.llr if voice is not None else None
    own = evidence is not None and evidence >= LEAST_LLR
    tries = count(given, "challenge_tries") + 1
    detail = {
        "digits": digits,
        "voice": own,
        "llr": evidence,
        "net_speech_s": voice.net_speech_s if voice is not None else None,
        "try": tries,
    }
    facts = {"challenge_tries": tries, "challenge_ok": digits and own}
    if digits and own:
        return CheckResult(PASSED, facts, detail)
    return CheckResult("repeat_wrong" if tries < MAX_TRIES else "not_repeated", facts, detail)


@check("challenge_failed", ("noted",))
def challenge_failed(given: CheckInput) -> CheckResult:
    """Refused, or not repeated: W-V5, and the gate stays closed."""
    evidence: dict[str, object] = {"tries": count(given, "challenge_tries"), "risk": list(risks(given))}
    if given.voice is not None:
        evidence |= warning_evidence(given, given.voice)
    warning = WarningRaised(WarningCode.W_V5, "the random digits were not repeated by the customer's voice", evidence)
    return CheckResult("noted", {"challenge_ok": False}, {"tries": evidence["tries"]}, (warning,))
