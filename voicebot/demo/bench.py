"""What the callers experience when N of them talk at once, from their own recordings; and what it costs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from storage.db import open_reader
from voicebot.demo.bench_scenarios import KINDS, bench_cast, write_scenarios
from voicebot.demo.prepare import write_portfolio
from voicebot.demo.run import DemoPlan, DemoResult, run_demo
from voicebot.demo.simulator import Event
from voicebot.demo.table import peak_memory_mb, percentile
from voicebot.settings import Settings

#: A gap longer than this is a question that was asked again, not a reply.
LONGEST_GAP_S = 8.0


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One load. Seconds at the callers' ears; `word_error`: share of the words said that were recognised wrongly;
    `cut_off`: answers of which less than half was taken; CPU and memory are the bot's process with all its models."""

    calls: int
    as_expected: int
    gap_p50_s: float | None
    gap_p95_s: float | None
    gap_max_s: float | None
    by_kind: Mapping[str, float | None] = field(default_factory=dict)
    first_audio_p50_s: float | None = None
    first_audio_max_s: float | None = None
    word_error: float | None = None
    cut_off: int = 0
    lost_frames: int = 0
    cpu_s_per_call_minute: float | None = None
    memory_mb: float = 0.0


async def bench(settings: Settings, folder: Path, calls: Sequence[int], console: Console) -> list[BenchRow]:
    """Run each load once; the simulator's personas talk at the same time."""
    from datetime import UTC, datetime

    rows = []
    cast = bench_cast(max(calls))
    people, _ = write_portfolio(folder / "portfolio", datetime.now(UTC).date(), cast.customers)
    for number in calls:
        console.print(f"[bold]{number} call(s) at once[/bold]")
        scenarios = write_scenarios(folder / "scenarios", people, number)
        result = await run_demo(settings, DemoPlan((scenarios,), folder, number, cast), console)
        rows.append(_row(number, result))
    return rows


def _row(calls: int, result: DemoResult) -> BenchRow:
    gaps = [gap for event in result.events for gap in kind_gaps(event)]
    values = [g for _, g in gaps]
    firsts = [e["timing"]["first_audio_s"] for e in result.events if e.get("timing")]
    heard = [f for f in firsts if f is not None]
    minutes = sum(e["timing"]["length_s"] for e in result.events if e.get("timing")) / 60
    wrong, said, cut = _words(result)
    return BenchRow(
        calls=calls,
        as_expected=sum(not row.wrong() for row in result.rows),
        gap_p50_s=percentile(values, 0.5),
        gap_p95_s=percentile(values, 0.95),
        gap_max_s=max(values, default=None),
        by_kind={kind: percentile([g for k, g in gaps if k == kind], 0.5) for kind in dict.fromkeys(KINDS)},
        first_audio_p50_s=percentile(heard, 0.5),
        first_audio_max_s=max(heard, default=None),
        word_error=wrong / said if said else None,
        cut_off=cut,
        lost_frames=sum(int(e.get("packets_lost") or 0) for e in result.events),
        cpu_s_per_call_minute=result.cpu_s / minutes if minutes else None,
        memory_mb=peak_memory_mb(),
    )


def kind_gaps(event: Event) -> list[tuple[str, float]]:
    """(kind of question, seconds from the end of the answer to the bot's next sound) of one call."""
    lines = sorted(event.get("lines") or (), key=lambda line: line["t0"])
    found, answers = [], 0
    for line in lines:
        if line["who"] != "caller":
            continue
        kind = KINDS[min(answers, len(KINDS) - 1)]
        answers += 1
        reply = next((b["t0"] for b in lines if b["who"] == "bot" and b["t0"] >= line["t1"] - 0.05), None)
        if reply is not None and reply - line["t1"] < LONGEST_GAP_S:
            found.append((kind, round(reply - line["t1"], 3)))
    return found


def _words(result: DemoResult) -> tuple[int, int, int]:
    """(words wrong, words said, answers cut off), the bot's record against what was really said."""
    wrong = said = cut = 0
    with open_reader(result.database) as reader:
        for row in result.rows:
            if row.stored is None or row.measured is None:
                continue
            heard = [t.reply_text for t in reader.call(row.stored.attempt_id).turns if t.reply_text]
            spoken = [line["text"] for line in row.measured["lines"] if line["who"] == "caller"]
            for truth, text in zip(spoken, heard, strict=False):
                words = normal(truth)
                wrong += distance(words, normal(text))
                said += len(words)
                cut += len(normal(text)) < len(words) / 2
    return wrong, said, cut


def normal(text: str) -> list[str]:
    """Words without case, punctuation and the endings of ordinals."""
    return re.findall(r"[a-z']+|\d+", re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", text.lower()))


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]
