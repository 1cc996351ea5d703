"""Which steps can be reached, and with the gate open or closed: what `voicebot check` knows before any call.

An exhaustive walk over (flow, step, verified), sub-flows summarised by the results they can return. It follows the
engine: a granting check opens the gate on `passed` and closes it on every other result; a lost voice closes it
anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from voicebot.flow.book import EVERYWHERE, GIVE_UP, RESUME, Flow, FlowBook, Step
from voicebot.flow.checks import PASSED, registered

#: Steps of the flow `everywhere` that the engine enters by itself.
ENGINE_STEPS = ("silent", "voice_lost", "cut_short")

Node = tuple[str, str, bool]
#: A walk: of a flow from its first step, or of `everywhere` from one of its steps.
_Walk = tuple[str, str, bool]


@dataclass(slots=True)
class Reach:
    """What the walk found. `nodes`: (flow, step, verified) that can happen."""

    nodes: set[Node] = field(default_factory=set)

    def steps(self, flow: str) -> set[str]:
        """Steps of a flow that can be reached."""
        return {step for name, step, _ in self.nodes if name == flow}

    def unverified(self) -> Iterator[tuple[str, str]]:
        """Steps that can be reached while the right party is not verified, sorted."""
        yield from sorted((flow, step) for flow, step, verified in self.nodes if not verified)

    def flows(self) -> set[str]:
        """Flows of which any step can be reached."""
        return {flow for flow, _, _ in self.nodes}


def reach(book: FlowBook) -> Reach:
    """Walk from every script (and from what the engine enters by itself) to a fixed point."""
    walker = _Walker(book)
    starts: list[_Walk] = [(name, book.flows[name].first, False) for name in book.scripts]
    if shared := book.flows.get(EVERYWHERE):
        starts += [(EVERYWHERE, step, False) for step in ENGINE_STEPS if step in shared.steps]
    while walker.round(starts):
        pass
    return Reach(walker.nodes)


class _Walker:
    def __init__(self, book: FlowBook) -> None:
        self.book = book
        self.nodes: set[Node] = set()
        self._walks: dict[_Walk, set[tuple[str, bool]]] = {}

    def round(self, starts: list[_Walk]) -> bool:
        """Walk everything once more; True where something new was found."""
        before = (len(self.nodes), len(self._walks), sum(map(len, self._walks.values())))
        for walk in [*starts, *self._walks]:
            self._walk(walk)
        return before != (len(self.nodes), len(self._walks), sum(map(len, self._walks.values())))

    def _results(self, walk: _Walk) -> set[tuple[str, bool]]:
        """What a walk returned so far; a walk not known yet is done in the next round."""
        return self._walks.setdefault(walk, set())

    def _walk(self, walk: _Walk) -> None:
        flow = self.book.flows[walk[0]]
        returned = self._results(walk)
        todo = [(walk[1], walk[2])]
        if flow.on_voice_lost:
            todo.append((flow.on_voice_lost, False))
        seen: set[tuple[str, bool]] = set()
        while todo:
            at = todo.pop()
            if at in seen or at[0] not in flow.steps:
                continue
            seen.add(at)
            step, verified = flow.steps[at[0]], at[1]
            self.nodes.add((flow.name, step.name, verified))
            if step.returns:
                returned.add((step.returns, verified))
            todo += self._ways(flow, step, verified)

    def _ways(self, flow: Flow, step: Step, verified: bool) -> Iterator[tuple[str, bool]]:
        if step.goto:
            yield step.goto, verified
        if step.listen:
            yield from self._answers(flow, step, verified)
        elif step.check:
            granting = any(name in registered() and registered()[name].grants for name in step.check)
            for result, branch in step.next.items():
                yield branch.target, (result == PASSED if granting else verified)
        elif step.transfer:
            for branch in step.next.values():
                yield branch.target, verified
        elif step.call and step.call in self.book.flows:
            called = self.book.flows[step.call]
            for result, after in self._results((called.name, called.first, verified)):
                if result in step.next:
                    yield step.next[result].target, after

    def _answers(self, flow: Flow, step: Step, verified: bool) -> Iterator[tuple[str, bool]]:
        own = flow.everywhere if flow.name != EVERYWHERE else {}
        for branch in (*step.next.values(), *own.values()):
            yield branch.target, verified
        give_up = flow.give_up(step)
        yield give_up, verified
        shared = self.book.flows.get(EVERYWHERE)
        if shared is None:
            return
        targets = {b.target for name, b in shared.everywhere.items() if name not in step.next and name not in own}
        for target in {*targets, "silent"} & shared.steps.keys():
            results = self._results((EVERYWHERE, target, verified))
            if flow.name == EVERYWHERE:
                continue
            for result, after in results:
                if result == RESUME:
                    yield step.name, after
                elif result == GIVE_UP:
                    yield give_up, after
