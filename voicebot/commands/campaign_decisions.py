"""`voicebot campaign decisions, replay`: what the gate decided, and whether it would decide so again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click

from storage.campaign import SqliteCampaignStore, campaign_store
from storage.db import open_store
from voicebot.campaign.facts import facts_to_json
from voicebot.campaign.replay import Stored, kept
from voicebot.campaign.replay import replay as decide_again
from voicebot.commands.campaign_shown import plain_decision, show_decisions
from voicebot.settings import Settings

_PAGE = 2000
_EVER = datetime(2000, 1, 1, tzinfo=UTC)


@click.command()
@click.option("--account", help="Only of this account.")
@click.option("--days", type=click.IntRange(min=1), default=7, show_default=True, help="Of so many days.")
@click.option("--refused", is_flag=True, help="Only where a rule said no.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with all it was decided from.")
@click.pass_obj
def decisions(settings: Settings, account: str | None, days: int, refused: bool, limit: int, as_json: bool) -> None:
    """List what the gate decided before calls and messages: yes or no, by which rule, and when it may be again.

    \b
    Examples:
      voicebot campaign decisions --account A-1001
      voicebot campaign decisions --refused --days 1 --json
    """
    since = datetime.now(UTC) - timedelta(days=days)
    with open_store(settings.paths.database) as store:
        found = [
            (number, decision, facts)
            for number, decision, facts in _all(campaign_store(store), since)
            if (account is None or facts.account_id == account) and not (refused and decision.allowed)
        ][-limit:]
    if not as_json:
        show_decisions(found)
        return
    for number, decision, facts in found:
        row = {"id": number, "account": facts.account_id, **plain_decision(decision)}
        click.echo(json.dumps(row | {"inputs": dict(decision.inputs), "facts": facts_to_json(facts)}))


@click.command()
@click.option("--days", type=click.IntRange(min=1), help="Of so many days (default: all).")
@click.pass_obj
def replay(settings: Settings, days: int | None) -> None:
    """Decide every stored decision again from its facts, rules and moment, and say whether it is the same.

    Decisions are made again with the very rules they were made with. Exit status 1 where one differs.

    \b
    Examples:
      voicebot campaign replay
      voicebot campaign replay --days 30
    """
    since = datetime.now(UTC) - timedelta(days=days) if days else _EVER
    with open_store(settings.paths.database) as store:
        campaigns = campaign_store(store)
        result = decide_again(_all(campaigns, since), kept(campaigns.kept_rules()))
    click.echo(f"{result.identical} decision(s) identical")
    for version, count in sorted(result.unknown.items()):
        click.echo(f"{count} decision(s) were made with rules that are not there: {version}")
    for number, difference in result.different.items():
        click.echo(f"decision {number} differs: {difference}")
    if result.different:
        raise SystemExit(1)


def _all(campaigns: SqliteCampaignStore, since: datetime) -> Iterator[Stored]:
    """Every decision since then, page by page."""
    seen: set[int] = set()
    while True:
        page = campaigns.decisions(since, _PAGE + len(seen))
        fresh = [stored for stored in page if stored[0] not in seen]
        if not fresh:
            return
        yield from fresh
        since = fresh[-1][1].at
        seen = {number for number, decision, _ in page if decision.at == since}
