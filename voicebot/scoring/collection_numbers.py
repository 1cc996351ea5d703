"""R-c, R-d (document R): what a telephone number's call records say about it, as features of the recogniser."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import pairwise

from voicebot.scoring.config_risk import NumberSettings

_EARTH_M = 6_371_000.0


@dataclass(frozen=True, slots=True)
class NumberCall:
    """One call of a number. `other`: keyed hash of the other party; `cell`: where it was made from, where known."""

    other: str
    outgoing: bool
    answered: bool
    at: datetime
    duration_s: float
    cell: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Degrees (WGS 84); `radius_m`: of a base station, None: the setting's."""

    latitude: float
    longitude: float
    radius_m: float | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """Per number. Shares in [0, 1]; durations in seconds; `hour_entropy`: of the hours 08-22, in bits; `gap_cv`:
    deviation of the gaps between calls by their mean (0: like a clock); `near_cells`: share of the cells that are near
    a collection address; `neighbours`: other numbers with the same prefix; `age_d`: days from first to last call."""

    calls_per_day: float
    others_per_day: float
    new_other_share: float
    outgoing_share: float
    mean_duration_s: float
    sd_duration_s: float
    short_share: float
    unanswered_share: float
    hour_entropy: float
    gap_cv: float
    cells: float
    near_cells: float
    neighbours: float
    age_d: float

    def row(self) -> list[float]:
        """In the order of `NAMES`."""
        return [getattr(self, name) for name in NAMES]


NAMES = tuple(field.name for field in fields(Features))


def distance_m(a: Place, b: Place) -> float:
    """Great-circle distance in metres (haversine)."""
    phi_a, phi_b = math.radians(a.latitude), math.radians(b.latitude)
    half_phi = math.sin((phi_b - phi_a) / 2) ** 2
    half_lambda = math.sin(math.radians(b.longitude - a.longitude) / 2) ** 2
    root = math.sqrt(half_phi + math.cos(phi_a) * math.cos(phi_b) * half_lambda)
    return 2 * _EARTH_M * math.asin(min(1.0, root))


def near(cells: Mapping[str, Place], addresses: Sequence[Place], settings: NumberSettings) -> frozenset[str]:
    """R-b: the cells near an address, within their own radius or the setting's."""
    found = set()
    for cell_id, cell in cells.items():
        limit = cell.radius_m or settings.cell_radius_m
        degrees = limit / 111_000  # latitude alone rules most addresses out
        for address in addresses:
            if abs(address.latitude - cell.latitude) <= degrees and distance_m(cell, address) <= limit:
                found.add(cell_id)
                break
    return frozenset(found)


def neighbours_of(numbers: Iterable[str], settings: NumberSettings) -> dict[str, int]:
    """How many other numbers begin like each."""
    listed = list(numbers)
    by_prefix = Counter(number[: settings.prefix_digits] for number in listed)
    return {number: by_prefix[number[: settings.prefix_digits]] - 1 for number in listed}


def features(
    calls: Sequence[NumberCall], near_cells: frozenset[str], neighbours: int, settings: NumberSettings
) -> Features | None:
    """Features of one number; None with fewer calls than `min_calls`."""
    if len(calls) < settings.min_calls:
        return None
    ordered = sorted(calls, key=lambda call: call.at)
    durations = [call.duration_s for call in ordered if call.answered]
    mean, sd = _moments(durations)
    first: dict[str, datetime] = {}
    for call in ordered:
        first.setdefault(call.other, call.at)
    days = {call.at.date() for call in ordered}
    used = {call.cell for call in ordered if call.cell}
    n = len(ordered)
    return Features(
        calls_per_day=n / len(days),
        others_per_day=_others_per_day(ordered),
        new_other_share=sum(call.at == first[call.other] for call in ordered) / n,
        outgoing_share=sum(call.outgoing for call in ordered) / n,
        mean_duration_s=mean,
        sd_duration_s=sd,
        short_share=sum(d < settings.short_s for d in durations) / len(durations) if durations else 0.0,
        unanswered_share=sum(not call.answered for call in ordered) / n,
        hour_entropy=_entropy(Counter(call.at.hour for call in ordered if 8 <= call.at.hour < 22)),
        gap_cv=_gap_cv(ordered),
        cells=float(len(used)),
        near_cells=len(used & near_cells) / len(used) if used else 0.0,
        neighbours=float(neighbours),
        age_d=(ordered[-1].at - ordered[0].at).total_seconds() / 86_400,
    )


def _moments(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 0.0
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((x - mean) ** 2 for x in values) / len(values))


def _others_per_day(calls: Sequence[NumberCall]) -> float:
    by_day = defaultdict[object, set[str]](set)
    for call in calls:
        by_day[call.at.date()].add(call.other)
    return sum(map(len, by_day.values())) / len(by_day)


def _entropy(counts: Counter[int]) -> float:
    n = sum(counts.values())
    return -math.fsum(c / n * math.log2(c / n) for c in counts.values()) if n else 0.0


def _gap_cv(calls: Sequence[NumberCall]) -> float:
    """Gaps within a day: nights say nothing."""
    gaps = [(b.at - a.at).total_seconds() for a, b in pairwise(calls) if a.at.date() == b.at.date()]
    mean, sd = _moments(gaps)
    return sd / mean if mean else 0.0
