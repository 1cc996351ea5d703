"""How plans, rules of calling and decisions are printed. No names, no numbers: ids only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest

import click
from rich.console import Console
from rich.table import Table

from voicebot.campaign.planner import Plan
from voicebot.campaign.preview import Looked
from voicebot.campaign.profiles import Profile
from voicebot.model.campaign import GateDecision, GateFacts, NewJob

#: Columns of a table that is written to a file.
_WIDE = 160


def _console() -> Console:
    """As wide as the terminal; where there is none (a file, a pipe), wide enough for every column."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)


def show_profiles(profiles: Iterable[Profile]) -> None:
    """One line a profile."""
    for profile in profiles:
        rules = [cap.rule for cap in profile.caps] + [f"consent_{c.consent}" for c in profile.consents]
        regions = f"; regions {', '.join(profile.regions)}" if profile.regions else ""
        click.echo(f"rules of calling {profile.profile} {profile.version}-{profile.digest}: {profile.title}{regions}")
        if rules:
            click.echo(f"  {', '.join(rules)}")


#: Ids of accounts that are named beside a reason.
_IDS = 20


@dataclass(slots=True)
class Planned:
    """A plan as it is shown, put together piece by piece: counts, and the first `limit` contacts (None: all, with all
    that was left out)."""

    limit: int | None
    first: Plan | None = None
    methods: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    examples: dict[str, dict[str, None]] = field(default_factory=dict)
    moved: int = 0
    jobs: list[NewJob] = field(default_factory=list)
    looked: list[Looked] = field(default_factory=list)

    def add(self, made: Plan, looked: Sequence[Looked]) -> None:
        """The next piece."""
        self.first = self.first or made
        for reason, count in made.skipped.items():
            self._left_out(reason, count, made.examples.get(reason, ()))
        for one in looked:
            self.moved += one.moved
            if one.job is None:
                self._left_out(one.reason, 1, (one.planned.account_id,))
            else:
                self.methods[one.job.method.value] += 1
        if self.limit is None:
            self.looked += looked
            return
        jobs = [*self.jobs, *(one.job for one in looked if one.job is not None)]
        self.jobs = nsmallest(self.limit, jobs, key=lambda job: (job.not_before, job.account_id))

    def _left_out(self, reason: str, count: int, ids: Iterable[str]) -> None:
        self.left[reason] += count
        named = self.examples.setdefault(reason, {})
        if len(named) < _IDS:
            named.update(dict.fromkeys(ids))


def show_plan(planned: Planned, profile: Profile, added: int | None, *, as_json: bool) -> None:
    """Who is contacted when, who is not and why. `added`: new contacts stored; None: a dry run."""
    made = planned.first
    assert made is not None
    if as_json:
        click.echo(json.dumps(_plain(planned, made, profile, added), ensure_ascii=False, indent=2))
        return
    console = _console()
    counted = ", ".join(f"{n} by {method}" for method, n in sorted(planned.methods.items())) or "nobody"
    click.echo(f"{made.campaign_id}, {made.day}, rules of calling {profile.profile} {profile.version}: {counted}")
    if made.draw:
        draw = made.draw
        click.echo(f"drawn {draw.drawn} of {draw.population}, seed {draw.seed}, list {draw.list_sha[:12]}")
    if planned.jobs:
        console.print(_contacts(planned.jobs))
    if (more := planned.methods.total() - len(planned.jobs)) > 0:
        click.echo(f"... and {more} more (--limit)")
    if planned.left:
        console.print(_reasons(planned))
    if planned.moved:
        click.echo(f"{planned.moved} contact(s) wait for the rules of calling")
    click.echo(
        "dry run: nothing was stored" if added is None else f"{added} new contact(s) stored as {made.campaign_id}"
    )


def _contacts(jobs: Sequence[NewJob]) -> Table:
    table = Table("due (UTC)", "until", "account", "by", "flow", "rule", "about", "for")
    for job in jobs:
        until = f"{job.not_after:%m-%d %H:%M}" if job.not_after else ""
        table.add_row(
            *(f"{job.not_before:%Y-%m-%d %H:%M}", until, job.account_id, job.method.value),
            *(job.flow, job.rule, job.key, job.assignee_id or ""),
        )
    return table


def _reasons(planned: Planned) -> Table:
    table = Table("left out because", "how many", "such as")
    for reason, count in planned.left.most_common():
        table.add_row(reason, str(count), ", ".join(list(planned.examples[reason])[:5]))
    return table


def _plain(planned: Planned, made: Plan, profile: Profile, added: int | None) -> dict[str, object]:
    draw, looked = made.draw, planned.looked
    return {
        "campaign": made.campaign_id,
        "day": made.day.isoformat(),
        "profile": profile.profile,
        "rules_version": f"{profile.version}-{profile.digest}",
        "draw": None
        if draw is None
        else {
            "ratio": draw.ratio,
            "seed": draw.seed,
            "list_sha": draw.list_sha,
            "population": draw.population,
            "drawn": draw.drawn,
            "strata": draw.strata,
        },
        "contacts": [_plain_job(one.job, one) for one in looked if one.job is not None],
        "skipped": dict(planned.left),
        "left_out": [
            {
                "account": one.planned.account_id,
                "method": one.planned.method.value,
                **(plain_decision(one.decision) if one.decision else {"rule": one.reason}),
            }
            for one in looked
            if one.job is None
        ],
        "stored": added,
    }


def _plain_job(job: NewJob, one: Looked) -> dict[str, object]:
    return {
        "account": job.account_id,
        "customer": job.customer_id,
        "method": job.method.value,
        "flow": job.flow,
        "rule": job.rule,
        "about": job.key,
        "planned_for": one.planned.not_before.isoformat(),
        "due": job.not_before.isoformat(),
        "until": _iso(job.not_after),
        "waits_for": one.decision.rule if one.moved and one.decision else None,
        "assignee": job.assignee_id,
    }


def plain_decision(decision: GateDecision) -> dict[str, object]:
    """A decision without the facts."""
    return {
        "at": decision.at.isoformat(),
        "allowed": decision.allowed,
        "rule": decision.rule,
        "reason": decision.reason,
        "profile": decision.profile,
        "version": decision.version,
        "retry_at": _iso(decision.retry_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def show_decisions(found: Sequence[tuple[int, GateDecision, GateFacts]]) -> None:
    """A line a decision, the oldest first."""
    table = Table("id", "at (UTC)", "account", "decision", "rule", "reason", "again (UTC)")
    for number, decision, facts in found:
        table.add_row(
            *(str(number), f"{decision.at:%Y-%m-%d %H:%M:%S}", facts.account_id),
            *("yes" if decision.allowed else "no", f"{decision.profile}: {decision.rule}", decision.reason),
            f"{decision.retry_at:%Y-%m-%d %H:%M}" if decision.retry_at else "",
        )
    _console().print(table)
