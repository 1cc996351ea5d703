"""Who may send requests and what becomes of them: the decision both drivers ask for."""

from __future__ import annotations

import ipaddress
import logging

import pytest

from voicebot.errors import AdmissionError
from voicebot.model.trunk import SourceState
from voicebot.settings import TelephonySettings
from voicebot.signaling.edge import Edge, Flood, Kind, traffic
from voicebot.signaling.rate import PROBATION_S, Verdict
from voicebot.signaling.sip_guard import networks

HOST = "192.0.2.1"


def edge(*carriers: str, **telephony: object) -> Edge:
    settings = TelephonySettings(**{"calls_per_s": 1.0, "burst": 2, **telephony})  # type: ignore[arg-type]
    return Edge(settings, tuple(map(ipaddress.ip_network, carriers)), now=0.0)


@pytest.mark.parametrize(
    ("source", "known"),
    [
        ("192.0.2.7", True),
        ("192.0.3.7", False),
        ("198.51.100.1", True),
        ("198.51.100.2", False),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_only_carriers_are_known(source: str, known: bool) -> None:
    assert edge("192.0.2.0/24", "198.51.100.1", "2001:db8::/32").knows(source) is known
    assert edge().knows(source)


def test_a_stranger_is_dropped_and_counted() -> None:
    guarded = edge("192.0.2.0/24")
    assert guarded.judge("203.0.113.1", Kind.CALL, 0.0) is Verdict.DROP
    assert guarded.counts.strangers == 1
    assert guarded.flood("203.0.113.1", Kind.CALL, 0.0) is None


def test_what_each_source_asked_for_is_told() -> None:
    guarded = edge(calls_per_s=1.0, burst=20)
    guarded.judge("192.0.2.9", Kind.OTHER, 0.0)
    for _ in range(3):
        guarded.judge(HOST, Kind.CALL, 0.0)
    guarded.judge(HOST, Kind.CALL, 0.0, room=False)
    told = (SourceState(HOST, 3, 1, 0, 0, 16.0), SourceState("192.0.2.9", 0, 0, 1, 0, 20.0))
    assert guarded.sources(0.0) == told
    assert traffic(guarded, guarded.counts, 0.0).turned_away["no_room"] == 1


def test_a_flood_of_options_leaves_the_calls_alone() -> None:
    guarded = edge()
    verdicts = [guarded.judge(HOST, Kind.OTHER, 0.0) for _ in range(500)]
    assert verdicts[-1] is Verdict.DROP
    assert guarded.flood(HOST, Kind.OTHER, 0.0) == Flood(Kind.OTHER, ipaddress.ip_network(HOST))
    assert guarded.judge(HOST, Kind.CALL, 0.0) is Verdict.ADMIT
    assert guarded.counts.others_limited == 498
    assert guarded.counts.calls_limited == 0


def test_a_flood_from_everywhere_spares_who_was_there_before() -> None:
    guarded = edge()
    assert guarded.judge(HOST, Kind.CALL, 0.0) is Verdict.ADMIT
    for i in range(1000):
        last = f"203.0.{i >> 8}.{i & 255}"
        verdict = guarded.judge(last, Kind.CALL, PROBATION_S)
    assert verdict is Verdict.DROP
    assert guarded.flood(last, Kind.CALL, PROBATION_S) == Flood(Kind.CALL, None, (ipaddress.ip_network(HOST),))


def test_no_room_and_draining_refuse_calls_only() -> None:
    guarded = edge()
    assert guarded.judge("a", Kind.CALL, 0.0, room=False) is Verdict.REFUSE
    guarded.closed = True
    assert guarded.judge("a", Kind.CALL, 0.0) is Verdict.REFUSE
    assert guarded.judge("a", Kind.OTHER, 0.0) is Verdict.ADMIT
    assert guarded.counts.no_room == 2


def test_a_flood_does_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    guarded = edge("192.0.2.0/24")
    with caplog.at_level(logging.WARNING):
        for i in range(1000):
            guarded.judge("203.0.113.1", Kind.CALL, i / 10)
    assert len(caplog.records) == 2
    assert "203.0.113.1" not in caplog.text


async def test_our_own_trunks_are_carriers_too() -> None:
    carriers = (ipaddress.ip_network("192.0.2.0/24"),)
    found = await networks(carriers, ("198.51.100.9:5060", "[2001:db8::9]:5060", "2001:db8::8", "203.0.113.4"))
    named = ("198.51.100.9", "2001:db8::9", "2001:db8::8", "203.0.113.4")
    assert found == (*carriers, *map(ipaddress.ip_network, named))
    assert await networks((), ("198.51.100.9",)) == ()  # anybody may: no list to add to


@pytest.mark.parametrize("wrong", ["10.0.0.1/24", "sip.example.com", "10.0.0.0/33"])
def test_a_wrong_carrier_is_named_with_what_to_write(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"192\.0\.2\.0/24") as error:
        TelephonySettings(carriers=("192.0.2.1", wrong))
    assert wrong in str(error.value)


def test_an_admission_error_says_when_to_try_again() -> None:
    error = AdmissionError("full", hint="or wait", retry_after_s=7)
    assert error.retry_after_s == 7
    assert "try again in 7 s; or wait" in str(error)
    assert "try again" not in str(AdmissionError("full"))
