"""Runs a step's checks: gathers what they may look at (voice, consent, account), stores what they found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from voicebot.call.enrolling import Enroller
from voicebot.call.kit import Kit
from voicebot.call.reporter import Reporter
from voicebot.call.voice_watch import VoiceWatch
from voicebot.flow.book import Challenge
from voicebot.flow.checks import CheckInput, EnrolmentInfo, Limits, Told, check_done, run_checks
from voicebot.flow.engine import mismatch_warning, voice_policy
from voicebot.flow.state import FlowState, with_facts
from voicebot.model.flow import CheckDone, RunCheck
from voicebot.model.outcome import Disposition
from voicebot.model.portfolio import Account
from voicebot.model.records import CheckRecord
from voicebot.model.voice import VoiceDecision, VoiceReason, VoiceState

#: Checks that look at the voice: before them, what was just said is embedded too.
_VOICE = frozenset({"voiceprint_matches", "right_party_verified", "challenge_code", "challenge_repeated"})
_ENROL = "enrol_voiceprint"
#: Who has a voiceprint keeps it, until it is too old: a call must not replace it (a match at 1 % is no enrolment).
_TO_ENROL = frozenset({VoiceReason.NOT_ENROLLED, VoiceReason.EXPIRED})


class Checker:
    """One per call. `now`: the customer's local time, asked anew for each check."""

    def __init__(
        self,
        kit: Kit,
        reporter: Reporter,
        account: Account | None,
        voice: VoiceWatch | None,
        enroller: Enroller | None,
        consent: bool | None,
        last_flow: str | None,
        now: Callable[[], datetime],
        recording: str | None = None,
        emotion: Told = Told.NOT,
    ) -> None:
        self._kit = kit
        self._reporter = reporter
        self._account = account
        self._voice = voice
        self._enroller = enroller
        self._consent = consent
        self._last_flow = last_flow
        self._now = now
        self._recording = recording
        self._emotion = emotion

    async def run(self, state: FlowState, effect: RunCheck, t: float, answered_at: float | None = None) -> CheckDone:
        """Run them in order; the first that is not `passed` decides. `answered_at`: when the last spoken answer began
        (s), None where keys were pressed. Raises FlowError on a defect of a check."""
        decision = None
        if self._voice is not None:
            if _VOICE.intersection(effect.checks):
                decision = await self._voice.now()
                self._reporter.voice(decision)
            else:
                decision = self._voice.decision()
        enrolment = None
        if (
            _ENROL in effect.checks
            and self._enroller is not None
            and (decision is None or decision.reason in _TO_ENROL)
            and state.facts.get("consent_voiceprint", self._consent) is True
        ):
            enrolment = await self._enroller.enrol()
        results = run_checks(effect.checks, self._given(state, decision, enrolment, answered_at))
        for result in results:
            record = CheckRecord(effect.step, result.name, result.result, t, result.detail)
            self._reporter.check(record)
        return check_done(results)

    async def at_the_end(self, state: FlowState) -> FlowState:
        """Whoever said to be the customer and was gone before a check could tell that it is another voice: the warning
        is raised all the same."""
        told = state.facts.get("reached") is True and state.ended not in (
            Disposition.WRONG_PARTY,
            Disposition.VOICE_MISMATCH,
        )
        if self._voice is None or not told:
            return state
        decision = await self._voice.settle()
        if decision.state is not VoiceState.MISMATCH:
            return state
        done = check_done(run_checks(("voiceprint_matches",), self._given(state, decision, None, None)))
        before, new = state.facts.get("warnings"), done.facts.get("warnings")
        both = (*(before if isinstance(before, tuple) else ()), *(new if isinstance(new, tuple) else ()))
        return with_facts(state, {"warnings": both})

    def _given(
        self,
        state: FlowState,
        decision: VoiceDecision | None,
        enrolment: EnrolmentInfo | None,
        answered_at: float | None,
    ) -> CheckInput:
        settings, voice = self._kit.settings, self._voice
        policy = voice_policy(self._kit.book, state)
        return CheckInput(
            facts=state.facts,
            account=self._account,
            now=self._now(),
            voice=decision,
            voiceprint_enrolled=voice is not None and voice.tracker.enrolled,
            consent_voiceprint=self._consent,
            enrolment=enrolment,
            warning=mismatch_warning(self._kit.book, state),
            last_flow=self._last_flow,
            limits=Limits(
                date_tol_d=settings.verification.date_tol_d,
                amount_tol=settings.verification.amount_tol,
                max_extra_prompts=settings.voiceprint.max_extra_prompts,
                challenge=policy.challenge or Challenge(settings.voiceprint.challenge),
                challenge_amount=settings.voiceprint.challenge_amount,
            ),
            answer_voice=voice.tracker.since(answered_at) if voice is not None and answered_at is not None else None,
            comparisons=voice.comparisons if voice is not None else (),
            recording=self._recording,
            emotion=self._kit.emotion,
            consent_emotion=self._emotion,
            debt_notice=bool(settings.bank.debt_notice),
        )
