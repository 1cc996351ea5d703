"""What comes to the port, however spoiled, ends in an answer or nothing. No far end: answers are only kept."""

from __future__ import annotations

import asyncio
import random
import warnings
from collections.abc import AsyncIterator

import pytest

from voicebot.errors import CallEnded
from voicebot.model.ports import CallLeg
from voicebot.settings import TelephonySettings, TrunkSettings
from voicebot.signaling.pyvoip_agent import PyvoipSignaling
from voicebot.signaling.pyvoip_messages import headers

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8 0 101\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
)
HEADERS = (
    "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKa\r\nTo: <sip:bank@127.0.0.1>\r\nFrom: <sip:100@127.0.0.1>;tag=1\r\n"
    "Call-ID: {}\r\nCSeq: 7 {}\r\nContact: <sip:100@127.0.0.1:9>\r\nContent-Type: application/sdp\r\n\r\n"
)
NOBODY = ("127.0.0.1", 9)


class Port:
    """The agent without a network: what it sends is kept."""

    def __init__(self) -> None:
        settings = TelephonySettings(driver="pyvoip", port=0, rtp_ports=(32000, 32400), calls_per_s=0)
        self.agent = PyvoipSignaling(settings, TrunkSettings(server="127.0.0.1:9"))
        self.legs: list[CallLeg] = []
        self.sent: list[str] = []
        self.agent.on_incoming(self.legs.append)
        self.agent._wire.send = lambda text, _to: self.sent.append(text)  # type: ignore[method-assign]

    def comes(self, method: str, call_id: str = "c", body: str = SDP) -> list[str]:
        """A request comes; the first lines of what is sent back."""
        return self.raw((f"{method} sip:bank@127.0.0.1 SIP/2.0\r\n" + HEADERS.format(call_id, method) + body).encode())

    def raw(self, data: bytes) -> list[str]:
        """A datagram comes."""
        before = len(self.sent)
        self.agent._wire.datagram_received(data, NOBODY)
        return [text.partition("\r\n")[0] for text in self.sent[before:]]


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    port = Port()
    await port.agent.start()
    yield port
    await port.agent.close()


@pytest.mark.parametrize(
    ("method", "first"),
    [
        ("OPTIONS", "SIP/2.0 200 OK"),
        ("BYE", "SIP/2.0 481 Call Does Not Exist"),
        ("CANCEL", "SIP/2.0 481 Call Does Not Exist"),
        ("REFER", "SIP/2.0 405 Method Not Allowed"),
        ("MESSAGE", "SIP/2.0 405 Method Not Allowed"),
    ],
)
async def test_a_request_outside_a_call_is_answered(port: Port, method: str, first: str) -> None:
    assert port.comes(method) == [first]
    assert port.comes("ACK") == []


async def test_an_invite_rings_once_and_its_repetition_gets_the_same_answer(port: Port) -> None:
    assert port.comes("INVITE") == ["SIP/2.0 180 Ringing"]
    assert port.comes("INVITE") == ["SIP/2.0 180 Ringing"]
    assert len(port.legs) == 1
    assert port.sent[0] == port.sent[1]
    await port.legs[0].reject(503)
    assert "\r\nRetry-After: 10\r\n" in port.sent[-1]
    assert port.comes("INVITE") == ["SIP/2.0 503 Service Unavailable"]


@pytest.mark.parametrize("body", ["", SDP.replace("8 0 101", "111"), SDP.replace("AVP", "AVPX"), "rubbish"])
async def test_media_we_cannot_do_is_refused(port: Port, body: str) -> None:
    assert port.comes("INVITE", body=body) == ["SIP/2.0 488 Not Acceptable Here"]
    assert port.legs == []


