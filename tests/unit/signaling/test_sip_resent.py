"""What is sent again is what left first; and the trace's own thread."""

from __future__ import annotations

import pytest

from voicebot.signaling.baresip_trace import Trace, Traced
from voicebot.signaling.sip_resent import FirstSent


def request(method: str = "INVITE", branch: str = "z9hG4bK1", version: int = 9, more: str = "") -> bytes:
    return (
        f"{method} sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch={branch};rport\r\nCSeq: 7 {method}\r\n"
        f"{more}\r\no=- 1 {version} IN IP4 127.0.0.1\r\n"
    ).encode()


def answer(status: int, branch: str = "z9hG4bK1", method: str = "INVITE") -> bytes:
    return (
        f"SIP/2.0 {status} X\r\nv: SIP/2.0/UDP 127.0.0.1;rport=1;branch={branch}\r\nCSeq: 7 {method}\r\n\r\n".encode()
    )


def test_the_second_time_is_like_the_first() -> None:
    first_sent = FirstSent()
    first = request(version=1, more="Session-Expires: 90\r\n")
    anew = request(version=2, more="User-Agent: xyzabcd\r\n")
    assert first_sent.again(first) is None
    first_sent.sent(first)
    assert first_sent.again(anew) == first
    assert first_sent.again(anew) == first


def test_a_longer_one_is_filled_with_spaces() -> None:
    first_sent = FirstSent()
    first_sent.sent(request(version=9))
    again = first_sent.again(request(version=10))
    assert again is not None
    assert len(again) == len(request(version=10))
    assert again.replace(b" \r\n\r\n", b"\r\n\r\n") == request(version=9)
    assert first_sent.again(b"x") is None


def test_a_shorter_one_leaves_as_it_is() -> None:
    first_sent = FirstSent()
    first_sent.sent(request(version=10))
    assert first_sent.again(request(version=9)) is None


@pytest.mark.parametrize(
    "other", [request(branch="z9hG4bK2"), request("CANCEL"), request("ACK"), answer(200)], ids=lambda raw: raw[:7]
)
def test_another_transaction_is_another(other: bytes) -> None:
    first_sent = FirstSent()
    first_sent.sent(request(version=1))
    assert first_sent.again(other) is None


def test_a_final_answer_ends_it() -> None:
    first_sent = FirstSent()
    first_sent.sent(request())
    first_sent.received(answer(180))
    first_sent.received(answer(200, method="CANCEL"))
    assert first_sent.again(request()) is not None
    first_sent.received(answer(486))
    assert first_sent.again(request()) is None


def test_no_ack_and_not_too_many_are_kept() -> None:
    first_sent = FirstSent()
    first_sent.sent(request("ACK"))
    assert first_sent.again(request("ACK")) is None
    first_sent.sent(request(branch="z9hG4bKfirst"))
    for number in range(600):
        first_sent.sent(request(branch=f"z9hG4bK{number}"))
    assert first_sent.again(request(branch="z9hG4bKfirst")) is None
    assert first_sent.again(request(branch="z9hG4bK599")) is not None


def test_a_reader_that_fails_stops_nobody() -> None:
    read: list[str] = []

    def fails(_message: Traced) -> None:
        raise ValueError

    trace = Trace((fails, lambda message: read.append(message.text)), show=False)
    trace.start()
    for text in ("one", "two"):
        trace.put(Traced(True, "UDP", "a:1", "b:2", "call-1", text))
    trace.stop()
    assert read == ["one", "two"]
