"""S14 (document C): who gets which waiting case. List scheduling: the best collector gets a case, then counts anew."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from voicebot.errors import ScoringError
from voicebot.scoring.cases import ABNORMAL, CLASSES, NON_COOPERATIVE, NORMAL
from voicebot.scoring.collector_score import CaseCounts, score, work
from voicebot.scoring.config_cases import CollectorSettings
from voicebot.scoring.cooperation import COOPERATIVE
from voicebot.scoring.result import reaches


@dataclass(frozen=True, slots=True)
class Collector:
    """A collector before the batch. `s`: saturation 0-100; `today`: cases got today already; `cap`: cases a day (None:
    the setting's)."""

    id: str
    counts: CaseCounts = field(default_factory=CaseCounts)
    s: float = 0.0
    today: int = 0
    cap: int | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """One case and who gets it, with the score the collector had at that moment."""

    account_id: str
    case_class: str
    collector_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Fairness:
    """How even the work is afterwards. `jain`: Jain's index of W in (0, 1], 1: all alike; `assigned_*` a collector."""

    collectors: int
    jain: float
    assigned: int
    assigned_min: int
    assigned_max: int
    assigned_mean: float


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch proposes. `queue`: cases nobody could take; `why`: of the queue ("" where it is empty)."""

    assigned: tuple[Assigned, ...]
    queue: tuple[tuple[str, str], ...]
    fairness: Fairness
    why: str = ""


def assign(cases: Iterable[tuple[str, str]], collectors: Sequence[Collector], settings: CollectorSettings) -> Batch:
    """Assign the cases (account, class) in their order. Highest score first; ties: fewest cases today, then id.

    Only the chosen collector's score changes, so a heap keeps them in order: O(cases * log collectors).
    Raises ScoringError for a collector that is there twice, or a class that is none.
    """
    if len({c.id for c in collectors}) != len(collectors):
        raise ScoringError("assignment: a collector is there twice", hint="give every collector an id of their own")
    weights = {
        NORMAL: settings.w_norm,
        ABNORMAL: settings.w_abn,
        COOPERATIVE: settings.w_coop,
        NON_COOPERATIVE: settings.w_non,
    }
    loads = {c.id: work(c.counts, settings) for c in collectors}
    today = {c.id: c.today for c in collectors}
    by_id = {c.id: c for c in collectors}
    heap = [_entry(c, loads[c.id], c.today, settings) for c in collectors if _may(c, loads[c.id], c.today, settings)]
    heapq.heapify(heap)
    assigned, queue = list[Assigned](), list[tuple[str, str]]()
    for account_id, case_class in cases:
        if case_class not in weights:
            raise ScoringError(f"assignment: {case_class!r} is no class", hint=f"one of {', '.join(CLASSES)}")
        if not heap:
            queue.append((account_id, case_class))
            continue
        negative, _, chosen = heap[0]
        assigned.append(Assigned(account_id, case_class, chosen, -negative))
        loads[chosen] += weights[case_class]
        today[chosen] += 1
        collector = by_id[chosen]
        if _may(collector, loads[chosen], today[chosen], settings):
            heapq.heapreplace(heap, _entry(collector, loads[chosen], today[chosen], settings))
        else:
            heapq.heappop(heap)
    new = {c.id: today[c.id] - c.today for c in collectors}
    why = _why(collectors, loads, today, settings) if queue else ""
    return Batch(tuple(assigned), tuple(queue), fairness(list(loads.values()), list(new.values())), why)


def _entry(c: Collector, load: float, today: int, settings: CollectorSettings) -> tuple[float, int, str]:
    return -score(load, c.s, settings), today, c.id


def _may(c: Collector, load: float, today: int, settings: CollectorSettings) -> bool:
    cap = settings.daily_cap if c.cap is None else c.cap
    return today < cap and reaches(score(load, c.s, settings), settings.theta_q)


def _why(
    collectors: Sequence[Collector], loads: dict[str, float], today: dict[str, int], settings: CollectorSettings
) -> str:
    if not collectors:
        return "there is no collector"
    capped = sum(today[c.id] >= (settings.daily_cap if c.cap is None else c.cap) for c in collectors)
    low = sum(not reaches(score(loads[c.id], c.s, settings), settings.theta_q) for c in collectors)
    return (
        f"of {len(collectors)} collectors {capped} are at their daily cap, {low} under the score {settings.theta_q:g}"
    )


def fairness(loads: Sequence[float], new: Sequence[int]) -> Fairness:
    """Jain's index (sum W)^2 / (n * sum W^2) of the work, and the cases assigned. An idle team is even (1)."""
    squares = math.fsum(w * w for w in loads)
    jain = math.fsum(loads) ** 2 / (len(loads) * squares) if squares else 1.0
    total = sum(new)
    mean = total / len(new) if new else 0.0
    return Fairness(len(loads), jain, total, min(new, default=0), max(new, default=0), mean)
