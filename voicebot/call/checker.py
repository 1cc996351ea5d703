"""Runs a step's checks: gathers what they may look at (voice, consent, account), stores what they found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from voicebot.call.enrolling import Enroller
from voicebot.call.kit import Kit
from voicebot.call.reporter import Reporter
from voicebot.call.voice_watch import VoiceWatch
from voicebot.flow.checks import CheckInput, Limits, check_done, run_checks
from voicebot.flow.engine import mismatch_warning
from voicebot.flow.state import FlowState
from voicebot.model.flow import CheckDone, RunCheck
from voicebot.model.portfolio import Account
from voicebot.model.records import CheckRecord

#: Checks that look at the voice: before them, what was just said is embedded too.
_VOICE = frozenset({"voiceprint_matches", "right_party_verified"})
_ENROL = "enrol_voiceprint"


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
    ) -> None:
        self._kit = kit
        self._reporter = reporter
        self._account = account
        self._voice = voice
        self._enroller = enroller
        self._consent = consent
        self._last_flow = last_flow
        self._now = now

    async def run(self, state: FlowState, effect: RunCheck, t: float) -> CheckDone:
        """Run them in order; the first that is not `passed` decides. Raises FlowError on a defect of a check."""
        decision = None
        if self._voice is not None:
            if _VOICE.intersection(effect.checks):
                decision = await self._voice.settle()
                self._reporter.voice(decision)
            else:
                decision = self._voice.decision()
        enrolment = None
        if (
            _ENROL in effect.checks
            and self._enroller is not None
            and state.facts.get("consent_voiceprint", self._consent) is True
        ):
            enrolment = await self._enroller.enrol()
        settings = self._kit.settings
        given = CheckInput(
            facts=state.facts,
            account=self._account,
            now=self._now(),
            voice=decision,
            voiceprint_enrolled=self._voice is not None and self._voice.tracker.enrolled,
            consent_voiceprint=self._consent,
            enrolment=enrolment,
            warning=mismatch_warning(self._kit.book, state),
            last_flow=self._last_flow,
            limits=Limits(
                date_tol_d=settings.verification.date_tol_d,
                amount_tol=settings.verification.amount_tol,
                max_extra_prompts=settings.voiceprint.max_extra_prompts,
            ),
        )
        results = run_checks(effect.checks, given)
        for result in results:
            record = CheckRecord(effect.step, result.name, result.result, t, result.detail)
            self._reporter.check(record)
        return check_done(results)
