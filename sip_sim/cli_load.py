"""`sip-sim load`: the command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import click

from sip_sim.ears import Ears
from sip_sim.errors import SimError
from sip_sim.load import Progress, copies, figures, in_lines, named, only
from sip_sim.report import troubles, write_json
from sip_sim.runner import Runner, RunSpec
from sip_sim.scenario import Surroundings, load_all
from sip_sim.stopping import tell_what_ran, until_done_or_stopped
from sip_sim.target import read_target
from sip_sim.voices import VoiceBox

EXAMPLES = """
\b
Examples:
  sip-sim load my.yaml --calls 20 --personas all --listen 127.0.0.1:5070
  sip-sim load sip_sim/scenarios/inbound_callback.yaml --calls 8 --target sip:127.0.0.1:5060
"""


def load_command(
    host_and_port: Callable[[str], tuple[str, int]], around: Callable[[Path | None], Surroundings], ears_folder: Path
) -> click.Command:
    """The command, given what it shares with the others."""

    @click.command("load", epilog=EXAMPLES)
    @click.argument("path", type=click.Path(path_type=Path))
    @click.option("--calls", default=8, show_default=True, type=click.IntRange(1, 500), help="Calls at once.")
    @click.option("--personas", default="", help="Who calls, in turn: `all`, or names of personas.yaml (a,b).")
    @click.option("--listen", default="127.0.0.1:5070", show_default=True, help="Where the carrier listens.")
    @click.option("--target", default="", help="The bot's SIP address, for a scenario in which the customer calls.")
    @click.option("--portfolio", type=click.Path(path_type=Path, exists=True, file_okay=False))
    @click.option("--out", default="var/sim/load", show_default=True, type=click.Path(path_type=Path))
    @click.option("--cache", default="var/sim/cache", show_default=True, type=click.Path(path_type=Path))
    @click.option("--ears", default=ears_folder, show_default=True, type=click.Path(path_type=Path))
    @click.option(
        "--wait", "wait_s", default=60.0, show_default=True, help="Seconds to wait for calls that never come."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
    def load(
        path: Path,
        calls: int,
        personas: str,
        listen: str,
        target: str,
        portfolio: Path | None,
        out: Path,
        cache: Path,
        ears: Path,
        wait_s: float,
        as_json: bool,
    ) -> None:
        """One scenario as many calls at once, by one persona or by several in turn. Its number counts up: the bot dials
        NUMBER, NUMBER+1, ...

        Where `call.direction` is inbound, all customers call --target at once. Exit status 1 where a call failed.
        """
        here = around(portfolio)
        many = copies(only(load_all([path], here), path), calls, named(personas, here.personas))
        if many[0].call.direction == "inbound" and not target:
            raise SimError("in this scenario the customer calls, but whom?", hint="give --target sip:HOST:PORT")
        host, port = host_and_port(listen)
        spec = RunSpec(host, port, read_target(target) if target else None, out, wait_s=wait_s, parallel=calls)
        progress = Progress(calls, lambda line: click.echo(f"\r{line}    ", nl=False, err=True))
        runner = Runner(many, spec, VoiceBox(cache), Ears(ears), progress)
        results = asyncio.run(until_done_or_stopped(runner))
        click.echo("", err=True)
        write_json(out / "report.json", results)
        found = figures(results)
        click.echo(json.dumps(found) if as_json else "\n".join(in_lines(found)))
        for line in troubles(results)[:20]:
            click.echo(line, err=True)
        tell_what_ran(runner, results)
        if found["failed"]:
            raise SystemExit(1)

    return load
