"""`sip-sim`: the command line of the simulator."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from sip_sim.audio import write_wav
from sip_sim.cli_load import load_command
from sip_sim.desk import Desk, DeskSpec
from sip_sim.ears import Ears
from sip_sim.ears_apart import EarsApart
from sip_sim.errors import SimError
from sip_sim.events import Emit, JsonLines, Words
from sip_sim.model import Persona, Scenario
from sip_sim.recording import record
from sip_sim.registrar import Algorithm, Registrar
from sip_sim.report import ScenarioResult, table, troubles, write_json, write_junit
from sip_sim.report_html import write_html
from sip_sim.runner import Runner, RunSpec
from sip_sim.scenario import SCENARIOS, Surroundings, load_all, load_numbers, load_personas
from sip_sim.stopping import nobody_reads, tell, tell_what_ran, until_done_or_stopped
from sip_sim.target import read_target
from sip_sim.voices import VoiceBox, load_registry

EARS = Path("models/whisper-tiny-en")
PORTFOLIO = Path("examples/portfolio")
CACHE = click.option(
    "--cache",
    default="var/sim/cache",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Speech already rendered.",
)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


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
    folder = portfolio or (PORTFOLIO if PORTFOLIO.is_dir() else None)
    return Surroundings(load_personas(), load_numbers(folder) if folder else {})


def _registrar(accounts: tuple[str, ...], digest: str, challenge_invite: bool) -> Registrar | None:
    pairs = dict(account.partition(":")[::2] for account in accounts)
    if not pairs:
        return None
    algorithm: Algorithm = "MD5" if digest == "MD5" else "SHA-256"
    return Registrar(pairs, algorithm=algorithm, challenges_invite=challenge_invite)


RUN_EXAMPLES = """
\b
Examples:
  sip-sim run sip_sim/scenarios --portfolio examples/portfolio
  sip-sim run my.yaml --listen 127.0.0.1:0 --events --out var/sim
  sip-sim run my_scenarios --brief --junit var/sim/junit.xml --report var/sim/report.html
  sip-sim run inbound.yaml --target sip:127.0.0.1:5060
  sip-sim run my_scenarios --target sip:127.0.0.1:5060 --parallel 4
"""


@cli.command(epilog=RUN_EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--listen", default="127.0.0.1:5070", show_default=True, help="Where the carrier listens; port 0 = any free."
)
@click.option("--target", default="", help="The bot's SIP address, for scenarios in which the customer calls.")
@click.option("--user", default="", help="Who calls --target, where it asks for credentials (401, 407).")
@click.option("--password", default="", help="... and the password.")
@click.option("--no-options", is_flag=True, help="Call --target without asking first (OPTIONS) whether it is there.")
@click.option("--portfolio", type=FOLDER, help="The bank's customers.csv and loans.csv (examples/portfolio).")
@click.option(
    "--out", default="var/sim", show_default=True, type=click.Path(path_type=Path), help="Recordings and reports."
)
@click.option("--expect-only", multiple=True, help="Run only the scenario of this name (file name without .yaml).")
@click.option(
    "--parallel", default=1, show_default=True, type=click.IntRange(1, 200), help="Customers who call at the same time."
)
@click.option("--flat", is_flag=True, help="Of a folder only its own files, not those of the folders in it.")
@click.option("--brief", is_flag=True, help="While it runs, print results only, not what is said.")
@click.option("--events", is_flag=True, help="Print JSON lines as things happen, for a program to read.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of a table.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write a JUnit report to this file.")
@click.option(
    "--report", "html", type=click.Path(path_type=Path), help="Write a page to this file: sound, words, SIP, times."
)
@CACHE
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
@click.option("--ears-apart", is_flag=True, help="Recognise in a process of its own, which gives way to the calls.")
@click.option("--known", type=click.Path(path_type=Path), help="Folder of prompts known by their sound (--ears-apart).")
def run(
    paths: tuple[Path, ...],
    listen: str,
    target: str,
    user: str,
    password: str,
    no_options: bool,
    portfolio: Path | None,
    out: Path,
    cache: Path,
    expect_only: tuple[str, ...],
    parallel: int,
    flat: bool,
    brief: bool,
    events: bool,
    as_json: bool,
    junit: Path | None,
    html: Path | None,
    seed: int,
    wait_s: float,
    account: tuple[str, ...],
    digest: str,
    challenge_invite: bool,
    ears: Path,
    ears_apart: bool,
    known: Path | None,
) -> None:
    """Serve every scenario of PATHS (files, or folders with the folders in them) once, then report. Exit status 1
    where one failed. Ctrl-C hangs up, and reports what ran until then (exit status 130)."""
    scenarios = _named(load_all(paths or (SCENARIOS,), _surroundings(portfolio), flat=flat), expect_only)
    host, port = host_and_port(listen)
    registrar = _registrar(account, digest, challenge_invite)
    called = read_target(target, user, password, asks=not no_options) if target else None
    if known is not None and not ears_apart:
        raise SimError("--known is for ears in a process of their own", hint="give --ears-apart too")

    def write(results: list[ScenarioResult]) -> None:
        write_json(out / "report.json", results)
        if junit is not None:
            write_junit(junit, results)
        if html is not None:
            write_html(html, results)

    spec = RunSpec(host, port, called, out, seed, wait_s, registrar, write, parallel)
    emit: Emit = JsonLines(sys.stdout, lambda: nobody_reads(runner)) if events else Words(tell, brief)
    hears = EarsApart(ears, known=known) if ears_apart else Ears(ears)
    runner = Runner(scenarios, spec, VoiceBox(cache), hears, emit)
    results = asyncio.run(until_done_or_stopped(runner))
    _report(results, out, events=events, as_json=as_json)
    tell_what_ran(runner, results)
    if any(not result.passed for result in results):
        raise SystemExit(1)


def _named(scenarios: list[Scenario], names: tuple[str, ...]) -> list[Scenario]:
    """Those of these names; all where none is given."""
    known = {scenario.slug for scenario in scenarios}
    if unknown := [name for name in names if name not in known]:
        raise SimError(
            f"no scenario is called {', '.join(unknown)}", hint="a scenario's name is its file's name without .yaml"
        )
    return [scenario for scenario in scenarios if not names or scenario.slug in names]


def _report(results: list[ScenarioResult], out: Path, *, events: bool, as_json: bool) -> None:
    if as_json:
        click.echo((out / "report.json").read_text(encoding="utf-8"))
    elif not events:
        from rich.console import Console

        Console().print(table(results))
        for line in troubles(results):
            click.echo(line)


CHECK_EXAMPLES = """
\b
Examples:
  sip-sim check
  sip-sim check my.yaml --portfolio examples/portfolio
