"""Sound between the event loop and pyVoIP's RTP threads: a paced queue out, packets in order in.

16-bit mono at MEDIA_RATE. They take the place of pyVoIP's own buffers, which hold 8-bit sound, can't be emptied, don't
say how much waits, play a gap as a full-scale level and grow without bound.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from voicebot.model.audio import FRAME_S, MEDIA_RATE

_BYTES_PER_S = MEDIA_RATE * 2
FRAME_BYTES = int(FRAME_S * _BYTES_PER_S)
#: A sender this late does not catch up by a burst of packets: it goes on from now.
_LATE_S = 0.2
#: Sound nobody reads is thrown away from the old end.
_UNREAD_S = 5.0
#: A jump of the sequence number by more is another stream (RFC 3550 section A.1, MAX_DROPOUT is larger: we fill gaps).
_JUMP = 50


class SendQueue:
    """Sound that waits to be sent. `frame` is called by the sending thread alone, the rest from the event loop."""

    def __init__(self, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self._now = now
        self._sleep = sleep
        self._lock = Lock()
        self._pcm = bytearray()
        self._due: float | None = None
        #: Packets that were taken to be sent.
        self.sent = 0

    def put(self, pcm16: bytes) -> int:
        """Queue whole samples; returns the bytes taken."""
        whole = len(pcm16) // 2 * 2
        with self._lock:
            self._pcm += pcm16[:whole]
        return whole

    def clear(self) -> None:
        """Throw away what waits."""
        with self._lock:
            self._pcm.clear()

    @property
    def queued_s(self) -> float:
        """Seconds that wait."""
        with self._lock:
            return len(self._pcm) / _BYTES_PER_S

    def frame(self) -> bytes:
        """Wait until the next packet is due, 20 ms after the last by the clock (not by the sleeps' sum), and take its
        sound: 320 bytes, silence where nothing waits."""
        now = self._now()
        due = now if self._due is None else self._due + FRAME_S
        self._due = due = now if now - due > _LATE_S else due
        if due > now:
            self._sleep(due - now)
        with self._lock:
            piece = bytes(self._pcm[:FRAME_BYTES])
            del self._pcm[:FRAME_BYTES]
            self.sent += 1
        return piece + bytes(FRAME_BYTES - len(piece))


class ReceiveQueue:
    """Received packets in their order. What is in order is there at once; after a gap up to `hold` packets wait for the
    missing one, then silence takes its place."""

    def __init__(self, hold: int = 2) -> None:
        self._hold = hold
        self._lock = Lock()
        self._pcm = bytearray()
        self._held: dict[int, bytes] = {}
        self._next: int | None = None
        self._ssrc: int | None = None
        self._transit: float | None = None
        #: Packets received, missing for good, and interarrival jitter (RFC 3550 section 6.4.1) in seconds.
        self.received = 0
        self.lost = 0
        self.jitter_s = 0.0
        #: When the last packet came (the caller's clock); None before the first.
        self.last_at: float | None = None

    def put(self, sequence: int, timestamp: int, ssrc: int, pcm16: bytes, at: float) -> None:
        """A packet (`sequence` 16 bit, `timestamp` in samples) that came at `at` seconds."""
        with self._lock:
            self.received += 1
            self.last_at = at
            self._measure(at - timestamp / MEDIA_RATE, new=ssrc != self._ssrc)
            ahead = 0 if self._next is None else (sequence - self._next) & 0xFFFF
            if self._next is None or ssrc != self._ssrc or _JUMP < ahead < 0x10000 - _JUMP:
                self._next, self._ssrc, ahead = sequence, ssrc, 0
                self._held.clear()
            if ahead > _JUMP:
                return  # too late: its silence was given out, or it came twice
            self._held[sequence] = pcm16
            self._release(len(pcm16))

    def _measure(self, transit: float, *, new: bool) -> None:
        step = 0.0 if new or self._transit is None else abs(transit - self._transit)
        self._transit = transit
        if step < 1.0:  # a wrapped or restarted timestamp is no jitter
            self.jitter_s += (step - self.jitter_s) / 16

    def _release(self, size: int) -> None:
        assert self._next is not None
        while self._held:
            piece = self._held.pop(self._next, None)
            if piece is None:
                if len(self._held) <= self._hold:
                    break
                piece = bytes(size)
                self.lost += 1
            self._pcm += piece
            self._next = (self._next + 1) & 0xFFFF
        del self._pcm[: max(0, len(self._pcm) - int(_UNREAD_S * _BYTES_PER_S))]

    def take(self, max_bytes: int) -> bytes:
        """The oldest sound not taken yet; b"" when there is none."""
        size = max_bytes // 2 * 2
        with self._lock:
            piece = bytes(self._pcm[:size])
            del self._pcm[:size]
        return piece


def mos(lost_share: float) -> float:
    """Mean opinion score of G.711 at this loss (0-1), ITU-T G.107 with its default values and no delay; Bpl 4.3 (G.113
    appendix I, G.711 without loss concealment)."""
    percent = 100 * lost_share
    rating = 93.2 - 95 * percent / (percent + 4.3)
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)
