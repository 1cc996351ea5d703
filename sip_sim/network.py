"""A bad network on purpose: packets lost, delayed, doubled and put out of order, the same way each time for a seed."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

#: How much later a packet put out of order arrives, seconds: after its successor, before the next but two.
REORDERED_S: Final = (0.025, 0.045)
_DOUBLED_S: Final = 0.004

NoiseKind = Literal["white", "babble", "file"]


@dataclass(frozen=True, slots=True)
class NoiseSpec:
    """Noise around the customer, `snr_db` below the level of speech; `file` where `kind` is "file"."""

    kind: NoiseKind = "white"
    snr_db: float = 20.0
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class EchoSpec:
    """The bot's own voice coming back on the line: `gain_db` (at most 0) louder than heard, `delay_ms` later."""

    gain_db: float = -20.0
    delay_ms: float = 60.0


@dataclass(frozen=True, slots=True)
class OneWaySpec:
    """From `from_s` to `to_s` after the answer nothing of one side's voice arrives. `loses`: caller or bot."""

    loses: str = "bot"
    from_s: float = 0.0
    to_s: float = float("inf")


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What happens to each direction's packets, and to the sound before they are made.

    `loss`, `reorder` and `duplicate` are shares 0-1; `burst` the mean number of packets lost in a row; `jitter_ms` the
    most delay added at random, `delay_ms` the delay of every packet; `drift_ppm` > 0: the phone's clock is fast.
    """

    loss: float = 0.0
    jitter_ms: float = 0.0
    burst: float = 1.0
    reorder: float = 0.0
    duplicate: float = 0.0
    delay_ms: float = 0.0
    drift_ppm: float = 0.0
    one_way: OneWaySpec | None = None
    noise: NoiseSpec | None = None
    echo: EchoSpec | None = None

    def silences(self, side: str) -> tuple[float, float] | None:
        """When nothing of this side (caller, bot) arrives: (from, to) in seconds, None for never."""
        spec = self.one_way
        return (spec.from_s, spec.to_s) if spec is not None and spec.loses == side else None


@dataclass(slots=True)
class Shaper:
    """One direction of one call. Times are seconds of any one clock; the caller brings the clock.

    Bursts follow Gilbert's two-state model (Gilbert 1960): a packet is lost in the bad state, which lasts `burst`
    packets on average and is entered so often that `loss` of all packets are lost.
    """

    spec: NetworkSpec
    seed: int
    silence: tuple[float, float] | None = None  # relative to `began`
    passed: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    began: float | None = None
    _random: random.Random = field(init=False)
    _waiting: list[tuple[float, int, bytes]] = field(default_factory=list)
    _count: int = 0
    _bad: bool = False

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def push(self, now: float, packet: bytes) -> None:
        """Take a packet from the sender: it is lost, or waits for its delay."""
        if self.began is None:
            self.began = now
        if self._is_lost() or self._is_silenced(now):
            self.lost += 1
            return
        delay = self.spec.delay_ms / 1000.0
        delay += self._random.uniform(0.0, self.spec.jitter_ms / 1000.0) if self.spec.jitter_ms else 0.0
        if self.spec.reorder and self._random.random() < self.spec.reorder:
            delay += self._random.uniform(*REORDERED_S)
            self.reordered += 1
        self._wait(now + delay, packet)
        if self.spec.duplicate and self._random.random() < self.spec.duplicate:
            self._wait(now + delay + _DOUBLED_S, packet)
            self.doubled += 1

    def _wait(self, due: float, packet: bytes) -> None:
        heapq.heappush(self._waiting, (due, self._count, packet))
        self._count += 1

    def _is_lost(self) -> bool:
        loss, burst = self.spec.loss, self.spec.burst
        if not loss:
            return False
        if burst <= 1:
            return self._random.random() < loss
        if loss >= 1:
            return True
        change = 1.0 / burst if self._bad else loss / (burst * (1.0 - loss))
        if self._random.random() < change:
            self._bad = not self._bad
        return self._bad

    def _is_silenced(self, now: float) -> bool:
        if self.silence is None or self.began is None:
            return False
        return self.silence[0] <= now - self.began < self.silence[1]

    def due(self, now: float) -> list[bytes]:
        """Packets whose time has come, in the order in which they arrive."""
        ready: list[bytes] = []
        while self._waiting and self._waiting[0][0] <= now:
            ready.append(heapq.heappop(self._waiting)[2])
        self.passed += len(ready)
        return ready

    def next_due(self) -> float | None:
        """When the next packet arrives, or None where none is on its way."""
        return self._waiting[0][0] if self._waiting else None
