"""`voicebot campaign tasks|assign|transfer|close`: what people have to do, and who has it (document Q, Q2c to Q2e)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.table import Table

from storage.campaign import campaign_store
from storage.db import open_store
from storage.records_campaign import AgentLoad, Given, TaskRow
from voicebot.settings import Settings


def _console() -> Console:
    """As wide as the terminal; in a file or a pipe wide enough for every column."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


@click.command()
@click.option("--owner", metavar="AGENT", help="Only this person's.")
@click.option("--all", "closed", is_flag=True, help="Closed ones too.")
@click.option("--people", is_flag=True, help="The people and how much each has, instead of the tasks.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--json", "plain", is_flag=True, help="As JSON.")
@click.pass_obj
def tasks(settings: Settings, owner: str | None, closed: bool, people: bool, limit: int, plain: bool) -> None:
    """List what people have to do, the most urgent first.

    \b
    Examples:
      voicebot campaign tasks
      voicebot campaign tasks --owner AG-11 --json
      voicebot campaign tasks --people
    """
    with open_store(settings.paths.database) as store:
        campaigns = campaign_store(store, settings.campaign)
        if people:
            _show_people(campaigns.agents(), plain)
        else:
            _show_tasks(campaigns.tasks(owner, open_only=not closed, limit=limit), plain)


def _show_tasks(found: tuple[TaskRow, ...], plain: bool) -> None:
    if plain:
        rows = [
            {
                **{
                    "id": t.id,
                    "kind": t.kind,
                    "state": t.state,
                    "account_id": t.account_id,
                    "attempt_id": t.attempt_id,
                },
                **{"reason": t.reason, "owner_id": t.owner_id, "created_at": t.created_at.isoformat()},
                "due_at": t.due_at.isoformat() if t.due_at else None,
            }
            for t in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table("task", "kind", "state", "account", "attempt", "owner", "due (UTC)", "reason")
    for t in found:
        due = f"{t.due_at:%Y-%m-%d %H:%M}" if t.due_at else ""
        attempt = str(t.attempt_id or "")
        table.add_row(str(t.id), t.kind, t.state, t.account_id or "", attempt, t.owner_id or "nobody", due, t.reason)
    _console().print(table)


def _show_people(found: tuple[AgentLoad, ...], plain: bool) -> None:
    if plain:
        rows = [
            {"id": a.id, "role": a.role, "supervisor_id": a.supervisor_id, "in_service": a.in_service, "open": a.open}
            for a in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table("agent", "role", "supervisor", "in service", "open")
    for a in found:
        table.add_row(a.id, a.role, a.supervisor_id or "", "yes" if a.in_service else "no", str(a.open))
    _console().print(table)


@click.command()
@click.option("--supervisor", required=True, metavar="AGENT", help="Whose team: the supervisor and everybody below.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only tasks of this kind (can be repeated).")
@click.pass_obj
def assign(settings: Settings, supervisor: str, kinds: tuple[str, ...]) -> None:
    """Give out what nobody has: tasks and follow-up cases, to who of the team is in service and has the fewest open.

    \b
    Example:
      voicebot campaign assign --supervisor S-1
    """
    with open_store(settings.paths.database) as store:
        _show_given(campaign_store(store, settings.campaign).assign(supervisor, datetime.now(UTC), kinds))


@click.command()
@click.option("--from", "source", required=True, metavar="AGENT", help="Who has it now.")
@click.option("--to", "target", required=True, metavar="AGENT", help="Who takes over; has to be in service.")
@click.pass_obj
def transfer(settings: Settings, source: str, target: str) -> None:
    """Move all that one person has open to another.

    \b
    Example:
      voicebot campaign transfer --from AG-11 --to AG-12
    """
    with open_store(settings.paths.database) as store:
        _show_given(campaign_store(store, settings.campaign).transfer(source, target, datetime.now(UTC)))


@click.command()
@click.argument("task", type=int)
@click.option("--reason", required=True, help="What was done; kept with the task.")
@click.option("--ack", is_flag=True, help="Only acknowledge it.")
@click.pass_obj
def close(settings: Settings, task: int, reason: str, ack: bool) -> None:
    """Close a task. Automatic calls of a disputed case may go on afterwards.

    \b
    Example:
      voicebot campaign close 17 --reason "settled with the customer"
    """
    state = "ack" if ack else "closed"
    with open_store(settings.paths.database) as store:
        campaign_store(store, settings.campaign).close_task(task, state, reason)
    click.echo(f"task {task} is {state}")


def _show_given(given: Given) -> None:
    click.echo(f"{given.tasks} task(s) and {given.jobs} case(s) given")
    for agent, count in given.by_agent:
        click.echo(f"  {agent}: {count}")
