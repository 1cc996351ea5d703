"""Packets as they came to a phone's RTP port, with the kernel's time of arrival: a busy process does not spoil it.

`save` writes one line a packet: seconds from the answer, RTP sequence number, timestamp, SSRC, payload type, bytes.
"""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

#: Linux; Python has no name for it before 3.13. The kernel adds the time of arrival to each datagram.
_SO_TIMESTAMPNS: Final = 35
_STAMP: Final = struct.Struct("@qq")
_HEADER: Final = struct.Struct("!BBHII")
_COLUMNS: Final = "t,sequence,timestamp,ssrc,payload_type,size"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One RTP packet. `at`: seconds of the monotonic clock."""

    at: float
    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int
    size: int


@dataclass(slots=True)
class Capture:
    """Of one phone. `receive` raises what the socket raises."""

    arrivals: list[Arrival] = field(default_factory=list)
    _offset: float = field(default_factory=lambda: time.time() - time.monotonic())

    def stamp(self, rtp: socket.socket) -> None:
        """Ask the kernel for times of arrival; where it has none, the time of reading is taken."""
        try:
            rtp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        except OSError:
            return

    def receive(self, rtp: socket.socket) -> bytes:
        """The next datagram, noted where it is RTP (RFC 3550 section 5.1)."""
        data, extras, _, _ = rtp.recvmsg(4096, 64)
        at = time.monotonic()
        for level, kind, content in extras:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(content) >= _STAMP.size:
                seconds, nanoseconds = _STAMP.unpack_from(content)
                at = seconds + nanoseconds * 1e-9 - self._offset
        if len(data) >= _HEADER.size and data[0] >> 6 == 2:
            _, kind, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
            self.arrivals.append(Arrival(at, sequence, timestamp, ssrc, kind & 0x7F, len(data)))
        return data

    def save(self, path: Path, answered_at: float) -> None:
        """Write the CSV; `answered_at`: the answer on the monotonic clock."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            f"{a.at - answered_at:.6f},{a.sequence},{a.timestamp},{a.ssrc},{a.payload_type},{a.size}"
            for a in self.arrivals
        ]
        path.write_text("\n".join([_COLUMNS, *rows]) + "\n", encoding="ascii")
