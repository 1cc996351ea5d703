"""Mutated SIP, SDP, RTP and RTCP (Hypothesis, always the same): an answer or nothing, never a crash or leak."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.foreign.caller import Caller, caller, rtp
from tests.foreign.process import BotProcess
from tests.foreign.sound import packets
from tests.foreign.test_torture import MESSAGES, wire

pytestmark = pytest.mark.timeout(180)

same_ones = settings(
    derandomize=True, deadline=None, database=None, max_examples=1000, suppress_health_check=list(HealthCheck)
)

#: Bytes that parsers of SIP, SDP and their numbers dislike.
SPICE = (
    b"\0", b"\r\n", b"\r\n\r\n", b"\n", b'"', b"<", b">", b"%00", b"%s%n", b";", b",", b":", b"=", b"@", b"[", b"]:",
    b"4294967296", b"-1", b"99999999999999999999", b"A" * 3000, b" " * 500, b";x" * 300, b"a=" * 200, b"::1",
)  # fmt: skip
METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY",
           "SUBSCRIBE", "MESSAGE", "PUBLISH")  # fmt: skip

#: One mutation: (what, where in 0..1, how much in 0..1, which spice or byte).
mutation = st.tuples(
    st.sampled_from(("cut", "double", "put", "flip", "end", "swap")),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 255),
)
mutations = st.lists(mutation, min_size=1, max_size=4)


def mutated(data: bytes, changes: list[tuple[str, float, float, int]]) -> bytes:
    """The datagram with these changes, at most as long as UDP takes."""
    for what, where, much, which in changes:
        at = int(where * len(data))
        to = min(len(data), at + 1 + int(much**3 * len(data)))
        if what == "cut":
            data = data[:at] + data[to:]
        elif what == "double":
            data = data[:to] + data[at:]
        elif what == "put":
            data = data[:at] + SPICE[which % len(SPICE)] + data[at:]
        elif what == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ (which or 1)]) + data[at + 1 :]
        elif what == "end":
            data = data[:at]
        elif what == "swap":
            data = data[at:to] + data[:at] + data[to:]
    return data[:60_000]


@pytest.fixture(scope="module")
def stranger(bot: BotProcess) -> Iterator[Caller]:
    made = Caller(bot.address)
    yield made
    made.close()


@pytest.fixture
def alive(bot: BotProcess) -> Callable[[], None]:
    """Called after each datagram; each hundredth time the bot must answer an OPTIONS. It also paces: what is lost in a
    full socket buffer tests nothing."""
    count = itertools.count(1)

    def look() -> None:
        if next(count) % 100 == 0:
            with caller(bot.address) as other:
                assert other.options() == 200
        time.sleep(0.0005)

    return look


def originals(stranger: Caller) -> list[bytes]:
    """Messages to spoil: a request of each method, answers, and the RFCs' own torture."""
    stranger.to_tag = ""
    made = [stranger.message(method, stranger.offer() if method in {"INVITE", "UPDATE"} else "") for method in METHODS]
    refer = stranger.message("REFER", more=f"Refer-To: <sip:premium@127.0.0.1:{stranger.port}>\r\n")
    answers = [
        b"SIP/2.0 %d X\r\n" % status + made[0].partition(b"\r\n")[2] for status in (100, 183, 200, 302, 407, 487)
    ]
    return [*made, refer, *answers, *map(wire, MESSAGES)]


def test_spoiled_sip(bot: BotProcess, stranger: Caller, alive: Callable[[], None]) -> None:
    seeds = originals(stranger)

    @same_ones
    @given(st.integers(0, len(seeds) - 1), mutations)
    def send(which: int, changes: list[tuple[str, float, float, int]]) -> None:
        stranger.send(mutated(seeds[which], changes))
        alive()

    send()
    assert bot.process.poll() is None


def test_spoiled_sdp(bot: BotProcess, alive: Callable[[], None]) -> None:
    """In INVITEs whose SIP is right, so that it is the SDP that is read; taken calls are hung up."""
    with caller(bot.address) as customer:
        offer = customer.offer().encode()

        @same_ones
        @given(mutations)
        def send(changes: list[tuple[str, float, float, int]]) -> None:
            body = mutated(offer, changes).decode("latin-1").encode("ascii", "replace").decode()
            customer.call_id, customer.to_tag, customer.target = f"sdp{time.monotonic_ns()}", "", customer.target
            customer.send(customer.message("INVITE", body))
            customer.send(customer.message("CANCEL", cseq=customer._cseq))
            alive()

        send()
        while customer.receive(0.2) is not None:
            continue
    assert bot.process.poll() is None


def rtcp() -> list[bytes]:
    """A sender report, a receiver report, SDES, BYE, APP, feedback and an extended report (RFC 3550, 4585, 3611)."""
    ssrc = (1).to_bytes(4, "big")
    reports = {200: 24, 201: 28, 202: 12, 203: 4, 204: 8, 205: 12, 206: 8, 207: 16}
    return [
        bytes([0x81, kind]) + (size // 4).to_bytes(2, "big") + ssrc + random.Random(kind).randbytes(size - 4)
        for kind, size in reports.items()
    ]


def test_spoiled_rtp_and_rtcp_in_a_call(bot: BotProcess, alive: Callable[[], None]) -> None:
    """From the caller's own ports (others never reach the stack, test_stranger.py). The call lives through it."""
    bot.wait_idle(45)
    with caller(bot.address) as customer:
        assert customer.call() == 200
        payload = packets(450, 0.02)[0]
        sound = [rtp(1, payload), rtp(2, payload, kind=0), rtp(3, b"\5\x8a\3\x20", kind=101), rtp(4, b"", kind=13)]
        numbers = itertools.count()

        def send_to(port: int, seeds: list[bytes]) -> Callable[[], None]:
            @same_ones
            @given(st.integers(0, len(seeds) - 1), mutations)
            def send(which: int, changes: list[tuple[str, float, float, int]]) -> None:
                data = bytearray(mutated(seeds[which], changes))
                if next(numbers) % 2 and len(data) >= 4 and seeds is sound:
                    data[2:4] = (next(numbers) & 0xFFFF).to_bytes(2, "big")
                customer.media.sendto(bytes(data), ("127.0.0.1", port))
                alive()

            return send

        send_to(customer.bot_media[1], sound)()
        send_to(customer.bot_media[1] + 1, rtcp())()
        assert bot.ask("counters")["live"] == 1
        assert customer.hang_up() == 200
        customer.to_tag = ""


def test_nothing_is_left_of_it(bot: BotProcess) -> None:
    bot.wait_idle(45)
    with caller(bot.address) as customer:
        assert customer.call() == 200
    bot.wait_idle()
    attempts = bot.ask("attempts")
    assert attempts
    assert all(attempt["disposition"] for attempt in attempts)
    text = Path(bot.log).read_text(errors="replace")
    assert "Traceback" not in text
    assert "attempt failed: " not in text
