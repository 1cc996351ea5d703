"""The kernel's filter at the SIP port: run by a small interpreter against made-up packets, and by the kernel itself."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.settings import TelephonySettings
from voicebot.signaling import sip_guard
from voicebot.signaling.baresip_sources import attach
from voicebot.signaling.edge import MOST_SPARED, Edge, Flood, Kind
from voicebot.signaling.sip_filter import MOST_BLOCKS, MOST_INSTRUCTIONS, program
from voicebot.signaling.sip_guard import SipGuard

METHODS = ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE", "PRACK", "SIP/2.0 200"]
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


def passes(code: bytes, source: str, message: str) -> bool:
    """What the kernel would do (linux/filter.h) with a UDP packet."""
    address = ipaddress.ip_address(source)
    header = bytearray(20 if address.version == 4 else 40)
    header[0] = address.version << 4
    first = 12 if address.version == 4 else 8
    header[first : first + len(address.packed)] = address.packed
    data, ops, at, a = bytes(8) + message.encode(), list(struct.iter_unpack("=HBBI", code)), 0, 0
    while True:
        op, yes, no, k = ops[at]
        at += 1
        if op in {0x20, 0x30}:
            offset = k - 2**32 + 0x100000 if k >= 2**31 else k
            where, size = (header, 4 if op == 0x20 else 1) if k >= 2**31 else (data, 4)
            if offset + size > len(where):
                return False
            a = int.from_bytes(where[offset : offset + size], "big")
        elif op == 0x54:
            a &= k
        elif op == 0x74:
            a >>= k
        elif op == 0x15:
            at += yes if a == k else no
        elif op == 0x05:
            at += k
        else:
            assert op == 0x06, op
            return k > 0


@st.composite
def some_networks(draw: st.DrawFn) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    found = []
    for address in draw(st.lists(addresses, max_size=6)):
        bits = draw(st.integers(0, address.max_prefixlen))
        found.append(ipaddress.ip_network((address, bits), strict=False))
    return found


@given(some_networks(), addresses, st.data())
def test_only_carriers_send_requests_and_anybody_answers(carriers, source, data) -> None:
    if carriers and data.draw(st.booleans()):
        within = data.draw(st.sampled_from(carriers))
        source = within[data.draw(st.integers(0, min(within.num_addresses - 1, 2**40)))]
    message = data.draw(st.sampled_from(METHODS))
    code = program(carriers, udp=True)
    if not carriers:
        assert code is None
        return
    assert code is not None
    known = any(source in network for network in carriers)
    assert passes(code, str(source), message + " x") == (known or message.startswith("SIP/"))
    listening = program(carriers, udp=False)
    assert listening is not None
    assert passes(listening, str(source), "") == known


@pytest.mark.parametrize("carriers", [[], ["192.0.2.0/24", "2001:db8::/32"]])
@pytest.mark.parametrize("source", ["192.0.2.1", "2001:db8::1"])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_blocked_source_keeps_its_calls(carriers: list[str], source: str, kind: Kind) -> None:
    """While its new calls are blocked all else passes; while all else is blocked its calls and new ones pass."""
    known = [ipaddress.ip_network(carrier) for carrier in carriers]
    code = program(known, [Flood(kind, ipaddress.ip_network(source))], udp=True)
    assert code is not None
    passed = {method for method in METHODS if passes(code, source, method + " x")}
    others = {"OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE"}
    assert passed == set(METHODS) - ({"INVITE"} if kind is Kind.CALL else others)
    neighbour = "192.0.2.2" if ":" not in source else "2001:db8::2"
    assert all(passes(code, neighbour, method + " x") for method in METHODS)


@pytest.mark.parametrize("carriers", [[], ["192.0.2.0/24", "2001:db8::/32"]])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_flood_from_everywhere_leaves_the_spared_alone(carriers: list[str], kind: Kind) -> None:
    spared = ["192.0.2.1", "2001:db8::1", "192.0.2.9", "2001:db8::9"]
    flood = Flood(kind, None, tuple(map(ipaddress.ip_network, spared)))
    code = program([ipaddress.ip_network(carrier) for carrier in carriers], [flood], udp=True)
    assert code is not None
    others = {"INVITE"} if kind is Kind.CALL else {"OPTIONS", "REGISTER", "SUBSCRIBE", "MESSAGE"}
    for method in METHODS:
        assert all(passes(code, source, method + " x") for source in spared)
        assert all(passes(code, source, method + " x") != (method in others) for source in ("192.0.2.2", "2001:db8::2"))


def test_as_many_carriers_as_may_be_set_fit_into_a_program_the_kernel_takes() -> None:
    carriers = [ipaddress.ip_network(f"2001:db8::{i:x}") for i in range(128 + 16)]  # and what our trunks add
    spared = tuple(ipaddress.ip_network(f"2001:db8:2::{i:x}") for i in range(MOST_SPARED))
    floods = [Flood(kind, None, spared) for kind in Kind]
    floods += [Flood(Kind.OTHER, ipaddress.ip_network(f"2001:db8:1::{i:x}")) for i in range(MOST_BLOCKS + 5)]
    code = program(carriers, floods, udp=True)
    assert code is not None
    assert len(code) // 8 <= MOST_INSTRUCTIONS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        attach(sock, code)
    with pytest.raises(ValueError, match="400 networks"):
        program([ipaddress.ip_network(f"2001:db8::{i:x}") for i in range(400)], udp=True)


def bound(host: str, kind: socket.SocketKind = socket.SOCK_DGRAM) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind((host, 0))
    sock.settimeout(0.5)
    return sock


def edge(*carriers: str) -> Edge:
    return Edge(TelephonySettings(), tuple(map(ipaddress.ip_network, carriers)), now=time.monotonic())


async def test_the_kernel_drops_strangers_on_udp_and_tcp_and_counts_them() -> None:
    with bound("127.0.0.1") as ours, bound("127.0.0.1", socket.SOCK_STREAM) as listens, bound("127.0.0.2") as stranger:
        listens.listen()
        port, tcp = ours.getsockname()[1], listens.getsockname()[1]
        guard = SipGuard(edge("127.0.0.3/32", "127.0.0.4/31"))
        guard.open(frozenset({port, tcp}))
        for said in (b"INVITE sip:a SIP/2.0", b"OPTIONS sip:a SIP/2.0", b"hm"):
            stranger.sendto(said, ("127.0.0.1", port))
        assert guard.counts().kernel == 3
        stranger.sendto(b"SIP/2.0 200 OK", ("127.0.0.1", port))
        assert ours.recv(100) == b"SIP/2.0 200 OK"
        with bound("127.0.0.5") as carrier:
            carrier.sendto(b"INVITE sip:b SIP/2.0", ("127.0.0.1", port))
            assert ours.recv(100) == b"INVITE sip:b SIP/2.0"
        with bound("127.0.0.2", socket.SOCK_STREAM) as caller, pytest.raises(TimeoutError):
            caller.connect(("127.0.0.1", tcp))
        with bound("127.0.0.3", socket.SOCK_STREAM) as caller:
            caller.connect(("127.0.0.1", tcp))
            accepted, _ = listens.accept()
            with accepted:
                caller.sendall(b"OPTIONS")
                assert accepted.recv(100) == b"OPTIONS"
        guard.close()


def on_six(kind: socket.SocketKind = socket.SOCK_DGRAM) -> socket.socket:
    sock = socket.socket(socket.AF_INET6, kind)
    sock.settimeout(0.5)
    sock.bind(("::1", 0))
    return sock


def six_is_there() -> bool:
    try:
        on_six().close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not six_is_there(), reason="IPv6 is absent on loopback")
async def test_the_kernel_knows_strangers_over_ipv6() -> None:
    for carrier, served in (("2001:db8::/32", False), ("::1/128", True)):
        with on_six() as ours, on_six(socket.SOCK_STREAM) as listens, on_six() as other:
            listens.listen()
            address, tcp = ours.getsockname(), listens.getsockname()
            guard = SipGuard(edge("192.0.2.0/24", carrier))
            guard.open(frozenset({address[1], tcp[1]}))
            for said in (b"INVITE sip:a SIP/2.0", b"SIP/2.0 200 OK"):
                other.sendto(said, address)
            heard = [ours.recv(100)] + ([ours.recv(100)] if served else [])
            assert heard[-1] == b"SIP/2.0 200 OK"
            assert (guard.counts().kernel, len(heard)) == ((0, 2) if served else (1, 1))
            with on_six(socket.SOCK_STREAM) as caller:
                if served:
                    caller.connect(tcp)
                else:
                    with pytest.raises(TimeoutError):
                        caller.connect(tcp)
            guard.close()


@pytest.mark.skipif(not six_is_there(), reason="IPv6 is absent on loopback")
async def test_a_flood_over_ipv6_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_guard, "BLOCK_S", 0.2)
    with on_six() as ours, on_six() as flood:
        guard = SipGuard(edge())
        guard.open(frozenset({ours.getsockname()[1]}))
        guard.flooded(Flood(Kind.OTHER, ipaddress.ip_network("::1")))
        await asyncio.sleep(0.05)
        for said in (b"OPTIONS sip:a SIP/2.0", b"INVITE sip:a SIP/2.0"):
            flood.sendto(said, ours.getsockname())
        assert ours.recv(100).startswith(b"INVITE")
        guard.close()


async def test_a_flood_is_blocked_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sip_guard, "BLOCK_S", 0.2)
    with bound("127.0.0.1") as ours, bound("127.0.0.2") as flood:
        guard = SipGuard(edge())
        address = ours.getsockname()
        guard.open(frozenset({address[1]}))
        guard.flooded(Flood(Kind.CALL, ipaddress.ip_network("127.0.0.2")))
        await asyncio.sleep(0.05)
        for said in (b"INVITE sip:a SIP/2.0", b"BYE sip:a SIP/2.0"):
            flood.sendto(said, address)
        assert ours.recv(100).startswith(b"BYE")
        await asyncio.sleep(0.3)
        flood.sendto(b"INVITE sip:b SIP/2.0", address)
        assert ours.recv(100).startswith(b"INVITE")
        guard.close()
