"""Consent to the voiceprint, and the voiceprint made from the call's own speech (document V, step V1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from voicebot.call.kit import Kit
from voicebot.call.reporter import VOICEPRINT, Reporter
from voicebot.call.spoken_consent import spoken
from voicebot.call.voice_watch import VoiceWatch
from voicebot.flow.checks import EnrolmentInfo
from voicebot.flow.voice_evidence import voice_evidence
from voicebot.model.portfolio import Account
from voicebot.model.records import CheckRecord
from voicebot.model.voice import Voiceprint
from voicebot.voiceprint.ageing import adapted
from voicebot.voiceprint.enrolment import Enrolment, enrol

#: The fact in which flows keep the answer to the question of consent.
FACT = "consent_voiceprint"


class Enroller:
    """One per call with a known customer."""

    def __init__(self, kit: Kit, account: Account, voice: VoiceWatch, reporter: Reporter) -> None:
        self._kit = kit
        self._account = account
        self._voice = voice
        self._reporter = reporter
        self._answered: bool | None = None
        self._step = ""

    def facts(self, facts: Mapping[str, object], step: str, t: float, now: datetime) -> None:
        """Store the answer to the question of consent as soon as it is known (and again when it changes). Told after
        each step of the flow; the answer was given where the flow was before that."""
        asked, self._step = self._step or step, step
        answer = facts.get(FACT)
        if not isinstance(answer, bool) or answer == self._answered:
            return
        self._answered = answer
        self._reporter.consent(spoken(self._kit, self._account, VOICEPRINT, answer, asked, t, now))

    async def enrol(self) -> EnrolmentInfo:
        """Make and store a voiceprint from what the customer has said in this call, if it is enough and good enough."""
        await self._voice.settle()
        settings = self._kit.settings.voiceprint
        result = enrol(self._voice.tracker.enrolment_candidates(), settings)
        if result.accepted:
            assert self._kit.calibration is not None
            now = datetime.now(UTC).isoformat()
            made = result.voiceprint(self._account.customer.id, self._kit.calibration.model_id, now)
            self._reporter.voiceprint(made)
        return EnrolmentInfo(
            result.accepted, self._reasons(result), round(result.net_s, 1), result.utterances, result.missing
        )

    async def adapt(self, voiceprint: Voiceprint, step: str, t: float) -> None:
        """After a call of the verified customer: add its speech to the voiceprint, where it is fit for that. Recorded
        as the check `voiceprint_adapted`; `t`: the end of the call, seconds."""
        decision = await self._voice.settle()
        grown = adapted(voiceprint, self._voice.tracker.enrolment_candidates(), decision, self._kit.settings.voiceprint)
        if grown is None:
            return
        self._reporter.voiceprint(grown)
        detail = {"vectors": len(grown.embeddings), "added": grown.added, **voice_evidence(decision)}
        self._reporter.check(CheckRecord(step, "voiceprint_adapted", "added", t, detail))

    def _reasons(self, result: Enrolment) -> tuple[str, ...]:
        settings = self._kit.settings.voiceprint
        reasons = []
        if result.net_s < settings.enrol_min_net_s:
            reasons.append("too_little_speech")
        if result.utterances < settings.enrol_min_utterances:
            reasons.append("too_few_utterances")
        if len(result.missing) > len(reasons):
            reasons.append("quality")
        return tuple(reasons)
