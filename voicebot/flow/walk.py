"""Walking: from a step through everything that needs no answer to the next thing that does."""

from __future__ import annotations

from dataclasses import replace

from voicebot.flow.book import EVERYWHERE, GIVE_UP, RESUME, FlowBook, Step
from voicebot.flow.state import FlowState, Frame, Waiting, entering, with_asked, with_facts
from voicebot.model.flow import Effect, EndCall, Listen, RunCheck, Say, Transfer
from voicebot.model.outcome import Disposition

#: Steps walked without waiting for anything, and sub-flows inside each other, before a flow counts as endless.
MAX_CHAIN = 40
MAX_DEPTH = 8

Moved = tuple[FlowState, tuple[Effect, ...]]


def enter(book: FlowBook, state: FlowState, target: str) -> Moved:
    """Go to a step of the current flow and on, until something has to be waited for."""
    state = replace(state, step=target, silences=0)
    said: list[Say] = []
    for _ in range(MAX_CHAIN):
        current = book.step(state.flow, state.step)
        state = _note(state, current)
        if current.listen:
            asked = state.asked.get(state.at, 0) + 1
            if asked > tries(book, state, current):
                state = replace(state, step=book.flows[state.flow].give_up(current))
                continue
            return _asking(book, state, said, asked, None)
        said += _says(book, state, current, 1, None)
        waiting = _waiting(state, current)
        if waiting is not None:
            state, effect = waiting
            return replace(state, last_said=tuple(said)), (*said, effect)
        moved = _moved(book, state, current)
        if isinstance(moved, tuple):
            return moved[0], (*said, *moved[1])
        if moved is None:
            break
        state = moved
    state, effects = cut_short(book, state)
    return state, (*said, *effects)


def ask_again(book: FlowBook, state: FlowState, tone: str) -> Moved:
    """The same question once more, or what its `give_up` says where it has been asked often enough."""
    current = book.step(state.flow, state.step)
    asked = state.asked.get(state.at, 0) + 1
    if asked > tries(book, state, current):
        return enter(book, state, book.flows[state.flow].give_up(current))
    return _asking(book, state, [], asked, tone)


def ask(book: FlowBook, state: FlowState) -> Moved:
    """The question again after something else was dealt with: it does not count as another try."""
    return _asking(book, state, [], max(1, state.asked.get(state.at, 1)), None)


def tries(book: FlowBook, state: FlowState, current: Step) -> int:
    """How often a step may be asked."""
    return current.tries or book.flows[state.flow].defaults.tries


def cut_short(book: FlowBook, state: FlowState, disposition: Disposition | None = None) -> Moved:
    """End a call that gets nowhere: a polite word, where the flow `everywhere` has the step `cut_short`."""
    ended = disposition or so_far(state)
    said: tuple[Say, ...] = ()
    shared = book.flows.get(EVERYWHERE)
    if shared and "cut_short" in shared.steps:
        prompts = shared.steps["cut_short"].say
        said = tuple(Say(f"{EVERYWHERE}.cut_short", f"{EVERYWHERE}.{name}", barge_in=False) for name in prompts)
    return replace(state, waiting=Waiting.OVER, ended=ended), (*said, EndCall(ended, state.at))


def so_far(state: FlowState) -> Disposition:
    """What a call that we end before its script does has come to."""
    if state.reached and state.reached is not Disposition.HUNG_UP:
        return state.reached
    return Disposition.CALLBACK if state.verified else Disposition.RPC_NOT_VERIFIED


def _asking(book: FlowBook, state: FlowState, said: list[Say], asked: int, tone: str | None) -> Moved:
    current = book.step(state.flow, state.step)
    says = (*said, *_says(book, state, current, asked, tone))
    wait = current.no_input_s or book.flows[state.flow].defaults.no_input_s
    state = replace(with_asked(state, state.at, asked), waiting=Waiting.ANSWER, last_said=says)
    return state, (*says, Listen(state.at, current.listen, wait))


def _says(book: FlowBook, state: FlowState, current: Step, asked: int, tone: str | None) -> list[Say]:
    usual = book.flows[state.flow].defaults.barge_in
    barge_in = usual if current.barge_in is None else current.barge_in
    return [Say(state.at, f"{state.flow}.{name}", asked, tone, barge_in) for name in current.say]


def _note(state: FlowState, current: Step) -> FlowState:
    state = with_facts(state, current.set)
    return replace(state, reached=current.counts_as) if current.counts_as else state


def _waiting(state: FlowState, current: Step) -> tuple[FlowState, Effect] | None:
    if current.check:
        return replace(state, waiting=Waiting.CHECK), RunCheck(state.at, current.check)
    if current.transfer:
        return replace(state, waiting=Waiting.TRANSFER), Transfer(state.at, current.transfer)
    if current.end:
        state = replace(state, waiting=Waiting.OVER, ended=current.end)
        return state, EndCall(current.end, state.at)
    return None


def _moved(book: FlowBook, state: FlowState, current: Step) -> FlowState | Moved | None:
    """Another step to walk on from; or a question to go back to; or None: there is no way on."""
    if current.goto:
        return replace(state, step=current.goto)
    if current.call:
        if len(state.stack) >= MAX_DEPTH:
            return None
        called = book.flows[current.call]
        state = replace(state, stack=(*state.stack, Frame(state.flow, state.step)))
        return replace(entering(state, called.name, called.items), flow=called.name, step=called.first)
    if current.returns and state.stack:
        return _returned(book, state, current.returns)
    return None


def _returned(book: FlowBook, state: FlowState, result: str) -> FlowState | Moved | None:
    frame = state.stack[-1]
    state = replace(state, flow=frame.flow, step=frame.step, stack=state.stack[:-1])
    caller = book.step(frame.flow, frame.step)
    if frame.interrupted:
        state = replace(state, reached=frame.reached)
        if result == RESUME:
            return ask(book, state)
        target = book.flows[frame.flow].give_up(caller) if result == GIVE_UP else ""
    else:
        branch = caller.next.get(result)
        target = branch.target if branch else ""
    return replace(state, step=target) if target else None