async def test_an_answer_without_its_ack_is_sent_again_and_given_up(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebot.signaling.pyvoip_wire.T1_S", 0.01)
    monkeypatch.setattr("voicebot.signaling.pyvoip_wire.GIVE_UP_S", 0.2)
    port.comes("INVITE")
    with pytest.raises(CallEnded):
        await port.legs[0].answer()
    assert [text.startswith("SIP/2.0 200 OK") for text in port.sent].count(True) >= 4
    assert port.legs[0].ended is not None
    assert port.legs[0].ended.by == "network"


async def test_a_bye_without_our_tag_ends_nothing(port: Port) -> None:
    port.comes("INVITE")
    assert port.comes("BYE") == ["SIP/2.0 481 Call Does Not Exist"]
    assert port.legs[0].ended is None


PROXIES = "Record-Route: <sip:near@127.0.0.1:9;lr>\r\nRecord-Route: <sip:far@127.0.0.1:8;lr>\r\nVia:"


async def test_proxies_that_stay_in_the_path_are_passed_again(port: Port) -> None:
    """RFC 3261 sections 12.1.1, 12.1.2: in order where we were called, backwards where we call."""
    whole = "INVITE sip:bank@127.0.0.1 SIP/2.0\r\n" + HEADERS.format("in", "INVITE") + SDP
    port.raw(whole.replace("Via:", PROXIES, 1).encode())
    answering = asyncio.create_task(port.legs[0].answer())
    await asyncio.sleep(0)
    assert headers(port.sent[-1], "Record-Route") == ["<sip:near@127.0.0.1:9;lr>", "<sip:far@127.0.0.1:8;lr>"]
    port.comes("ACK", "in")
    await answering
    inbound = asyncio.create_task(port.legs[0].hang_up())
    await asyncio.sleep(0)
    assert headers(port.sent[-1], "Route") == ["<sip:near@127.0.0.1:9;lr>", "<sip:far@127.0.0.1:8;lr>"]
    leg = await port.agent.dial("100")
    branch = port.sent[-1].partition("branch=")[2].partition("\r\n")[0]
    whole = "SIP/2.0 200 OK\r\n" + HEADERS.format(leg.call_id, "INVITE").replace("z9hG4bKa", branch) + SDP
    assert port.raw(whole.replace("Via:", PROXIES, 1).encode()) == ["ACK sip:100@127.0.0.1:9 SIP/2.0"]
    outbound = asyncio.create_task(leg.hang_up())
    await asyncio.sleep(0)
    assert port.sent[-1].startswith("BYE sip:100@127.0.0.1:9 SIP/2.0")
    for text in port.sent[-2:]:
        assert headers(text, "Route") == ["<sip:far@127.0.0.1:8;lr>", "<sip:near@127.0.0.1:9;lr>"]
    for waiting in (inbound, outbound):
        waiting.cancel()


async def test_our_own_call_that_comes_back_is_no_reinvite(port: Port) -> None:
    leg = await port.agent.dial("100")
    assert leg.call_id is not None
    assert port.comes("INVITE", leg.call_id) == ["SIP/2.0 482 Loop Detected"]
    await leg.hang_up()


@pytest.mark.parametrize("method", ["INVITE", "BYE", "OPTIONS", "CANCEL", "ACK"])
async def test_no_spoiled_request_breaks_it(port: Port, method: str) -> None:
    chance = random.Random(method)
    whole = f"{method} sip:bank@127.0.0.1 SIP/2.0\r\n" + HEADERS + SDP
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(400):
            data = bytearray(whole.format(number, method).encode())
            for _ in range(chance.randrange(1, 5)):
                at = chance.randrange(len(data))
                data[at : at + chance.randrange(8)] = chance.choice(
                    [b"", b"\r\n", b":", b"\xff", b"9" * 30, b" ", b"<;="]
                )
            assert len(port.raw(bytes(data))) <= 1
    await asyncio.gather(*(leg.hang_up() for leg in port.legs))
    assert port.agent.live == 0


@pytest.mark.parametrize("status", ["100 Trying", "200 OK", "407 x", "486 x", "abc x", "99999 x"])
async def test_no_spoiled_answer_breaks_it(port: Port, status: str) -> None:
    chance = random.Random(status)
    for _ in range(60):
        leg = await port.agent.dial("100")
        branch = port.sent[-1].partition("branch=")[2].partition("\r\n")[0]
        whole = f"SIP/2.0 {status}\r\n" + HEADERS.format(leg.call_id, "INVITE").replace("z9hG4bKa", branch) + SDP
        data = bytearray(whole.encode())
        at = chance.randrange(len(data))
        data[at : at + chance.randrange(8)] = chance.choice([b"", b"\r\n", b":", b"\xff", b"9" * 30, b" ", b"<;="])
        port.raw(bytes(data))
        hanging_up = asyncio.create_task(leg.hang_up())
        await asyncio.sleep(0)
        assert leg.ended is not None
        hanging_up.cancel()
    assert port.agent.live == 0
