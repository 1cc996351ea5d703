"""RTCP of a phone (RFC 3550 section 6): a sender report with what was lost of the far end's stream, every few seconds.

With aiortp's packets and statistics. Without reports the far end knows neither what was lost nor the round trip.
"""

from __future__ import annotations

from typing import Final

from aiortp import clock
from aiortp.packet import (
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    RtpPacket,
)
from aiortp.stats import StreamStatistics

from sip_sim.g711 import RATE

#: The first report early, so that short calls have one too; then as section 6.2 wants it for two parties.
FIRST_S: Final = 1.0
EVERY_S: Final = 5.0
_HEADER: Final = 12
_CNAME: Final = (1, b"phone@sip-sim")


class RtcpReports:
    """One call's. Times in seconds of the monotonic clock. Called from the media thread only."""

    def __init__(self) -> None:
        self._sent, self._octets = 0, 0
        self._ssrc, self._timestamp = 0, 0
        self._far_ssrc: int | None = None
        self._received = StreamStatistics(RATE)
        self._last_sender_report: tuple[int, float] | None = None
        self._due: float | None = None

    def sent(self, data: bytes) -> None:
        """An RTP packet left."""
        packet = RtpPacket.parse(data)
        self._ssrc, self._timestamp = packet.ssrc, packet.timestamp
        self._sent += 1
        self._octets += len(data) - _HEADER

    def received(self, data: bytes) -> None:
        """An RTP packet arrived; what is none is ignored. A new source begins anew."""
        try:
            packet = RtpPacket.parse(data)
        except ValueError:
            return
        if packet.ssrc != self._far_ssrc:
            self._far_ssrc, self._received = packet.ssrc, StreamStatistics(RATE)
        self._received.add(packet)

    def reported(self, data: bytes, now: float) -> None:
        """RTCP of the far end arrived; what is none is ignored."""
        try:
            packets = RtcpPacket.parse(data)
        except ValueError:
            return
        for packet in packets:
            if isinstance(packet, RtcpSrPacket):
                self._last_sender_report = packet.sender_info.ntp_timestamp, now

    def due(self, now: float) -> bytes | None:
        """The report to send now, if one is due and there is something to report."""
        if self._due is None:
            self._due = now + FIRST_S
        if now < self._due or not self._sent:
            return None
        self._due = now + EVERY_S
        sender = RtcpSenderInfo(clock.current_ntp_time(), self._timestamp, self._sent, self._octets & 0xFFFFFFFF)
        described = RtcpSdesPacket([RtcpSourceInfo(self._ssrc, [_CNAME])])
        return bytes(RtcpSrPacket(self._ssrc, sender, self._blocks(now))) + bytes(described)

    def _blocks(self, now: float) -> list[RtcpReceiverInfo]:
        if self._far_ssrc is None:
            return []
        lsr = dlsr = 0
        if self._last_sender_report is not None:
            ntp, at = self._last_sender_report
            lsr, dlsr = (ntp >> 16) & 0xFFFFFFFF, int((now - at) * 65536) & 0xFFFFFFFF
        stream = self._received
        highest = stream.cycles + (stream.max_seq or 0)
        block = RtcpReceiverInfo(
            self._far_ssrc, stream.fraction_lost, stream.packets_lost, highest, max(0, stream.jitter), lsr, dlsr
        )
        return [block]
