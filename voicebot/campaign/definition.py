"""Campaigns as files (campaigns/*.yaml): who is contacted when, how and in which words. Read docs/campaigns.md."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from voicebot.campaign.rules import Match, Rule, conflicts
from voicebot.campaign.yaml_model import DAY_S, Clock, Model, listed, raise_problems, read_model, where
from voicebot.campaign.zones import zone
from voicebot.errors import CampaignError
from voicebot.flow.findings import Finding, finding
from voicebot.flow.yaml_source import Table
from voicebot.model.campaign import CampaignKind, Method

HINT = "correct these places and run `voicebot campaign check`; docs/campaigns.md shows every key"
Methods = Annotated[tuple[Method, ...], BeforeValidator(listed), Field(min_length=1)]


class Day(Model):
    """When contacts of a day are due: local time. `lasts_days`: how many days they stay due."""

    since: Clock = Field(default=9 * 3600, alias="from")
    until: Clock = 20 * 3600
    lasts_days: int = Field(default=1, ge=1, le=60)

    @model_validator(mode="after")
    def _is_a_window(self) -> Self:
        if not self.since < self.until <= DAY_S:
            raise ValueError("`until` must be later than `from`, at most 24:00")
        return self


class Verification(Model):
    """V2a-1: the share that is drawn, by stratum where wanted, from the accounts that are eligible."""

    ratio: float = Field(gt=0, le=1)
    strata: Annotated[tuple[Literal["product", "branch"], ...], BeforeValidator(listed)] = ()
    eligible: Match = Match()
    voiceprint: Literal["needed", "any"] = "any"


class FollowUp(Model):
    """Q2b: loans disbursed in so many days before the day of the plan and not yet followed up."""

    days: int = Field(default=7, ge=1, le=60)


class Step(Model):
    """Q3a: so many days before the due day (negative: after it) a contact by these methods."""

    days_before: int = Field(ge=-60, le=60)
    methods: Methods


class Batch(Model):
    """Q3d: on these days of the month, all that is unpaid and falls due until the month ends. A day that the month does
    not have is its last one."""

    days: tuple[Annotated[int, Field(ge=1, le=31)], ...] = (15, 20)
    methods: Methods = (Method.PHONE, Method.EMAIL, Method.SMS)
    lasts_days: int = Field(default=4, ge=1, le=60)


def _unless_none(value: object) -> object:
    """`none` is how a file says that there is no such part."""
    return None if value == "none" else value


class Reminder(Model):
    """Q3: steps around each due day, and batches (`batch: none`: no batches)."""

    steps: tuple[Step, ...] = (
        Step(days_before=3, methods=(Method.SMS,)),
        Step(days_before=1, methods=(Method.PHONE,)),
        Step(days_before=0, methods=(Method.SMS, Method.PHONE)),
    )
    batch: Annotated[Batch | None, BeforeValidator(_unless_none)] = Batch()


class Definition(Model):
    """One campaign. `campaign`: its id; {day} or {month} in it make a new one each day or month. `zone`: of customers
    whose own is not known; none: they are left out."""

    campaign: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*(\{(day|month)\}[a-z0-9_-]*)?$")
    title: str
    kind: CampaignKind
    profile: str
    flow: str
    sms: str | None = None
    email: str | None = None
    priority: int = Field(default=0, ge=-1000, le=1000)
    #: Most lines at a time; none: as the settings say.
    lines: int | None = Field(default=None, ge=1)
    zone: str | None = None
    due: Day = Day()
    verification: Verification | None = None
    follow_up: FollowUp | None = None
    reminder: Reminder | None = None
    #: V2b: only accounts with an offer (invitation).
    needs_offer: bool = True
    rules: tuple[Rule, ...] = ()
    groups: tuple[Rule, ...] = ()

    def id_on(self, day: date) -> str:
        """The campaign's id for a plan of this day."""
        return self.campaign.replace("{day}", day.isoformat()).replace("{month}", f"{day:%Y-%m}")


