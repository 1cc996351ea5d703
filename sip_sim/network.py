"""A bad network on purpose: packets lost and delayed, the same way each time for the same seed."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What happens to each direction's packets: `loss` as a share 0-1, `jitter_ms` = most delay added at random."""

    loss: float = 0.0
    jitter_ms: float = 0.0


@dataclass(slots=True)
class Shaper:
    """One direction of one call. Times are seconds of any one clock; the caller brings the clock."""

    spec: NetworkSpec
    seed: int
    passed: int = 0
    lost: int = 0
    _random: random.Random = field(init=False)
    _waiting: list[tuple[float, int, bytes]] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def push(self, now: float, packet: bytes) -> None:
        """Take a packet from the sender: it is lost, or waits for its delay."""
        if self.spec.loss and self._random.random() < self.spec.loss:
            self.lost += 1
            return
        delay = self._random.uniform(0.0, self.spec.jitter_ms / 1000.0) if self.spec.jitter_ms else 0.0
        heapq.heappush(self._waiting, (now + delay, self._count, packet))
        self._count += 1

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
