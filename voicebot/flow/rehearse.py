"""A flow rehearsed on paper: what would be said along one path, without sound, clock or caller.

Every question gets the first answer its `next` names, every check its first result, unless the path chooses otherwise:
the order of `next` in a flow file is its happy path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from voicebot.errors import FlowError
from voicebot.flow.book import EVERYWHERE, NO_INPUT, NO_MATCH, FlowBook, Step
from voicebot.flow.checks import CheckInput, run_checks
from voicebot.flow.engine import start, step
from voicebot.flow.prompts import PromptContext, Prompts
from voicebot.flow.reach import reach
from voicebot.flow.state import FlowState
from voicebot.model.flow import (
    CallStarted,
    CheckDone,
    Effect,
    EndCall,
    Event,
    Heard,
    Listen,
    NoInput,
    NoMatch,
    RunCheck,
    Say,
    Transfer,
    TransferDone,
)
from voicebot.model.intent import Intent
from voicebot.model.portfolio import Account
from voicebot.model.speech import Utterance

_SUNDAY = 6
#: Checks that need neither caller nor voice.
_DECIDED = frozenset({"already_greeted", "already_reached", "has_offer", "debt_notice"})


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the rehearsal. `who`: bot | caller | check | transfer | end; `text`: the words, the answer's name, the
    result or the disposition; `verified`: the gate was open."""

    who: str
    step: str
    text: str
    verified: bool
    prompt: str = ""


def rehearse(
    book: FlowBook,
    prompts: Prompts,
    flow: str,
    context: PromptContext,
    path: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Line, ...]:
    """What is said and answered until the call ends. `path`: answers or results by step ("ask_pay" or
    "reminder.ask_pay"), taken one after the other, then the first again. Raises PromptError, FlowError (an answer that
    the step does not know)."""
    wanted = {name: list(answers) for name, answers in (path or {}).items()}
    state = start(book, flow, sample_facts(context.account, context.today))
    event: Event | None = CallStarted(context.direction)
    lines: list[Line] = []
    while event is not None:
        state, effects = step(book, state, event)
        for effect in effects:
            lines.append(_line(prompts, state, effect, context))
        event, answered = _answer(book, state, effects[-1] if effects else None, wanted, context)
        if answered:
            lines.append(replace(answered, verified=state.verified))
    return tuple(line for line in lines if line.text)


def sample_facts(account: Account | None, today: date) -> dict[str, object]:
    """What a customer who says yes to everything would have said."""
    day = today + timedelta(days=2 if (today + timedelta(days=2)).weekday() != _SUNDAY else 3)
    at = time(10, 30)
    facts: dict[str, object] = {
        "appointment_date": day,
        "appointment_time": at,
        "appointment_at": datetime.combine(day, at),
        "callback_date": day,
        "callback_time": at,
        "callback_at": datetime.combine(day, at),
        "challenge_digits": "402 917",
        "no_call_windows": "12345 09:00-17:00",
        "promise_date": day,
        "promise_amount": Decimal(100),
    }
    if account is not None:
        due = account.loan.due_on
        facts |= {"purpose": account.loan.purpose, "promise_amount": account.loan.due}
        facts |= {"promise_date": due if due >= today else day}
    return facts


def every_prompt(book: FlowBook, prompts: Prompts, flow: str, context: PromptContext) -> Iterator[Line]:
    """Each prompt that a flow can come to, as first asked, as asked again, and after silence. `verified`: it is only
    said behind the gate. What cannot be rendered for this account (no offer) is left out."""
    walked = reach(book)
    for name in used_flows(book, flow):
        opened = {p for at, step in walked.unverified() if at == name for p in book.step(at, step).say}
        for prompt in prompts.blocks(name):
            guarded = prompt not in opened
            for text in prompts.static_texts([f"{name}.{prompt}"], replace(context, verified=guarded)):
                yield Line("bot", f"{name}.{prompt}", text, guarded, f"{name}.{prompt}")


def _line(prompts: Prompts, state: FlowState, effect: Effect, context: PromptContext) -> Line:
    if isinstance(effect, Say):
        seen = replace(context, verified=state.verified, facts=state.facts)
        return Line("bot", effect.step, prompts.render(state.flow, effect, seen), state.verified, effect.prompt)
    if isinstance(effect, EndCall):
        return Line("end", effect.step, effect.disposition.value, state.verified)
    return Line("", "", "", state.verified)


def _answer(
    book: FlowBook, state: FlowState, effect: Effect | None, wanted: dict[str, list[str]], context: PromptContext
) -> tuple[Event | None, Line | None]:
    """The event that answers an effect, and its line."""
    if not isinstance(effect, Listen | RunCheck | Transfer):
        return None, None
    current = book.step(state.flow, state.step)
    chosen = _chosen(book, state, current, wanted, context)
    if isinstance(effect, RunCheck):
        return CheckDone(chosen), Line("check", state.at, f"{', '.join(effect.checks)}: {chosen}", False)
    if isinstance(effect, Transfer):
        return TransferDone(chosen == "accepted"), Line("transfer", state.at, f"{effect.reason}: {chosen}", False)
    line = Line("caller", state.at, chosen, False)
    if chosen == NO_INPUT:
        return NoInput(), line
    source = Utterance(chosen)
    return (NoMatch(source) if chosen == NO_MATCH else Heard((Intent(chosen),), source)), line


def _chosen(
    book: FlowBook, state: FlowState, current: Step, wanted: dict[str, list[str]], context: PromptContext
) -> str:
    options = [name for name in current.next if name not in (NO_INPUT, NO_MATCH)]
    queue = wanted.get(state.at) or wanted.get(state.step)
    if not queue:
        return _usual(state, current, options, context)
    choice = queue.pop(0)
    shared = book.flows[EVERYWHERE].everywhere if EVERYWHERE in book.flows else {}
    listening = {NO_INPUT, NO_MATCH, *book.flows[state.flow].everywhere, *shared} if current.listen else set()
    known = [*options, *sorted(listening - set(options))]
    if choice not in known:
        raise FlowError(f"{current.where}: the step `{state.at}` has no `{choice}`", hint=f"it has: {', '.join(known)}")
    return choice


def _usual(state: FlowState, current: Step, options: list[str], context: PromptContext) -> str:
    """The first answer; what the account and the call so far decide alone is decided by them."""
    if current.check and _DECIDED.issuperset(current.check):
        now = datetime.combine(context.today, time(10))
        given = CheckInput(state.facts, context.account, now, debt_notice=bool(context.bank.debt_notice))
        return run_checks(current.check, given)[-1].result
    return options[0]


def used_flows(book: FlowBook, flow: str) -> tuple[str, ...]:
    """A flow, what it calls (and what that calls), and `everywhere`."""
    found: list[str] = []
    todo = [flow]
    while todo:
        name = todo.pop(0)
        if name in book.flows and name not in found:
            found.append(name)
            todo += [step.call for step in book.flows[name].steps.values() if step.call]
    return tuple(found) + ((EVERYWHERE,) if EVERYWHERE in book.flows else ())
