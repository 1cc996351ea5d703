"""The verification's items against the loan record (document V, step V2a-3), and which script is due."""

from __future__ import annotations

from voicebot.flow.checks import PASSED, CheckInput, CheckResult, check, fact, heard
from voicebot.flow.voice_evidence import warning_evidence
from voicebot.model.outcome import ItemResult, WarningCode, WarningRaised
from voicebot.model.voice import VoiceState

#: Items that are data of the record (a mismatch is W-V4); willingness and ability are not.
_DATA_ITEMS = ("purpose", "amount", "use")


@check("purpose_matches", (PASSED, "purpose_differs", "purpose_unclear"))
def purpose_matches(given: CheckInput) -> CheckResult:
    """Is a class of loan purpose that any hypothesis heard the record's? A difference counts only once it is confirmed
    (`purpose_mismatch_confirmed`): one misheard answer must not raise a warning."""
    said = heard(given, "purpose")
    if given.account is None or not said:
        return CheckResult("purpose_unclear", {"items.purpose": ItemResult.UNCLEAR.value})
    if given.account.loan.purpose in said:
        return CheckResult(PASSED, {"items.purpose": ItemResult.MATCH.value})
    detail = {"record": given.account.loan.purpose, "stated": str(said[0])}
    return CheckResult("purpose_differs", {"items.purpose": ItemResult.UNCLEAR.value}, detail)


@check("data_accurate", (PASSED, "data_mismatch"))
def data_accurate(given: CheckInput) -> CheckResult:
    """Do the data items agree with the record? W-V4 where the voice was accepted and at least one does not."""
    wrong = [name for name in _DATA_ITEMS if fact(given, f"items.{name}", str) == ItemResult.MISMATCH.value]
    if not wrong:
        return CheckResult(PASSED)
    detail: dict[str, object] = {"items": wrong}
    if "purpose" in wrong and given.account is not None:
        detail |= {"record_purpose": given.account.loan.purpose, "stated_purpose": str(given.facts.get("purpose"))}
    accepted = given.voice is not None and given.voice.state is VoiceState.MATCH
    warnings: tuple[WarningRaised, ...] = ()
    if accepted and given.voice is not None:
        evidence = {**detail, **warning_evidence(given, given.voice)}
        warnings = (WarningRaised(WarningCode.W_V4, "the voice is accepted and the data differ", evidence),)
    return CheckResult("data_mismatch", {}, detail, warnings)


@check("has_offer", (PASSED, "no_offer"))
def has_offer(given: CheckInput) -> CheckResult:
    """Is there an offer to invite to?"""
    return CheckResult(PASSED if given.account is not None and given.account.offer is not None else "no_offer")


@check("debt_notice", ("to_say", "none", "said"))
def debt_notice(given: CheckInput) -> CheckResult:
    """Is there a notice that a debt is collected, and was it not given in this call yet?"""
    if not given.debt_notice:
        return CheckResult("none")
    return CheckResult("said" if given.facts.get("debt_notice_said") is True else "to_say")


@check("purpose_of_last_call", ("verification", "invitation", "reminder", "follow_up"))
def purpose_of_last_call(given: CheckInput) -> CheckResult:
    """Inbound: what did we last call this account about? A reminder where we never did, or no longer know."""
    last = given.last_flow
    return CheckResult(last if last in ("verification", "invitation", "reminder", "follow_up") else "reminder")
