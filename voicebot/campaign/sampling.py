"""The draw of document V, step V2a-1: simple random without replacement, that anybody can make again.

An account's lot is SHA-256 of the seed and its id; the lowest lots are drawn. The same list and seed give the same draw
on every machine and in every version, in whatever order the list comes.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Draw:
    """What a draw was made with, and what came of it. `strata`: name -> (N, n)."""

    ratio: float
    seed: int
    list_sha: str
    population: int
    drawn: int
    strata: Mapping[str, tuple[int, int]]


class Lots(Generic[T]):
    """The list that is drawn from, stratum by stratum."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._strata: dict[str, list[tuple[bytes, str, T]]] = {}

    def add(self, account_id: str, item: T, stratum: str = "") -> None:
        """Put one account on the list."""
        self._strata.setdefault(stratum, []).append((lot(self.seed, account_id), account_id, item))

    def draw(self, ratio: float) -> tuple[Draw, list[T]]:
        """Draw n = ceil(ratio * N), each stratum its share; the drawn in the order of their ids."""
        sizes = {name: len(entries) for name, entries in sorted(self._strata.items())}
        share = allocate(sizes, ratio)
        drawn = [e for name, n in share.items() for e in heapq.nsmallest(n, self._strata[name], key=lambda e: e[:2])]
        drawn.sort(key=lambda entry: entry[1])
        ids = (entry[1] for entries in self._strata.values() for entry in entries)
        result = Draw(
            ratio=ratio,
            seed=self.seed,
            list_sha=list_sha(ids),
            population=sum(sizes.values()),
            drawn=len(drawn),
            strata={name: (size, share[name]) for name, size in sizes.items()},
        )
        return result, [item for _, _, item in drawn]


def lot(seed: int, account_id: str) -> bytes:
    """An account's lot."""
    return hashlib.sha256(f"{seed}|{account_id}".encode()).digest()


def sample_size(ratio: float, population: int) -> int:
    """ceil(r * N), exact: 0.1 of 30 is 3."""
    return math.ceil(Fraction(str(ratio)) * population)


def allocate(sizes: Mapping[str, int], ratio: float) -> dict[str, int]:
    """The sample size by stratum: proportional, rest by the largest remainder (ties: by name), together ceil(r * N)."""
    exact = {name: Fraction(str(ratio)) * size for name, size in sizes.items()}
    share = {name: math.floor(value) for name, value in exact.items()}
    rest = sample_size(ratio, sum(sizes.values())) - sum(share.values())
    for name in sorted(exact, key=lambda name: (share[name] - exact[name], name))[:rest]:
        share[name] += 1
    return share


def list_sha(ids: Iterable[str]) -> str:
    """SHA-256 of the ids, sorted, one a line."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def stratum(parts: Sequence[str | None]) -> str:
    """A stratum's name; what is not known is `?`."""
    return " x ".join(part or "?" for part in parts)
