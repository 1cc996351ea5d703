"""What customers are told, and answer, about judging their words for emotion: into the table of consents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from voicebot.call.kit import Kit
from voicebot.call.reporter import Reporter
from voicebot.call.spoken_consent import spoken
from voicebot.call.workers import run
from voicebot.flow.checks import EmotionUse, Told
from voicebot.flow.checks_emotion import ANSWER, TOLD
from voicebot.model.portfolio import Account

PURPOSE = "emotion"


async def stored_answer(kit: Kit, account: Account | None) -> Told:
    """What this customer was told before, and said to it. A consent without an answer is the notice. Nothing is
    looked up where no emotion is judged."""
    if account is None or kit.emotion is EmotionUse.OFF:
        return Told.NOT
    consent = await run(kit.workers.storage, kit.store.consent, account.customer.id, PURPOSE)
    if consent is None:
        return Told.NOT
    return {True: Told.GRANTED, False: Told.REFUSED, None: Told.TOLD}[consent.granted]


class EmotionNotice:
    """One per call with a known customer. Scoring reads what is stored here before it judges a word."""

    def __init__(self, kit: Kit, account: Account, reporter: Reporter) -> None:
        self._kit = kit
        self._account = account
        self._reporter = reporter
        self._known: bool | None = None
        self._told = False

    def facts(self, facts: Mapping[str, object], step: str, t: float, now: datetime) -> None:
        """Store the notice, and the answer as soon as there is one (and again when it changes)."""
        answer = facts.get(ANSWER)
        granted = answer if isinstance(answer, bool) else None
        if facts.get(TOLD) is not True or (self._told and granted == self._known):
            return
        self._told, self._known = True, granted
        self._reporter.consent(spoken(self._kit, self._account, PURPOSE, granted, step, t, now))
