"""The demo's last page: what came of each attempt, as expected or not, and the figures of the callers' recordings."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.table import Table

from storage.records import CallSummary
from voicebot.demo.simulator import Event, Listed
from voicebot.model.no_call import write_windows
from voicebot.model.outcome import Disposition, Outcome


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario: what was announced, what the simulator measured (None: it did not run), what the bot stored."""

    listed: Listed
    measured: Event | None
    stored: CallSummary | None
    warnings: tuple[str, ...] = ()
    outcome: Outcome | None = None
    enrolled: bool = False

    def wrong(self) -> list[str]:
        """Everything that is not as the scenario expects it; [] = passed."""
        found = list(self.measured["failures"]) if self.measured else ["the simulator saw no call"]
        if self.stored is None:
            return [*found, "no attempt in the database"]
        seen = {
            "disposition": str(self.stored.disposition),
            "voiceprint": str(self.stored.voice_state),
            "answered_by": str(self.stored.answered_by),
            "sip_status": str(self.stored.sip_status),
            "warning": ",".join(self.warnings),
            "promise_amount": _plain(self.stored.promise_amount),
            "appointment": "yes" if self.outcome is not None and self.outcome.appointment is not None else "no",
            "enrolled": "yes" if self.enrolled else "no",
            "promise_date": str(self.stored.promise_due_on or "none"),
            **_found(self.outcome or Outcome(Disposition.TECHNICAL_FAILURE)),
        }
        for key, wanted in self.listed.expect.items():
            if seen.get(key) != str(wanted):
                found.append(f"{key} is {seen.get(key)}, expected {wanted}")
        return found


def _found(outcome: Outcome) -> dict[str, str]:
    """What a call found and left to people, as scenarios write it; what is not there is "none"."""
    return {
        "items": ", ".join(f"{item} {result}" for item, result in sorted(outcome.items.items())) or "none",
        "task": outcome.needs_human or "none",
        "rating": str(outcome.rating or "none"),
        "no_call": write_windows(outcome.no_call) or "none",
    }


def _plain(amount: Decimal | None) -> str:
    """2000.00 -> "2000": a scenario names an amount as people write it."""
    return "none" if amount is None else f"{amount.normalize():f}"


def attempts(rows: Sequence[Row]) -> Table:
    """One line per attempt."""
    table = Table(title="attempts", title_justify="left")
    columns = (
        "customer",
        "flow",
        "SIP",
        "answered by",
        "disposition",
        "voiceprint",
        "promise",
        "s",
        "gap s",
        "as expected",
    )
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> list[str]:
    stored, wrong = row.stored, row.wrong()
    verdict = "[green]yes[/]" if not wrong else "[red]NO: " + "; ".join(wrong) + "[/]"
    if stored is None:
        return [row.listed.account, row.listed.flow, "-", "-", "-", "-", "-", "-", "-", verdict]
    promise = "-"
    if stored.promise_amount is not None:
        promise = f"{stored.promise_amount} {stored.promise_currency} on {stored.promise_due_on}"
    timing = (row.measured or {}).get("timing") or {}
    gaps = sorted(timing.get("reply_gaps_s") or ())
    return [
        stored.customer_name or "unknown",
        stored.flow + (" (inbound)" if stored.direction == "inbound" else ""),
        str(stored.sip_status or "-"),
        str(stored.answered_by or "-"),
        str(stored.disposition or "open"),
        _voice(stored),
        promise,
        f"{stored.talk_s:.0f}" if stored.talk_s else "-",
        f"{gaps[len(gaps) // 2]:.2f}" if gaps else "-",
        verdict,
    ]


def _voice(stored: CallSummary) -> str:
    if stored.voice_state is None:
        return "-"
    score = f" {stored.voice_score:.2f}" if stored.voice_score is not None else ""
    seconds = f" {stored.voice_net_s:.1f} s" if stored.voice_net_s is not None else ""
    return f"{stored.voice_state}{score}{seconds}"


def percentile(values: Sequence[float], share: float) -> float | None:
    """Nearest-rank percentile; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def figures(results: Sequence[Event], cpu_s: float) -> Mapping[str, float | None]:
    """Measured on the callers' own recordings; CPU and memory are this process's, the bot with all its models."""
    timings = [r["timing"] for r in results if r.get("timing")]
    gaps = [gap for t in timings for gap in t["reply_gaps_s"]]
    firsts = [t["first_audio_s"] for t in timings if t["first_audio_s"] is not None]
    minutes = sum(t["length_s"] for t in timings) / 60
    return {
        "reply gaps": float(len(gaps)),
        "reply gap p50 s": percentile(gaps, 0.5),
        "reply gap p95 s": percentile(gaps, 0.95),
        "first audio after answer p50 s": percentile(firsts, 0.5),
        "first audio after answer max s": max(firsts, default=None),
        "CPU s per call minute": cpu_s / minutes if minutes else None,
        "memory MB": peak_memory_mb(),
    }


def peak_memory_mb() -> float:
    """The largest this process has been."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
