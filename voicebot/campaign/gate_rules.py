"""The parts of a decision: what forbids a call for good, and what forbids it for a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from voicebot.campaign.holidays import Holidays
from voicebot.campaign.profiles import PURPOSES, Cap, ConsentRule, Hours, Profile, Region
from voicebot.campaign.zones import first_open, second_of_day, start_of_day, zone
from voicebot.model.campaign import ConsentFact, GateFacts, Method, PastContact
from voicebot.model.no_call import NoCallWindow
from voicebot.model.outcome import Disposition

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class No:
    """A rule that says no, and why."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What holds for one callee: the profile's rules and those of the regions the callee may be in, and the zones.
    `zones` None: not known, and the profile calls nobody whose zone is not known."""

    regions: tuple[str, ...]
    hours: tuple[tuple[Hours, ...], ...]
    holidays: tuple[Holidays, ...]
    caps: tuple[Cap, ...]
    consents: tuple[ConsentRule, ...]
    zones: tuple[str, ...] | None


def ground(profile: Profile, facts: GateFacts, method: Method) -> Ground:
    """Everything that applies to this callee: where something is not known, all that might."""
    names = _regions(profile, facts.region)
    parts: list[Profile | Region] = [profile, *(profile.regions[name] for name in names)]
    mine = (tuple(h for h in part.hours if facts.purpose in h.purposes) for part in parts)
    # A profile whose hours are all for another purpose is never open; a region's then add nothing.
    hours = tuple(found for part, found in zip(parts, mine, strict=True) if found or (part is profile and part.hours))
    caps = [c for part in parts for c in part.caps if method is Method.PHONE and facts.purpose in c.purposes]
    caps = [c for c in caps if _of_kind(c.line_types, facts)]
    consents = [c for part in parts for c in part.consents if method in c.methods and facts.purpose in c.purposes]
    named = dict.fromkeys(part.holidays for part in parts if part.holidays)
    days = tuple(profile.holiday_lists[name] for name in named)
    timed = bool(hours or days or facts.no_call_windows or any(c.span is None for c in caps))
    return Ground(
        regions=names,
        hours=hours,
        holidays=days,
        caps=tuple(caps),
        consents=tuple(c for c in consents if _of_kind(c.line_types, facts)),
        zones=_zones(profile, facts, names) if timed else (),
    )


def never(profile: Profile, facts: GateFacts, here: Ground) -> No | None:
    """What waiting does not change."""
    lists = [name for name in facts.lists if facts.purpose in profile.lists.get(name, PURPOSES)]
    known = all((facts.customer_id, facts.account_id, facts.number_hash))
    refusals = (
        (facts.purpose not in PURPOSES, "purpose_unknown", f"`{facts.purpose}` is no purpose of a call"),
        (not known, "callee_unknown", "customer, account or number is not known"),
        (facts.role != "debtor", "third_party", "only the customer may be called"),
        (facts.do_not_call, "do_not_call", "the customer asked not to be called"),
        (bool(lists), "do_not_call_list", f"the number is on: {', '.join(lists)}"),
        (facts.wrong_party, "wrong_party", "somebody else answers at this number"),
        (facts.stopped_by is not None, "stopped", f"automatic calls have ended for this case: {facts.stopped_by}"),
        (here.zones is None, "zone_unknown", "it is not known where the callee is"),
    )
    return next((No(rule, reason) for refused, rule, reason in refusals if refused), None)


def consent_missing(facts: GateFacts, here: Ground, at: datetime) -> No | None:
    """The first consent that is needed and is not there, or no longer."""
    for rule in here.consents:
        found = facts.consents.get(rule.consent)
        if found is None or found.granted is None:
            return No(f"consent_{rule.consent}", f"there is no consent to {rule.consent}")
        if not found.granted:
            return No(f"consent_{rule.consent}", f"the consent to {rule.consent} was refused or revoked")
        if rule.basis and found.basis not in rule.basis:
            wanted = " or ".join(rule.basis)
            return No(f"consent_{rule.consent}", f"the consent to {rule.consent} is {found.basis}, not {wanted}")
        if (end := _consent_ends(rule, found)) is not None and at >= end:
            return No(f"consent_{rule.consent}", f"the consent to {rule.consent} is older than {rule.valid_days} days")
    return None


class Windows:
    """Call hours, holidays and the callee's own windows, together: open only where all of them are, in every zone."""

    def __init__(self, facts: GateFacts, here: Ground) -> None:
        self._here = here
        self._own = facts.no_call_windows
        self.zones = tuple(z for name in here.zones or () if (z := zone(name)) is not None)
        bounds = [t for hours in here.hours for h in hours for t in (h.since, h.until % 86_400)]
        self._marks = [*bounds, *(s for w in self._own for s in _bounds(w) if s < 86_400)]

    def no(self, at: datetime) -> No | None:
        """What closes this moment."""
        for z in self.zones:
            local = at.astimezone(z)
            if (no := self._closed(local)) is not None:
                return No(no.rule, f"{no.reason} ({local:%Y-%m-%d %H:%M} in {z.key})")
        return None

    def first_ok(self, at: datetime) -> datetime | None:
        """The first open moment from `at` on; None where none comes in the time that is looked ahead."""
        return first_open(at, self.zones, self._marks, lambda local: self._closed(local) is None)

    def _closed(self, local: datetime) -> No | None:
        for holidays in self._here.holidays:
            if (day := holidays.on(local.date())) is not None:
                known = day != "unknown"
                return No("holiday", day) if known else No("holidays_unknown", "the list of holidays ends before")
        for hours in self._here.hours:
            if not any(_inside(h.since, h.until, h.weekdays, local) for h in hours):
                return No("call_hours", "outside the call hours")
        for window in self._own:
            since, until = _bounds(window)
            if _inside(since, until, window.weekdays, local):
                return No("personal_window", "the customer does not want to be called then")
        return None


