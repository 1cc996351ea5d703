"""How an import is shown: progress while it runs, the report as a table or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from storage.portfolio import ImportReport
from storage.portfolio_staging import Progress as Told
from voicebot.model.campaign import PaymentEffects

#: A loan is an account of the bot's.
_WORDS = {"loans": "accounts", "do_not_call": "numbers on lists"}


@contextmanager
def progress_shown() -> Iterator[Told]:
    """A bar for each file on a terminal's standard error; nothing elsewhere."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def told(kind: str, rows: int, done: int, size: int) -> None:
            if kind not in tasks:
                tasks[kind] = bars.add_task(f"checking {kind}", total=size, rows=0)
            bars.update(tasks[kind], completed=done, rows=rows)

        yield told


def shown(report: ImportReport) -> None:
    """The table, then what is wrong."""
    table = Table("file", "rows", "good", "bad", "known", "written", title=None if report.written else "dry run")
    for file in report.files:
        numbers = (file.rows, file.good, file.bad, file.known, file.written)
        table.add_row(file.kind, *(f"{n:,}" for n in numbers))
    Console().print(table)
    for file in report.files:
        if file.unused:
            click.echo(f"{file.path}: columns left out: {', '.join(file.unused)}")
    for problem in report.problems:
        click.echo(f"{'left out: ' if report.written else ''}{problem}", err=True)
    if report.problem_count > len(report.problems):
        click.echo(f"... and {report.problem_count - len(report.problems)} more problem(s)", err=True)
    if report.written:
        counts = [f"{file.written} {_WORDS.get(file.kind, file.kind.replace('_', ' '))}" for file in report.files]
        click.echo("imported " + " and ".join(filter(None, (", ".join(counts[:-1]), counts[-1]))))
    elif not report.problem_count:
        click.echo("every row is good; nothing was written (dry run)")


def effects_shown(effects: PaymentEffects | None) -> None:
    """What payments changed."""
    if effects is not None:
        click.echo(
            f"payments: {effects.cancelled} pending contact(s) cancelled, {effects.kept} promise(s) kept, "
            f"{effects.broken} broken"
        )


def as_json(report: ImportReport, effects: PaymentEffects | None) -> dict[str, object]:
    """The report by names."""
    return {
        "written": report.written,
        "usable": report.usable,
        "problem_count": report.problem_count,
        "problems": [{"file": str(p.path), "line": p.line, "reason": p.reason} for p in report.problems],
        "files": [
            {
                "kind": file.kind,
                "path": str(file.path),
                "sha256": file.sha256,
                "rows": file.rows,
                "good": file.good,
                "bad": file.bad,
                "known": file.known,
                "written": file.written,
                "unused_columns": list(file.unused),
            }
            for file in report.files
        ],
        "payments": None
        if effects is None
        else {"cancelled": effects.cancelled, "kept": effects.kept, "broken": effects.broken},
    }
