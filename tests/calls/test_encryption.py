"""TLS to the trunk and SRTP on the line, seen from the other end by Python's own ssl and a plain socket."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest

from tests.support.far_end import NUMBER, bot_line
from tests.support.idle import until
from tests.support.sip_peer import CERTIFICATE, sip_peer
from tests.support.sip_source import Source
from voicebot.errors import CallError
from voicebot.settings import TelephonySettings, TrunkSettings
from voicebot.signaling.baresip_agent import BaresipSignaling

DATA = Path(__file__).parent.parent / "data"


@contextlib.asynccontextmanager
async def agent(**trunk):
    signaling = BaresipSignaling(
        TelephonySettings(port=0, certificate=DATA / "loopback_key_and_cert.pem"), TrunkSettings(**trunk)
    )
    await signaling.start()
    try:
        yield signaling
    finally:
        await signaling.close()


@contextlib.asynccontextmanager
async def tls_server():
    """Takes one SIP message over TLS."""
    seen: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader, writer):
        seen.put_nowait(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(DATA / "loopback_key_and_cert.pem")
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


async def test_the_invite_goes_out_over_tls_to_a_server_we_can_check():
    async with (
        tls_server() as (port, seen),
        agent(server=f"127.0.0.1:{port}", transport="tls", ca_file=DATA / "loopback_cert.pem") as signaling,
    ):
        leg = await signaling.dial("123")
        message = await asyncio.wait_for(seen.get(), 10)
        assert message.startswith(b"INVITE sip:123@127.0.0.1")
        assert b"SIP/2.0/TLS" in message
        await leg.hang_up()


async def test_a_server_that_we_cannot_check_gets_nothing():
    async with (
        tls_server() as (port, seen),
        agent(server=f"127.0.0.1:{port}", transport="tls", ca_file=DATA / "another_cert.pem") as signaling,
    ):
        leg = await signaling.dial("123")
        with pytest.raises(CallError):
            await leg.wait_answered(10)
        assert seen.empty()


def over_tls(server: str) -> TrunkSettings:
    return TrunkSettings(server=server, transport="tls", ca_file=DATA / "loopback_cert.pem")


async def test_a_call_over_tls_is_refreshed_by_its_session_timer():
    """RFC 4028: after half of 3 s, on the connection that the call was made on."""
    async with (
        sip_peer(100, 180, (200, "Session-Expires: 3;refresher=uac"), transport="tls") as peer,
        bot_line(peer.server, over_tls(peer.server), certificate=CERTIFICATE, session_expires_s=3) as bot,
    ):
        leg = await bot.signaling.dial(NUMBER)
        await leg.wait_answered(5)
        await until(lambda: len(peer.got("INVITE")) == 3, "two refreshes", 5)
        first, *refreshes = peer.got("INVITE")
        assert first.header("Session-Expires") == "3"
        assert [request.header("Session-Expires") for request in refreshes] == ["3;refresher=uac"] * 2
        assert all(
            1.0 < later.at - sooner.at < 2.0 for sooner, later in zip(peer.got("INVITE"), refreshes, strict=False)
        )
        await leg.hang_up()
        await until(lambda: peer.got("BYE"), "BYE")
        assert {request.header("Via").split()[0] for request in peer.requests} == {"SIP/2.0/TLS"}
        assert peer.connections == 1


async def test_a_call_over_tls_whose_far_end_does_not_refresh_is_ended():
    async with (
        sip_peer(100, (200, "Session-Expires: 2;refresher=uas"), transport="tls") as peer,
        bot_line(peer.server, over_tls(peer.server), certificate=CERTIFICATE, session_expires_s=2) as bot,
    ):
        leg = await bot.signaling.dial(NUMBER)
        await leg.wait_answered(5)
        await until(lambda: peer.got("BYE"), "BYE", 4)
        await until(lambda: leg.ended is not None, "our side knows")
        assert leg.ended is not None
        assert leg.ended.reason == "the session timer ran out"


async def test_a_stranger_cannot_even_connect_by_tls():
    trunk = over_tls("127.0.0.1:9")
    async with bot_line(trunk.server, trunk, certificate=CERTIFICATE, carriers=("127.0.0.3",)) as line:
        with pytest.raises(TimeoutError):
            async with Source("127.0.0.2", line.port + 1, tls=CERTIFICATE.with_name("loopback_cert.pem")):
                pass
        async with Source("127.0.0.3", line.port + 1, tls=CERTIFICATE.with_name("loopback_cert.pem")) as carrier:
            assert (await carrier.ask("OPTIONS"))[0] == 200
        assert line.signaling.turned_away.kernel >= 1


@pytest.mark.parametrize(("encryption", "wanted"), [
    ("none", [b"RTP/AVP"]),
    ("srtp-mand", [b"RTP/SAVP", b"a=crypto:", b"AES_CM_128_HMAC_SHA1_80 inline:"]),
    ("dtls_srtp", [b"UDP/TLS/RTP/SAVPF", b"a=fingerprint:SHA-256"]),
])  # fmt: skip
async def test_the_offer_says_how_the_sound_is_encrypted(encryption, wanted):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trunk:
        trunk.bind(("127.0.0.1", 0))
        trunk.setblocking(False)
        async with agent(server=f"127.0.0.1:{trunk.getsockname()[1]}", media_encryption=encryption) as signaling:
            leg = await signaling.dial("123")
            invite = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(trunk, 8192), 5)
            for part in wanted:
                assert part in invite
            assert (b"a=crypto" in invite) == (encryption == "srtp-mand")
            await leg.hang_up()
