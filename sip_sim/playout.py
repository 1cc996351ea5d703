"""The phone's jitter buffer: packets in, a gapless 8 kHz timeline out.

A fixed depth, so that the caller's recording is exact: aiortp's own adaptive play-out inserts and drops frames.
The delay grows only when a packet comes later than the depth allows, and shrinks again in silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sip_sim.g711 import FRAME, RATE, Samples

_RING: Final = 65536  # samples: eight seconds, a power of two: this phone's own clock may stand still for so long
_JUMP: Final = 8192  # samples: so far from what is heard now and from the packet before, a packet begins a new timeline
_MAX_DELAY: Final = 4000  # samples: half a second, the most a late stream may push the timeline back
_LATE_FOR_GOOD: Final = 10  # packets in a row that come later than that: 0.2 s
_QUIET: Final = 50  # peak under which a frame may be left out unheard


def _signed32(difference: int) -> int:
    difference &= 0xFFFFFFFF
    return difference - 0x1_0000_0000 if difference & 0x8000_0000 else difference


@dataclass(slots=True)
class PlayoutBuffer:
    """`put` what arrives, `pull` one frame of 160 samples every 20 ms."""

    depth: int = 2 * FRAME
    late: int = 0
    missing: int = 0
    _started: bool = False
    _playing: bool = False
    _head: int = 0
    _end: int = 0
    _delay: int = 0
    _too_late: int = 0
    _ssrc: int | None = None
    _ring: Samples = field(default_factory=lambda: np.zeros(_RING, dtype=np.int16))
    _valid: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(_RING, dtype=np.bool_))

    def put(self, ssrc: int, timestamp: int, samples: Samples) -> None:
        """Place one packet's samples at its RTP timestamp; a new SSRC or a jump starts the timeline anew."""
        if not self._started or ssrc != self._ssrc or self._jumps(timestamp):
            self._restart(ssrc, timestamp)
        offset = _signed32(timestamp - self._head)
        if offset < 0:
            offset = self._came_late(offset)
            if offset < 0:
                self._too_late += 1
                if self._too_late < _LATE_FOR_GOOD:
                    return
                self._restart(ssrc, timestamp)  # the sender lost time for good: go on from here
                offset = _signed32(timestamp - self._head)
        self._too_late = 0
        index = (self._head + offset + np.arange(samples.size)) % _RING
        self._ring[index] = samples
        self._valid[index] = True
        if _signed32(timestamp + samples.size - self._end) > 0:
            self._end = (timestamp + samples.size) & 0xFFFFFFFF

    @property
    def lag_s(self) -> float:
        """How far late packets have pushed the timeline back, seconds: sound that is here but not yet heard."""
        return self._delay / RATE

    def _jumps(self, timestamp: int) -> bool:
        ahead, after = _signed32(timestamp - self._head), _signed32(timestamp - self._end)
        return min(abs(ahead), abs(after)) > _JUMP or ahead > _RING - _JUMP

    def _restart(self, ssrc: int, timestamp: int) -> None:
        self._valid[:] = False
        self._ssrc = ssrc
        self._started = True
        self._playing = False
        self._head = (timestamp - self.depth) & 0xFFFFFFFF
        self._end = timestamp
        self._delay = 0

    def _came_late(self, offset: int) -> int:
        """Push the timeline back so that this packet is heard next; or lose it where the delay is already long."""
        self.late += 1
        if self._delay - offset > _MAX_DELAY:
            return offset
        self._delay -= offset
        self._head = (self._head + offset) & 0xFFFFFFFF
        return 0

    def pull(self) -> Samples:
        """The next 20 ms, silence where nothing came."""
        if not self._started:
            return np.zeros(FRAME, dtype=np.int16)
        frame = self._take()
        ahead = _signed32(self._end - self._head)
        if self._delay > 0 and ahead > self.depth + FRAME and int(np.abs(frame).max()) < _QUIET:
            self._delay -= FRAME
            frame = self._take()
        return frame

    def _take(self) -> Samples:
        index = (self._head + np.arange(FRAME)) % _RING
        valid = self._valid[index]
        frame = np.where(valid, self._ring[index], 0).astype(np.int16)
        if valid.all():
            self._playing = True
        elif self._playing and _signed32(self._end - self._head) > FRAME:
            self.missing += 1  # a later packet is already here: this one was lost
        self._valid[index] = False
        self._head = (self._head + FRAME) & 0xFFFFFFFF
        return frame
