"""Emotion of a customer's words: off by default; where it is on, the notice at first use and the answer to it.

Nothing else in the flows looks at it: no result of it refuses anybody anything, or changes what is said.
"""

from __future__ import annotations

from voicebot.flow.checks import CheckInput, CheckResult, EmotionUse, Told, check

#: The facts in which flows keep that the notice was given, and the answer.
TOLD, ANSWER = "emotion_told", "consent_emotion"


@check("emotion_notice", ("off", "known", "to_tell", "to_ask"))
def emotion_notice(given: CheckInput) -> CheckResult:
    """Must the customer be told, or asked? `off`: nothing is judged; `known`: told (or asked) before, in this call or
    another, whatever the answer was: it is not asked for again."""
    if given.emotion is EmotionUse.OFF:
        return CheckResult("off")
    answered = given.consent_emotion in (Told.GRANTED, Told.REFUSED) or isinstance(given.facts.get(ANSWER), bool)
    told = answered or given.consent_emotion is Told.TOLD or given.facts.get(TOLD) is True
    if answered or (told and given.emotion is EmotionUse.NOTICE) or given.facts.get(TOLD) is True:
        return CheckResult("known")
    return CheckResult("to_tell" if given.emotion is EmotionUse.NOTICE else "to_ask")