@dataclass(frozen=True, slots=True)
class Source:
    """A definition with the text it was read from."""

    definition: Definition
    text: str

    @property
    def sha(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def load_definition(
    path: Path, *, profiles: Collection[str] | None = None, flows: Collection[str] | None = None
) -> Source:
    """Read one campaign. `profiles`, `flows`: those there are (None: not checked). Raises CampaignError that lists
    everything that is wrong, with file:line."""
    problems: list[Finding] = []
    source = read_definition(path, problems, profiles=profiles, flows=flows)
    raise_problems(problems, HINT)
    if source is None:
        raise CampaignError(f"{path}: cannot be read", hint=HINT)
    return source


def read_definition(
    path: Path,
    problems: list[Finding],
    *,
    profiles: Collection[str] | None = None,
    flows: Collection[str] | None = None,
) -> Source | None:
    """As `load_definition`; what is wrong goes to `problems`."""
    definition, table = read_model(path, Definition, "campaign: NAME", problems)
    if definition is None or table is None:
        return None
    found = [
        *_of_its_kind(definition, table),
        *_rules(definition, table),
        *_names(definition, table, profiles, flows),
    ]
    problems += found
    return None if found else Source(definition, path.read_text(encoding="utf-8"))


def _of_its_kind(definition: Definition, table: Table) -> Iterator[Finding]:
    kind = definition.kind
    sections = {"verification": CampaignKind.VERIFICATION, "follow_up": CampaignKind.FOLLOW_UP}
    for key, of in {**sections, "reminder": CampaignKind.REMINDER, "needs_offer": CampaignKind.INVITATION}.items():
        if key in table.values and kind is not of:
            yield finding(where(table, [key]), f"`{key}` belongs to campaigns of kind {of}, not {kind}")
    if kind is CampaignKind.VERIFICATION and definition.verification is None:
        yield finding(where(table, ["kind"]), "`verification: {ratio: 0.10}` is missing: which share is drawn?")
    if kind is CampaignKind.VERIFICATION and definition.rules:
        yield finding(where(table, ["rules"]), "who may be drawn is said in `verification.eligible`, not in `rules`")
    if kind in (CampaignKind.INVITATION, CampaignKind.FOLLOW_UP) and not definition.rules:
        yield finding(where(table, ["kind"]), f"a campaign of kind {kind} needs `rules`")
    if definition.groups and kind is not CampaignKind.REMINDER:
        yield finding(where(table, ["groups"]), "`groups` belong to campaigns of kind reminder")
    yield from _batch(definition, table)


def _batch(definition: Definition, table: Table) -> Iterator[Finding]:
    plan = definition.reminder
    if plan is None:
        return
    steps = [step.days_before for step in plan.steps]
    for n, days in enumerate(steps):
        if days in steps[:n]:
            yield finding(where(table, ["reminder", "steps", n]), f"there are two steps {days} days before the due day")
    if not plan.steps and plan.batch is None:
        yield finding(where(table, ["reminder"]), "a reminder needs `steps` or a `batch`")


def _rules(definition: Definition, table: Table) -> Iterator[Finding]:
    for key, rules in (("rules", definition.rules), ("groups", definition.groups)):
        for n, message in conflicts(rules):
            yield finding(where(table, [key, n]), message)
        if rules and not any(rule.on for rule in rules):
            yield finding(where(table, [key]), f"every one of the {key} is off: nobody would be contacted")


def _names(
    definition: Definition, table: Table, profiles: Collection[str] | None, flows: Collection[str] | None
) -> Iterator[Finding]:
    if definition.zone is not None and zone(definition.zone) is None:
        yield finding(where(table, ["zone"]), f"`{definition.zone}` is no IANA time zone, such as Europe/Paris")
    if profiles is not None and definition.profile not in profiles:
        known = ", ".join(sorted(profiles))
        yield finding(
            where(table, ["profile"]), f"no rules of calling named `{definition.profile}`; there are: {known}"
        )
    if flows is None:
        return
    named: list[tuple[Sequence[str | int], str]] = [(["flow"], definition.flow)]
    for key, rules in (("rules", definition.rules), ("groups", definition.groups)):
        named += [([key, n, "flow"], rule.flow) for n, rule in enumerate(rules) if rule.flow]
    for keys, flow in named:
        if flow not in flows:
            yield finding(where(table, keys), f"no flow `{flow}`; there are: {', '.join(sorted(flows))}")
