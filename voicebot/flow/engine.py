"""The flow engine: `step(book, state, event) -> state, effects`. Sans-IO: no sound, no clock, no asyncio.

Effects come in the order in which they are to be run: any number of Say, then at most one of Listen, RunCheck,
Transfer, EndCall. Events that do not fit what the conversation waits for change nothing, so a late event of an
overtaken turn is harmless. Whatever comes in, a call ends: every question has its number of tries, every call its
number of turns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from voicebot.flow.book import ACCEPTED, EVERYWHERE, FAILED, NO_INPUT, NO_MATCH, Branch, FlowBook, VoicePolicy
from voicebot.flow.checks import grants
from voicebot.flow.hearing import choose, stored
from voicebot.flow.state import FlowState, Frame, Waiting, entering, with_facts
from voicebot.flow.walk import Moved, ask_again, cut_short, enter
from voicebot.model.flow import (
    CallStarted,
    CheckDone,
    Effect,
    Event,
    Heard,
    HungUp,
    Listen,
    NoInput,
    NoMatch,
    PromptDone,
    TransferDone,
    VoiceLost,
)
from voicebot.model.outcome import Disposition, WarningCode

#: Answers, checks and transfers in one call before it is ended politely.
MAX_TURNS = 100
#: Silences in a row before a call at another time is offered.
MAX_SILENCES = 2
#: How long (s) the bot waits silently after "one moment".
WAIT_S = 30.0
#: How often a lost voice may be found again before the call ends.
MAX_VOICE_LOSSES = 2
PASSED = "passed"


def start(book: FlowBook, flow: str, facts: dict[str, object] | None = None) -> FlowState:
    """The state before the call is answered. `facts`: what the call layer knows (see docs/cookbook.md).
    Raises KeyError where the flow is unknown."""
    script = book.flows[flow]
    state = FlowState(root=flow, flow=flow, step=script.first, items=script.items)
    return with_facts(state, facts or {})


def step(book: FlowBook, state: FlowState, event: Event) -> tuple[FlowState, tuple[Effect, ...]]:
    """Take one event; return the next state and what to do, in order."""
    if state.over or isinstance(event, PromptDone):
        return state, ()
    if isinstance(event, HungUp):
        return replace(state, waiting=Waiting.OVER, hung_up=True), ()
    if isinstance(event, VoiceLost):
        return _voice_lost(book, state)
    wants, handler = _HANDLERS[type(event)]
    if state.waiting is not wants:
        return state, ()
    state = replace(state, turns=state.turns + 1)
    if state.turns > MAX_TURNS:
        return cut_short(book, state)
    return handler(book, state, event)


def mismatch_warning(book: FlowBook, state: FlowState) -> WarningCode | None:
    """The warning that a voice mismatch raises now: the innermost flow's that names one."""
    for name in (state.flow, *(frame.flow for frame in reversed(state.stack)), state.root):
        if (code := book.flows[name].warning) is not None:
            return code
    return None


def voice_policy(book: FlowBook, state: FlowState) -> VoicePolicy:
    """How sure of the voice one must be now: of each part what the innermost flow says that says something."""
    names = (state.flow, *(frame.flow for frame in reversed(state.stack)), state.root)
    said = [book.flows[name].voiceprint for name in names]
    return VoicePolicy(
        alpha=next((p.alpha for p in said if p.alpha is not None), None),
        beta=next((p.beta for p in said if p.beta is not None), None),
        challenge=next((p.challenge for p in said if p.challenge is not None), None),
    )


# --- events ---------------------------------------------------------------------------------------------------


def _started(book: FlowBook, state: FlowState, event: Event) -> Moved:
    assert isinstance(event, CallStarted)
    return enter(book, with_facts(state, {"direction": event.direction}), state.step)


def _heard(book: FlowBook, state: FlowState, event: Event) -> Moved:
    assert isinstance(event, Heard)
    chosen = choose(book, state, event)
    if chosen is None:
        return _no_match(book, state, event)
    intent, branch, is_everywhere = chosen
    state = replace(state, silences=0, intents=(*state.intents, intent.name))
    current = book.step(state.flow, state.step)
    state = with_facts(state, stored(current.store, intent, event, current.next))
    if branch.target == "repeat":
        return _repeat(book, state)
    if branch.target == "wait":
        return state, (Listen(state.at, current.listen, WAIT_S),)
    if is_everywhere:
        wanted = book.step(EVERYWHERE, branch.target)
        state = with_facts(state, stored(wanted.store, intent, event, wanted.next))
        return _interrupt(book, state, branch.target)
    return enter(book, state, branch.target)


def _no_match(book: FlowBook, state: FlowState, event: Event) -> Moved:
    del event
    state = replace(state, silences=0)
    branch = book.step(state.flow, state.step).next.get(NO_MATCH)
    return enter(book, state, branch.target) if branch else ask_again(book, state, "no_match")


