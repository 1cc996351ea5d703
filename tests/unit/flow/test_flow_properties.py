"""Whatever comes in: the engine never raises, always ends, never opens the gate by itself, never leaks."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.flow.helpers import TEMPLATES, assert_in_order, book, prompts
from voicebot.flow.checks import registered
from voicebot.flow.engine import MAX_TURNS, start, step
from voicebot.flow.outcomes import outcome
from voicebot.flow.private_words import load_private_words
from voicebot.flow.reach import reach
from voicebot.flow.state import Waiting
from voicebot.flow.walk import MAX_CHAIN
from voicebot.model.flow import (
    CallStarted,
    CheckDone,
    EndCall,
    Event,
    Heard,
    HungUp,
    Listen,
    NoInput,
    NoMatch,
    PromptDone,
    RunCheck,
    Say,
    TransferDone,
    VoiceLost,
)
from voicebot.model.intent import Intent
from voicebot.model.outcome import Disposition
from voicebot.model.speech import Digits, Utterance

SCRIPTS = st.sampled_from(book().scripts)
NAMES = sorted({name for f in book().flows.values() for s in f.steps.values() for name in s.next} | {"free", "zzz"})
RESULTS = sorted({r for c in registered().values() for r in c.results} | {"zzz"})
SLOTS = st.fixed_dictionaries(
    {},
    optional={
        "date": st.dates(),
        "amount": st.decimals(allow_nan=False, allow_infinity=False),
        "time": st.times(),
        "digits": st.text(alphabet="0123456789", max_size=6),
        "purpose": st.sampled_from(["vehicle", "travel", "?"]),
        "share": st.sampled_from([Decimal("0.5")]),
    },
)
SAID = Utterance("…")
INTENT = st.builds(Intent, st.sampled_from(NAMES), SLOTS)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(lambda i: Heard(tuple(i), SAID), st.lists(INTENT, min_size=1, max_size=3)),
    st.builds(lambda i, k: Heard((i,), Digits(k, 0, 0)), INTENT, st.sampled_from(["0", "0#", "12", "*"])),
    st.just(NoInput()),
    st.just(NoMatch(SAID)),
    st.builds(CheckDone, st.sampled_from(RESULTS), st.just({})),
    st.builds(CheckDone, st.sampled_from(RESULTS), st.just({"warnings": 3, "items.purpose": "?", "promise_amount": 1})),
    st.builds(TransferDone, st.booleans()),
    st.just(VoiceLost("speaker_change")),
    st.just(PromptDone(False)),
    st.builds(CallStarted, st.just("outbound")),
)
#: Prompts that hold something private: they name the loan, or a private word.
WORDS = load_private_words(TEMPLATES / "en")
PRIVATE = {
    f"{flow}.{name}"
    for flow in book().flows
    for name, block in prompts().blocks(flow).items()
    if block.private or any(True for text, _ in block.texts for _ in WORDS.find(text))
}
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(SCRIPTS, st.lists(EVENTS, max_size=80))
def test_any_events_in_any_order(flow: str, events: list[Event]) -> None:
    state = start(book(), flow)
    for event in [CallStarted("outbound"), *events]:
        before = state
        state, effects = step(book(), state, event)
        assert_in_order(effects)
        says = [effect for effect in effects if isinstance(effect, Say)]
        assert state.verified or not {say.prompt for say in says} & PRIVATE
        if state.verified and not before.verified:
            assert isinstance(event, CheckDone)
            assert event.result == "passed"
            asked = book().step(before.flow, before.step).check
            assert any(registered()[name].grants for name in asked)
        if isinstance(event, VoiceLost):
            assert not state.verified
        assert state.over or state.waiting is not Waiting.START
        assert len(state.stack) <= 9
        found = outcome(book(), state, hung_up_by="caller")
        assert isinstance(found.disposition, Disposition)
        if not isinstance(event, CallStarted) and before.over:
            assert (state, effects) == (before, ())


@QUICK
@given(SCRIPTS, st.data())
def test_every_call_ends(flow: str, data: st.DataObject) -> None:
    state = start(book(), flow)
    event: Event = CallStarted("outbound")
    for turn in range(2 * MAX_TURNS):
        state, effects = step(book(), state, event)
        if state.over:
            assert isinstance(effects[-1], EndCall)
            assert state.ended is effects[-1].disposition
            return
        assert len(effects) <= MAX_CHAIN + 2
        last = effects[-1] if effects else None
        if isinstance(last, RunCheck):
            event = CheckDone(data.draw(st.sampled_from(sorted(book().step(state.flow, state.step).next))))
        elif isinstance(last, Listen) or last is None:
            names = sorted({*book().step(state.flow, state.step).next, "repeat", "wait", "who_is_this", "stop_calling"})
            heard = st.sampled_from(names).map(lambda name: Heard((Intent(name),), SAID))
            lost = st.just(VoiceLost("x")) if turn % 3 == 0 else st.nothing()
            event = data.draw(st.one_of(heard, st.just(NoInput()), st.just(NoMatch(SAID)), lost))
        else:
            event = TransferDone(data.draw(st.booleans()))
    raise AssertionError("the call did not end")


@QUICK
@given(SCRIPTS, st.sampled_from(["repeat", "wait", "who_is_this"]))
def test_a_caller_who_only_says_one_thing_is_let_go(flow: str, name: str) -> None:
    state, effects = step(book(), start(book(), flow), CallStarted("outbound"))
    for _ in range(2 * MAX_TURNS):
        if state.over:
            break
        last = effects[-1]
        event: Event = CheckDone("not_yet") if isinstance(last, RunCheck) else Heard((Intent(name),), SAID)
        if isinstance(last, RunCheck) and "passed" in book().step(state.flow, state.step).next:
            options = book().step(state.flow, state.step).next
            event = CheckDone("not_yet" if "not_yet" in options else "passed")
        state, effects = step(book(), state, event)
    assert state.over
    assert outcome(book(), state).disposition is Disposition.RPC_NOT_VERIFIED


def test_hanging_up_at_once_is_hung_up() -> None:
    state, _ = step(book(), start(book(), "reminder"), HungUp())
    assert outcome(book(), state, hung_up_by="caller").disposition is Disposition.HUNG_UP


def test_a_technical_failure_has_its_code() -> None:
    state, _ = step(book(), start(book(), "reminder"), CallStarted("outbound"))
    found = outcome(book(), state, error="engine")
    assert (found.disposition, found.error) == (Disposition.TECHNICAL_FAILURE, "engine")


def test_the_private_prompts_are_all_behind_the_gate() -> None:
    open_prompts = {f"{flow}.{name}" for flow, at in reach(book()).unverified() for name in book().step(flow, at).say}
    assert len(PRIVATE) >= 15
    assert not open_prompts & PRIVATE
