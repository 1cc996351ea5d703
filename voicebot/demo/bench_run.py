"""One line of the benchmark's table, and how it is made of its calls' figures. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from voicebot.demo.bench_figures import CLOSED, OPEN

#: The 95th percentile of the closed questions' gaps that a load must keep to count, seconds.
LIMIT_S = 1.5
#: How busy a core may be before waiting grows: the share that full_calls_per_core reckons with.
BUSY = 0.8


@dataclass(frozen=True, slots=True)
class Spread:
    """Nearest-rank percentiles of `n` values; all None of nothing."""

    p50: float | None = None
    p95: float | None = None
    max: float | None = None
    n: int = 0


def spread(values: Sequence[float], digits: int = 3) -> Spread:
    """p50, p95, max, rounded."""
    if not values:
        return Spread()
    ordered = sorted(values)

    def rank(share: float) -> float:
        return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], digits)

    return Spread(rank(0.5), rank(0.95), round(ordered[-1], digits), len(ordered))


@dataclass(frozen=True, slots=True)
class CallFigures:
    """One call. `gaps`: (kind of question, seconds); `stopped`: of each probe, whether it ended the prompt for good;
    `cut`: of each answer, whether it was cut off; `parts`: of gaps, (bot, lead, line) seconds as in GapParts."""

    length_s: float
    failed: bool = False
    machine: bool = False
    first_audio_s: float | None = None
    gaps: tuple[tuple[str, float], ...] = ()
    stops_s: tuple[float, ...] = ()
    stopped: tuple[bool, ...] = ()
    cut: tuple[bool, ...] = ()
    clipped: int | None = None
    words_said: int = 0
    words_wrong: int = 0
    parts: tuple[tuple[float, float, float], ...] = ()
    jitter_ms: float | None = None
    between_ms: tuple[float, ...] = ()
    packets: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class GapParts:
    """Where the reply gap goes, seconds: `bot`: from the end of the answer to the start of the prompt by the bot's own
    clock; `lead`: silence at the start of the prompt's sound; `line`: what is left (packets, both jitter buffers)."""

    bot: Spread = Spread()
    lead: Spread = Spread()
    line: Spread = Spread()


@dataclass(frozen=True, slots=True)
class System:
    """What the machine spent on a load."""

    cpu_s: float
    rss_mb: float
    refused: int = 0


@dataclass(frozen=True, slots=True)
class BenchRun:
    """One load. Every figure is always there; None where nothing was measured. docs/figures.md defines each."""

    calls: int
    reply_gap_closed_s: Spread = Spread()
    reply_gap_open_s: Spread = Spread()
    first_audio_s: Spread = Spread()
    barge_in_stop_s: Spread = Spread()
    cut_off_share: float | None = None
    false_stop_share: float | None = None
    clipped_words: int | None = None
    wer: float | None = None
    rtp_send_jitter_ms: float | None = None
    lost_frames: int | None = None
    failed_calls: int = 0
    refused_calls: int = 0
    cpu_core_s_per_call_s: float | None = None
    rss_mb: float | None = None
    full_calls_per_core: float | None = None
    media_calls_per_core: float | None = None
    reply_gap_s_by_kind: Mapping[str, Spread] = field(default_factory=dict)
    gap_parts_s: GapParts = GapParts()
    rtp_between_ms: Spread = Spread()
    false_machine_share: float | None = None
    answers: int = 0
    probes: int = 0
    calls_made: int = 0
    call_s: float = 0.0
    media_only: bool = False

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self)


def bench_run(calls: int, made: Sequence[CallFigures], system: System) -> BenchRun:
    """All calls of a load together; `calls` at once."""
    gaps = [gap for call in made for gap in call.gaps]
    cut = [c for call in made for c in call.cut]
    stopped = [s for call in made for s in call.stopped]
    clipped = [call.clipped for call in made if call.clipped is not None]
    said = sum(call.words_said for call in made)
    answered = [call for call in made if call.length_s > 0]
    call_s = sum(call.length_s for call in made)
    jitter = [call.jitter_ms for call in made if call.jitter_ms is not None]
    return BenchRun(
        calls=calls,
        reply_gap_closed_s=spread([g for kind, g in gaps if kind in CLOSED]),
        reply_gap_open_s=spread([g for kind, g in gaps if kind == OPEN]),
        first_audio_s=spread([c.first_audio_s for c in made if c.first_audio_s is not None]),
        barge_in_stop_s=spread([stop for call in made for stop in call.stops_s]),
        cut_off_share=share(cut),
        false_stop_share=share(stopped),
        clipped_words=sum(clipped) if clipped else None,
        wer=round(sum(call.words_wrong for call in made) / said, 4) if said else None,
        rtp_send_jitter_ms=round(sum(jitter) / len(jitter), 3) if jitter else None,
        lost_frames=sum(call.lost for call in made) if any(call.packets for call in made) else None,
        failed_calls=sum(call.failed for call in made),
        refused_calls=system.refused,
        cpu_core_s_per_call_s=round(system.cpu_s / call_s, 5) if call_s else None,
        rss_mb=round(system.rss_mb, 1),
        reply_gap_s_by_kind={kind: spread([g for k, g in gaps if k == kind]) for kind in (*CLOSED, OPEN)},
        gap_parts_s=GapParts(*(spread([part[i] for call in made for part in call.parts]) for i in range(3))),
        rtp_between_ms=spread([ms for call in made for ms in call.between_ms]),
        false_machine_share=share([call.machine for call in answered]),
        answers=len(cut),
        probes=len(stopped),
        calls_made=len(made),
        call_s=round(call_s, 1),
    )


def share(flags: Sequence[bool]) -> float | None:
    """How many are true, of 1; None of nothing."""
    return round(sum(flags) / len(flags), 4) if flags else None


def keeps(run: BenchRun, limit_s: float) -> bool:
    """Is this load carried: are the closed questions answered in time, and did no call fail or was refused?"""
    p95 = run.reply_gap_closed_s.p95
    return p95 is not None and p95 <= limit_s and run.failed_calls + run.refused_calls == 0


def full_calls_per_core(run: BenchRun, curve: Sequence[BenchRun], cores: int, limit_s: float = LIMIT_S) -> float | None:
    """How many full conversations one core carries.

    From the cost: BUSY / CPU seconds per call second. Where this load does not keep the limit, the curve caps it: the
    most calls at once of the loads up to this one that did, over the cores of the machine (which the callers share).
    """
    cost = run.cpu_core_s_per_call_s
    if not cost:
        return None
    by_cost = BUSY / cost
    if keeps(run, limit_s):
        return round(by_cost, 1)
    carried = max((one.calls for one in curve if one.calls <= run.calls and keeps(one, limit_s)), default=0)
    return round(min(by_cost, carried / cores), 1)
