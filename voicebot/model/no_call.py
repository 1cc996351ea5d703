"""When a customer does not want to be called, as said in a call: local time of the customer, kept as text in a slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

#: ISO weekdays, Monday 1.
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True)
class NoCallWindow:
    """When this person does not want to be called: local time, ISO weekdays; over midnight where `until` <= `since`."""

    since: time
    until: time
    weekdays: tuple[int, ...] = EVERY_DAY

    def holds(self, moment: datetime) -> bool:
        """Is the local `moment` in it? What runs over midnight belongs to the day it began on."""
        at, day = moment.time().replace(tzinfo=None), moment.isoweekday()
        if self.since < self.until:
            return day in self.weekdays and self.since <= at < self.until
        yesterday = (moment - timedelta(days=1)).isoweekday()
        return (day in self.weekdays and at >= self.since) or (yesterday in self.weekdays and at < self.until)


def write_windows(windows: Sequence[NoCallWindow]) -> str:
    """ "12345 09:00-17:00; 67 00:00-00:00"."""
    return "; ".join(f"{''.join(map(str, w.weekdays))} {w.since:%H:%M}-{w.until:%H:%M}" for w in windows)


def read_windows(text: str) -> tuple[NoCallWindow, ...]:
    """What `write_windows` wrote. Raises ValueError."""
    found = []
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        days, _, hours = part.partition(" ")
        since, _, until = hours.partition("-")
        weekdays = tuple(int(day) for day in days)
        if not weekdays or not all(1 <= day <= 7 for day in weekdays):
            raise ValueError(f"`{part}` names no weekday")
        found.append(NoCallWindow(time.fromisoformat(since), time.fromisoformat(until), weekdays))
    return tuple(found)
