"""Results of scenarios: a table for people, JSON for programs, JUnit for build servers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from sip_sim.caller import Line
from sip_sim.events import Event
from sip_sim.recorder import Timing, percentile

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """What became of one scenario. `expect` is what the bot's side is to be checked for; nothing here knows the bot."""

    scenario: str
    name: str
    file: str
    account: str
    number: str
    direction: str
    failures: tuple[str, ...]
    sip: tuple[str, ...] = ()
    ended_by: str = ""
    seed: int = 0
    repeats: int = 0
    call_id: str = ""
    digits: str = ""
    lines: tuple[Line, ...] = ()
    timing: Timing | None = None
    packets_lost: int = 0
    expect: dict[str, str] = field(default_factory=dict)
    wav: str = ""
    ladder: str = ""

    @property
    def passed(self) -> bool:
        """No failure."""
        return not self.failures

    def as_event(self) -> Event:
        """The `result` event; also the JSON report's form."""
        plain: Event = json.loads(json.dumps(asdict(self)))
        return {"event": "result", "passed": self.passed, **plain}


def gaps_of(results: Sequence[ScenarioResult]) -> tuple[float, ...]:
    """All reply gaps, in seconds."""
    return tuple(gap for result in results if result.timing for gap in result.timing.reply_gaps_s)


def summary(results: Sequence[ScenarioResult]) -> Event:
    """Counts and the figures measured on the callers' recordings."""
    gaps = gaps_of(results)
    firsts = tuple(r.timing.first_audio_s for r in results if r.timing and r.timing.first_audio_s is not None)
    return {
        "event": "done",
        "scenarios": len(results),
        "failed": sum(not result.passed for result in results),
        "reply_gaps": len(gaps),
        "reply_gap_p50_s": percentile(gaps, 0.50),
        "reply_gap_p95_s": percentile(gaps, 0.95),
        "first_audio_p50_s": percentile(firsts, 0.50),
    }


def table(results: Sequence[ScenarioResult]) -> Table:
    """One row per scenario."""
    from rich.table import Table

    out = Table(title="scenarios")
    for column in ("scenario", "result", "SIP", "ended by", "length s", "gap p50 s", "gap p95 s"):
        out.add_column(column, overflow="fold")
    for result in results:
        timing = result.timing
        gaps = timing.reply_gaps_s if timing else ()
        out.add_row(
            result.scenario,
            "passed" if result.passed else "[red]FAILED[/red]",
            next((name for name in reversed(result.sip) if name.isdigit()), "-"),
            result.ended_by or "-",
            f"{timing.length_s:.1f}" if timing else "-",
            _number(percentile(gaps, 0.50)),
            _number(percentile(gaps, 0.95)),
        )
    return out


def troubles(results: Sequence[ScenarioResult]) -> list[str]:
    """What went wrong, a line each, and where its evidence lies."""
    lines: list[str] = []
    for result in results:
        lines += [f"{result.scenario}: {failure}" for failure in result.failures]
        if result.failures and result.ladder:
            lines.append(f"  seed {result.seed}, recording {result.wav or '-'}, SIP messages {result.ladder}")
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def write_json(path: Path, results: Sequence[ScenarioResult]) -> None:
    """{"summary": …, "results": […]}."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"summary": summary(results), "results": [result.as_event() for result in results]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_junit(path: Path, results: Sequence[ScenarioResult]) -> None:
    """One test case per scenario, as build servers read it."""
    suite = Xml.Element("testsuite", name="sip-sim", tests=str(len(results)))
    suite.set("failures", str(sum(not result.passed for result in results)))
    for result in results:
        seconds = result.timing.length_s if result.timing else 0.0
        case = Xml.SubElement(
            suite, "testcase", classname="sip_sim", name=result.name, file=result.file, time=str(seconds)
        )
        if not result.passed:
            failure = Xml.SubElement(case, "failure", message=result.failures[0])
            failure.text = "\n".join((*result.failures, f"recording: {result.wav}", f"SIP: {result.ladder}"))
    path.parent.mkdir(parents=True, exist_ok=True)
    Xml.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
