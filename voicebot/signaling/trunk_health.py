"""Which trunk may be dialled: a state machine over answers and silence. Pure; times are seconds of any one clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

#: A trunk that was silent and is not asked with OPTIONS is tried again after this.
REST_S = 60.0
#: Longest rest that a Retry-After may ask for: more would keep a trunk out by one spoiled answer.
LONGEST_REST_S = 600.0
#: First and longest pause before a registration is tried again.
RETRY_S, LONGEST_RETRY_S = 5.0, 300.0


@dataclass(frozen=True, slots=True)
class TrunkHealth:
    """One trunk. `asked`: OPTIONS are sent to it; `allowed`: as many of them in a row without an answer make it
    unhealthy; `registered`: no registration is missing."""

    asked: bool
    allowed: int
    misses: int = 0
    rests_until: float | None = None
    registered: bool = True

    def healthy(self, now: float) -> bool:
        """May be dialled."""
        resting = self.rests_until is not None and now < self.rests_until
        return self.registered and not resting and self.misses < self.allowed

    def answered(self) -> TrunkHealth:
        """It answered anything: it is there. A rest it asked for goes on."""
        return replace(self, misses=0)

    def missed(self) -> TrunkHealth:
        """An OPTIONS stayed without an answer."""
        return replace(self, misses=self.misses + 1)

    def silent(self, now: float) -> TrunkHealth:
        """A call stayed without any answer: the next one does not wait for it again. The first answer to an OPTIONS
        heals; where none are sent, time does."""
        if self.asked:
            return replace(self, misses=max(self.misses, self.allowed))
        return replace(self, rests_until=now + REST_S)

    def overloaded(self, now: float, retry_after_s: float) -> TrunkHealth:
        """It answered 503 with Retry-After: no calls before (RFC 3261 section 21.5.4)."""
        return replace(self, rests_until=now + min(retry_after_s, LONGEST_REST_S))

    def registration(self, there: bool) -> TrunkHealth:
        """A registration was accepted, or is missing."""
        return replace(self, registered=there, misses=0 if there else self.misses)


def order(trunks: Sequence[TrunkHealth], now: float) -> tuple[int, ...]:
    """Which trunks a call may go by, by their places: the healthy ones; all of them where none is."""
    healthy = tuple(i for i, trunk in enumerate(trunks) if trunk.healthy(now))
    return healthy or tuple(range(len(trunks)))


def retry_pause_s(failures: int) -> float:
    """How long to wait before the next REGISTER, after so many that failed in a row (at least one)."""
    return min(LONGEST_RETRY_S, RETRY_S * 2.0 ** min(failures - 1, 10))
