"""`voicebot campaign start|pause|resume|stop|status`: what people decide, seen by running processes within a second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from voicebot.model.campaign import CampaignRow, CampaignState, JobState, Standing
from voicebot.settings import Settings

if TYPE_CHECKING:
    from storage.campaign import SqliteCampaignStore
    from voicebot.campaign.dialer_state import DialerState


@contextmanager
def open_campaigns(settings: Settings) -> Iterator[SqliteCampaignStore]:
    """The campaigns of the database."""
    from storage.campaign import campaign_store
    from storage.db import open_store

    with open_store(settings.paths.database) as store:
        yield campaign_store(store)


def _way(name: str, state: CampaignState, what: str, example: str) -> click.Command:
    """A command that changes a campaign's state."""

    @click.command(name, help=f"{what}\n\n\b\nExample:\n  voicebot campaign {name} {example}")
    @click.argument("campaign_id", metavar="ID")
    @click.option("--reason", default="by command", show_default=True, help="Kept with the campaign.")
    @click.pass_obj
    def change(settings: Settings, campaign_id: str, reason: str) -> None:
        with open_campaigns(settings) as store:
            store.set_campaign_state(campaign_id, state, reason, datetime.now(UTC))
        click.echo(f"{campaign_id} is {state.value}")

    return change


start = _way(
    "start",
    CampaignState.RUNNING,
    "Let the campaign ID run: `voicebot serve` or `voicebot campaign run` calls what is due.",
    "reminders",
)
pause = _way(
    "pause",
    CampaignState.PAUSED,
    "Call nobody more for the campaign ID until it is resumed; calls that run go on.",
    'reminders --reason "new script"',
)
resume = _way("resume", CampaignState.RUNNING, "Let a paused campaign run again.", "reminders")
stop = _way(
    "stop",
    CampaignState.STOPPED,
    "End the campaign ID for good: what is pending is cancelled, calls that run go on.",
    'reminders --reason "end of the year"',
)


@click.command()
@click.argument("campaign_id", metavar="[ID]", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def status(settings: Settings, campaign_id: str | None, as_json: bool) -> None:
    """Where campaigns stand: jobs by state, calls by outcome, messages, what is due next, and the running dialer.

    \b
    Examples:
      voicebot campaign status
      voicebot campaign status reminders --json
    """
    from voicebot.campaign.dialer_state import read_state, state_file

    with open_campaigns(settings) as store:
        rows = store.campaigns() if campaign_id is None else (store.campaign(campaign_id),)
        found = [(row, store.standing(row.id)) for row in rows]
    dialer = read_state(state_file(settings.paths.database))
    if as_json:
        click.echo(json.dumps(_plain(found, dialer), ensure_ascii=False, indent=2))
    else:
        _show(found, dialer)


def _plain(found: list[tuple[CampaignRow, Standing]], dialer: DialerState | None) -> dict[str, object]:
    return {
        "campaigns": [
            {
                "id": row.id,
                "kind": row.kind.value,
                "flow": row.flow,
                "profile": row.profile,
                "state": row.state.value,
                "reason": row.state_reason,
                "jobs": {state.value: standing.jobs.get(state, 0) for state in JobState},
                "outcomes": dict(standing.outcomes),
                "messages": dict(standing.messages),
                "next_due": standing.next_due.isoformat() if standing.next_due else None,
                "in_work": dialer.campaigns.get(row.id, 0) if dialer else 0,
            }
            for row, standing in found
        ],
        "dialer": {"lines": dialer.lines, "lines_in_use": dialer.taken, "breaker": dialer.breaker} if dialer else None,
    }


def _show(found: list[tuple[CampaignRow, Standing]], dialer: DialerState | None) -> None:
    table = Table("campaign", "state", *(state.value for state in JobState), "calls", "messages", "next due (UTC)")
    for row, standing in found:
        table.add_row(
            *(row.id, row.state.value, *(str(standing.jobs.get(state, 0)) for state in JobState)),
            *(_counted(standing.outcomes), _counted(standing.messages)),
            f"{standing.next_due.astimezone(UTC):%Y-%m-%d %H:%M}" if standing.next_due else "",
        )
    console = Console()
    (console if console.is_terminal else Console(width=200)).print(table)
    if dialer is None:
        click.echo("no dialer runs: voicebot serve, or voicebot campaign run")
    else:
        click.echo(f"dialer: {dialer.taken} of {dialer.lines} lines in use, the trunk's breaker is {dialer.breaker}")


def _counted(counts: object) -> str:
    assert hasattr(counts, "items")
    return ", ".join(f"{name or 'running'} {n}" for name, n in sorted(counts.items()))
