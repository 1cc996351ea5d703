"""A caller for flow tests: answers questions, the real checks run, the real prompts are rendered."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path

from voicebot.flow.book import FlowBook
from voicebot.flow.checks import (
    CheckInput,
    CheckResult,
    EmotionUse,
    EnrolmentInfo,
    Limits,
    Told,
    check_done,
    run_checks,
)
from voicebot.flow.engine import mismatch_warning, start, step
from voicebot.flow.loader import load_flows
from voicebot.flow.outcomes import outcome
from voicebot.flow.prompts import PromptContext, Prompts
from voicebot.flow.state import FlowState
from voicebot.model.flow import (
    CallStarted,
    Effect,
    EndCall,
    Event,
    Heard,
    HungUp,
    Listen,
    NoInput,
    NoMatch,
    RunCheck,
    Say,
    Transfer,
    TransferDone,
)
from voicebot.model.intent import Intent, SlotValue
from voicebot.model.outcome import Outcome
from voicebot.model.portfolio import Account, Customer, Loan, Offer
from voicebot.model.speech import Digits, Utterance
from voicebot.model.voice import VoiceComparison, VoiceDecision, VoiceReason, VoiceState
from voicebot.settings import BankSettings

ROOT = Path(__file__).resolve().parents[3]
FLOWS, TEMPLATES = ROOT / "callflows", ROOT / "scripts_templates"
NOW = datetime(2026, 11, 23, 10, 0)  # noqa: DTZ001 - a Monday, the customer's local time
BORN = date(1990, 5, 2)
ACCOUNT = Account(
    "A-1",
    Customer("C-1", "Joe Miller", "100", BORN, "0042"),
    Loan("loan", Decimal(12000), Decimal(9000), Decimal(2450), date(2026, 12, 4), "USD", "vehicle", date(2026, 1, 2)),
    Offer("Harbour Plus", Decimal(5000), "USD", Decimal("6.5")),
)
#: Answers that are not meanings.
SILENCE, NONSENSE, HANGS_UP = "SILENCE", "NONSENSE", "HANGS_UP"
Answer = str | Intent | tuple[Intent, ...] | Event


@cache
def book() -> FlowBook:
    """The flows that ship."""
    return load_flows(FLOWS)


@cache
def prompts() -> Prompts:
    """The English templates that ship."""
    return Prompts(TEMPLATES, "en")


def means(name: str, **slots: SlotValue) -> Intent:
    """A meaning."""
    return Intent(name, slots)


BORN_RIGHT = means("date", date=BORN)
BORN_WRONG = means("date", date=date(1991, 5, 2))
DIGITS_RIGHT = means("digits", digits="0042")
DIGITS_WRONG = means("digits", digits="9999")


def decision(state: str, reason: VoiceReason | None = None, score: float = 0.8) -> VoiceDecision:
    """A decision on the voice."""
    return VoiceDecision(VoiceState(state), reason, score, 4.2, 5.0, 0.55, 0.35, "ecapa", "default")


MATCH, MISMATCH = decision("match"), decision("mismatch", score=0.1)
INCONCLUSIVE = decision("inconclusive", VoiceReason.BETWEEN_LIMITS, 0.45)


@dataclass
class Call:
    """One conversation. `said`: (prompt, words) in order; `effects`: all of them."""

    flow: str
    account: Account | None = ACCOUNT
    voice: VoiceDecision | None = MATCH
    enrolled: bool = True
    consent: bool | None = None
    enrolment: EnrolmentInfo | None = None
    agent: bool = False
    direction: str = "outbound"
    last_flow: str | None = None
    now: datetime = NOW
    limits: Limits = field(default_factory=Limits)
    answer_voice: VoiceDecision | None = None
    comparisons: tuple[VoiceComparison, ...] = ()
    recording: str | None = None
    emotion: EmotionUse = EmotionUse.OFF
    told: Told = Told.NOT
    bank: BankSettings = field(default_factory=BankSettings)
    codes: tuple[str, ...] = ("402 917", "183 506")
    book: FlowBook = field(default_factory=book)
    said: list[tuple[str, str]] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    state: FlowState = field(init=False)
    last: Effect | None = None

    def __post_init__(self) -> None:
        self.state = start(self.book, self.flow, {"challenge_codes": self.codes})
        self.event(CallStarted(self.direction))

    def event(self, event: Event) -> None:
        """Feed an event, then run checks and transfers until an answer is wanted or the call is over."""
        following: Event | None = event
        while following is not None:
            self.state, effects = step(self.book, self.state, following)
            assert_in_order(effects)
            for effect in effects:
                self._say(effect)
            self.effects += effects
            self.last = effects[-1] if effects else self.last
            following = self._respond(effects[-1]) if effects else None

    def _say(self, effect: Effect) -> None:
        if isinstance(effect, Say):
            context = PromptContext(self.bank, self.account, self.now.date(), self.state.verified, self.state.facts)
            context = replace(context, direction=self.direction)
            self.said.append((effect.prompt, prompts().render(self.state.flow, effect, context)))

    def _respond(self, effect: Effect) -> Event | None:
        if isinstance(effect, Transfer):
            return TransferDone(self.agent)
        if not isinstance(effect, RunCheck):
            return None
        results = run_checks(effect.checks, self.given())
        self.checks += results
        return check_done(results)

    def given(self) -> CheckInput:
        """What a check would look at now."""
        return CheckInput(
            self.state.facts,
            self.account,
            self.now,
            self.voice,
            self.enrolled,
            self.consent,
            self.enrolment,
            mismatch_warning(self.book, self.state),
            self.last_flow,
            self.limits,
            self.answer_voice,
            self.comparisons,
            self.recording,
            self.emotion,
            self.told,
            bool(self.bank.debt_notice),
        )

    def hears(self, *answers: Answer) -> Call:
        """The caller's answers, one by one."""
        for answer in answers:
            assert isinstance(self.last, Listen), f"{answer} is said, and nobody listens: {self.last}"
            self.event(as_event(answer))
        return self

    @property
    def prompt(self) -> str:
        """The prompt said last."""
        return self.said[-1][0]

    @property
    def words(self) -> str:
        """All that was said."""
        return " ".join(text for _, text in self.said)

    @property
    def prompts_said(self) -> list[str]:
        """Names of the prompts, in order."""
        return [name for name, _ in self.said]

    def outcome(self) -> Outcome:
        """The outcome now."""
        return outcome(self.book, self.state, hung_up_by="caller" if self.state.hung_up else "bot")


def as_event(answer: Answer) -> Event:
    """An answer as the call layer would feed it."""
    source = Utterance("…")
    if isinstance(answer, Intent):
        return Heard((answer,), source)
    if isinstance(answer, tuple):
        return Heard(answer, source)
    if not isinstance(answer, str):
        return answer
    special = {SILENCE: NoInput(), NONSENSE: NoMatch(source), HANGS_UP: HungUp()}
    if answer in special:
        return special[answer]
    return Heard((Intent(answer),), source)


def keys(pressed: str, *intents: Intent) -> Heard:
    """Keys as the call layer would feed them."""
    return Heard(intents or (Intent("digits", {"digits": pressed}),), Digits(pressed, 0.0, 1.0))


def assert_in_order(effects: tuple[Effect, ...]) -> None:
    """Say*, then at most one of the others."""
    assert all(isinstance(effect, Say) for effect in effects[:-1])
    assert not effects or isinstance(effects[-1], Listen | RunCheck | Transfer | EndCall)


def until_verified(call: Call) -> Call:
    """Through greeting, right party and date of birth."""
    return call.hears("affirm", BORN_RIGHT)


def at(hour: int, minute: int = 0) -> time:
    """A time of day."""
    return time(hour, minute)
