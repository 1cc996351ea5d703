"""RTP packets of a phone: building and reading audio and RFC 4733 digits (with aiortp's packet types)."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aiortp.dtmf import DTMF_EVENTS, DtmfEvent, DtmfReceiver
from aiortp.packet import RtpPacket

from sip_sim.g711 import FRAME, PAYLOAD_TYPES, Samples, decode, encode

_DIGIT_TICKS: Final = 8  # 160 ms on
_DIGIT_PAUSE: Final = 5  # 100 ms off
_END_COPIES: Final = 3  # RFC 4733 section 2.5.1.4


@dataclass(frozen=True, slots=True)
class MediaFormat:
    """What was agreed in SDP: the codec's name, and the payload type of telephone-event (0 = none)."""

    codec: str
    event_type: int = 101


@dataclass(slots=True)
class RtpSender:
    """One packet per 20 ms tick: audio, or the digit being pressed."""

    media: MediaFormat
    seed: int
    _sequence: int = field(init=False)
    _timestamp: int = field(init=False)
    _ssrc: int = field(init=False)
    _first: bool = True
    _digits: deque[str] = field(default_factory=deque)
    _digit_tick: int = 0
    _digit_start: int = 0
    _pause: int = 0

    def __post_init__(self) -> None:
        rng = random.Random(self.seed ^ 0x5EED)
        self._sequence, self._timestamp = rng.randrange(65536), rng.randrange(2**32)
        self._ssrc = rng.randrange(1, 2**32)

    def press(self, digits: str) -> None:
        """Queue keys 0-9 * # A-D."""
        self._digits.extend(digit for digit in digits.upper() if digit in DTMF_EVENTS)

    @property
    def pressing(self) -> bool:
        """Is a key down, or waiting to be?"""
        return bool(self._digits) or self._pause > 0

    def tick(self, samples: Samples) -> list[bytes]:
        """The packets of the next 20 ms; audio gives way while a key is down."""
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        if self._digits and self._pause == 0:
            return self._digit_packets()
        self._pause = max(0, self._pause - 1)
        payload = encode(self.media.codec, samples)
        marker, self._first = int(self._first), False
        return [self._packet(PAYLOAD_TYPES[self.media.codec], payload, self._timestamp, marker)]

    def _digit_packets(self) -> list[bytes]:
        if self._digit_tick == 0:
            self._digit_start = self._timestamp
        self._digit_tick += 1
        ended = self._digit_tick >= _DIGIT_TICKS
        event = DtmfEvent(DTMF_EVENTS[self._digits[0]], ended, 10, self._digit_tick * FRAME)
        marker = int(self._digit_tick == 1)
        count = _END_COPIES if ended else 1
        event_type = self.media.event_type
        packets = [self._packet(event_type, event.serialize(), self._digit_start, marker) for _ in range(count)]
        if ended:
            self._digits.popleft()
            self._digit_tick, self._pause, self._first = 0, _DIGIT_PAUSE, True
        return packets

    def _packet(self, payload_type: int, payload: bytes, timestamp: int, marker: int) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        packet = RtpPacket(payload_type, marker, self._sequence, timestamp, self._ssrc, payload)
        return packet.serialize()


@dataclass(slots=True)
class RtpReader:
    """Sorts incoming packets: audio goes to `on_audio(ssrc, timestamp, samples)`, finished keys to `on_digit`."""

    media: MediaFormat
    on_audio: Callable[[int, int, Samples], None]
    on_digit: Callable[[str], None]
    packets: int = 0
    _digits: DtmfReceiver = field(init=False)

    def __post_init__(self) -> None:
        self._digits = DtmfReceiver(lambda digit, _duration: self.on_digit(digit))

    def feed(self, data: bytes) -> None:
        """One datagram; what is not RTP of this call is ignored."""
        try:
            packet = RtpPacket.parse(data)
            if self.media.event_type and packet.payload_type == self.media.event_type:
                self._digits.handle_packet(packet)
                return
        except ValueError:
            return
        codec = next((name for name, number in PAYLOAD_TYPES.items() if number == packet.payload_type), None)
        if codec is not None:
            self.packets += 1
            self.on_audio(packet.ssrc, packet.timestamp, decode(codec, packet.payload))
