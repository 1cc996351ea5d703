"""`voicebot demo`: the main job on this machine, to see, hear and measure."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import click
from rich.console import Console

from voicebot.settings import PROJECT, Settings


@click.command()
@click.argument("scenarios", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("var/demo"), show_default=True)
@click.option("--parallel", type=click.IntRange(1, 16), default=5, show_default=True, help="Calls at a time.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on standard output, nothing else.")
@click.pass_obj
def demo(settings: Settings, scenarios: tuple[Path, ...], out: Path, parallel: int, as_json: bool) -> None:
    """Call the simulator's customers over SIP on loopback and compare what comes of it.

    SCENARIOS: files or folders (default: sip_sim/scenarios). Prints what is said by both sides ("bot" and "heard" are
    the bot's side, "says" and "hears" the customer's). Exit status 1 where an outcome is not the one expected.

    \b
    Examples:
      voicebot demo
      voicebot demo sip_sim/scenarios/reminder_promise.yaml --parallel 1
    """
    from voicebot.demo.prepare import example_cast
    from voicebot.demo.run import DemoPlan, run_demo, threads_from_environment
    from voicebot.demo.table import attempts, figures

    threads_from_environment()
    console = Console(highlight=False, stderr=as_json, width=None if sys.stdout.isatty() else 160)
    try:
        plan = DemoPlan(scenarios or (PROJECT / "sip_sim" / "scenarios",), out, parallel, example_cast())
        result = asyncio.run(run_demo(settings, plan, console))
    except KeyboardInterrupt:
        console.print("stopped; running calls were ended and their outcomes stored")
        sys.exit(130)
    wrong = {row.listed.scenario: row.wrong() for row in result.rows if row.wrong()}
    numbers = figures(result.events, result.cpu_s)
    if as_json:
        click.echo(json.dumps({"wrong": wrong, "figures": numbers, "seconds": result.seconds}))
        sys.exit(1 if wrong else 0)
    console.print()
    console.print(attempts(result.rows))
    console.print(f"{len(result.rows) - len(wrong)} of {len(result.rows)} as expected, in {result.seconds:.0f} s")
    for name, value in numbers.items():
        console.print(f"  {name:<32} {'-' if value is None else f'{value:.2f}'}")
    console.print(f"\ndatabase             {result.database}\nrecordings           {result.recordings}")
    console.print(f"customers' side      {result.simulator}\n\nwhat to try next")
    env = f"VOICEBOT_PATHS__DATABASE={result.database}"
    console.print(f"  {env} voicebot calls list\n  {env} voicebot calls show 1", markup=False)
    console.print("  voicebot preview reminder --account A-1001 --wav out.wav\n  docs/quickstart.md: your own trunk")
    sys.exit(1 if wrong else 0)
