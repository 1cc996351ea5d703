"""RTCP of the simulator's phones: what was sent, what was lost, when the last report came."""

import pytest
from aiortp.packet import RtcpPacket, RtcpSenderInfo, RtcpSrPacket, RtpPacket

from sip_sim.rtcp import EVERY_S, FIRST_S, RtcpReports


def rtp(sequence: int, ssrc: int = 7) -> bytes:
    return RtpPacket(8, 0, sequence & 0xFFFF, sequence * 160, ssrc, b"\xd5" * 160).serialize()


def report(reports: RtcpReports, now: float) -> RtcpSrPacket:
    data = reports.due(now)
    assert data is not None
    packet = RtcpPacket.parse(data)[0]
    assert isinstance(packet, RtcpSrPacket)
    return packet


def test_what_was_sent_and_lost_is_reported() -> None:
    reports = RtcpReports()
    assert reports.due(10.0) is None
    for number in range(65530, 65530 + 50):
        reports.sent(rtp(number, ssrc=9))
        if number % 5:
            reports.received(rtp(number))
    assert reports.due(10.0 + FIRST_S - 0.01) is None
    packet = report(reports, 10.0 + FIRST_S)
    assert (packet.ssrc, packet.sender_info.packet_count, packet.sender_info.octet_count) == (9, 50, 8000)
    [block] = packet.reports
    assert (block.ssrc, block.packets_lost) == (7, 9)  # the first one was lost before anything was known
    assert block.fraction_lost == 9 * 256 // 49
    assert (block.lsr, block.dlsr) == (0, 0)
    assert reports.due(10.0 + FIRST_S + EVERY_S - 0.01) is None
    assert report(reports, 10.0 + FIRST_S + EVERY_S).reports[0].fraction_lost == 0


def test_the_far_ends_report_is_answered_with_its_age() -> None:
    reports = RtcpReports()
    reports.due(0.0)
    reports.sent(rtp(1, ssrc=9))
    reports.received(rtp(1))
    reports.reported(bytes(RtcpSrPacket(7, RtcpSenderInfo(0x1122334455667788, 0, 1, 160))), 0.5)
    [block] = report(reports, 2.0).reports
    assert block.lsr == 0x33445566
    assert block.dlsr == int(1.5 * 65536)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\xc8\x00\x09abc", b"text"])
def test_what_is_no_packet_is_ignored(data: bytes) -> None:
    reports = RtcpReports()
    reports.received(data)
    reports.reported(data, 1.0)
    assert reports.due(9.0) is None
