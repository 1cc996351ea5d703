"""What people decide: assignments, warnings, tags; and what is imported."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from storage.db import open_reader, open_store
from storage.scoring import ScoringRepository
from storage.scoring_import import COLUMNS, Origin, import_scoring
from voicebot.commands.score_shown import as_json, by, plain
from voicebot.errors import ScoringError
from voicebot.scoring.result import Result
from voicebot.scoring.tags import Tag
from voicebot.settings import Settings


@click.command()
@click.option("--state", "states", multiple=True, type=click.Choice(("proposed", "approved", "replaced", "ended")))
@as_json
@click.pass_obj
def assignments(settings: Settings, states: tuple[str, ...], json_: bool) -> None:
    """Who has which case, and what is proposed.

    \b
    Example:
      voicebot score assignments --state proposed
    """
    with open_reader(settings.paths.database) as reader:
        rows = ScoringRepository(reader.db).assignments(states or ("proposed", "approved"))
    columns = ("account_id", "collector_id", "state", "case_class", "score", "proposed_at", "decided_by", "reason")
    _table([dataclasses.asdict(row) for row in rows], columns, json_)


@click.command()
@click.argument("accounts", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every proposal.")
@by
@click.pass_obj
def approve(settings: Settings, accounts: tuple[str, ...], everything: bool, by: str) -> None:
    """Approve the proposed collectors of ACCOUNTS.

    \b
    Examples:
      voicebot score approve A-1008 A-1010 --by S-1
      voicebot score approve --all --by S-1
    """
    if bool(accounts) == everything:
        raise click.UsageError("name accounts, or give --all")
    with open_store(settings.paths.database) as store:
        count = ScoringRepository(store.db).approve(accounts or None, by, datetime.now(UTC))
    click.echo(f"approved {count} case(s)")


@click.command()
@click.argument("account")
@click.argument("collector")
@click.option("--reason", required=True, help="Why another collector than the proposed one.")
@by
@click.pass_obj
def override(settings: Settings, account: str, collector: str, reason: str, by: str) -> None:
    """Give the case of ACCOUNT to COLLECTOR, whatever the score says.

    \b
    Example:
      voicebot score override A-1008 K-2 --by S-1 --reason "speaks the customer's language"
    """
    if not reason.strip():
        raise ScoringError("a reason is needed", hint='--reason "..."')
    with open_store(settings.paths.database) as store:
        ScoringRepository(store.db).override(account, collector, by, reason.strip(), datetime.now(UTC))
    click.echo(f"{account} goes to {collector}")


@click.command()
@click.option("--all", "everything", is_flag=True, help="Closed ones too.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@as_json
@click.pass_obj
def warnings(settings: Settings, everything: bool, limit: int, json_: bool) -> None:
    """List the warnings that wait for a person, newest first.

    \b
    Example:
      voicebot score warnings --limit 20
    """
    with open_reader(settings.paths.database) as reader:
        rows = ScoringRepository(reader.db).warnings(open_only=not everything, limit=limit)
    columns = ("id", "code", "customer_id", "subject", "severity", "owner", "due_at", "state", "reason")
    _table([dataclasses.asdict(row) for row in rows], columns, json_)


@click.command()
@click.argument("warning")
@click.option("--state", type=click.Choice(("ack", "closed")), required=True)
@click.option("--reason", required=True, help="What was found, or what is done.")
@by
@click.pass_obj
def settle(settings: Settings, warning: str, state: str, reason: str, by: str) -> None:
    """Acknowledge or close WARNING with a reason.

    \b
    Example:
      voicebot score settle W-12 --state closed --reason "number corrected" --by S-1
    """
    if not reason.strip():
        raise ScoringError("a reason is needed", hint='--reason "..."')
    with open_store(settings.paths.database) as store:
        ScoringRepository(store.db).decide_warning(warning, state, reason.strip(), by, datetime.now(UTC))
    click.echo(f"{warning} is {state}")


@click.command()
@click.argument("customer")
@click.argument("name_value", metavar="NAME=VALUE")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Day the tag ends (default: no end).")
@by
@click.pass_obj
def tag(settings: Settings, customer: str, name_value: str, until: datetime | None, by: str) -> None:
    """Give CUSTOMER a tag. It beats an automatic one of the same name.

    \b
    Example:
      voicebot score tag C-1001 best_hour=18 --by M-1
    """
    name, equals, value = name_value.partition("=")
    if not equals or not name.strip().isidentifier() or not value.strip():
        raise ScoringError("a tag is NAME=VALUE", hint="for example best_hour=18")
    end = until.replace(tzinfo=UTC) if until else None
    now = datetime.now(UTC)
    given = Tag(customer, name.strip(), value.strip(), "human", 1.0, now, end, given_by=by)
    with open_store(settings.paths.database) as store:
        ScoringRepository(store.db).put_tags([given])
    click.echo(f"{customer}: {given.name} = {given.value}")


@click.command()
@click.argument("customer")
@click.argument("decision", type=click.Choice(("continue", "stop", "escalate")))
@click.option("--reason", required=True, help="Why: stored with it.")
@by
@click.pass_obj
def review(settings: Settings, customer: str, decision: str, reason: str, by: str) -> None:
    """What a person decided about the service for CUSTOMER after a re-review (E3): the robot never decides that.

    `stop` lifts the customer's early-warning level to at least orange (rule `review_stopped`), until another decision.

    \b
    Example:
      voicebot score review C-1001 stop --reason "documents do not agree" --by R-1
    """
    if not reason.strip():
        raise ScoringError("a reason is needed", hint='--reason "..."')
    now = datetime.now(UTC)
    result = Result("review", "E3/1", {"by": by, "at": now.isoformat()}, {"decision": decision}, (reason.strip(),))
    with open_store(settings.paths.database) as store:
        if store.db.row("SELECT 1 AS found FROM customers WHERE id = ?", customer) is None:
            raise ScoringError(f"there is no customer {customer}", hint="voicebot calls list shows who was called")
        ScoringRepository(store.db).put_scores("review", [(customer, result)], now)
    click.echo(f"{customer}: {decision}")


@click.command("import")
@click.argument("kind", type=click.Choice(sorted(COLUMNS)))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", required=True, help="Where the data is from.")
@click.option("--source-date", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Day of the data.")
@click.option("--basis", required=True, help="Lawful basis: why the bank may use it.")
@click.pass_obj
def import_(settings: Settings, kind: str, file: Path, source: str, source_date: datetime, basis: str) -> None:
    """Import FILE (CSV, UTF-8, header) of KIND; docs/scoring.md has the columns. One bad row, and nothing is imported.

    \b
    Examples:
      voicebot score import collectors team.csv --source HR --source-date 2026-11-22 --basis "employment contract"
      voicebot score import collection-numbers numbers.csv --source "public register" --source-date 2026-11-01 \\
        --basis "legitimate interest, assessment 2026-03"
    """
    for name, value in (("--source", source), ("--basis", basis)):
        if not value.strip():
            raise ScoringError(f"{name} is empty", hint="data without a source and a lawful basis is not imported")
    day: date = source_date.date()
    with open_store(settings.paths.database) as store:
        origin = Origin(source.strip(), day, basis.strip())
        count = import_scoring(store.db, kind, file, origin, store.number_hash, datetime.now(UTC))
    click.echo(f"imported {count} {kind}")


def _table(rows: list[dict[str, object]], columns: tuple[str, ...], json_: bool) -> None:
    if json_:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table()
    for name in columns:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*(escape(plain(row[name])) for name in columns))
    Console(width=200).print(table)
