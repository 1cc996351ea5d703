"""The follow-up after disbursement (document Q, step Q2): are purpose and borrower real, was the procedure kept?"""

from __future__ import annotations

from collections.abc import Mapping

from voicebot.flow.checks import PASSED, CheckInput, CheckResult, check
from voicebot.model.outcome import ItemResult, WarningCode, WarningRaised

#: The results of Q2 and the item each rests on.
RESULTS = {"purpose_ok": "purpose", "procedure_ok": "procedure", "identity_ok": "identity"}
#: What the customer was asked about the procedure: the fact, and the answer that is as it should be.
PROCEDURE = {"money_received": True, "terms_explained": True, "fee_asked": False}
#: What a person is to do.
COMPLAINT, REVIEW = "complaint", "review"


@check("follow_up_findings", (PASSED, "found"))
def follow_up_findings(given: CheckInput) -> CheckResult:
    """Where the follow-up stands: `found` where something is wrong or the customer complains. Asked after each answer,
    so that a call that breaks off leaves what it found. The item `procedure` is a mismatch where one answer is wrong, a
    match where every one is right. Purpose, procedure or borrower wrong is W-Q3, for the internal audit; that, and a
    complaint, needs a person."""
    procedure = _procedure(given.facts)
    facts: dict[str, object] = {"items.procedure": procedure} if procedure else {}
    known = {**given.facts, **facts}
    ok = {name: _ok(known, item) for name, item in RESULTS.items()}
    wrong = [RESULTS[name] for name, value in ok.items() if value is False]
    complaint = known.get("complaint") is True
    if complaint or wrong:
        facts["needs_human"] = COMPLAINT if complaint else REVIEW
    detail = {**ok, "complaint": complaint, "needs_human": bool(complaint or wrong)}
    warnings: tuple[WarningRaised, ...] = ()
    if wrong:
        reason = f"the follow-up call found wrong: {', '.join(wrong)}"
        answers = {name: known[name] for name in PROCEDURE if isinstance(known.get(name), bool)}
        warnings = (WarningRaised(WarningCode.W_Q3, reason, {"items": wrong, **answers, "complaint": complaint}),)
    return CheckResult("found" if wrong or complaint else PASSED, facts, detail, warnings)


def _procedure(facts: Mapping[str, object]) -> str | None:
    answers = [(facts.get(name), right) for name, right in PROCEDURE.items()]
    if any(isinstance(answer, bool) and answer is not right for answer, right in answers):
        return ItemResult.MISMATCH.value
    if all(isinstance(answer, bool) for answer, _ in answers):
        return ItemResult.MATCH.value
    asked = any(name in facts for name in PROCEDURE)
    return ItemResult.UNCLEAR.value if asked else None


def _ok(facts: Mapping[str, object], item: str) -> bool | None:
    """None where it was not asked, or is not clear."""
    known = {ItemResult.MATCH.value: True, ItemResult.MISMATCH.value: False}
    return known.get(str(facts.get(f"items.{item}")))
