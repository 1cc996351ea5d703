"""From a definition and the accounts of a day to contacts: who, when, by which rule, and who is left out and why.

Pure and streaming: nothing of an account is kept but its contacts. Planning the same day again gives the same keys, so
that it adds nothing.
"""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from voicebot.campaign.definition import Definition, FollowUp, Reminder, Verification
from voicebot.campaign.rules import Rule, pick, view
from voicebot.campaign.sampling import Draw, Lots, stratum
from voicebot.campaign.zones import local_moment, zone
from voicebot.errors import CampaignError
from voicebot.model.campaign import CampaignKind, Candidate, Instalment, Method, NewJob

#: Time zones that are no place (a customer whose zone nobody entered has UTC).
NOWHERE = ("UTC", "GMT", "Etc/", "UCT", "Zulu", "Universal")
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done. `skipped`: how many accounts (or contacts) are left out, by reason, with some ids each."""

    campaign_id: str
    day: date
    jobs: tuple[NewJob, ...]
    skipped: Mapping[str, int]
    examples: Mapping[str, tuple[str, ...]]
    draw: Draw | None = None


@dataclass(frozen=True, slots=True)
class Assignee:
    """Somebody who can be given cases. `open`: what this person has already."""

    id: str
    open: int


@dataclass(slots=True)
class _Skipped:
    counts: Counter[str] = field(default_factory=Counter)
    ids: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, account_id: str) -> None:
        self.counts[reason] += 1
        if len(shown := self.ids.setdefault(reason, [])) < _SHOWN:
            shown.append(account_id)


@dataclass(frozen=True, slots=True)
class _Callee:
    """Whom a contact is for. (A draw keeps one of these for each account: it is small.)"""

    account_id: str
    customer_id: str
    where: ZoneInfo


@dataclass(frozen=True, slots=True)
class _Day:
    """The plan's day, for one definition."""

    definition: Definition
    day: date

    def job(self, whom: _Callee, method: Method, rule: str, key: str, lasts: int | None = None) -> NewJob:
        """One contact, due in the campaign's hours of the callee's day."""
        due = self.definition.due
        return NewJob(
            campaign_id=self.definition.id_on(self.day),
            account_id=whom.account_id,
            customer_id=whom.customer_id,
            method=method,
            flow=self.definition.flow,
            rule=rule,
            key=key,
            not_before=local_moment(self.day, due.since, whom.where),
            not_after=local_moment(self.day + timedelta(days=(lasts or due.lasts_days) - 1), due.until, whom.where),
            priority=self.definition.priority,
        )

    def callee(self, candidate: Candidate) -> _Callee | None:
        """Whom a contact is for, in the callee's zone, or the campaign's for who has none; None without any."""
        account = candidate.account
        name = account.customer.timezone
        known = None if name.startswith(NOWHERE) else zone(name)
        where = known or (zone(self.definition.zone) if self.definition.zone else None)
        return None if where is None else _Callee(account.id, account.customer.id, where)


def plan(
    definition: Definition,
    candidates: Iterable[Candidate],
    day: date,
    seed: int | None = None,
    teams: Mapping[str, Sequence[Assignee]] | None = None,
) -> Plan:
    """Plan a day. `seed`: of the draw (verification); `teams`: by supervisor, who is in service (follow-up).

    Raises CampaignError for a verification without a seed, and where a rule names a supervisor without a team.
    """
    skipped, today = _Skipped(), _Day(definition, day)
    draw = None
    if definition.kind is CampaignKind.VERIFICATION:
        draw, jobs = _verification(today, definition.verification, candidates, seed, skipped)
    elif definition.kind is CampaignKind.INVITATION:
        jobs = list(_invitation(today, candidates, skipped))
    elif definition.kind is CampaignKind.FOLLOW_UP:
        jobs = _assigned(list(_follow_up(today, candidates, skipped)), teams or {})
    else:
        jobs = list(_reminder(today, definition.reminder or Reminder(), candidates, skipped))
    examples = {reason: tuple(ids) for reason, ids in skipped.ids.items()}
    return Plan(definition.id_on(day), day, tuple(jobs), dict(skipped.counts), examples, draw)


def _verification(
    today: _Day, how: Verification | None, candidates: Iterable[Candidate], seed: int | None, skipped: _Skipped
) -> tuple[Draw, list[NewJob]]:
    if seed is None or how is None:
        raise CampaignError("a draw needs a seed", hint="give a seed, or let the command make one")
    lots = Lots[_Callee](seed)
    for candidate in candidates:
        account, whom = candidate.account, today.callee(candidate)
        if not how.eligible.matches(view(candidate, today.day)):
            skipped.add("not_eligible", account.id)
        elif how.voiceprint == "needed" and not candidate.has_voiceprint:
            skipped.add("no_voiceprint", account.id)
        elif whom is None:
            skipped.add("no_zone", account.id)
        else:
            parts = {"product": candidate.product_id or account.loan.product, "branch": candidate.branch}
            lots.add(account.id, whom, stratum([parts[s] for s in how.strata]))
    draw, drawn = lots.draw(how.ratio)
    if draw.population > draw.drawn:
        skipped.counts["not_drawn"] = draw.population - draw.drawn
    return draw, [today.job(whom, Method.PHONE, "drawn", f"draw {today.day}") for whom in drawn]


