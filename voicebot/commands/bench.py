"""`voicebot bench`: how it holds when several customers talk at once, measured at their ears."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from voicebot.settings import Settings


@click.command()
@click.option("--calls", default="1,4", show_default=True, help="How many at once; several loads by commas.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("var/bench"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The rows as JSON on standard output.")
@click.option("--show-calls", is_flag=True, help="Print what is said, too.")
@click.pass_obj
def bench(settings: Settings, calls: str, out: Path, as_json: bool, show_calls: bool) -> None:
    """Let the simulator's customers talk at once with the real models; figures from their own recordings.

    Bot and customers share this machine's cores: the customers' ears (recognition of every prompt) cost about as much
    as the bot. About 70 s a load.

    \b
    Examples:
      voicebot bench --calls 1,4,8
      voicebot bench --calls 4 --json
    """
    from voicebot.demo.bench import bench as run_bench
    from voicebot.demo.run import threads_from_environment

    threads_from_environment()
    numbers = _numbers(calls)
    screen = Console(highlight=False, stderr=True, quiet=not show_calls)
    progress = Console(highlight=False, stderr=True)
    progress.print(f"{len(numbers)} load(s), about {len(numbers) * 70} s")
    try:
        rows = asyncio.run(run_bench(settings, out, numbers, screen))
    except KeyboardInterrupt:
        sys.exit(130)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    if as_json:
        click.echo(json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}))
        return
    table = Table(title=f"voicebot bench --calls {calls} ({machine})", title_justify="left")
    for name in ("calls", "as expected", "gap p50", "p95", "max", "yes/no", "date", "open", "first audio", "max",
                 "word error", "cut off", "lost", "CPU s/min", "MB"):  # fmt: skip
        table.add_column(name, justify="right")
    for row in rows:
        kinds = [_s(row.by_kind.get(kind)) for kind in ("yes/no", "date", "open")]
        gaps = [_s(row.gap_p50_s), _s(row.gap_p95_s), _s(row.gap_max_s)]
        firsts = [_s(row.first_audio_p50_s), _s(row.first_audio_max_s)]
        error = "-" if row.word_error is None else f"{100 * row.word_error:.1f} %"
        cost = [_s(row.cpu_s_per_call_minute), f"{row.memory_mb:.0f}"]
        table.add_row(
            str(row.calls), str(row.as_expected), *gaps, *kinds, *firsts, error, str(row.cut_off), str(row.lost_frames),
            *cost,
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(n) for n in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1 or max(numbers) > 64:
        raise click.BadParameter("give numbers from 1 to 64, for example 1,4,8", param_hint="--calls")
    return numbers


def _s(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
