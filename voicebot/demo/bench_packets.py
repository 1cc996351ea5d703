"""What the packets at the caller show: jitter, time between arrivals, lost ones. Pure.

A trace is the simulator's CSV: seconds from the answer (the kernel's time of arrival), RTP sequence number, timestamp,
SSRC, payload type, bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

#: Payload types 96-127 are digits here (RFC 4733): several packets share a timestamp, so they are no measure of time.
_DYNAMIC = 96
_RATE = 8000


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet. `t`: seconds from the answer."""

    t: float
    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int = 8


@dataclass(frozen=True, slots=True)
class PacketFigures:
    """One call's. `jitter_ms`: mean of RFC 3550's J over the call (section 6.4.1); `between_ms`: time between packets
    that were sent 20 ms apart; `lost`: sequence numbers that never came."""

    jitter_ms: float | None
    between_ms: tuple[float, ...]
    received: int
    lost: int


def read_packets(path: Path) -> list[Packet]:
    """The trace of one call; [] where there is none."""
    if not path.is_file():
        return []
    rows = path.read_text(encoding="ascii").splitlines()[1:]
    return [packet(row.split(",")) for row in rows]


def packet(fields: Sequence[str]) -> Packet:
    """One line."""
    return Packet(float(fields[0]), *(int(field) for field in fields[1:5]))


def packet_figures(packets: Iterable[Packet]) -> PacketFigures:
    """Each stream (SSRC) for itself, then together."""
    streams: dict[int, list[Packet]] = {}
    for one in packets:
        streams.setdefault(one.ssrc, []).append(one)
    estimates: list[float] = []
    between: list[float] = []
    received = lost = 0
    for stream in streams.values():
        audio = [one for one in stream if one.payload_type < _DYNAMIC]
        estimates += jitter(audio)
        between += gaps(audio)
        received += len({one.sequence for one in stream})
        lost += missing(stream)
    mean = sum(estimates) / len(estimates) if estimates else None
    return PacketFigures(None if mean is None else mean * 1000, tuple(between), received, lost)


def jitter(stream: Sequence[Packet]) -> list[float]:
    """RFC 3550 section 6.4.1 / A.8: J after each packet from the second on, seconds."""
    found: list[float] = []
    estimate = 0.0
    for before, one in pairwise(stream):
        sent = signed(one.timestamp - before.timestamp, 32) / _RATE
        estimate += (abs((one.t - before.t) - sent) - estimate) / 16.0
        found.append(estimate)
    return found


def gaps(stream: Sequence[Packet]) -> list[float]:
    """Milliseconds between the arrivals of packets that follow each other in number and by 20 ms in timestamp."""
    return [
        (one.t - before.t) * 1000
        for before, one in pairwise(stream)
        if signed(one.sequence - before.sequence, 16) == 1 and signed(one.timestamp - before.timestamp, 32) == 160
    ]


def missing(stream: Sequence[Packet]) -> int:
    """Sequence numbers between the first and the last that did not come (RFC 3550 A.3)."""
    if not stream:
        return 0
    extended, highest, seen = 0, 0, {0}
    for before, one in pairwise(stream):
        extended += signed(one.sequence - before.sequence, 16)
        highest = max(highest, extended)
        seen.add(extended)
    return highest - min(seen) + 1 - len(seen)


def signed(difference: int, bits: int) -> int:
    """A difference of numbers that wrap."""
    difference &= (1 << bits) - 1
    return difference - (1 << bits) if difference >> (bits - 1) else difference
