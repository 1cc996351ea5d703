"""`sip-sim load`: one scenario as many calls at once, and the figures over all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from sip_sim.errors import ScenarioError
from sip_sim.events import Count, Event
from sip_sim.model import Persona, Scenario
from sip_sim.recorder import percentile
from sip_sim.report import ScenarioResult

_FIGURES: Final = ("reply_gap_s", "first_audio_s", "barge_in_stop_s", "length_s")


def copies(scenario: Scenario, calls: int, people: Sequence[Persona] = ()) -> list[Scenario]:
    """The scenario `calls` times: numbers count up from its own, names and seeds differ; `people` speak it in turn,
    each with their own voice and quickness (none: always the scenario's own persona)."""
    number = scenario.call.number
    last = int(number) + calls - 1
    if len(str(last).zfill(len(number))) > max(15, len(number)):
        raise ScenarioError(f"{number} cannot be counted up {calls} times", hint="give the scenario a smaller number")
    return [
        replace(
            scenario,
            path=scenario.path.with_name(f"{scenario.path.stem}-{index + 1:03d}.yaml"),
            persona=people[index % len(people)] if people else scenario.persona,
            call=replace(
                scenario.call,
                number=str(int(number) + index).zfill(len(number)),
                seed=None if scenario.call.seed is None else scenario.call.seed + index,
            ),
        )
        for index in range(calls)
    ]


@dataclass(slots=True)
class Progress:
    """Events -> one line, rewritten: how many calls wait, talk, have passed and failed."""

    total: int
    show: Callable[[str], None]
    count: Count = field(init=False)

    def __post_init__(self) -> None:
        self.count = Count(self.total)

    def __call__(self, event: Event) -> None:
        """Take note of one event."""
        if self.count.note(event):
            self.show(self.line())

    def line(self) -> str:
        """`12 of 50 calls done, 8 talking, 1 failed`."""
        return self.count.line()


def figures(results: Sequence[ScenarioResult]) -> Event:
    """p50, p95 and the number of values of everything measured on the callers' recordings."""
    timings = [result.timing for result in results if result.timing is not None]
    values: dict[str, tuple[float, ...]] = {
        "reply_gap_s": tuple(gap for timing in timings for gap in timing.reply_gaps_s),
        "first_audio_s": tuple(t.first_audio_s for t in timings if t.first_audio_s is not None),
        "barge_in_stop_s": tuple(stop for timing in timings for stop in timing.stops_s),
        "length_s": tuple(timing.length_s for timing in timings),
    }
    out: Event = {"calls": len(results), "failed": sum(not result.passed for result in results)}
    for name in _FIGURES:
        got = values[name]
        out[name] = {"p50": percentile(got, 0.5), "p95": percentile(got, 0.95), "n": len(got)}
    return out


def in_lines(found: Event) -> list[str]:
    """The figures for people."""
    lines = [f"{found['calls']} calls, {found['failed']} failed"]
    for name in _FIGURES:
        row = found[name]
        if isinstance(row, dict) and row["n"]:
            lines.append(f"{name:16s} p50 {row['p50']:6.2f}   p95 {row['p95']:6.2f}   of {row['n']}")
    return lines


def only(scenarios: Sequence[Scenario], path: Path) -> Scenario:
    """Load is made of one scenario."""
    if len(scenarios) != 1:
        raise ScenarioError(f"{path} holds {len(scenarios)} scenarios", hint="name one scenario file")
    return scenarios[0]


def named(wanted: str, known: Mapping[str, Persona]) -> list[Persona]:
    """Personas by their names ("a,b"), or "all"; none of "". Raises ScenarioError."""
    names = list(known) if wanted == "all" else [name.strip() for name in wanted.split(",") if name.strip()]
    strange = [name for name in names if name not in known]
    if strange:
        raise ScenarioError(f"no persona {', '.join(strange)}", hint=f"there are {', '.join(known)}")
    return [known[name] for name in names]
