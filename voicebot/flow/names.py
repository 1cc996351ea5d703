"""Do the names in the flows lead somewhere? Steps, sub-flows, results, places to give up."""

from __future__ import annotations

from collections.abc import Iterator

from voicebot.flow.book import (
    ACCEPTED,
    ACTIONS,
    EVERYWHERE,
    FAILED,
    GIVE_UP,
    NO_INPUT,
    NO_MATCH,
    RESUME,
    Branch,
    Flow,
    FlowBook,
    Step,
)
from voicebot.flow.findings import Finding, finding

SLOTS = frozenset({"date", "amount", "share", "time", "digits", "purpose", "text", "rating", "windows"})


def resolve(book: FlowBook) -> list[Finding]:
    """Every name that leads nowhere. A book without findings can be walked by the engine without a KeyError."""
    found: list[Finding] = []
    for flow in book.flows.values():
        found += _header(flow)
        for step in flow.steps.values():
            found += _targets(flow, step)
            found += _calls(book, flow, step)
            found += _ways_out(flow, step)
    return found


def _missing(flow: Flow, name: str) -> str:
    return f"there is no step `{name}` in the flow `{flow.name}`"


def _header(flow: Flow) -> Iterator[Finding]:
    if flow.first and flow.first not in flow.steps:
        yield finding(flow.where, f"`first`: {_missing(flow, flow.first)}")
    if flow.defaults.give_up and flow.defaults.give_up not in flow.steps:
        yield finding(flow.where, f"`defaults.give_up`: {_missing(flow, flow.defaults.give_up)}")
    if flow.on_voice_lost and flow.on_voice_lost not in flow.steps:
        yield finding(flow.where, f"`on_voice_lost`: {_missing(flow, flow.on_voice_lost)}")
    for intent, branch in flow.everywhere.items():
        if branch.target not in flow.steps and branch.target not in ACTIONS:
            yield finding(branch.where, f"`everywhere.{intent}`: {_missing(flow, branch.target)}")
    if flow.name == EVERYWHERE:
        for result in (RESUME, GIVE_UP):
            if result not in flow.results:
                yield finding(flow.where, f"the flow `{EVERYWHERE}` needs the result `{result}`")
        for name in ("silent", "voice_lost"):
            if name not in flow.steps:
                yield finding(flow.where, f"the flow `{EVERYWHERE}` needs a step `{name}`")


def _targets(flow: Flow, step: Step) -> Iterator[Finding]:
    for branch in step.targets():
        if not _is_target(flow, step, branch):
            yield finding(branch.where, f"the step `{step.name}`: {_missing(flow, branch.target)}")


def _is_target(flow: Flow, step: Step, branch: Branch) -> bool:
    return branch.target in flow.steps or (bool(step.listen) and branch.target in ACTIONS)


def _calls(book: FlowBook, flow: Flow, step: Step) -> Iterator[Finding]:
    if step.returns and step.returns not in flow.results:
        known = ", ".join(flow.results) or "none: it is not a sub-flow (`results:`)"
        yield finding(step.where, f"the step `{step.name}` returns `{step.returns}`; the flow's results are: {known}")
    if not step.call:
        return
    called = book.flows.get(step.call)
    if called is None:
        yield finding(step.where, f"the step `{step.name}` calls `{step.call}`, which is no flow")
    elif step.call == EVERYWHERE:
        yield finding(step.where, f"the flow `{EVERYWHERE}` cannot be called")


def _ways_out(flow: Flow, step: Step) -> Iterator[Finding]:
    if step.listen and not flow.give_up(step):
        yield finding(step.where, f"the step `{step.name}` listens and has no `give_up` (nor has `defaults`)")
    if step.listen and not set(step.next) - {NO_INPUT, NO_MATCH}:
        yield finding(step.where, f"the step `{step.name}` listens and accepts no answer: `next` is missing")
    if step.transfer:
        for result in (ACCEPTED, FAILED):
            if result not in step.next:
                yield finding(step.where, f"the step `{step.name}` transfers and has no branch for `{result}`")
    for slot in step.store:
        if slot not in SLOTS:
            yield finding(step.where, f"the step `{step.name}` stores `{slot}`; slots are: {', '.join(sorted(SLOTS))}")
