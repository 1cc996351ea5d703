"""Checks: Python functions with declared results, named by the flows. Pure: what they see comes in as CheckInput."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from voicebot.errors import FlowError
from voicebot.flow.book import Challenge
from voicebot.model.flow import CheckDone
from voicebot.model.outcome import WarningCode, WarningRaised
from voicebot.model.portfolio import Account
from voicebot.model.voice import VoiceComparison, VoiceDecision

PASSED = "passed"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EnrolmentInfo:
    """What making a voiceprint from this call's speech came to. `reasons`: why not (`too_little_speech`,
    `too_few_utterances` can be mended by speaking more; anything else cannot); `missing`: the same for
    people, "9.0 s of 20 s"."""

    ok: bool
    reasons: tuple[str, ...] = ()
    net_speech_s: float = 0.0
    utterances: int = 0
    missing: tuple[str, ...] = ()


class EmotionUse(StrEnum):
    """Emotion of a customer's words (rules.md, section 6): not judged; of who was told and did not refuse; or agreed.
    The notice at the first use is the law's (EU AI Act, article 50(3))."""

    OFF = "off"
    NOTICE = "notice"
    CONSENT = "consent"


class Told(StrEnum):
    """What a customer knows and has said of it. `TOLD`: the notice was given, and not answered with a no."""

    NOT = "not_told"
    TOLD = "told"
    GRANTED = "granted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Limits:
    """Tolerances. Days; `amount_tol` a share; `office_hours`: whole hours [from, to) of an appointment,
    `call_hours`: of a call-back (rules of calling); `challenge_amount`: outstanding from which random digits are asked
    for (0: none)."""

    date_tol_d: int = 3
    amount_tol: float = 0.01
    max_extra_prompts: int = 2
    promise_max_days: int = 30
    appointment_max_days: int = 30
    callback_max_days: int = 30
    office_hours: tuple[int, int] = (9, 17)
    call_hours: tuple[int, int] = (8, 21)
    challenge: Challenge = Challenge.RISK
    challenge_amount: float = 0.0


@dataclass(frozen=True, slots=True)
class CheckInput:
    """What a check may look at. `now`: the customer's local time; `voice`: the decision in force (None: none yet);
    `consent_voiceprint`: the stored answer (None: never asked; an answer given in this call is in the facts);
    `warning`: the one a voice mismatch raises (engine.mismatch_warning); `last_flow`: what we last called about;
    `answer_voice`: the voice of the last answer alone (None: too little of it, or keys); `comparisons`: every one of
    the call so far; `recording`: where the call is recorded, for offsets into it; `emotion`: may the words of customers
    be judged for emotion, and what must they be told; `consent_emotion`: the stored answer to that; `debt_notice`: is
    there one (settings)."""

    facts: Mapping[str, object]
    account: Account | None
    now: datetime
    voice: VoiceDecision | None = None
    voiceprint_enrolled: bool = False
    consent_voiceprint: bool | None = None
    enrolment: EnrolmentInfo | None = None
    warning: WarningCode | None = None
    last_flow: str | None = None
    limits: Limits = Limits()
    answer_voice: VoiceDecision | None = None
    comparisons: tuple[VoiceComparison, ...] = ()
    recording: str | None = None
    emotion: EmotionUse = EmotionUse.OFF
    consent_emotion: Told = Told.NOT
    debt_notice: bool = False

    @property
    def today(self) -> date:
        """The customer's day."""
        return self.now.date()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's result. `facts` go into the state; `detail` into the record: plain JSON values, no transcript."""

    result: str
    facts: Mapping[str, object] = field(default_factory=dict)
    detail: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[WarningRaised, ...] = ()
    name: str = ""


Check = Callable[[CheckInput], CheckResult]


@dataclass(frozen=True, slots=True)
class Registered:
    """A check as flows know it. `grants`: where it is `passed`, private things may be said."""

    name: str
    run: Check
    results: tuple[str, ...]
    grants: bool = False


_REGISTRY: dict[str, Registered] = {}


def check(name: str, results: Sequence[str], *, grants: bool = False) -> Callable[[Check], Check]:
    """Register a check under a name, with every result it can have."""

    def register(function: Check) -> Check:
        if name in _REGISTRY:
            raise ValueError(f"the check {name} is registered twice")
        _REGISTRY[name] = Registered(name, function, tuple(results), grants)
        return function

    return register


def registered() -> Mapping[str, Registered]:
    """All checks by name."""
    return _REGISTRY


def grants(name: str) -> bool:
    """True where the check's `passed` opens the gate."""
    return name in _REGISTRY and _REGISTRY[name].grants


def run_checks(names: Sequence[str], given: CheckInput) -> tuple[CheckResult, ...]:
    """Run checks in order up to the first that is not `passed`; each sees the facts of those before it.
    Raises FlowError where a name is unknown or a check breaks its declaration (a defect: `voicebot check` finds it)."""
    done: list[CheckResult] = []
    for name in names:
        entry = _REGISTRY.get(name)
        if entry is None:
            raise FlowError(f"no check is named `{name}`", hint="run `voicebot check`")
        result = replace(entry.run(given), name=name)
        if result.result not in entry.results:
            raise FlowError(f"the check `{name}` gave `{result.result}`, which it does not declare")
        done.append(result)
        given = replace(given, facts={**given.facts, **result.facts})
        if result.result != PASSED:
            break
    return tuple(done)


def check_done(results: Sequence[CheckResult]) -> CheckDone:
    """The event for the engine: the deciding result, all facts, and the warnings as the fact `warnings`."""
    facts: dict[str, object] = {}
    for result in results:
        facts.update(result.facts)
    warnings = tuple(warning for result in results for warning in result.warnings)
    if warnings:
        facts["warnings"] = warnings
    return CheckDone(results[-1].result if results else PASSED, facts)


# --- reading facts --------------------------------------------------------------------------------------------


def fact(given: CheckInput, name: str, kind: type[T]) -> T | None:
    """A fact, where it is of the kind wanted; else None."""
    value = given.facts.get(name)
    return value if isinstance(value, kind) and not (kind is not bool and isinstance(value, bool)) else None


def heard(given: CheckInput, name: str) -> tuple[object, ...]:
    """A stored answer's values over all hypotheses, best first."""
    values = given.facts.get(f"{name}_heard")
    if isinstance(values, tuple):
        return values
    value = given.facts.get(name)
    return () if value is None else (value,)


def count(given: CheckInput, name: str) -> int:
    """A counter kept as a fact."""
    return fact(given, name, int) or 0


def day_of(given: CheckInput, name: str) -> date | None:
    """A fact that is a day."""
    value = fact(given, name, date)
    return value.date() if isinstance(value, datetime) else value


def amount_of(given: CheckInput, name: str) -> Decimal | None:
    """A fact that is an amount."""
    return fact(given, name, Decimal)


def time_of(given: CheckInput, name: str) -> time | None:
    """A fact that is a time of day."""
    return fact(given, name, time)


# The checks themselves register when they are imported; they stand in files of their own by what they are about.
from voicebot.flow import (  # noqa: E402
    checks_challenge,  # noqa: F401
    checks_emotion,  # noqa: F401
    checks_follow_up,  # noqa: F401
    checks_identity,  # noqa: F401
    checks_items,  # noqa: F401
    checks_plans,  # noqa: F401
    checks_times,  # noqa: F401
)
