"""`voicebot campaign check, plan, redraw`: from a file to contacts, before anything rings."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path

import click

from storage.campaign import SqliteCampaignStore, campaign_store
from storage.db import open_store
from voicebot.campaign.definition import HINT, Definition, Source, load_definition, read_definition
from voicebot.campaign.gatekeeper import keep_decision
from voicebot.campaign.planner import Assignee, Plan
from voicebot.campaign.planner import plan as make_plan
from voicebot.campaign.preview import Looked, look
from voicebot.campaign.profiles import Profile, load_profiles
from voicebot.campaign.yaml_model import raise_problems
from voicebot.campaign.zones import zone
from voicebot.commands.campaign_shown import Planned, show_plan, show_profiles
from voicebot.errors import CampaignError
from voicebot.flow.findings import Finding
from voicebot.flow.loader import load_flows
from voicebot.model.campaign import CampaignKind, CampaignRow, CampaignState, GateFacts, JobState, NewJob
from voicebot.settings import Settings

#: Accounts that are planned at once.
_PIECE = 5000
_SEED_BITS = 48


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.pass_obj
def check(settings: Settings, files: tuple[Path, ...]) -> None:
    """Check campaigns and the rules of calling: every mistake at once, with file and line.

    FILES: campaigns; none: all of [paths] campaigns.

    \b
    Examples:
      voicebot campaign check
      voicebot campaign check campaigns/reminders.yaml
    """
    profiles = load_profiles(settings.paths.calling_rules)
    flows = load_flows(settings.paths.flows).scripts
    paths = files or tuple(sorted(settings.paths.campaigns.glob("*.yaml")))
    problems: list[Finding] = []
    sources = [read_definition(path, problems, profiles=profiles, flows=flows) for path in paths]
    raise_problems(problems, HINT)
    show_profiles(profiles.values())
    for path, source in zip(paths, sources, strict=True):
        if source is not None:
            definition = source.definition
            click.echo(f"{path}: good ({definition.kind}, rules of calling {definition.profile})")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show it only; nothing is stored.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Plan this day (default: that of the moment).")
@click.option("--at", help="The moment it is planned at, such as 2026-11-25T09:00:00Z (default: now).")
@click.option("--seed", type=int, help="Of a verification's draw (default: a new one, printed and stored).")
@click.option("--limit", type=int, default=40, show_default=True, help="Contacts shown.")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
@click.pass_obj
def plan(
    settings: Settings,
    file: Path,
    dry_run: bool,
    day: datetime | None,
    at: str | None,
    seed: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """Plan a day of the campaign in FILE: who is contacted when, and who is not, for which reason.

    Nothing rings: the campaign is stored as a draft with its contacts, and `voicebot campaign start` starts it. A day
    that is planned again adds only what is new. Accounts are named by their ids.

    \b
    Examples:
      voicebot campaign plan campaigns/reminders.yaml --dry-run
      voicebot campaign plan campaigns/verification.yaml --day 2026-11-25 --seed 7
    """
    moment = _moment(at)
    profiles = load_profiles(settings.paths.calling_rules)
    source = load_definition(file, profiles=profiles, flows=load_flows(settings.paths.flows).scripts)
    definition = source.definition
    on = day.date() if day else _day(definition, moment)
    if seed is None and definition.kind is CampaignKind.VERIFICATION:
        seed = secrets.randbits(_SEED_BITS)
    with open_store(settings.paths.database) as store:
        campaigns = campaign_store(store)
        if not dry_run:
            _refuse(campaigns, definition, on)
        planned, added = Planned(None if as_json else limit), None if dry_run else 0
        marketing, profile = settings.campaign.marketing_flows, profiles[definition.profile]
        for made in _plans(campaigns, definition, on, seed):
            looked = list(_look(campaigns, made, profile, moment, marketing, keep=not dry_run))
            if added is not None:
                added += _store(campaigns, source, made, looked, moment)
            planned.add(made, looked)
    show_plan(planned, profile, added, as_json=as_json)


def _plans(campaigns: SqliteCampaignStore, definition: Definition, day: date, seed: int | None) -> Iterator[Plan]:
    """The plan in pieces of some thousand accounts, so that memory does not grow with the portfolio; in one where the
    accounts depend on each other (a draw; cases that are given out in turn)."""
    candidates, teams = campaigns.candidates(day), _teams(campaigns, definition)
    if definition.kind in (CampaignKind.VERIFICATION, CampaignKind.FOLLOW_UP):
        yield make_plan(definition, candidates, day, seed, teams)
        return
    some = list(islice(candidates, _PIECE))
    while True:
        yield make_plan(definition, some, day, seed, teams)
        if not (some := list(islice(candidates, _PIECE))):
            return


def _look(
    campaigns: SqliteCampaignStore, made: Plan, profile: Profile, at: datetime, marketing: tuple[str, ...], keep: bool
) -> Iterator[Looked]:
    """What the gate says to each contact. `keep`: the decisions about those that are left out are stored."""
    known: set[str] = set()

    @lru_cache(1)  # contacts of an account follow each other: by phone, email, SMS
    def about(account_id: str, purpose: str, when: datetime) -> GateFacts:
        return campaigns.gate_facts(account_id, purpose, when)

    def facts(job: NewJob, when: datetime) -> GateFacts:
        return about(job.account_id, "marketing" if job.flow in marketing else "service", when)

    for one in look(made.jobs, profile, at, facts):
        if keep and one.job is None and one.decision is not None and one.facts is not None:
            keep_decision(campaigns, profile, one.decision, one.facts, known)
        yield one.light()


def _store(campaigns: SqliteCampaignStore, source: Source, made: Plan, looked: list[Looked], at: datetime) -> int:
    """The campaign (a draft) and its contacts; returns how many are new."""
    definition, draw = source.definition, made.draw
    campaigns.add_campaign(
        CampaignRow(
            id=made.campaign_id,
            name=definition.title,
            kind=definition.kind,
            flow=definition.flow,
            profile=definition.profile,
            definition=source.text,
            definition_sha=source.sha,
            created_at=at,
            ratio=draw.ratio if draw else None,
            seed=draw.seed if draw else None,
            list_sha=draw.list_sha if draw else None,
            population=draw.population if draw else None,
            drawn=draw.drawn if draw else None,
            strata=draw.strata if draw else {},
        )
    )
    return campaigns.add_jobs([one.job for one in looked if one.job is not None], at)


def _refuse(campaigns: SqliteCampaignStore, definition: Definition, day: date) -> None:
    """A campaign that has ended gets nothing more, and one that was drawn is not drawn again."""
    campaign_id = definition.id_on(day)
    row = next((row for row in campaigns.campaigns() if row.id == campaign_id), None)
    if row is None:
        return
    if row.state in (CampaignState.STOPPED, CampaignState.DONE):
        raise CampaignError(f"{campaign_id}: it is {row.state}", hint="give the new campaign another name")
    if definition.kind is CampaignKind.VERIFICATION:
        raise CampaignError(
            f"{campaign_id}: it has been drawn already",
            hint="another draw is another campaign: write `campaign: NAME-{day}`, or give it another name",
        )


def _teams(campaigns: SqliteCampaignStore, definition: Definition) -> Mapping[str, tuple[Assignee, ...]]:
    supervisors = {rule.supervisor for rule in definition.rules if rule.on and rule.supervisor}
    return {name: tuple(Assignee(a.id, a.open) for a in campaigns.team(name)) for name in sorted(supervisors)}


def _moment(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise click.BadParameter(f"`{at}` is no moment: write 2026-11-25T09:00:00Z") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _day(definition: Definition, moment: datetime) -> date:
    """The day in the campaign's zone (none: on this machine)."""
    return moment.astimezone(zone(definition.zone) if definition.zone else None).date()