def _invitation(today: _Day, candidates: Iterable[Candidate], skipped: _Skipped) -> Iterator[NewJob]:
    definition = today.definition
    for candidate in candidates:
        account = candidate.account
        rule = pick(definition.rules, view(candidate, today.day))
        whom = today.callee(candidate)
        if definition.needs_offer and account.offer is None:
            skipped.add("no_offer", account.id)
        elif rule is None:
            skipped.add("no_rule", account.id)
        elif whom is None:
            skipped.add("no_zone", account.id)
        else:
            yield _as(rule, today.job(whom, Method.PHONE, rule.name, "invitation"))


def _follow_up(today: _Day, candidates: Iterable[Candidate], skipped: _Skipped) -> Iterator[tuple[NewJob, str | None]]:
    definition = today.definition
    days = (definition.follow_up or FollowUp()).days
    for candidate in candidates:
        account = candidate.account
        age = (today.day - account.loan.disbursed_on).days
        rule = pick(definition.rules, view(candidate, today.day))
        whom = today.callee(candidate)
        if not 1 <= age <= days:
            skipped.add("not_disbursed_lately", account.id)
        elif candidate.followed_up:
            skipped.add("followed_up", account.id)
        elif rule is None:
            skipped.add("no_rule", account.id)
        elif whom is None:
            skipped.add("no_zone", account.id)
        else:
            yield _as(rule, today.job(whom, Method.PHONE, rule.name, f"follow-up {today.day}")), rule.supervisor


def _reminder(today: _Day, how: Reminder, candidates: Iterable[Candidate], skipped: _Skipped) -> Iterator[NewJob]:
    for candidate in candidates:
        account, whom = candidate.account, today.callee(candidate)
        due = list(_due(how, candidate.unpaid, today.day))
        if not candidate.unpaid:
            skipped.add("nothing_unpaid", account.id)
        elif not due:
            skipped.add("not_due", account.id)
        elif whom is None:
            skipped.add("no_zone", account.id)
        else:
            for contact in due:
                yield from _contacts(today, candidate, whom, contact, skipped)


def _contacts(
    today: _Day, candidate: Candidate, whom: _Callee, contact: _Contact, skipped: _Skipped
) -> Iterator[NewJob]:
    definition, account_id = today.definition, candidate.account.id
    seen = view(candidate, today.day, contact.amount)
    rule = pick(definition.rules, seen)
    if definition.rules and rule is None:
        skipped.add("no_rule", account_id)
        return
    words = pick(definition.groups, seen) or rule
    for method in contact.methods:
        if method is Method.EMAIL and not candidate.email:
            skipped.add("no_email", account_id)
        else:
            name, key = rule.name if rule else contact.name, f"{contact.name} {contact.about}"
            yield _in_words(definition, words, today.job(whom, method, name, key, contact.lasts_days))


@dataclass(frozen=True, slots=True)
class _Contact:
    """A reminder that is due: which step, about which day, what is open."""

    name: str
    about: date
    amount: Decimal
    methods: tuple[Method, ...]
    lasts_days: int


def _due(how: Reminder, unpaid: Sequence[Instalment], day: date) -> Iterator[_Contact]:
    """What is due on this day. The batch takes the place of steps of the same day: nobody is called twice."""
    if how.batch is not None and day.day in _days_of(how.batch.days, day):
        amount = sum((i.due - i.paid for i in unpaid if i.due_on <= _month_end(day)), Decimal(0))
        if amount > 0:
            yield _Contact("batch", day, amount, how.batch.methods, how.batch.lasts_days)
            return
    for step in how.steps:
        about = day + timedelta(days=step.days_before)
        amount = sum((i.due - i.paid for i in unpaid if i.due_on == about), Decimal(0))
        if amount > 0:
            name = f"T-{step.days_before}" if step.days_before >= 0 else f"T+{-step.days_before}"
            yield _Contact(name, about, amount, step.methods, 1)


def _days_of(days: Sequence[int], day: date) -> frozenset[int]:
    """The days of this month: one that it does not have is its last."""
    last = _month_end(day).day
    return frozenset(min(d, last) for d in days)


def _month_end(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _as(rule: Rule, job: NewJob) -> NewJob:
    return replace(job, flow=rule.flow) if rule.flow else job


def _in_words(definition: Definition, words: Rule | None, job: NewJob) -> NewJob:
    """The job with the group's script: a flow for a call, a template for a message."""
    own = {Method.PHONE: definition.flow, Method.SMS: definition.sms, Method.EMAIL: definition.email}[job.method]
    given = {Method.PHONE: "flow", Method.SMS: "sms", Method.EMAIL: "email"}[job.method]
    chosen = getattr(words, given) if words is not None else None
    return replace(job, flow=chosen or own or definition.flow)


def _assigned(jobs: Sequence[tuple[NewJob, str | None]], teams: Mapping[str, Sequence[Assignee]]) -> list[NewJob]:
    """Each case to who of the supervisor's team has the fewest, in turn where they have as many (document Q, Q2c)."""
    loads: dict[str, int] = {a.id: a.open for team in teams.values() for a in team}
    given: list[NewJob] = []
    for job, supervisor in jobs:
        if supervisor is None:
            given.append(job)
            continue
        team = teams.get(supervisor, ())
        if not team:
            raise CampaignError(f"nobody of the team of {supervisor} is in service", hint="name another supervisor")
        chosen = min((a.id for a in team), key=lambda name: (loads[name], name))
        loads[chosen] += 1
        given.append(replace(job, assignee_id=chosen))
    return given
