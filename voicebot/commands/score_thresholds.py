"""Thresholds under four eyes: one person proposes them, another one decides, and only then a run uses them."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import click

from storage import repositories_thresholds as tables
from storage.connection import Connection
from storage.db import open_reader, open_store
from voicebot.commands.score_shown import as_json, by, plain
from voicebot.errors import ScoringError
from voicebot.scoring.config import ScoringSettings, as_toml, changes, digest, load
from voicebot.settings import Settings

_NEXT = "`voicebot score propose-thresholds FILE`, then another person: `voicebot score decide-thresholds`"


def for_a_run(db: Connection, file: Path | None) -> ScoringSettings:
    """The thresholds a run uses: those approved last (none ever were: the defaults). A file that is named, or lies in
    the working folder, must say the same. Raises ScoringError where nobody has approved what it says, SettingsError."""
    used = tables.thresholds(db)
    given = load(file, used)
    if changed := changes(used, given):
        raise ScoringError(
            "these thresholds are not in force: " + "; ".join(changed), hint=f"{_NEXT}; what-if takes any file"
        )
    return used


@click.command("propose-thresholds")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--reason", required=True, help="Why they change.")
@by
@click.pass_obj
def propose(settings: Settings, file: Path, reason: str, by: str) -> None:
    """Propose the thresholds of FILE. They are in force when another person has approved them.

    \b
    Examples:
      voicebot score thresholds > scoring.toml
      voicebot score propose-thresholds scoring.toml --reason "measured in October" --by anna
    """
    wanted = load(file)
    _said(reason, by)
    with open_store(settings.paths.database) as store:
        changed = changes(tables.thresholds(store.db), wanted)
        if not changed:
            raise ScoringError("nothing would change", hint="voicebot score threshold-sets")
        number = tables.propose(store.db, digest(wanted), as_toml(wanted), reason, by, datetime.now(UTC))
    click.echo(f"threshold set {number} waits for another person:")
    for line in changed:
        click.echo(f"  {line}")


@click.command("decide-thresholds")
@click.argument("number", type=int)
@click.option("--approve/--reject", "approved", default=None, required=True, help="What is decided.")
@click.option("--reason", required=True, help="Why, as the record keeps it.")
@by
@click.pass_obj
def decide(settings: Settings, number: int, approved: bool, reason: str, by: str) -> None:
    """Approve or reject the threshold set NUMBER; not by who proposed it.

    \b
    Example:
      voicebot score decide-thresholds 3 --approve --reason "checked against October" --by ben
    """
    _said(reason, by)
    state = "approved" if approved else "rejected"
    with open_store(settings.paths.database) as store:
        found = tables.decide(store.db, number, state, reason, by, datetime.now(UTC))
    click.echo(f"threshold set {number} ({found.reason}) is {state}")


@click.command("threshold-sets")
@as_json
@click.pass_obj
def threshold_sets(settings: Settings, json_: bool) -> None:
    """List the sets of thresholds: who proposed, who decided, which is in force.

    \b
    Example:
      voicebot score threshold-sets --json
    """
    with open_reader(settings.paths.database) as reader:
        rows, force = tables.sets(reader.db), tables.in_force(reader.db)
    if json_:
        shown = [{**dataclasses.asdict(row), "in_force": force is not None and row.id == force.id} for row in rows]
        click.echo(json.dumps(shown, default=str, ensure_ascii=False, indent=2))
        return
    for row in rows:
        decided = f", {row.state} by {row.decided_by}: {row.decision}" if row.decided_by else ", waits"
        mark = " (in force)" if force is not None and row.id == force.id else ""
        click.echo(f"{row.id}{mark}: {row.reason}, proposed by {row.proposed_by}{decided} ({plain(row.digest)})")
    if force is None:
        click.echo("the defaults are in force")


def _said(reason: str, by: str) -> None:
    if not reason.strip() or not by.strip():
        raise ScoringError("a reason and a name are needed", hint='--reason "..." --by NAME')
