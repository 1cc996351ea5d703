"""Whose RTP is taken: the address in a SIP message's SDP, and the kernel's filter for it (on loopback)."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from voicebot.signaling.baresip_sources import MediaAddress, attach, audio_address, own_sockets, program

HOME = ipaddress.ip_address("127.0.0.1")


def message(sdp: str) -> str:
    return "INVITE sip:a SIP/2.0\r\nCall-ID: x\r\n\r\n" + sdp.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("sdp", "found"),
    [
        ("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8", ("192.0.2.1", 4000)),
        ("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/SAVP 8\nc=IN IP4 192.0.2.2\n", ("192.0.2.2", 4000)),
        (
            "c=IN IP6 2001:db8::1\nm=video 1 RTP/AVP 99\nc=IN IP4 192.0.2.9\nm=audio 4002 RTP/AVP 8",
            ("2001:db8::1", 4002),
        ),
        ("c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 8", None),
        ("c=IN IP4 host.example.com\nm=audio 4000 RTP/AVP 8", None),
        ("c=IN IP4 192.0.2.1\nm=audio 0 RTP/AVP 8", None),
        ("c=IN IP4 192.0.2.1\nm=audio 70000 RTP/AVP 8", None),
        ("m=audio 4000 RTP/AVP 8", None),
        ("", None),
    ],
)
def test_the_address_of_the_audio(sdp: str, found: tuple[str, int] | None) -> None:
    wanted = MediaAddress(ipaddress.ip_address(found[0]), found[1]) if found else None
    assert audio_address(message(sdp)) == wanted


@pytest.mark.parametrize("same_port", [True, False])
def test_the_filter_lets_only_that_source_through(same_port: bool) -> None:
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
    mine, wanted, neighbour, stranger = made
    try:
        for sock, host in zip(made, ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"), strict=True):
            sock.bind((host, 0))
        port = mine.getsockname()[1]
        code = program(HOME, wanted.getsockname()[1] if same_port else None)
        (found,) = [attach(sock, code) or number for number, sock in own_sockets(frozenset({port}))]
        assert found == port
        for sock, said in ((stranger, b"stranger"), (neighbour, b"neighbour"), (wanted, b"wanted")):
            sock.sendto(said, ("127.0.0.1", port))
        mine.settimeout(1)
        assert mine.recv(100) == (b"wanted" if same_port else b"neighbour")
    finally:
        for sock in made:
            sock.close()


def test_the_filter_for_ipv6_is_as_long_as_it_should_be() -> None:
    assert len(program(ipaddress.ip_address("::1"), 5000)) == 8 * (2 * 5 + 2)
