"""`voicebot report`: one day as a page to read, print or send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from storage.db import open_reader
from storage.scoring import ScoringRepository
from voicebot.errors import ScoringError
from voicebot.scoring.cases import CLASSES
from voicebot.scoring.early_warning import LEVELS
from voicebot.scoring.performance import PerformanceRow, rates, total
from voicebot.scoring.ports import Stored
from voicebot.scoring.report import Chart, Report, Table, bars, figures_of, number, percent, render, table
from voicebot.settings import Settings

#: Rows of a table; the rest is counted, the commands list it.
MAX_ROWS = 200


@click.command()
@click.option("--html", "out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="UTC day (default: today).")
@click.option("--days", type=click.IntRange(1, 92), default=14, show_default=True, help="Days of the chart before it.")
@click.pass_obj
def report(settings: Settings, out: Path, day: datetime | None, days: int) -> None:
    """Write a day's performance, warnings, assignment and case classes as one HTML file with charts.

    Case classes, collectors and levels are those of the newest `voicebot score run`. No names or numbers of customers.

    \b
    Examples:
      voicebot report --html today.html
      voicebot report --html 2026-11-21.html --day 2026-11-21
    """
    now = datetime.now(UTC)
    wanted = day.date() if day else now.date()
    with open_reader(settings.paths.database) as reader:
        made = collect(ScoringRepository(reader.db), settings.bank.name, wanted, days, now)
    try:
        out.write_text(render(made), encoding="utf-8")
    except OSError as error:
        raise ScoringError(f"{out}: {error.strerror}", hint="give a file in a folder that can be written") from None
    click.echo(f"wrote {out}")


def collect(repository: ScoringRepository, bank: str, day: date, days: int, now: datetime) -> Report:
    """Everything the page shows."""
    rows = repository.performance(day - timedelta(days=days - 1), day)
    today = [row for row in rows if row.day == day.isoformat()]
    values = rates(total(today))
    cases, customers = repository.newest("case"), repository.newest("customer")
    collectors = repository.newest("collector")
    scored = max((stored.checked_at for stored in cases.values()), default=None)
    notes = [f"Cases scored {scored[:16].replace('T', ' ')}." if scored else "Cases are not scored yet."]
    if len({row.currency for row in today}) > 1:
        notes.append("Money of several currencies: see the rows, there is no sum.")
    return Report(
        title="Voicebot: the day",
        bank=bank,
        day=day.isoformat(),
        made_at=now.strftime("%Y-%m-%d %H:%M"),
        figures=figures_of(values),
        charts=(
            _days(rows, day, days),
            Chart("Case classes", bars((name, _count(cases.values(), "class", name)) for name in CLASSES)),
            Chart("Customers by level", bars((name, _count(customers.values(), "level", name)) for name in LEVELS)),
            _work(collectors),
        ),
        tables=(
            _warnings(repository, day),
            _collectors(repository, collectors),
            _performance(today),
            _abnormal(cases),
        ),
        notes=tuple(notes),
    )


def _days(rows: Sequence[PerformanceRow], day: date, days: int) -> Chart:
    counts = Counter[str]()
    for row in rows:
        counts[row.day] += row.counts.attempts
    listed = [(day - timedelta(days=back)).isoformat() for back in range(days - 1, -1, -1)]
    return Chart("Attempts a day", bars((name, float(counts[name])) for name in listed))


def _count(stored: Iterable[Stored], name: str, value: str) -> float:
    return float(sum(s.result.get(name) == value for s in stored))


def _value(stored: Stored, name: str) -> float:
    value = stored.result.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _work(collectors: dict[str, Stored]) -> Chart:
    top = sorted(collectors, key=lambda name: -_value(collectors[name], "W"))[:20]
    note = f"the {len(top)} with most work of {len(collectors)}" if len(top) < len(collectors) else ""
    return Chart("Work W of the collectors", bars(((name, _value(collectors[name], "W")) for name in top), 1), note)


def _warnings(repository: ScoringRepository, day: date) -> Table:
    found = [
        w
        for w in repository.warnings(open_only=False, limit=100_000)
        if w.raised_at[:10] == day.isoformat() or (w.state != "closed" and w.raised_at[:10] < day.isoformat())
    ]
    rows = [
        (
            w.code,
            w.severity,
            w.state,
            w.customer_id or w.subject or "-",
            w.owner,
            w.due_at[:16].replace("T", " "),
            w.reason,
        )
        for w in found[:MAX_ROWS]
    ]
    columns = ("code", "severity", "state", "about", "owner", "due (UTC)", "reason")
    return table("Warnings: of the day, and open before", columns, rows, "no warning", _more(len(found)))


def _collectors(repository: ScoringRepository, collectors: dict[str, Stored]) -> Table:
    held = Counter[tuple[str, str]]()
    for row in repository.assignments():
        held[row.collector_id, row.state] += 1
    rows = [
        (
            name,
            str(held[name, "approved"]),
            str(held[name, "proposed"]),
            number(_value(stored, "W"), 1),
            number(_value(stored, "S"), 1),
            number(_value(stored, "score"), 1),
            "yes" if stored.result.get("assignable") else "no",
        )
        for name, stored in collectors.items()
    ]
    fairness = repository.newest("fairness").get("collectors")
    note = ""
    if fairness is not None:
        queue = fairness.result.get("queue")
        note = f"Jain's index of the work {_value(fairness, 'jain'):.3f} (1: even); {queue} case(s) waiting."
    columns = ("collector", "cases", "proposed", "work W", "saturation S", "score", "assignable")
    return table("Assignment", columns, rows, "no collector is scored: voicebot score run collectors", note)


def _performance(today: Sequence[PerformanceRow]) -> Table:
    columns = (
        *("campaign", "product", "channel", "funding", "script", "agent", "attempts", "connected", "right party"),
        *("promises", "kept", "contained", "transferred", "talk s", "due", "paid", ""),
    )
    rows = []
    for row in today[:MAX_ROWS]:
        v = rates(row.counts)
        named = (row.campaign, row.product, row.channel, row.funding, row.script, row.agent)
        shares = (v["connect_rate"], v["rpc_rate"])
        rows.append(
            (
                *(name or "-" for name in named),
                number(v["attempts"]),
                *map(percent, shares),
                number(v["promises"]),
                *(percent(v[name]) for name in ("kept_ptp_rate", "containment", "transfer_rate")),
                number(v["aht_s"]),
                number(v["amount_due"], 2),
                number(v["amount_paid"], 2),
                row.currency or "",
            )
        )
    return table("Performance of the day", columns, rows, "no call on this day", _more(len(today)))


def _abnormal(cases: dict[str, Stored]) -> Table:
    found = [s for s in cases.values() if s.result.get("class") == "abnormal" or s.result.get("person")]
    found.sort(key=lambda s: (-_value(s, "A"), s.subject))
    rows = [
        (
            s.subject,
            str(s.result["class"]),
            number(_value(s, "A"), 2) if s.result.get("A") is not None else "-",
            str(s.result.get("person") or "-"),
            "; ".join(s.reasons),
        )
        for s in found[:MAX_ROWS]
    ]
    columns = ("case", "class", "A", "for a person", "why")
    return table("Abnormal cases, and those for a person", columns, rows, "none", _more(len(found)))


def _more(count: int) -> str:
    return f"{MAX_ROWS} of {count} shown" if count > MAX_ROWS else ""
