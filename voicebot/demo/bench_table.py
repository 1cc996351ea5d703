"""The benchmark's figures for people: what each is, the goal, and one table with a column a load."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.table import Table

from voicebot.demo.bench_figures import CLOSED
from voicebot.demo.bench_run import BUSY, BenchRun, Spread


@dataclass(frozen=True, slots=True)
class Figure:
    """A key of the JSON, how the table names it, its goal at 8 calls at once ("" for none), what it means, its cell."""

    key: str
    label: str
    goal: str
    meaning: str
    cell: Callable[[BenchRun], str]


def _spread(of: Callable[[BenchRun], Spread]) -> Callable[[BenchRun], str]:
    def cell(run: BenchRun) -> str:
        found = of(run)
        if found.p50 is None or found.p95 is None or found.max is None:
            return "-"
        return f"{found.p50:.2f} / {found.p95:.2f} / {found.max:.2f}"

    return cell


def _percent(of: Callable[[BenchRun], float | None]) -> Callable[[BenchRun], str]:
    return lambda run: "-" if (value := of(run)) is None else f"{100 * value:.1f} %"


def _number(of: Callable[[BenchRun], float | None], form: str = "g") -> Callable[[BenchRun], str]:
    return lambda run: "-" if (value := of(run)) is None else f"{value:{form}}"


FIGURES = (
    Figure(
        "reply_gap_closed_s",
        "reply gap, closed, s",
        "≤ 0.50 / 0.80",
        "p50 / p95 / max: from the last sound of an answer to the first sound of the bot, after closed questions "
        "(yes/no, a date, digits); reply_gap_s_by_kind has each kind",
        _spread(lambda run: run.reply_gap_closed_s),
    ),
    Figure(
        "reply_gap_open_s",
        "reply gap, open, s",
        "≤ 0.90 / 1.30",
        "the same after open questions",
        _spread(lambda run: run.reply_gap_open_s),
    ),
    Figure(
        "first_audio_s",
        "first audio, s",
        "≤ 0.15",
        "from the customer's 200 OK to the first sound of the bot",
        _spread(lambda run: run.first_audio_s),
    ),
    Figure(
        "barge_in_stop_s",
        "stop on barge-in, s",
        "≤ 0.25",
        "an answer is spoken into the prompt: from its first sound until the bot is silent",
        _spread(lambda run: run.barge_in_stop_s),
    ),
    Figure(
        "cut_off_share",
        "answers cut off",
        "≤ 2 %",
        "share of the answers during which the bot began to speak, or of which it took less than half the words",
        _percent(lambda run: run.cut_off_share),
    ),
    Figure(
        "false_stop_share",
        "false stops",
        "≤ 3 %",
        'share of the sounds that are no answer ("mm-hm", a cough, a door) after which the prompt did not go on '
        "to its end",
        _percent(lambda run: run.false_stop_share),
    ),
    Figure(
        "clipped_words",
        "bot's words clipped",
        "",
        "words of prompts said to their end that are not in the caller's recording",
        _number(lambda run: run.clipped_words),
    ),
    Figure(
        "wer",
        "words misheard",
        "",
        "word error rate of what the bot took down (insertions, deletions, substitutions)",
        _percent(lambda run: run.wer),
    ),
    Figure(
        "rtp_send_jitter_ms",
        "RTP jitter, ms",
        "",
        "of the bot's packets as they came to the caller: mean of RFC 3550's J over the call, mean of the calls; "
        "rtp_between_ms has the time between packets",
        _number(lambda run: run.rtp_send_jitter_ms, ".2f"),
    ),
    Figure(
        "lost_frames",
        "frames lost",
        "0",
        "RTP sequence numbers of the bot that never came",
        _number(lambda run: run.lost_frames),
    ),
    Figure(
        "failed_calls",
        "calls failed",
        "0",
        "not answered, broken off, or with another outcome than the customer's answers lead to",
        _number(lambda run: run.failed_calls),
    ),
    Figure(
        "refused_calls",
        "calls refused",
        "0",
        "turned away by the bot's own admission (telephony.max_calls, overload)",
        _number(lambda run: run.refused_calls),
    ),
    Figure(
        "cpu_core_s_per_call_s",
        "CPU s per call s",
        "",
        "CPU seconds of the bot's process (and its children) per second of call; 0.05 = 5 % of a core a call",
        _number(lambda run: run.cpu_core_s_per_call_s, ".4f"),
    ),
    Figure("rss_mb", "memory, MB", "", "largest memory of the bot's process", _number(lambda run: run.rss_mb, ".0f")),
    Figure(
        "full_calls_per_core",
        "full calls per core",
        "≥ 10",
        f"{BUSY:g} / cpu_core_s_per_call_s where this load keeps the limit (--limit: p95 of the closed gaps; no call "
        "failed or refused); where it does not, at most the largest load that did, over the machine's cores",
        _number(lambda run: run.full_calls_per_core, ".1f"),
    ),
)
_MEDIA = Figure(
    "media_calls_per_core",
    "media calls per core",
    "≥ 100",
    f"--media-only: {BUSY:g} / cpu_core_s_per_call_s, where no call failed",
    _number(lambda run: run.media_calls_per_core, ".0f"),
)
#: What --media-only measures.
_MEDIA_KEYS = frozenset(
    {
        "first_audio_s",
        "rtp_send_jitter_ms",
        "lost_frames",
        "failed_calls",
        "refused_calls",
        "cpu_core_s_per_call_s",
        "rss_mb",
    }
)


def figures(*, media_only: bool = False) -> tuple[Figure, ...]:
    """Those that are measured, in the table's order."""
    return (*(one for one in FIGURES if one.key in _MEDIA_KEYS), _MEDIA) if media_only else FIGURES


def table(runs: Sequence[BenchRun], title: str) -> Table:
    """A row a figure, a column a load."""
    shown = Table(title=title, title_justify="left")
    shown.add_column("calls at once")
    for run in runs:
        shown.add_column(str(run.calls), justify="right")
    shown.add_column("goal", justify="right", style="dim")
    for figure in figures(media_only=any(run.media_only for run in runs)):
        shown.add_row(figure.label, *(figure.cell(run) for run in runs), figure.goal)
        if figure.key == "reply_gap_closed_s":
            for kind in CLOSED:
                shown.add_row(f"  {kind}", *(_kind(run, kind) for run in runs))
        if figure.key == "reply_gap_open_s":
            shown.add_row("  p50: bot + lead + line", *(_parts(run) for run in runs))
    return shown


def _kind(run: BenchRun, kind: str) -> str:
    return _spread(lambda one: one.reply_gap_s_by_kind.get(kind, Spread()))(run)


def _parts(run: BenchRun) -> str:
    """Where the gap goes: docs/figures.md, gap_parts_s."""
    parts = run.gap_parts_s
    return " + ".join("-" if one.p50 is None else f"{one.p50:.2f}" for one in (parts.bot, parts.lead, parts.line))


def explained(width: int = 100) -> str:
    """Each key with its meaning, for --help."""
    lines = []
    for figure in (*FIGURES, _MEDIA):
        lines += textwrap.wrap(
            f"{figure.key}: {figure.meaning}", width, initial_indent="  ", subsequent_indent="      "
        )
    return "\n".join(lines)
