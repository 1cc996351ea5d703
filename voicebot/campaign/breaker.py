"""The circuit breaker of the trunk: after N failures in a row nobody is dialled for a while, then one call tries
whether it works again. A value: every change gives a new one; time is an argument. What it knows is stored, so that all
processes know it, and the next start too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from voicebot.model.campaign import TrunkTries


class BreakerState(StrEnum):
    """closed: calls go; open: none; half_open: one goes, and what becomes of it decides."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failures`: in a row that open it; `pause_s`: how long it stays open, doubled each time a probe fails, up to
    `longest_s`. `probing`: the probe is out."""

    failures: int = 5
    pause_s: float = 60.0
    longest_s: float = 900.0
    in_a_row: int = 0
    opened_at: float | None = None
    reopened: int = 0
    probing: bool = False

    def knowing(self, tries: TrunkTries, now: float) -> Breaker:
        """With what is stored; `now`: seconds since 1970. A clock that was put back makes no pause longer."""
        opened_at = None if tries.opened_at is None else min(now, tries.opened_at.timestamp())
        probing = tries.probe is not None
        return replace(self, in_a_row=tries.in_a_row, opened_at=opened_at, reopened=tries.reopened, probing=probing)

    def tries(self) -> TrunkTries:
        """To be stored; a call that has ended is no probe any more."""
        opened_at = None if self.opened_at is None else datetime.fromtimestamp(self.opened_at, UTC)
        return TrunkTries(self.in_a_row, opened_at, self.reopened)

    def state(self, now: float) -> BreakerState:
        """At this moment (seconds of any clock that does not go back)."""
        if self.opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if now >= self.until() else BreakerState.OPEN

    def until(self) -> float:
        """When the next probe may go; only where it is not closed."""
        pause = min(self.longest_s, self.pause_s * 2.0 ** min(self.reopened, 30))
        return (self.opened_at or 0.0) + pause

    def allows(self, now: float) -> int | None:
        """How many calls may be started: None (any number), 1 (the probe) or 0."""
        state = self.state(now)
        if state is BreakerState.CLOSED:
            return None
        return int(state is BreakerState.HALF_OPEN and not self.probing)

    def started(self, now: float) -> Breaker:
        """A call was started: in the half-open state it is the probe."""
        return replace(self, probing=True) if self.state(now) is BreakerState.HALF_OPEN else self

    def given_up(self) -> Breaker:
        """The call ended and says nothing about the trunk: the next one may be the probe."""
        return replace(self, probing=False)

    def worked(self) -> Breaker:
        """The trunk did its part (busy and no answer count): closed."""
        return replace(self, in_a_row=0, opened_at=None, reopened=0, probing=False)

    def failed(self, now: float) -> Breaker:
        """It did not. Calls that were under way when it opened change nothing any more."""
        state = self.state(now)
        if state is BreakerState.OPEN:
            return self
        if state is BreakerState.HALF_OPEN:
            return replace(self, opened_at=now, reopened=self.reopened + 1, probing=False)
        in_a_row = self.in_a_row + 1
        return replace(self, in_a_row=in_a_row, opened_at=now if in_a_row >= self.failures else None)
