"""`sip-sim`: the command line of the simulator."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from sip_sim.ears import Ears
from sip_sim.errors import SimError
from sip_sim.events import Emit, JsonLines, in_words
from sip_sim.registrar import Registrar
from sip_sim.report import ScenarioResult, table, write_json, write_junit
from sip_sim.runner import Runner, RunSpec
from sip_sim.scenario import SCENARIOS, Surroundings, load_all, load_numbers, load_personas
from sip_sim.voices import VoiceBox

EARS = Path("models/whisper-tiny-en")


@click.group(help="Customers' phones for testing a voicebot: they answer, hear, speak, and report.")
def cli() -> None:
    """The group of commands."""


def host_and_port(value: str) -> tuple[str, int]:
    """`127.0.0.1:5070` -> its parts."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f"{value!r} is not HOST:PORT, for example 127.0.0.1:5070")
    return host, int(port)


def _surroundings(portfolio: Path | None) -> Surroundings:
    return Surroundings(load_personas(), load_numbers(portfolio) if portfolio else {})


def _registrar(accounts: tuple[str, ...], digest: str, challenge_invite: bool) -> Registrar | None:
    pairs = dict(account.partition(":")[::2] for account in accounts)
    if not pairs:
        return None
    algorithm = "MD5" if digest == "MD5" else "SHA-256"
    return Registrar(pairs, algorithm=algorithm, challenges_invite=challenge_invite)  # type: ignore[arg-type]


RUN_EXAMPLES = """
\b
Examples:
  sip-sim run sip_sim/scenarios --portfolio examples/portfolio/accounts.csv
  sip-sim run my.yaml --listen 127.0.0.1:0 --events --out var/sim
  sip-sim run inbound.yaml --target sip:127.0.0.1:5060
"""


@cli.command(epilog=RUN_EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--listen", default="127.0.0.1:5070", show_default=True, help="Where the carrier listens; port 0 = any free."
)
@click.option("--target", default="", help="The bot's SIP address, for scenarios in which the customer calls.")
@click.option("--portfolio", type=click.Path(path_type=Path, exists=True), help="The bank's CSV: numbers by account.")
@click.option(
    "--out", default="var/sim", show_default=True, type=click.Path(path_type=Path), help="Recordings and reports."
)
@click.option("--expect-only", multiple=True, help="Run only the scenario of this name (file name without .yaml).")
@click.option("--events", is_flag=True, help="Print JSON lines as things happen, for a program to read.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of a table.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write a JUnit report to this file.")
@click.option("--seed", default=1, show_default=True, help="Seed of loss and jitter; the report names each call's own.")
@click.option("--wait", "wait_s", default=300.0, show_default=True, help="Seconds to wait for calls that never come.")
@click.option(
    "--account", multiple=True, help="USER:PASSWORD that may register; REGISTER is then asked for its digest."
)
@click.option("--digest", type=click.Choice(["SHA-256", "MD5"]), default="SHA-256", show_default=True)
@click.option("--challenge-invite", is_flag=True, help="Also ask each INVITE for credentials (407).")
@click.option(
    "--ears", default=EARS, show_default=True, type=click.Path(path_type=Path), help="Whisper tiny.en folder."
)
def run(
    paths: tuple[Path, ...],
    listen: str,
    target: str,
    portfolio: Path | None,
    out: Path,
    expect_only: tuple[str, ...],
    events: bool,
    as_json: bool,
    junit: Path | None,
    seed: int,
    wait_s: float,
    account: tuple[str, ...],
    digest: str,
    challenge_invite: bool,
    ears: Path,
) -> None:
    """Serve every scenario of PATHS (files or folders) once, then report. Exit status 1 where one failed."""
    scenarios = load_all(paths or (SCENARIOS,), _surroundings(portfolio))
    if expect_only:
        scenarios = [scenario for scenario in scenarios if scenario.slug in expect_only]
        if not scenarios:
            raise SimError("no scenario has that name", hint="a scenario's name is its file's name without .yaml")
    host, port = host_and_port(listen)
    spec = RunSpec(host, port, target, out, seed, wait_s, _registrar(account, digest, challenge_invite))
    emit: Emit = JsonLines(sys.stdout) if events else lambda event: click.echo(in_words(event), err=True)
    runner = Runner(scenarios, spec, VoiceBox(out / "cache"), Ears(ears), emit)
    results = asyncio.run(runner.run())
    _report(results, out, events=events, as_json=as_json, junit=junit)


def _report(results: list[ScenarioResult], out: Path, *, events: bool, as_json: bool, junit: Path | None) -> None:
    write_json(out / "report.json", results)
    if junit is not None:
        write_junit(junit, results)
    if as_json:
        click.echo((out / "report.json").read_text(encoding="utf-8"))
    elif not events:
        from rich.console import Console

        Console().print(table(results))
    if any(not result.passed for result in results):
        raise SystemExit(1)


@cli.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--portfolio", type=click.Path(path_type=Path, exists=True), help="The bank's CSV: numbers by account.")
def check(paths: tuple[Path, ...], portfolio: Path | None) -> None:
    """Check scenario files without calling anyone; every problem with file:line."""
    scenarios = load_all(paths or (SCENARIOS,), _surroundings(portfolio))
    for scenario in scenarios:
        click.echo(f"{scenario.path}: ok, {len(scenario.caller)} steps: {scenario.name}")


def main() -> None:
    """Entry point: errors made on purpose end with status 2 and say what to do."""
    try:
        cli.main(standalone_mode=False)
    except SimError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(2) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(2) from None
    except click.Abort:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
