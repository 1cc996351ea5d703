"""`voicebot retention`: what may not be kept any more is removed, what is held stays, and a line stays of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

import click

from storage import repositories_retention as tables
from storage.retention import Expired, Folders, Retention
from voicebot.campaign.gatekeeper import chosen_profile
from voicebot.campaign.retention import Schedule, chosen, load_schedules
from voicebot.commands.opened import opened
from voicebot.settings import Settings

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_BY = click.option("--by", required=True, help="Who decides it.")
_REASON = click.option("--reason", required=True, help="Why, as the record keeps it.")


def _moment(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"`{value}` is no moment: write 2030-01-01T00:00:00Z") from None
    if found.tzinfo is None:
        raise click.BadParameter(f"`{value}` has no offset: write 2030-01-01T00:00:00Z")
    return found.astimezone(UTC)


@click.group()
def retention() -> None:
    """Remove records whose time is over, and keep what a court or the bank wants kept.

    How long each kind of record is kept is a file of calling_rules/retention.
    """


@retention.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would go; nothing is changed.")
@click.option("--at", callback=_moment, help="As if it were then; only with --dry-run.")
@click.option("--schedule", help="Of what belongs to no campaign (default: the rules of calling that hold).")
@_AS_JSON
@click.pass_obj
def run(settings: Settings, dry_run: bool, at: datetime | None, schedule: str | None, as_json: bool) -> None:
    """Remove every record whose time is over; run it once a day (cron). A line of each stays in the database.

    \b
    Examples:
      voicebot retention run --dry-run
      voicebot retention run --dry-run --at 2030-01-01T00:00:00Z --schedule us --json
      voicebot retention run
    """
    if at is not None and not dry_run:
        raise click.UsageError("--at is only for --dry-run: what is removed is removed by the real clock")
    schedules = load_schedules(settings.paths.calling_rules)
    default = chosen(schedules, schedule or chosen_profile(settings))
    folders = Folders(settings.paths.recordings, settings.paths.prompt_cache)
    with opened(settings) as store:
        work = Retention(store.db, schedules, default, folders)
        now = at or datetime.now(UTC)
        found = tuple(work.expired(now)) if dry_run else work.run(now)
    (_print_json if as_json else _print)(found, dry_run, default)


@retention.command()
@_AS_JSON
@click.pass_obj
def schedules(settings: Settings, as_json: bool) -> None:
    """Show how long what is kept, by jurisdiction.

    \b
    Example:
      voicebot retention schedules
    """
    found = load_schedules(settings.paths.calling_rules)
    if as_json:
        click.echo(json.dumps({name: schedule.model_dump(mode="json") for name, schedule in found.items()}, indent=2))
        return
    for schedule in found.values():
        click.echo(f"{schedule.retention} {schedule.version}: {schedule.title}")
        for rule in schedule.records:
            ends = ", or when its purpose has ended" if rule.ends_with_purpose else ""
            click.echo(f"  {rule.record:12} {rule.keep:>5} after {rule.after}{ends}")


@retention.command()
@click.argument("account")
@_REASON
@_BY
@click.pass_obj
def hold(settings: Settings, account: str, reason: str, by: str) -> None:
    """Keep every record of ACCOUNT's customer, whatever the schedule says, until the hold is lifted.

    \b
    Example:
      voicebot retention hold A-1001 --reason "case 7 of the district court" --by anna
    """
    with opened(settings) as store:
        customer = store.account(account).customer.id
        with store.db.write():
            tables.hold(store.db, customer, _said(reason), _said(by), datetime.now(UTC))
    click.echo(f"{account}: every record of its customer is kept")


@retention.command()
@click.argument("account")
@_REASON
@_BY
@click.pass_obj
def lift(settings: Settings, account: str, reason: str, by: str) -> None:
    """End the hold on the records of ACCOUNT's customer.

    \b
    Example:
      voicebot retention lift A-1001 --reason "judgment is final" --by anna
    """
    with opened(settings) as store:
        customer = store.account(account).customer.id
        with store.db.write():
            tables.lift(store.db, customer, _said(reason), _said(by), datetime.now(UTC))
    click.echo(f"{account}: the schedule holds again for its customer's records")


@retention.command()
@_AS_JSON
@click.pass_obj
def holds(settings: Settings, as_json: bool) -> None:
    """List the holds, those that were lifted too.

    \b
    Example:
      voicebot retention holds --json
    """
    with opened(settings) as store:
        rows = tables.holds(store.db)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        state = f"lifted {row['lifted_at'][:10]} by {row['lifted_by']}" if row["lifted_at"] else "in force"
        click.echo(f"{row['customer_id']}: since {row['since'][:10]} by {row['by_whom']}: {row['reason']} ({state})")


@retention.command()
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest so many.")
@_AS_JSON
@click.pass_obj
def log(settings: Settings, limit: int, as_json: bool) -> None:
    """List what was removed: which record, by which rule, when. The lines say nothing of a person.

    \b
    Example:
      voicebot retention log --limit 20
    """
    with opened(settings) as store:
        rows = tables.lines(store.db, limit)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['deleted_at'][:19]} {row['record']} {row['ref']}: {row['rule']} ({row['schedule']})")


def _print(found: Iterable[Expired], dry_run: bool, default: Schedule) -> None:
    gone, kept = Counter[str](), Counter[tuple[str, str]]()
    for one in found:
        if one.kept:
            kept[one.record, one.kept] += 1
        else:
            gone[one.record] += 1
    word = "would be removed" if dry_run else "removed"
    for record, count in gone.items():
        click.echo(f"{record}: {count} {word}")
    for (record, why), count in kept.items():
        click.echo(f"{record}: {count} kept, {why}")
    if not gone and not kept:
        what = default.title if not default.records else "no record's time is over"
        click.echo(f"{what} (schedule {default.retention} {default.version})")


def _print_json(found: Iterable[Expired], dry_run: bool, default: Schedule) -> None:
    rows = [
        {
            "record": one.record,
            "ref": one.ref,
            "schedule": one.schedule,
            "rule": one.rule,
            "made_at": one.made_at.isoformat(),
            "expired_at": one.expired_at.isoformat(),
            "kept": one.kept,
        }
        for one in found
    ]
    click.echo(
        json.dumps(
            {
                "dry_run": dry_run,
                "schedule": f"{default.retention} {default.version}",
                "removed": [row for row in rows if not row["kept"]],
                "kept": [row for row in rows if row["kept"]],
            },
            indent=2,
        )
    )


def _said(text: str) -> str:
    if not text.strip():
        raise click.UsageError("a hold needs a reason, and who decides it")
    return text.strip()
