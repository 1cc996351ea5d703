"""What the kernel drops at the SIP ports, as classic BPF programs (linux/filter.h). Pure: networks in, bytes out.

A socket's filter sees the transport header (UDP's 8 bytes, then the message), and by a negative offset the IP header.
On a TCP socket that listens it drops the very SYN, and the connections that are accepted inherit it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from voicebot.signaling.edge import Flood, Kind, Network

_LOAD_WORD, _LOAD_BYTE, _AND, _SHIFT_RIGHT, _EQUAL, _JUMP, _RETURN = 0x20, 0x30, 0x54, 0x74, 0x15, 0x05, 0x06
_IP_HEADER = -0x100000  # SKF_NET_OFF
_UDP_PAYLOAD = 8
_PASS_ALL = 0x40000
#: BPF_MAXINSNS: a longer program is refused.
MOST_INSTRUCTIONS = 4096
#: Floods blocked at a time.
MOST_BLOCKS = 32

Op = tuple[int, int, int, int]
_PASS: Op = (_RETURN, 0, 0, _PASS_ALL)
_DROP: Op = (_RETURN, 0, 0, 0)


def _word(text: str) -> int:
    return int.from_bytes(text.encode().ljust(4, b" ")[:4], "big")


_ANSWER = _word("SIP/")
#: First words of messages that a source keeps while its other requests are blocked: those of calls that run.
_KEPT = [_word(text) for text in ("SIP/", "INVI", "ACK", "BYE", "CANC", "PRAC", "UPDA", "INFO", "NOTI")]


def _blocked(kind: Kind) -> list[Op]:
    """Drop the source's requests of this kind; what is left of them goes on. The message's first word decides."""
    load: Op = (_LOAD_WORD, 0, 0, _UDP_PAYLOAD)
    if kind is Kind.CALL:
        return [load, (_EQUAL, 0, 1, _word("INVI")), _DROP]
    kept: list[Op] = [(_EQUAL, len(_KEPT) - i, 0, word) for i, word in enumerate(_KEPT)]
    return [load, *kept, _DROP]


def _if_from(network: Network, then: list[Op]) -> list[Op]:
    """`then` for what comes from the network; all else goes on behind it."""
    first = 12 if network.version == 4 else 8  # of the source address: RFC 791 section 3.1, RFC 8200 section 3
    size = network.max_prefixlen // 32
    address = struct.unpack(f"!{size}I", network.network_address.packed)
    mask = struct.unpack(f"!{size}I", network.netmask.packed)
    ops = list(then)
    for i in reversed(range(size)):
        if mask[i]:
            ops = [(_AND, 0, 0, mask[i]), (_EQUAL, 0, len(ops), address[i]), *ops]
            ops.insert(0, (_LOAD_WORD, 0, 0, _IP_HEADER + first + 4 * i))
    return ops


def _if_version(version: int, then: list[Op]) -> list[Op]:
    load: list[Op] = [(_LOAD_BYTE, 0, 0, _IP_HEADER), (_SHIFT_RIGHT, 0, 0, 4)]
    return [*load, (_EQUAL, 1, 0, version), (_JUMP, 0, 0, len(then)), *then]


def _against(flood: Flood, version: int) -> list[Op]:
    ops = _blocked(flood.kind)
    if flood.source is not None:
        return _if_from(flood.source, ops) if flood.source.version == version else []
    for network in flood.spared:
        if network.version == version:
            ops = [*_if_from(network, [(_JUMP, 0, 0, len(ops))]), *ops]
    return ops


def program(carriers: Iterable[Network], floods: Iterable[Flood] = (), *, udp: bool) -> bytes | None:
    """The filter of a SIP socket; None where nothing needs one. From `carriers` (none: anybody) all passes but the
    floods; from others answers to our own requests pass (UDP; over TCP they come on connections we made).

    Raises ValueError where there are too many networks for one program.
    """
    allowed, blocked = list(carriers), list(floods)[:MOST_BLOCKS] if udp else []
    if not allowed and not blocked:
        return None
    ops: list[Op] = []
    for version in (4, 6):
        part: list[Op] = []
        for flood in blocked:
            part += _against(flood, version)
        for network in allowed:
            part += _if_from(network, [_PASS]) if network.version == version else []
        ops += _if_version(version, part) if part else []
    if allowed and udp:
        ops += [(_LOAD_WORD, 0, 0, _UDP_PAYLOAD), (_EQUAL, 0, 1, _ANSWER), _PASS]
    ops.append(_DROP if allowed else _PASS)
    if len(ops) > MOST_INSTRUCTIONS:
        raise ValueError(f"{len(allowed)} networks make a filter of {len(ops)} instructions")
    return b"".join(struct.pack("=HBBI", code, yes, no, k & 0xFFFFFFFF) for code, yes, no, k in ops)
