"""`voicebot bench`: how it holds when several customers talk at once, measured at their ears."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path

import click
from rich.console import Console

from voicebot.demo.bench_run import LIMIT_S, BenchRun
from voicebot.demo.bench_table import explained, table
from voicebot.settings import Settings

_MOST_CALLS = 64
_MOST_MEDIA = 1000
_DEFAULT_CALLS = "1,4"
_DEFAULT_MEDIA = "1,10,50,100"
#: Enrolled voices and the portfolio, kept from run to run.
_CACHE = Path("var/bench")
#: One call of the script with all its pauses, and the start of the bot before it; for the estimate that is printed.
_CALL_S = 80
_START_S = 20

HELP = f"""Let the simulator's customers talk at once with the real models; one table of what they experienced.

Each customer is called and verified: five questions or more, answers spoken into the prompt, "mm-hm", coughs, pauses
and noise, the same each time for a --seed. All timing is measured on the callers' own recordings and packets, after
the calls, not taken from the bot's log. Bot and customers share this machine's cores; the customers' ears run in a
process that gives way to the bot. Progress is on standard error; Ctrl-C hangs up and shows the loads that were over.

\b
Examples:
  voicebot bench --calls 1,4,8,16
  voicebot bench --calls 8 --json > figures.json
  voicebot bench --calls 4 --out var/bench/kept
  voicebot bench --media-only --calls 1,50,200

\b
Figures (goals are for 8 calls at once; docs/figures.md has the whole of it):
{explained(106)}
"""


@click.command(help=HELP)
@click.option(
    "--calls",
    default="",
    help=f"At once; several loads by commas.  [default: {_DEFAULT_CALLS}; media: {_DEFAULT_MEDIA}]",
)
@click.option("--media-only", is_flag=True, help="The SIP stack and the sound alone: no model, a prompt in every call.")
@click.option(
    "--scenario-set",
    type=click.Choice(["standard", "plain"]),
    default="standard",
    show_default=True,
    help="plain: nobody interrupts, murmurs or coughs, and the line is clean.",
)
@click.option(
    "--repeat",
    type=click.IntRange(1, 20),
    default=1,
    show_default=True,
    help="Calls one after the other on each line: more values a figure.",
)
@click.option("--seconds", type=click.FloatRange(2, 600), default=20.0, show_default=True, help="Of a media-only call.")
@click.option(
    "--limit",
    type=click.FloatRange(0.1, 10),
    default=LIMIT_S,
    show_default=True,
    help="p95 of the closed questions' gaps that full_calls_per_core allows, seconds.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of everything at random in the customers.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep recordings, packets and databases here, a folder a load (otherwise they are removed).",
)
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON on standard output, nothing else.")
@click.option("--show-calls", is_flag=True, help="Print what is said, too.")
@click.pass_obj
def bench(
    settings: Settings,
    calls: str,
    media_only: bool,
    scenario_set: str,
    repeat: int,
    seconds: float,
    limit: float,
    seed: int,
    out: Path | None,
    as_json: bool,
    show_calls: bool,
) -> None:
    """See HELP."""
    from voicebot.demo.bench import BenchPlan
    from voicebot.demo.bench import bench as run_bench
    from voicebot.demo.bench_media import MediaPlan, bench_media
    from voicebot.demo.run import threads_from_environment

    threads_from_environment()
    loads = _numbers(calls or (_DEFAULT_MEDIA if media_only else _DEFAULT_CALLS), media_only=media_only)
    progress = Console(highlight=False, stderr=True)
    folder = out or Path(tempfile.mkdtemp(prefix="voicebot-bench-"))
    runs: list[BenchRun] = []
    work: Coroutine[None, None, None]
    if media_only:
        work = bench_media(settings, MediaPlan(loads, seconds, folder, out is not None, tell=_teller(progress)), runs)
    else:
        progress.print(f"{len(loads)} load(s), about {len(loads) * (repeat * _CALL_S + _START_S)} s")
        screen = Console(highlight=False, stderr=True, quiet=not show_calls)
        work = run_bench(
            settings,
            BenchPlan(
                loads, folder, _CACHE, repeat, seed, scenario_set, limit, out is not None, _teller(progress), screen
            ),
            runs,
        )
    try:
        finished = _run(work)
    finally:
        if out is None:
            shutil.rmtree(folder, ignore_errors=True)
    if not finished:
        progress.print(f"stopped; {len(runs)} of {len(loads)} load(s) were over, the running calls were ended")
    _show(runs, as_json=as_json, limit=limit, finished=finished)
    if not finished:
        sys.exit(130)


def _run(work: Coroutine[None, None, None]) -> bool:
    """True where it ran to its end; False where Ctrl-C or SIGTERM ended it (calls are hung up, nothing is left)."""

    async def until_stopped() -> None:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await work

    try:
        asyncio.run(until_stopped())
    except (KeyboardInterrupt, asyncio.CancelledError):
        return False
    return True


def _teller(console: Console) -> Callable[[str], None]:
    """Progress for a person, as it stands."""
    return lambda line: console.print(line, markup=False)


def _show(runs: list[BenchRun], *, as_json: bool, limit: float, finished: bool) -> None:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    if as_json:
        whole = {"machine": machine, "limit_s": limit, "finished": finished, "runs": [run.as_json() for run in runs]}
        click.echo(json.dumps(whole))
    elif runs:
        wide = None if sys.stdout.isatty() else 160
        Console(width=wide, highlight=False).print(table(runs, f"voicebot bench ({machine})"))


def _numbers(text: str, *, media_only: bool) -> tuple[int, ...]:
    most = _MOST_MEDIA if media_only else _MOST_CALLS
    try:
        numbers = tuple(int(n) for n in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1 or max(numbers) > most:
        raise click.BadParameter(f"give numbers from 1 to {most}, for example 1,4,8", param_hint="--calls")
    return numbers
