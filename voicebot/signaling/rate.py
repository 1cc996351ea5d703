"""How often one source may ask: token buckets. Pure: the time is an argument, in seconds of any steady clock."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

#: Sources remembered at most (some 300 bytes each); the one that was silent longest is forgotten first.
MOST_SOURCES = 4096
#: Seconds without a refusal after which a source is no newcomer any more.
PROBATION_S = 10.0
#: Refusals that are answered, over all sources: as many a second, as many at once. What is over gets no answer.
ANSWERS_PER_S, ANSWERS_AT_ONCE = 50.0, 100.0


class Verdict(Enum):
    """What becomes of a request."""

    #: It is served.
    ADMIT = auto()
    #: It gets a refusal.
    REFUSE = auto()
    #: It gets nothing: answering each request of a flood would be half of the flood.
    DROP = auto()


@dataclass(slots=True)
class TokenBucket:
    """`burst` at once, and `rate` a second in the long run: in any time of t seconds at most burst + rate * t."""

    rate: float
    burst: float
    tokens: float
    at: float

    @classmethod
    def full(cls, rate: float, burst: float, now: float) -> TokenBucket:
        """One that nobody has taken from."""
        return cls(rate, burst, burst, now)

    def at_most(self, now: float) -> float:
        """The tokens in it."""
        return min(self.burst, self.tokens + max(0.0, now - self.at) * self.rate)

    def take(self, now: float) -> bool:
        """Take one token where there is one. A clock that runs backwards gives none."""
        if now > self.at:
            self.tokens = self.at_most(now)
            self.at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


@dataclass(slots=True)
class _Source:
    """`since`: when it was first seen, or last refused; `admitted`, `refused`: its requests since it is remembered."""

    bucket: TokenBucket
    since: float
    admitted: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a source asked for since it is remembered. `left`: how many requests more it may make at once, None: any
    number."""

    admitted: int = 0
    refused: int = 0
    left: float | None = None


class SourceRates:
    """A bucket for each source, and one more that all newcomers share: who was not seen before, or was refused a moment
    ago. So a flood from many addresses, forged or not, gets no more than one source does; it neither fills the memory
    nor pushes out who was there before, except slowly.

    `rate` a second and `burst` at once, of each source and of newcomers together; rate 0: no limit.
    """

    def __init__(self, rate: float, burst: float, *, now: float, most: int = MOST_SOURCES) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._sources: OrderedDict[Hashable, _Source] = OrderedDict()
        self._newcomers = TokenBucket.full(rate, burst, now)
        self._answers = TokenBucket.full(ANSWERS_PER_S, ANSWERS_AT_ONCE, now)

    def __len__(self) -> int:
        return len(self._sources)

    def __contains__(self, source: Hashable) -> bool:
        return source in self._sources

    def take(self, source: Hashable, now: float) -> Verdict:
        """One request of `source`."""
        known = self._sources.get(source)
        if self._rate <= 0:
            known = known or self._remember(source, now)
            known.admitted += 1
            self._sources.move_to_end(source)
            return Verdict.ADMIT
        newcomer = known is None or now - known.since < PROBATION_S
        let_in = not newcomer or self._newcomers.take(now)
        if known is None and let_in:
            known = self._remember(source, now)
        if known is None:
            return self.refuse(now)
        self._sources.move_to_end(source)
        if let_in and known.bucket.take(now):
            known.admitted += 1
            return Verdict.ADMIT
        known.since = now
        known.refused += 1
        return self.refuse(now)

    def _remember(self, source: Hashable, now: float) -> _Source:
        made = self._sources[source] = _Source(TokenBucket.full(self._rate, self._burst, now), now)
        if len(self._sources) > self._most:
            self._sources.popitem(last=False)
        return made

    def known(self, now: float, most: int) -> list[Hashable]:
        """Those who are no newcomers, the ones that asked last first."""
        found = (name for name, source in reversed(self._sources.items()) if now - source.since >= PROBATION_S)
        return list(islice(found, most))

    def asked(self, now: float, most: int) -> dict[Hashable, Asked]:
        """The sources that asked last, the last one first."""
        latest = islice(reversed(self._sources.items()), most)
        return {name: Asked(source.admitted, source.refused, self._left(source, now)) for name, source in latest}

    def _left(self, source: _Source, now: float) -> float | None:
        return source.bucket.at_most(now) if self._rate > 0 else None

    def no_room(self, source: Hashable, now: float) -> Verdict:
        """A request of `source` that was let in, but cannot be served."""
        known = self._sources.get(source)
        if known is not None:
            known.admitted -= 1
            known.refused += 1
        return self.refuse(now)

    def refuse(self, now: float) -> Verdict:
        """A request that is not served: with an answer, as long as not too many are due."""
        return Verdict.REFUSE if self._answers.take(now) else Verdict.DROP