"""


@cli.command(epilog=CHECK_EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--portfolio", type=FOLDER, help="The bank's customers.csv and loans.csv (examples/portfolio).")
def check(paths: tuple[Path, ...], portfolio: Path | None) -> None:
    """Check scenario files without calling anyone; every problem with file:line."""
    scenarios = load_all(paths or (SCENARIOS,), _surroundings(portfolio))
    for scenario in scenarios:
        click.echo(f"{scenario.path}: ok, {len(scenario.caller)} steps: {scenario.name}")


cli.add_command(load_command(host_and_port, _surroundings, EARS))


PHONE_EXAMPLES = """
\b
Examples:
  sip-sim phone --persona joe-miller --number 15550101001 --listen 127.0.0.1:5070
  sip-sim phone --number 100 --voice heart --register 127.0.0.1:5060 --user 100 --password secret
While a call is on: type what to say, /press 12# or /hangup; /quit puts the phone away.
"""


@cli.command(epilog=PHONE_EXAMPLES)
@click.option("--persona", default="", help="One of personas.yaml; gives the voice.")
@click.option("--number", default="15550101001", show_default=True, help="The phone's own number.")
@click.option("--voice", default="", help="A voice, or a folder of recordings; the persona's where not given.")
@click.option("--listen", default="127.0.0.1:5071", show_default=True)
@click.option("--codec", type=click.Choice(["PCMA", "PCMU"]), default="PCMA", show_default=True)
@click.option("--register", "registrar", default="", help="HOST:PORT of a registrar to register with.")
@click.option("--user", default="", help="User name at the registrar; the number where not given.")
@click.option("--password", default="", help="Password at the registrar.")
@click.option("--calls", default=0, show_default=True, help="End after this many calls; 0 = stay open.")
@CACHE
@click.option(
    "--ears", default=EARS, show_default=True, type=click.Path(path_type=Path), help="Whisper tiny.en folder."
)
def phone(
    persona: str,
    number: str,
    voice: str,
    listen: str,
    codec: str,
    registrar: str,
    user: str,
    password: str,
    calls: int,
    cache: Path,
    ears: Path,
) -> None:
    """Keep one phone open: it rings, answers, prints what it hears, and says what you type."""
    personas = load_personas()
    if persona and persona not in personas:
        raise SimError(f"no persona {persona!r}", hint="use one of " + ", ".join(sorted(personas)))
    host, port = host_and_port(listen)
    spoken = voice or personas.get(persona, Persona()).voice
    spec = DeskSpec(number, spoken, host, port, codec, registrar=registrar, user=user, password=password)

    async def serve() -> None:
        await Desk(spec, VoiceBox(cache), Ears(ears), click.echo).run(sys.stdin, calls=calls)

    asyncio.run(serve())


SAY_EXAMPLES = """
\b
Examples:
  sip-sim say --voice heart-low --text "Good morning." --out good-morning.wav
"""


@cli.command(epilog=SAY_EXAMPLES)
@click.option("--voice", default="joe", show_default=True)
@click.option("--text", required=True)
@click.option("--out", "path", required=True, type=click.Path(path_type=Path), help="The WAV file to write (8 kHz).")
@CACHE
def say(voice: str, text: str, path: Path, cache: Path) -> None:
    """Speak a text in a voice into a WAV file."""
    samples = VoiceBox(cache).say(voice, text)
    write_wav(path, samples)
    click.echo(f"{path}: {samples.size / 8000:.1f} s")


RECORD_EXAMPLES = """
\b
Examples:
  sip-sim record --voice joe --seconds 25 --out var/enrol/joe
"""


@cli.command("record", epilog=RECORD_EXAMPLES)
@click.option("--voice", default="joe", show_default=True)
@click.option("--seconds", default=25.0, show_default=True, help="Least net speech, all files together.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the WAV files.")
@click.option("--codec", type=click.Choice(["PCMA", "PCMU"]), default="PCMA", show_default=True)
@CACHE
def record_command(voice: str, seconds: float, out: Path, codec: str, cache: Path) -> None:
    """Recordings to enrol a persona's voiceprint from: neutral sentences, through the telephone."""
    for path in record(VoiceBox(cache), voice, seconds, out, codec):
        click.echo(str(path))


@cli.command("voices", epilog="Example:  sip-sim voices")
def list_voices() -> None:
    """List the voices that `says:` can be spoken in."""
    for voice in load_registry().values():
        click.echo(f"{voice.name:14s} {voice.engine} shift {voice.shift:g} tempo {voice.tempo:g}")


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
    except (click.Abort, KeyboardInterrupt):
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
