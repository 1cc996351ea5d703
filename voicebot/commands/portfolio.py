"""`voicebot portfolio`: the customers and loans the bot calls about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click

from storage.db import open_store
from storage.portfolio import import_portfolio
from storage.portfolio_example import write_example
from voicebot.nlu.language import load_language
from voicebot.settings import Settings


@click.group()
def portfolio() -> None:
    """Import customers and loans, or write an example to try."""


@portfolio.command("import")
@click.argument("customers", type=click.Path(path_type=Path))
@click.argument("loans", type=click.Path(path_type=Path))
@click.option("--db", type=click.Path(path_type=Path), help="The database (default: [paths] database).")
@click.option("--keep-good", is_flag=True, help="Import the good rows even where others are bad.")
@click.pass_obj
def import_(settings: Settings, customers: Path, loans: Path, db: Path | None, keep_good: bool) -> None:
    """Import CUSTOMERS.csv and LOANS.csv (UTF-8, header; columns in docs/database.md).

    A loan's purpose must be a class of callflows/intents.yaml. Rows with an id that is there replace it, so the same
    files can be imported again. Every bad row is listed with its line; where there is one, nothing is imported (unless
    --keep-good).

    \b
    Examples:
      voicebot portfolio import customers.csv loans.csv
      voicebot portfolio import customers.csv loans.csv --keep-good --db var/test.db
    """
    paths = settings.paths
    purposes = frozenset(load_language(paths.templates, paths.flows, settings.asr.language).purposes)
    with open_store(db or paths.database) as store:
        result = import_portfolio(store.db, customers, loans, keep_good=keep_good, purposes=purposes or None)
    for problem in result.problems:
        click.echo(f"left out: {problem}", err=True)
    click.echo(f"imported {result.customers} customers and {result.accounts} accounts")


@portfolio.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="Due days lie around this day (default: today, UTC).")
@click.option("--count", type=click.IntRange(1, 100_000), default=16, show_default=True, help="How many customers.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the customers after the first 16.")
def example(folder: Path, today: datetime | None, count: int, seed: int) -> None:
    """Write an example customers.csv and loans.csv (synthetic people) to FOLDER.

    \b
    Examples:
      voicebot portfolio example examples/portfolio
      voicebot portfolio example /tmp/big --count 5000 --seed 7 --today 2026-11-22
    """
    day: date = today.date() if today else datetime.now(UTC).date()
    for path in write_example(folder, today=day, count=count, seed=seed):
        click.echo(f"wrote {path}")
