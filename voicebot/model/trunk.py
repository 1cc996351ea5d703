"""The state of the SIP trunks, for whoever watches the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class TrunkState:
    """One trunk now. `registered` None: it wants no registration. Since the start: `dialled` calls by it, of which it
    `refused` so many (busy included) and left so many without any answer (`silent`)."""

    name: str
    healthy: bool
    registered: bool | None = None
    dialled: int = field(default=0, compare=False)
    refused: int = field(default=0, compare=False)
    silent: int = field(default=0, compare=False)


@runtime_checkable
class WatchesTrunks(Protocol):
    """A Signaling that knows how its trunks are."""

    def trunks(self) -> tuple[TrunkState, ...]:
        """In the order they are dialled."""
        ...


@dataclass(frozen=True, slots=True)
class SourceState:
    """One address that sends us SIP requests: a carrier, or whoever may. Since it is remembered: `calls` it began and
    `refused` ones (rate, no room), the same of its `others` (OPTIONS, REGISTER). `left`: calls it may begin at once
    now, None: any number."""

    source: str
    calls: int
    refused: int
    others: int
    others_refused: int
    left: float | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What comes in. `turned_away`: requests by why they were (docs/admission.md), since the start."""

    sources: tuple[SourceState, ...] = ()
    turned_away: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class WatchesTraffic(Protocol):
    """A Signaling that counts who asks for what."""

    async def traffic(self) -> Traffic:
        """Since the start."""
        ...


@runtime_checkable
class CarriedLeg(Protocol):
    """A CallLeg that knows which trunk carries it."""

    @property
    def trunk(self) -> str:
        """The trunk's name."""
        ...
