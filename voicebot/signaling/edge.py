"""Who may send us SIP requests, how often, and how many calls they may begin. Pure: time comes in as an argument.

Both drivers ask here for each request that belongs to no running call, before anything is made for it. The number of
calls itself is the supervisor's (voicebot.call.supervisor); here is what keeps a flood away from it.
"""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import asdict, dataclass
from enum import Enum, auto

from voicebot.model.trunk import SourceState, Traffic
from voicebot.settings import TelephonySettings
from voicebot.signaling.rate import Asked, SourceRates, Verdict

logger = logging.getLogger(__name__)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Sources that go on being served while everybody else is blocked.
MOST_SPARED = 32
#: Sources that are shown to who watches.
MOST_SHOWN = 50
#: Seconds between two warnings that requests were refused.
_REPORT_S = 60.0


class Kind(Enum):
    """What a request outside a running call is after. Each kind has its own allowance: no OPTIONS uses up a call's."""

    #: An INVITE that begins a call.
    CALL = auto()
    #: Anything else: OPTIONS, REGISTER, SUBSCRIBE, a BYE of a call that is over.
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Flood:
    """More requests of a kind than can be refused one by one. `source` None: from more addresses than are remembered,
    as forged ones are; then nobody is served but the `spared`, who were there before."""

    kind: Kind
    source: Network | None
    spared: tuple[Network, ...] = ()


@dataclass(slots=True)
class EdgeCounts:
    """Requests turned away since the start."""

    #: From an address that is no carrier's: neither served nor answered.
    strangers: int = 0
    #: INVITEs over the rate, and others over it.
    calls_limited: int = 0
    others_limited: int = 0
    #: INVITEs for which the stack had no room, or that came while it drained.
    no_room: int = 0
    #: Of those limited or without room: not answered, because too many answers were due.
    unanswered: int = 0
    #: Dropped in the kernel: from strangers, from who flooded us, or over a full buffer. SIP never saw them.
    kernel: int = 0


class Edge:
    """Judges requests. One for a user agent; asked from one thread.

    `carriers`: networks that may send requests; none = anybody may.
    """

    def __init__(self, telephony: TelephonySettings, carriers: tuple[Network, ...], *, now: float) -> None:
        self.carriers = carriers
        self.counts = EdgeCounts()
        #: No more calls: every new one is refused.
        self.closed = False
        rate, burst = telephony.calls_per_s, float(telephony.burst)
        self._untouched = burst if rate > 0 else None
        self._rates = {kind: SourceRates(rate, burst, now=now) for kind in Kind}
        self._reported_at = now - _REPORT_S

    def knows(self, source: str) -> bool:
        """Whether this address is a carrier's."""
        if not self.carriers:
            return True
        try:
            address = plain(source)
        except ValueError:
            return False
        return any(address in network for network in self.carriers)

    def judge(self, source: str, kind: Kind, now: float, *, room: bool = True) -> Verdict:
        """A request of no running call. `room`: whether the stack could take a call more."""
        if not self.knows(source):
            self.counts.strangers += 1
            verdict = Verdict.DROP
        else:
            verdict = self._rates[kind].take(source, now)
            if verdict is not Verdict.ADMIT:
                self._count(kind, verdict)
            elif kind is Kind.CALL and (self.closed or not room):
                self.counts.no_room += 1
                verdict = self._rates[kind].no_room(source, now)
                self.counts.unanswered += int(verdict is Verdict.DROP)
        if verdict is not Verdict.ADMIT:
            self._report(now)
        return verdict

    def flood(self, source: str, kind: Kind, now: float) -> Flood | None:
        """What a request that was dropped was part of. None where it was a stranger's."""
        if not self.knows(source):
            return None
        rates = self._rates[kind]
        if source in rates:
            return Flood(kind, ipaddress.ip_network(plain(source)))
        spared = (ipaddress.ip_network(plain(str(known))) for known in rates.known(now, MOST_SPARED))
        return Flood(kind, None, tuple(spared))

    def sources(self, now: float) -> tuple[SourceState, ...]:
        """Who asked for something, callers first, who asked last before the others; at most `MOST_SHOWN`."""
        calls, others = (self._rates[kind].asked(now, MOST_SHOWN) for kind in Kind)
        found = []
        for name in list(dict.fromkeys((*calls, *others)))[:MOST_SHOWN]:
            call, other = calls.get(name, Asked()), others.get(name, Asked())
            left = call.left if name in calls else self._untouched
            found.append(SourceState(str(name), call.admitted, call.refused, other.admitted, other.refused, left))
        return tuple(found)

    def _count(self, kind: Kind, verdict: Verdict) -> None:
        if kind is Kind.CALL:
            self.counts.calls_limited += 1
        else:
            self.counts.others_limited += 1
        self.counts.unanswered += int(verdict is Verdict.DROP)

    def _report(self, now: float) -> None:
        """A flood must not flood the log."""
        if now - self._reported_at < _REPORT_S:
            return
        self._reported_at = now
        counts = self.counts
        logger.warning(
            "SIP requests are turned away (since the start): %d from strangers, %d calls and %d others over the rate, "
            "%d calls without room",
            counts.strangers,
            counts.calls_limited,
            counts.others_limited,
            counts.no_room,
        )


def traffic(edge: Edge, counts: EdgeCounts, now: float) -> Traffic:
    """For who watches. `counts`: with the kernel's part in them."""
    return Traffic(edge.sources(now), asdict(counts))


def plain(source: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address as networks hold it: no scope, and IPv4 as itself where an IPv6 socket shows it mapped (RFC 4291
    section 2.5.5.2). ValueError where it is none."""
    address = ipaddress.ip_address(source.partition("%")[0])
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address