@click.command()
@click.argument("campaign_id", metavar="CAMPAIGN")
@click.pass_obj
def redraw(settings: Settings, campaign_id: str) -> None:
    """Draw a verification again from its stored seed, and say whether it is the same draw.

    The list that was drawn from is known by its hash: where accounts came or went since then it is another list, and
    the draw cannot be the same. Exit status 1 then.

    \b
    Examples:
      voicebot campaign redraw verification-2026-11
    """
    with open_store(settings.paths.database) as store:
        campaigns = campaign_store(store)
        row = campaigns.campaign(campaign_id)
        jobs = [job for state in JobState for job in campaigns.jobs(campaign_id, state, limit=1_000_000)]
        if row.seed is None or not jobs:
            raise CampaignError(f"{campaign_id}: nothing was drawn for it", hint="only verifications are drawn")
        day = date.fromisoformat(jobs[0].plan.key.removeprefix("draw "))
        again = make_plan(_definition(row), campaigns.candidates(day), day, row.seed)
    draw = again.draw
    if draw is None or draw.list_sha != row.list_sha:
        now = draw.population if draw else 0
        click.echo(f"{campaign_id}: another list than then ({row.population} accounts then, {now} now)")
        raise SystemExit(1)
    drawn = {job.account_id for job in again.jobs}
    missing = {job.plan.account_id for job in jobs} - drawn
    if missing or draw.drawn != row.drawn or dict(draw.strata) != dict(row.strata):
        click.echo(f"{campaign_id}: the draw is different: {len(missing)} contact(s) would not be drawn")
        raise SystemExit(1)
    click.echo(
        f"{campaign_id}: the same draw: {draw.drawn} of {draw.population}, seed {row.seed}, list {draw.list_sha[:12]}"
    )


def _definition(row: CampaignRow) -> Definition:
    """A stored campaign's definition."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{row.id}.yaml"
        path.write_text(row.definition, encoding="utf-8")
        return load_definition(path).definition
