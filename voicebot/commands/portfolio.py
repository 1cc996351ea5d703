"""`voicebot portfolio`: the customers and loans the bot calls about."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import click

from storage.campaign import campaign_store
from storage.db import open_store
from storage.portfolio import ImportOptions, import_files
from storage.portfolio_example import write_example
from storage.portfolio_example_whole import write_whole
from storage.portfolio_kinds import KINDS
from storage.portfolio_mapping import read_mapping
from voicebot.commands.portfolio_shown import as_json, effects_shown, progress_shown, shown
from voicebot.errors import PortfolioError
from voicebot.nlu.language import load_language
from voicebot.settings import Settings

F = TypeVar("F", bound=Callable[..., object])
_FORMATS = (".csv", ".jsonl", ".ndjson")


def _looks(command: F) -> F:
    """The options of every import."""
    for option in (
        click.option("--db", type=click.Path(path_type=Path), help="The database (default: [paths] database)."),
        click.option(
            "--map", "mapping", type=click.Path(path_type=Path), help="YAML or TOML: which header is which column."
        ),
        click.option("--dry-run", is_flag=True, help="Only check and report; exit status 1 where a row is bad."),
        click.option("--keep-good", is_flag=True, help="Import the good rows even where others are bad."),
        click.option(
            "--problems", type=click.IntRange(1), default=50, show_default=True, help="How many problems are listed."
        ),
        click.option("--json", "plain", is_flag=True, help="The report as JSON."),
    ):
        command = option(command)
    return command


def _kinds(command: F) -> F:
    """One option for each kind of file."""
    for name in reversed(KINDS):
        option = "--" + name.replace("_", "-")
        command = click.option(option, name, type=click.Path(path_type=Path), help=f"File of {name}.")(command)
    return command


@click.group()
def portfolio() -> None:
    """Import customers, loans and what belongs to them, or write an example to try."""


@portfolio.command("import")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@_kinds
@_looks
@click.option("--replace-lists", is_flag=True, help="Numbers that are not on the file's lists any more leave them.")
@click.pass_obj
def import_(
    settings: Settings,
    /,
    paths: tuple[Path, ...],
    replace_lists: bool,
    db: Path | None,
    mapping: Path | None,
    dry_run: bool,
    keep_good: bool,
    problems: int,
    plain: bool,
    **by_kind: Path | None,
) -> None:
    """Import files: CSV (UTF-8, header) or JSON lines, columns in docs/database.md.

    PATHS: a folder with customers.csv, loans.csv, payments.jsonl, ...; files of such names; or CUSTOMERS and LOANS.
    All rows are checked first; one bad row, and nothing is imported (unless --keep-good). Rows with an id that is there
    replace it, so the same files can be imported again. A payment cancels the reminders that wait for it.

    \b
    Examples:
      voicebot portfolio import customers.csv loans.csv
      voicebot portfolio import export/ --map bank.yaml --dry-run
      voicebot portfolio import --payments today.jsonl --do-not-call federal.csv --json
    """
    files = _found(paths) | {name: path for name, path in by_kind.items() if path is not None}
    options = _options(settings, mapping, dry_run, keep_good, problems)
    _run(settings, db, files, replace(options, replace_lists=replace_lists), plain)


@portfolio.command()
@click.argument("file", type=click.Path(path_type=Path))
@_looks
@click.pass_obj
def payments(
    settings: Settings,
    file: Path,
    db: Path | None,
    mapping: Path | None,
    dry_run: bool,
    keep_good: bool,
    problems: int,
    plain: bool,
) -> None:
    """Import payments: pending reminders of what is paid are cancelled, promises are kept or broken, at once.

    A payment is known by its id: importing the same file again changes nothing.

    \b
    Examples:
      voicebot portfolio payments today.csv
      voicebot portfolio payments today.jsonl --dry-run
    """
    options = _options(settings, mapping, dry_run, keep_good, problems)
    _run(settings, db, {"payments": file}, options, plain)


def _found(paths: tuple[Path, ...]) -> dict[str, Path]:
    if len(paths) == 2 and not any(path.stem in KINDS or path.is_dir() for path in paths):
        return dict(zip(("customers", "loans"), paths, strict=True))
    files = dict[str, Path]()
    for path in paths:
        inside = sorted(f for f in path.iterdir() if f.suffix.lower() in _FORMATS) if path.is_dir() else [path]
        for file in inside:
            if file.stem not in KINDS and not path.is_dir():
                raise PortfolioError(
                    f"{file}: its name says not what it is",
                    hint=f"name it {', '.join(KINDS)}, or give --customers FILE",
                )
            if file.stem in files:
                raise PortfolioError(f"{file}: there is another file of {file.stem}", hint="import one after the other")
            if file.stem in KINDS:
                files[file.stem] = file
    return files


def _options(settings: Settings, mapping: Path | None, dry_run: bool, keep_good: bool, problems: int) -> ImportOptions:
    paths = settings.paths
    purposes = frozenset(load_language(paths.templates, paths.flows, settings.asr.language).purposes)
    return ImportOptions(
        keep_good=keep_good,
        dry_run=dry_run,
        purposes=purposes or None,
        limit=problems,
        mappings=read_mapping(mapping) if mapping else {},
    )


def _run(settings: Settings, db: Path | None, files: dict[str, Path], options: ImportOptions, plain: bool) -> None:
    if not files:
        raise PortfolioError("there is no file to import", hint="voicebot portfolio import CUSTOMERS.csv LOANS.csv")
    with open_store(db or settings.paths.database) as store:
        with progress_shown() as progress:
            report = import_files(store.db, files, store.number_hash, options, progress)
        new_payments = report.written and report.file("payments") is not None
        campaigns = campaign_store(store, settings.campaign)
        effects = campaigns.apply_payments(datetime.now(UTC)) if new_payments else None
    if plain:
        click.echo(json.dumps(as_json(report, effects), indent=2))
    else:
        shown(report)
        effects_shown(effects)
    if options.dry_run and report.problem_count:
        sys.exit(1)


@portfolio.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The same as FOLDER.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="Due days lie around this day (default: today, UTC).")
@click.option(
    "--loans", type=click.IntRange(1, 5_000_000), help="A whole portfolio of so many loans (with --out: 5000)."
)
@click.option(
    "--count", type=click.IntRange(1, 100_000), help="Customers and loans alone, so many (without --out: 16)."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the customers after the first 16.")
def example(
    folder: Path | None, out: Path | None, today: datetime | None, loans: int | None, count: int | None, seed: int
) -> None:
    """Write an example portfolio of synthetic people to FOLDER.

    With --out or --loans it is whole: customers in several time zones, loans with product, channel, funding source and
    agent, schedules, payments, consents, do-not-call lists. Else two small files, customers.csv and loans.csv.

    \b
    Examples:
      voicebot portfolio example examples/portfolio
      voicebot portfolio example --loans 5000 --seed 1 --out /tmp/portfolio
    """
    target = out or folder
    if target is None or (out is not None and folder is not None) or (loans is not None and count is not None):
        raise click.UsageError("Give one folder (FOLDER or --out), and --loans or --count.")
    day: date = today.date() if today else datetime.now(UTC).date()
    if loans is not None or (out is not None and count is None):
        written = write_whole(target, today=day, loans=loans or 5000, seed=seed)
    else:
        written = write_example(target, today=day, count=count or 16, seed=seed)
    for path in written:
        click.echo(f"wrote {path}")