class Counter:
    """One cap and the contacts that count for it."""

    def __init__(self, cap: Cap, facts: GateFacts, zones: Sequence[ZoneInfo]) -> None:
        self.cap = cap
        self._zones = zones
        self._lifts = tuple(self._lifted(facts))
        counted = (c for c in facts.contacts if _counts(cap, facts, c) and not self._is_lifted(c.at))
        self._expiries = sorted((self._expires(c) for c in counted), reverse=True)

    def count(self, at: datetime) -> int:
        """Contacts that count at this moment."""
        return sum(expiry > at for expiry in self._expiries)

    def first_ok(self, at: datetime) -> datetime:
        """The first moment from `at` on at which one more is within the cap."""
        if self._is_lifted(at) or len(self._expiries) < self.cap.max:
            return at
        free = max(at, self._expiries[self.cap.max - 1])
        return min([free, *(since for since, _ in self._lifts if at < since)])

    def no(self, at: datetime) -> No | None:
        """Why one more is too many, where it is."""
        if self.first_ok(at) == at:
            return None
        cap = self.cap
        within = "a local day" if cap.span is None else cap.within
        return No(cap.rule, f"{self.count(at)} {cap.counts} within {within} per {cap.per}; {cap.max} are allowed")

    def _expires(self, contact: PastContact) -> datetime:
        if self.cap.span is not None:
            return contact.at.astimezone(UTC) + self.cap.span
        # In several zones the day is over when it is over in the last of them.
        return max(start_of_day(contact.at.astimezone(z).date() + _DAY, z) for z in self._zones)

    def _lifted(self, facts: GateFacts) -> Iterator[tuple[datetime, datetime]]:
        """From when until when the callee's agreement lifts the cap."""
        days = self.cap.lifted_days
        found = facts.consents.get(self.cap.lifted_by or "")
        given = [found.at] if found is not None and found.granted else []
        if self.cap.lifted_by_callback:
            given += [c.at for c in facts.contacts if c.conversation and c.disposition is Disposition.CALLBACK]
        for at in given:
            since = at.astimezone(UTC)
            yield since, since + timedelta(days=days) if days else datetime.max.replace(tzinfo=UTC)

    def _is_lifted(self, at: datetime) -> bool:
        return any(since <= at < until for since, until in self._lifts)


def _regions(profile: Profile, region: str | None) -> tuple[str, ...]:
    if region in profile.regions:
        return (region,) if region is not None else ()
    if region is not None and (not profile.known_regions or region in profile.known_regions):
        return ()
    return tuple(profile.regions) if profile.unknown_region == "all" else ()


def _zones(profile: Profile, facts: GateFacts, regions: tuple[str, ...]) -> tuple[str, ...] | None:
    valid = tuple(name for name in facts.zones if zone(name) is not None)
    if facts.zones and valid == tuple(facts.zones):
        return valid
    if profile.unknown_zone == "no_call":
        return None
    near = tuple(name for region in regions for name in profile.regions[region].zones)
    known = facts.region in profile.regions and near
    return tuple(dict.fromkeys((*valid, *(near if known else profile.zones)))) or None


def _of_kind(line_types: Sequence[str], facts: GateFacts) -> bool:
    """True for numbers of these kinds, and for one whose kind is not known."""
    return not line_types or facts.line_type not in ("landline", "mobile") or facts.line_type in line_types


def _counts(cap: Cap, facts: GateFacts, contact: PastContact) -> bool:
    same_number = contact.number_hash == facts.number_hash
    # A contact whose person or account is not known counts where it may be this one's.
    person = contact.customer_id == facts.customer_id or (contact.customer_id is None and same_number)
    debt = person and contact.account_id in (facts.account_id, None)
    if not {"person": person, "number": same_number, "debt": debt}[cap.per]:
        return False
    return {
        "attempts": not contact.inbound,
        "unanswered": not contact.inbound and not contact.effective,
        "effective": not contact.inbound and contact.effective,
        "conversations": contact.conversation,
    }[cap.counts]


def _consent_ends(rule: ConsentRule, found: ConsentFact) -> datetime | None:
    return found.at + timedelta(days=rule.valid_days) if rule.valid_days else None


def _bounds(window: NoCallWindow) -> tuple[int, int]:
    return math.floor(_seconds(window.since)), math.ceil(_seconds(window.until))


def _seconds(at: time) -> float:
    return at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6


def _inside(since: int, until: int, weekdays: Sequence[int], local: datetime) -> bool:
    """True from `since` until before `until`; over midnight where `until` is not later (the whole day where equal).
    A window belongs to the weekday on which it begins."""
    now, today = second_of_day(local), local.isoweekday()
    if since < until:
        return today in weekdays and since <= now < until
    yesterday = (today - 2) % 7 + 1
    return (today in weekdays and now >= since) or (yesterday in weekdays and now < until)


def counters(facts: GateFacts, here: Ground, zones: Sequence[ZoneInfo]) -> Iterator[Counter]:
    """Every cap that applies."""
    return (Counter(cap, facts, zones) for cap in here.caps)
