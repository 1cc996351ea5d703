"""Received RTP only from where the far end said it would send from: a filter in the kernel, on the call's own sockets.

The stack takes RTP from any address (measured: whoever knows the SSRC replaces the caller's sound, whoever does not
silences it, tests/foreign/test_stranger.py) and has no setting against it. Nor does it tell the addresses that SDP
agreed on (RFC 4566 section 5.7, RFC 3264); its trace of SIP messages holds them (baresip_trace.py). So each RTP
socket gets a classic BPF program (Linux `SO_ATTACH_FILTER`, needs no rights) that drops what comes from elsewhere
before the stack sees it.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import socket
import struct
from collections import OrderedDict
from collections.abc import Iterator
from ctypes import addressof, create_string_buffer
from dataclasses import dataclass
from pathlib import Path

from voicebot.signaling.baresip_trace import Traced

logger = logging.getLogger(__name__)

_CONNECTION = re.compile(r"^c=IN IP[46] (\S+)", re.MULTILINE)
_AUDIO = re.compile(r"^m=audio (\d{1,5})[ /]", re.MULTILINE)
#: Calls remembered for a later offer; a filter that is set stays, remembered or not.
_MOST_CALLS = 4096

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h; the socket module does not name it
_LOAD_WORD, _LOAD_HALF, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x28, 0x15, 0x06  # linux/filter.h
_IP_HEADER = -0x100000  # SKF_NET_OFF: offsets of the IP header; without it they are of the UDP header
_ALL = 0x40000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class MediaAddress:
    """Where one side receives its audio, and by RFC 4961 sends it from."""

    host: Address
    port: int


def audio_address(message: str) -> MediaAddress | None:
    """The address of the first audio stream in a SIP message's SDP. None: no SDP, a name instead of an address, a
    stream that is refused (port 0) or held the old way (RFC 3264 section 8.4: 0.0.0.0)."""
    _, _, sdp = message.replace("\r\n", "\n").partition("\n\n")
    audio = _AUDIO.search(sdp)
    if audio is None:
        return None
    session, _, _ = sdp.partition("\nm=")
    media = sdp[audio.start() :].partition("\nm=")[0]
    found = _CONNECTION.search(media) or _CONNECTION.search(session)
    port = int(audio[1])
    if found is None or not 0 < port < 65536:
        return None
    try:
        host = ipaddress.ip_address(found[1].partition("/")[0])
    except ValueError:
        return None
    return None if host.is_unspecified else MediaAddress(host, port)


def program(host: Address, port: int | None) -> bytes:
    """A classic BPF program for a UDP socket: pass what comes from `host` (and from `port`), drop the rest."""
    words = struct.unpack(f"!{len(host.packed) // 4}I", host.packed)
    first = 12 if host.version == 4 else 8  # of the source address: RFC 791 section 3.1, RFC 8200 section 3
    tests = [(_LOAD_WORD, _IP_HEADER + first + 4 * i, word) for i, word in enumerate(words)]
    if port is not None:
        tests.append((_LOAD_HALF, 0, port))
    code = b""
    for i, (load, offset, wanted) in enumerate(tests):
        to_drop = 2 * (len(tests) - 1 - i) + 1  # over the tests that follow, and the return that passes
        code += struct.pack("=HBBI", load, 0, 0, offset & 0xFFFFFFFF)
        code += struct.pack("=HBBI", _JUMP_IF_EQUAL, 0, to_drop, wanted)
    return code + struct.pack("=HBBI", _RETURN, 0, 0, _ALL) + struct.pack("=HBBI", _RETURN, 0, 0, 0)


def attach(sock: socket.socket, code: bytes) -> None:
    """Put a program on a socket, in place of the one before. Raises OSError."""
    held = create_string_buffer(code, len(code))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", len(code) // 8, addressof(held)))


def own_sockets(
    ports: frozenset[int], kind: socket.SocketKind = socket.SOCK_DGRAM
) -> Iterator[tuple[int, socket.socket]]:
    """The UDP sockets of this process bound to these ports, or those that listen for TCP: (port, a duplicate)."""
    for link in Path("/proc/self/fd").iterdir():
        try:
            if not str(link.readlink()).startswith("socket:"):
                continue
            sock = socket.socket(fileno=os.dup(int(link.name)))
        except OSError:  # closed while we looked
            continue
        with sock:
            if sock.type is not kind or sock.family not in {socket.AF_INET, socket.AF_INET6}:
                continue
            port = sock.getsockname()[1]
            listens = kind is socket.SOCK_DGRAM or sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if listens and port in ports:
                yield port, sock


class SourceCheck:
    """Reads the SIP messages of all calls and keeps the filters as the newest SDP says. `same_port`: RTP must come from
    the very port; else from the address."""

    def __init__(self, *, same_port: bool) -> None:
        self._same_port = same_port
        self._calls: OrderedDict[int, tuple[MediaAddress | None, MediaAddress | None]] = OrderedDict()

    def message(self, message: Traced) -> None:
        """One message as it was sent or received."""
        address = audio_address(message.text)
        if address is None:
            return
        key = hash(message.call_id)
        before = ours, theirs = self._calls.get(key, (None, None))
        ours, theirs = (address, theirs) if message.sent else (ours, address)
        self._calls[key] = ours, theirs
        self._calls.move_to_end(key)
        if len(self._calls) > _MOST_CALLS:
            self._calls.popitem(last=False)
        if ours is not None and theirs is not None and (ours, theirs) != before:
            self._lock(ours.port, theirs)

    def _lock(self, port: int, far: MediaAddress) -> None:
        """RTP from the far end's address and port; RTCP (the port above) from its address (RFC 3605 moves ports)."""
        code = {
            port: program(far.host, far.port if self._same_port else None),
            port + 1: program(far.host, None),
        }
        locked = set()
        try:
            for found, sock in own_sockets(frozenset(code)):
                attach(sock, code[found])
                locked.add(found)
        except OSError as error:
            logger.warning("RTP cannot be locked to its source: %s", error.strerror)
            return
        if port not in locked:
            logger.debug("no socket to lock", extra={"port": port})
