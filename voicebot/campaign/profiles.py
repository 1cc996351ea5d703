"""Rules of calling as data (calling_rules/*.yaml): when, how often and with what consent a number may be dialled.

A profile that has a mistake is not used at all: what cannot be understood allows no call. Read docs/campaigns.md.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from voicebot.campaign.holidays import Holidays
from voicebot.campaign.yaml_model import DAY_S, Clock, Model, Texts, Weekdays, listed, raise_problems, read_model, where
from voicebot.campaign.zones import zone
from voicebot.errors import CampaignError
from voicebot.flow.findings import Finding, Where, finding
from voicebot.flow.yaml_source import Table
from voicebot.model.campaign import Answered, Method

#: So long are contacts remembered for the gate.
LEDGER = timedelta(days=30)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
HINT = "correct these places; docs/campaigns.md shows every key of a profile"
_SPAN = re.compile(r"(\d{1,4})\s*([hd])\Z")

Purpose = Literal["service", "marketing"]
#: What a call is for; a flow's purpose is told by the setting campaign.marketing_flows.
PURPOSES: tuple[Purpose, ...] = ("service", "marketing")
LineType = Literal["landline", "mobile"]


Purposes = Annotated[tuple[Purpose, ...], BeforeValidator(listed)]
LineTypes = Annotated[tuple[LineType, ...], BeforeValidator(listed)]


class Hours(Model):
    """When calls are allowed: local time, over midnight where `until` is earlier than `from`."""

    since: Clock = Field(alias="from")
    until: Clock
    weekdays: Weekdays = EVERY_DAY
    purposes: Purposes = PURPOSES

    @model_validator(mode="after")
    def _is_a_window(self) -> Self:
        if self.since in (self.until, DAY_S):
            raise ValueError("the window is empty; the whole day is 00:00 to 24:00")
        return self


class Cap(Model):
    """At most `max` contacts within a time; the next one is refused. What `counts`: attempts (every outbound one),
    unanswered (no human answered), effective (a human answered an outbound one), conversations (the right party talked,
    inbound ones too). `per`: the person, the number, or the debt (this person and account)."""

    rule: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    max: int = Field(ge=1, le=10_000)
    within: str
    per: Literal["person", "number", "debt"]
    counts: Literal["attempts", "unanswered", "effective", "conversations"] = "attempts"
    purposes: Purposes = PURPOSES
    #: Only numbers of these kinds, and those of an unknown kind.
    line_types: LineTypes = ()
    #: A consent to this purpose lifts the cap; with `lifted_days` for so long after it was given.
    lifted_by: str | None = None
    lifted_days: int | None = Field(default=None, ge=1, le=366)
    #: So does the right party's wish to be called back (disposition CALLBACK), for as long.
    lifted_by_callback: bool = False

    @model_validator(mode="after")
    def _has_a_span(self) -> Self:
        if self.within != "local_day" and not _SPAN.match(self.within):
            raise ValueError(f"`within: {self.within}` is no time: write 24h, 7d or local_day")
        if (self.span or timedelta()) > LEDGER:
            raise ValueError(
                f"`within: {self.within}` is longer than the {LEDGER.days} days of contacts the gate is given"
            )
        if self.lifted_days and not self.lifted_by:
            raise ValueError("`lifted_days` needs `lifted_by`, the consent that lifts the cap")
        if self.lifted_by_callback and not self.lifted_days:
            raise ValueError("`lifted_by_callback` needs `lifted_days`: for how long?")
        return self

    @property
    def span(self) -> timedelta | None:
        """The rolling time; None: the local day."""
        found = _SPAN.match(self.within)
        return None if found is None else timedelta(hours=int(found[1]) * (24 if found[2] == "d" else 1))


class ConsentRule(Model):
    """A consent without which nobody is called. `basis`: how it must have been given (any, where none is named)."""

    consent: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    purposes: Purposes = PURPOSES
    line_types: LineTypes = ()
    methods: Annotated[tuple[Method, ...], BeforeValidator(listed)] = tuple(Method)
    basis: Texts = ()
    valid_days: int | None = Field(default=None, ge=1)


class Abandoned(Model):
    """Answered calls in which nobody spoke in time (16 CFR 310.4(b)(4): within two seconds, and at most 3 % of a
    campaign's answered calls in 30 days). At `max` of them the campaign stops dialing."""

    max: float = Field(gt=0, lt=1)
    days: int = Field(default=30, ge=1, le=30)
    #: Seconds from the answer in which the bot must begin to speak.
    within_s: float = Field(default=2.0, gt=0)
    #: Of fewer answers than these no share is taken: they count as these.
    at_least: int = Field(default=50, ge=1)
    #: Share of persons among what was taken for a machine: such a call in which nothing was said counts by it.
    machine_errors: float = Field(default=0.03, ge=0, le=1)

    def share(self, answered: Answered) -> float:
        """Of the calls that a person answered, those in which nobody spoke in time."""
        mistaken = self.machine_errors * answered.silent_machines
        return (answered.abandoned + mistaken) / max(answered.people + mistaken, self.at_least)


class Region(Model):
    """What a state or province adds; both its rules and the profile's hold. `zones`: where it lies."""

    zones: Texts = ()
    hours: tuple[Hours, ...] = ()
    caps: tuple[Cap, ...] = ()
    consents: tuple[ConsentRule, ...] = ()
    holidays: str | None = None


class Profile(Model):
    """One profile. `zones`: all zones of its country, for callees whose zone is not known."""

    profile: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: str
    title: str
    sources: Texts = ()
    zones: Texts = ()
    unknown_zone: Literal["intersection", "no_call"] = "no_call"
    unknown_region: Literal["all", "none"] = "all"
    known_regions: Texts = ()
    hours: tuple[Hours, ...] = ()
    holidays: str | None = None
    caps: tuple[Cap, ...] = ()
    consents: tuple[ConsentRule, ...] = ()
    regions: Mapping[str, Region] = Field(default_factory=dict)
    abandoned: Abandoned | None = None
    #: May an email or SMS name the loan? (Whoever reads it is not known.)
    message_detail: bool = False
    #: Lists that forbid only some purposes; every other list forbids all.
    lists: Mapping[str, Purposes] = Field(default_factory=dict)
    #: The list files named above, by name.
    holiday_lists: Mapping[str, Holidays] = Field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Eight hex digits of a hash of every rule and of the holidays."""
        return hashlib.sha256(self.as_json().encode()).hexdigest()[:8]

    def as_json(self) -> str:
        """All of it, so that it can be read again (`Profile.model_validate_json`)."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)

    def zone_infos(self, names: tuple[str, ...]) -> tuple[ZoneInfo, ...]:
        """The zones of these names that there are."""
        return tuple(found for name in names if (found := zone(name)) is not None)

    def named_holidays(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Every holiday list that is named, with the keys that lead there."""
        if self.holidays:
            yield ("holidays",), self.holidays
        for name, region in self.regions.items():
            if region.holidays:
                yield ("regions", name, "holidays"), region.holidays


def load_profiles(folder: Path) -> dict[str, Profile]:
    """Every profile of a folder, by name. Raises CampaignError that lists what is wrong in all of them (file:line)."""
    problems: list[Finding] = []
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise CampaignError(f"{folder}: no rules of calling (*.yaml) there", hint="set paths.calling_rules")
    lists = _holiday_lists(folder / "holidays", problems)
    found = [_read(path, lists, problems) for path in files]
    raise_problems(problems, HINT)
    return {profile.profile: profile for profile in found if profile is not None}


def load_profile(folder: Path, name: str) -> Profile:
    """One profile. Raises CampaignError where it is not there or any of the folder has a mistake."""
    profiles = load_profiles(folder)
    if name not in profiles:
        known = ", ".join(sorted(profiles))
        raise CampaignError(f"{folder}: no rules of calling named `{name}`", hint=f"there are: {known}")
    return profiles[name]


def _holiday_lists(folder: Path, problems: list[Finding]) -> dict[str, Holidays]:
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        holidays, _ = read_model(path, Holidays, "holidays: NAME", problems)
        if holidays is not None:
            found[path.stem] = holidays
    return found


def _read(path: Path, lists: Mapping[str, Holidays], problems: list[Finding]) -> Profile | None:
    profile, table = read_model(path, Profile, "profile: NAME", problems)
    if profile is None or table is None:
        return None
    before = len(problems)
    if profile.profile != path.stem:
        problems.append(finding(where(table, ["profile"]), f"the profile `{profile.profile}` must be in its own file"))
    if profile.holiday_lists:
        problems.append(
            finding(where(table, ["holiday_lists"]), "unknown key `holiday_lists`; name a file in `holidays`")
        )
    for keys, name in profile.named_holidays():
        if name not in lists:
            problems.append(finding(where(table, keys), f"no list holidays/{name}.yaml that can be read"))
    problems += _more(profile, table)
    if len(problems) > before:
        return None
    used = {name: lists[name] for _, name in profile.named_holidays()}
    return profile.model_copy(update={"holiday_lists": used})


def _more(profile: Profile, table: Table) -> Iterator[Finding]:
    """What one value alone does not tell."""

    def at(*keys: str | int) -> Where:
        return where(table, keys)

    for keys, names in [(("zones",), profile.zones)] + [
        (("regions", name, "zones"), region.zones) for name, region in profile.regions.items()
    ]:
        for name in names:
            if zone(name) is None:
                yield finding(at(*keys), f"`{name}` is no IANA time zone, such as Asia/Shanghai")
    if (profile.hours or profile.regions) and profile.unknown_zone == "intersection" and not profile.zones:
        yield finding(at("unknown_zone"), "`unknown_zone: intersection` needs `zones`, all zones of the country")
    for name in profile.regions:
        if profile.known_regions and name not in profile.known_regions:
            yield finding(at("regions", name), f"the region `{name}` is not one of known_regions")
    seen: set[str] = set()
    for keys, caps in [(("caps",), profile.caps)] + [
        (("regions", name, "caps"), region.caps) for name, region in profile.regions.items()
    ]:
        for n, cap in enumerate(caps):
            if cap.rule in seen:
                yield finding(at(*keys, n, "rule"), f"the rule `{cap.rule}` is there twice")
            seen.add(cap.rule)
