"""The state of the SIP trunks, for whoever watches the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class TrunkState:
    """One trunk now. `registered` None: it wants no registration."""

    name: str
    healthy: bool
    registered: bool | None = None


@runtime_checkable
class WatchesTrunks(Protocol):
    """A Signaling that knows how its trunks are."""

    def trunks(self) -> tuple[TrunkState, ...]:
        """In the order they are dialled."""
        ...


@runtime_checkable
class CarriedLeg(Protocol):
    """A CallLeg that knows which trunk carries it."""

    @property
    def trunk(self) -> str:
        """The trunk's name."""
        ...
