"""The kernel's part of admission at the SIP edge: filters on our own SIP sockets, and sources that flood us blocked for
a moment. Where the kernel takes no filter (another system than Linux), each request is still judged by the driver."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
import struct
import sys
from dataclasses import replace

from voicebot.signaling.baresip_sources import attach, own_sockets
from voicebot.signaling.edge import Edge, EdgeCounts, Flood, Kind, Network, plain
from voicebot.signaling.sip_filter import MOST_BLOCKS, program

logger = logging.getLogger(__name__)

#: Seconds that a flood is dropped in the kernel before its source is looked at again. Short: a carrier's requests that
#: are lost in it are sent again (RFC 3261 section 17: for 32 s), and the source's address may have been forged.
BLOCK_S = 2.0
#: Seconds between two warnings of floods: one must not flood the log.
_TELL_S = 60.0
_SO_DETACH_FILTER, _SO_MEMINFO = 27, 55  # asm-generic/socket.h
#: HOST, HOST:PORT, [IPv6], [IPv6]:PORT; anything else is an IPv6 address as it is.
_HOST = re.compile(r"(?:\[([^\]]+)\]|([^:]+))(?::\d+)?")
_MEMINFO = struct.Struct("=9I")  # sk_meminfo; its last is what the socket dropped


class SipGuard:
    """Filters on the SIP ports. `open` when the sockets are there; all on the event loop but `flooded`."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._ports: frozenset[int] = frozenset()
        self._blocks: dict[tuple[Kind, Network | None], tuple[Flood, asyncio.TimerHandle]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told_at = -_TELL_S

    def open(self, ports: frozenset[int]) -> None:
        """From now on. `ports`: of UDP, and those that listen for TCP and TLS."""
        if sys.platform != "linux":
            if self._edge.carriers:
                logger.warning("telephony.carriers is not enforced by this system's kernel, only by the driver")
            return
        self._ports = ports
        self._loop = asyncio.get_running_loop()
        self._apply(socket.SOCK_STREAM)
        self._apply(socket.SOCK_DGRAM)

    def close(self) -> None:
        """No more timers; the sockets are about to go."""
        for _, timer in self._blocks.values():
            timer.cancel()
        self._blocks.clear()
        self._ports = frozenset()

    def flooded(self, flood: Flood) -> None:
        """Requests come faster than they can be refused: block them for a moment. From any thread."""
        if self._loop is not None and (flood.kind, flood.source) not in self._blocks:
            self._loop.call_soon_threadsafe(self._block, flood)

    def counts(self) -> EdgeCounts:
        """What was turned away, the kernel's part included."""
        dropped = sum(
            _MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[-1]
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)
            for _, sock in own_sockets(self._ports, kind)
        )
        return replace(self._edge.counts, kernel=dropped)

    def _block(self, flood: Flood) -> None:
        key = (flood.kind, flood.source)
        full = flood.source is not None and len(self._blocks) >= MOST_BLOCKS - len(
            Kind
        )  # room for those from everywhere
        if not self._ports or self._loop is None or key in self._blocks or full:
            return
        if self._loop.time() - self._told_at > _TELL_S:
            self._told_at = self._loop.time()
            logger.warning("a flood of SIP requests (%s) is dropped, %g s at a time", flood.kind.name, BLOCK_S)
        self._blocks[key] = (flood, self._loop.call_later(BLOCK_S, self._lift, key))
        self._apply(socket.SOCK_DGRAM)

    def _lift(self, key: tuple[Kind, Network | None]) -> None:
        self._blocks.pop(key, None)
        self._apply(socket.SOCK_DGRAM)

    def _apply(self, kind: socket.SocketKind) -> None:
        udp = kind is socket.SOCK_DGRAM
        try:
            code = program(self._edge.carriers, (flood for flood, _ in self._blocks.values()), udp=udp)
            for _, sock in own_sockets(self._ports, kind):
                if code is not None:
                    attach(sock, code)
                elif udp and not self._blocks:
                    _detach(sock)
        except (OSError, ValueError) as error:
            logger.warning("the kernel took no filter for the SIP port: %s", error)


def _detach(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
    except FileNotFoundError:
        return  # it had none


async def networks(carriers: tuple[Network, ...], servers: tuple[str, ...]) -> tuple[Network, ...]:
    """The carriers, and with them our own trunks (HOST or HOST:PORT), whose BYE must reach us. A name is looked up now,
    once; where it has no address now, calling it will fail by itself."""
    if not carriers:
        return ()
    found = list(carriers)
    loop = asyncio.get_running_loop()
    for server in servers:
        parts = _HOST.fullmatch(server)
        host = (parts[1] or parts[2]) if parts else server
        try:
            addresses = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except OSError:
            logger.warning("a trunk's name has no address; add its addresses to telephony.carriers")
            continue
        found += [ipaddress.ip_network(plain(str(address[4][0]))) for address in addresses]
    return tuple(dict.fromkeys(found))