def _no_input(book: FlowBook, state: FlowState, event: Event) -> Moved:
    del event
    state = replace(state, silences=state.silences + 1)
    branch = book.step(state.flow, state.step).next.get(NO_INPUT)
    if branch:
        return enter(book, state, branch.target)
    if state.silences < MAX_SILENCES or state.flow == EVERYWHERE or EVERYWHERE not in book.flows:
        return ask_again(book, state, "no_input")
    return _interrupt(book, state, "silent")


def _checked(book: FlowBook, state: FlowState, event: Event) -> Moved:
    assert isinstance(event, CheckDone)
    current = book.step(state.flow, state.step)
    state = with_facts(state, _merged(state, event))
    if any(grants(name) for name in current.check):
        granted = event.result == PASSED and not state.voice_loss_pending
        state = replace(state, verified=granted)
        if granted:
            state = with_facts(state, {"right_party": True, "items.identity": "match"})
    if state.voice_loss_pending:
        return _lost_target(book, replace(state, voice_loss_pending=False))
    return _branch(book, state, current.next.get(event.result))


def _transferred(book: FlowBook, state: FlowState, event: Event) -> Moved:
    assert isinstance(event, TransferDone)
    state = with_facts(state, {"transferred": event.accepted})
    if state.voice_loss_pending and not event.accepted:
        return _lost_target(book, replace(state, voice_loss_pending=False))
    branches = book.step(state.flow, state.step).next
    return _branch(book, state, branches.get(ACCEPTED if event.accepted else FAILED))


_Handler = Callable[[FlowBook, FlowState, Event], Moved]
_HANDLERS: dict[type, tuple[Waiting, _Handler]] = {
    CallStarted: (Waiting.START, _started),
    Heard: (Waiting.ANSWER, _heard),
    NoInput: (Waiting.ANSWER, _no_input),
    NoMatch: (Waiting.ANSWER, _no_match),
    CheckDone: (Waiting.CHECK, _checked),
    TransferDone: (Waiting.TRANSFER, _transferred),
}


# --- moves ----------------------------------------------------------------------------------------------------


def _branch(book: FlowBook, state: FlowState, branch: Branch | None) -> Moved:
    """Follow a result; one that nobody declared (a defect of a check) ends the call politely."""
    return enter(book, state, branch.target) if branch else cut_short(book, state)


def _merged(state: FlowState, event: CheckDone) -> dict[str, object]:
    """The check's facts; warnings are gathered over the call, one of each code."""
    facts = dict(event.facts)
    new = facts.get("warnings")
    if isinstance(new, tuple):
        old = state.facts.get("warnings")
        facts["warnings"] = (*old, *new) if isinstance(old, tuple) else new
    return facts


def _repeat(book: FlowBook, state: FlowState) -> Moved:
    """The last prompts again, as they were first worded."""
    current = book.step(state.flow, state.step)
    flow = book.flows[state.flow]
    says = tuple(replace(say, asked=1, tone=None) for say in state.last_said)
    wait = current.no_input_s or flow.defaults.no_input_s
    return state, (*says, Listen(state.at, current.listen, wait))


def _interrupt(book: FlowBook, state: FlowState, target: str) -> Moved:
    """Something that may be said at any moment: leave the question, to come back to it (`return: resume`)."""
    if state.flow != EVERYWHERE:
        frame = Frame(state.flow, state.step, interrupted=True, reached=state.reached)
        state = replace(state, stack=(*state.stack, frame))
    state = replace(entering(state, EVERYWHERE), flow=EVERYWHERE, step=target, silences=0)
    return enter(book, state, target)


def _voice_lost(book: FlowBook, state: FlowState) -> Moved:
    """The speaker changed: whatever comes next, nothing private is said before a granting check passes again."""
    if not state.verified:
        return state, ()
    state = with_facts(state, {"right_party": None, "challenge_ok": None})
    state = replace(state, verified=False, voice_losses=state.voice_losses + 1)
    if state.waiting in (Waiting.CHECK, Waiting.TRANSFER):
        return replace(state, voice_loss_pending=True), ()
    return _lost_target(book, state)


def _lost_target(book: FlowBook, state: FlowState) -> Moved:
    """The handler of the innermost flow that has one; after MAX_VOICE_LOSSES, or where none has, the common one."""
    places = [*state.stack, Frame(state.flow, state.step)]
    while places and state.voice_losses <= MAX_VOICE_LOSSES:
        name = places.pop().flow
        if handler := book.flows[name].on_voice_lost:
            state = replace(entering(state, name), flow=name, step=handler, stack=tuple(places), silences=0)
            return enter(book, state, handler)
    if EVERYWHERE not in book.flows:
        return cut_short(book, state, Disposition.VOICE_MISMATCH)
    state = replace(entering(state, EVERYWHERE), flow=EVERYWHERE, step="voice_lost", stack=(), silences=0)
    return enter(book, state, "voice_lost")
