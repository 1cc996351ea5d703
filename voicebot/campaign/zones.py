"""Time in the zones a callee may be in: local days, and the first moment at which something is open in all of them.

Everything is exact across clock changes, because nothing is computed with local times: they are only looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

#: How far ahead an opening is looked for.
HORIZON_D = 70
_BLOCK = timedelta(days=5)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """An IANA zone; None where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a relative path; a folder such as "America"
        return None


def start_of_day(day: date, where: ZoneInfo) -> datetime:
    """The first instant (UTC) of a local day, also where midnight is skipped by a clock change."""
    return datetime.combine(day, time(), where).astimezone(UTC)


@lru_cache(maxsize=4096)
def local_moment(day: date, second: int, where: ZoneInfo) -> datetime:
    """The instant (UTC) of a local time (seconds since midnight); one skipped by a clock change: the same number of
    seconds after the change."""
    naive = datetime.combine(day, time()) + timedelta(seconds=second)
    return naive.replace(tzinfo=where).astimezone(UTC)


def second_of_day(local: datetime) -> float:
    """Seconds since local midnight, as the clock shows it."""
    return local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6


def first_open(
    start: datetime, zones: Sequence[ZoneInfo], marks: Iterable[int], is_open: Callable[[datetime], bool]
) -> datetime | None:
    """The first moment from `start` on at which `is_open(local time)` holds in every zone; None within HORIZON_D days.

    `marks`: the seconds of the day at which `is_open` may change (midnight is always one); it holds from a mark on, up
    to the next one. The clock changes of the zones are found here.
    """
    start = start.astimezone(UTC)
    if _all_open(start, zones, is_open):
        return start
    seconds = sorted({*marks, 0})
    begin = start
    while begin < start + timedelta(days=HORIZON_D):
        end = begin + _BLOCK
        moments = {m for z in zones for m in _moments(begin, end, z, seconds) if begin < m <= end}
        for moment in sorted(moments):
            if _all_open(moment, zones, is_open):
                return moment
        begin = end
    return None


def _all_open(moment: datetime, zones: Sequence[ZoneInfo], is_open: Callable[[datetime], bool]) -> bool:
    return all(is_open(moment.astimezone(z)) for z in zones)


def _moments(begin: datetime, end: datetime, where: ZoneInfo, seconds: Sequence[int]) -> Iterator[datetime]:
    day = begin.astimezone(where).date() - _DAY
    while day <= end.astimezone(where).date() + _DAY:
        for second in seconds:
            naive = datetime.combine(day, time()) + timedelta(seconds=second)
            for fold in (0, 1):  # a time that comes twice is looked at twice
                yield naive.replace(tzinfo=where, fold=fold).astimezone(UTC)
        yield from _clock_change(day, where)
        day += _DAY


@lru_cache(maxsize=8192)
def _clock_change(day: date, where: ZoneInfo) -> tuple[datetime, ...]:
    """The instant at which the offset changes on this day, where it does (to the second)."""
    low, high = start_of_day(day, where) - _SECOND, start_of_day(day + _DAY, where)
    before, after = _offset(low, where), _offset(high, where)
    if before == after:
        return ()
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if _offset(middle, where) == before:
            low = middle
        else:
            high = middle
    return (high,)


def _offset(moment: datetime, where: ZoneInfo) -> timedelta | None:
    return moment.astimezone(where).utcoffset()
