"""`voicebot check`: everything that can be known to be wrong with the flows before a call, with file and line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from voicebot.flow.book import ACTIONS, EVERYWHERE, NO_INPUT, NO_MATCH, Flow, FlowBook, Step
from voicebot.flow.checks import PASSED, registered
from voicebot.flow.findings import Finding, finding
from voicebot.flow.lint_prompts import said_before_verified, wrong_prompts
from voicebot.flow.private_words import PrivateWords
from voicebot.flow.prompts import Prompts
from voicebot.flow.reach import ENGINE_STEPS, Reach, reach
from voicebot.model.portfolio import Account

#: Templates that belong to no flow: the call layer says their prompts.
NO_FLOW = frozenset({"announcements"})


class Answers(Protocol):
    """What lint needs to know of a language (voicebot.nlu.language.Language)."""

    @property
    def everywhere(self) -> tuple[str, ...]:
        """Names of the intents understood in every step."""
        ...

    @property
    def intents(self) -> Mapping[str, object]:
        """All intents by name."""
        ...

    def knows(self, kind: str) -> bool:
        """Is this a kind of answer?"""
        ...

    def answers(self, kind: str) -> tuple[str, ...]:
        """Names of the intents a kind of answer can give."""
        ...


def lint(
    book: FlowBook, prompts: Prompts, language: Answers, words: PrivateWords, accounts: Sequence[Account]
) -> list[Finding]:
    """Every finding, sorted by file and line. `accounts`: examples that prompts are rendered with."""
    walked = reach(book)
    found: list[Finding] = list(prompts.findings)
    for flow in book.flows.values():
        found += _unreachable(book, flow, walked)
        found += _no_exit(book, flow, walked)
        found += _silent_loops(flow)
        for step in flow.steps.values():
            found += _checks(step)
            found += _results(book, step)
            found += _intents(step, language)
        for intent, branch in flow.everywhere.items():
            if intent not in language.intents:
                found.append(finding(branch.where, f"`everywhere`: no intent is named `{intent}`"))
    found += wrong_prompts(book, prompts, accounts, NO_FLOW)
    found += said_before_verified(book, prompts, words, walked)
    return sorted(set(found))


def _unreachable(book: FlowBook, flow: Flow, walked: Reach) -> Iterator[Finding]:
    reached = walked.steps(flow.name)
    if not reached:
        yield finding(flow.where, f"no flow calls the sub-flow `{flow.name}`", "warning")
        return
    for step in flow.steps.values():
        if step.name not in reached and not (flow.name == EVERYWHERE and step.name in ENGINE_STEPS):
            yield finding(step.where, f"the step `{step.name}` can't be reached")
    if flow.results:
        returned = {step.returns for step in flow.steps.values() if step.name in reached}
        for result in flow.results:
            if result not in returned:
                yield finding(flow.where, f"no step of `{flow.name}` returns its result `{result}`")
    if EVERYWHERE not in book.flows and not flow.results:
        yield finding(flow.where, f"there is no flow `{EVERYWHERE}`: `stop calling` would not be understood")


def _checks(step: Step) -> Iterator[Finding]:
    known = registered()
    results: set[str] = {PASSED} if step.check else set()
    for name in step.check:
        if name not in known:
            yield finding(step.where, f"the step `{step.name}`: no check is named `{name}`")
            return
        declared = set(known[name].results)
        results |= declared - {PASSED}
        if PASSED not in declared and len(step.check) == 1:
            results.discard(PASSED)
    if step.check:
        yield from _branches(step, results, "the check's result")


def _results(book: FlowBook, step: Step) -> Iterator[Finding]:
    if step.call in book.flows:
        yield from _branches(step, set(book.flows[step.call].results), f"the result of `{step.call}`")


def _branches(step: Step, results: Collection[str], what: str) -> Iterator[Finding]:
    for result in sorted(results):
        if result not in step.next:
            yield finding(step.where, f"the step `{step.name}` has no branch for {what} `{result}`")
    for name, branch in step.next.items():
        if name not in results:
            yield finding(branch.where, f"the step `{step.name}`: `{name}` is not {what}; known: {', '.join(results)}")


def _intents(step: Step, language: Answers) -> Iterator[Finding]:
    if not step.listen:
        return
    for kind in step.listen:
        if not language.knows(kind):
            yield finding(step.where, f"the step `{step.name}` listens for `{kind}`, which is no kind of answer")
            return
    expected = {name for kind in step.listen for name in language.answers(kind)}
    for name, branch in step.next.items():
        if name in (NO_INPUT, NO_MATCH) or name in expected or name in language.everywhere:
            continue
        if name in language.intents:
            message = f"the step `{step.name}` never hears `{name}`: add it to `listen`"
        else:
            message = f"the step `{step.name}`: no intent is named `{name}`"
        yield finding(branch.where, message)
    for name in sorted(expected - step.next.keys()):
        yield finding(step.where, f"the step `{step.name}` asks for `{name}` and has no branch for it", "warning")


def _no_exit(book: FlowBook, flow: Flow, walked: Reach) -> Iterator[Finding]:
    """Steps from which neither an end nor a return can be reached, whatever is answered."""
    finishing: set[str] = set()
    while True:
        more = {
            name
            for name, step in flow.steps.items()
            if name not in finishing and (_ends(book, step) or any(t in finishing for t in _targets(flow, step)))
        }
        if not more:
            break
        finishing |= more
    stuck = walked.steps(flow.name) - finishing
    for name in sorted(stuck):
        yield finding(flow.steps[name].where, f"the step `{name}` is in a loop with no exit: no `end` can be reached")


def _ends(book: FlowBook, step: Step) -> bool:
    called = book.flows.get(step.call)
    inner = called is not None and any(s.end for s in called.steps.values())
    return bool(step.end or step.returns or inner or (called is not None and not called.results))


def _targets(flow: Flow, step: Step) -> set[str]:
    targets = {branch.target for branch in step.targets()} - ACTIONS
    return targets | {flow.give_up(step)} if step.listen else targets


def _silent_loops(flow: Flow) -> Iterator[Finding]:
    """Cycles in which nobody is asked anything: the call would turn round in silence until it is cut short."""
    quick = {name: step for name, step in flow.steps.items() if step.goto or step.check}
    reported: set[str] = set()
    for name, step in quick.items():
        seen: set[str] = set()
        todo = [branch.target for branch in step.targets()]
        while todo:
            target = todo.pop()
            if target in seen or target not in quick:
                continue
            seen.add(target)
            todo += [branch.target for branch in quick[target].targets()]
        if name in seen and not reported & seen:
            reported |= seen
            yield finding(step.where, f"the step `{name}` leads back to itself without asking anything")
