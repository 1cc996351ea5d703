"""`voicebot calls`: what the attempts left behind. Shows personal data: that is its job."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from storage.db import Reader, open_reader
from storage.records import CallFilter, CallRecord, CallSummary
from voicebot.model.outcome import Disposition
from voicebot.settings import Settings


@click.group()
def calls() -> None:
    """List attempts, and show one with its turns."""


@calls.command("list")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, newest first.")
@click.option("--disposition", type=click.Choice([d.value for d in Disposition], case_sensitive=False))
@click.option("--account", help="Only this account.")
@click.option("--json", "as_json", is_flag=True, help="JSON, one object per attempt.")
@click.pass_obj
def list_(settings: Settings, limit: int, disposition: str | None, account: str | None, as_json: bool) -> None:
    """List attempts, newest first. Reads only: a running bot is not disturbed.

    \b
    Examples:
      voicebot calls list --limit 5
      voicebot calls list --disposition PROMISE_TO_PAY --json
    """
    wanted = CallFilter(disposition=Disposition(disposition.upper()) if disposition else None, account_id=account)
    with _reader(settings) as reader:
        found = reader.calls(limit, wanted)
    if as_json:
        click.echo(_json([dataclasses.asdict(s) for s in found]))
    elif not found:
        click.echo("no attempts" + (" that match" if wanted != CallFilter() else " yet: voicebot dial --help"))
    else:
        _console().print(call_table(found))


@calls.command()
@click.argument("attempt", type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="JSON.")
@click.option("--voiceprint", "picture", type=click.Path(path_type=Path), help="Draw the voice to FILE.png or .svg.")
@click.pass_obj
def show(settings: Settings, attempt: int, as_json: bool, picture: Path | None) -> None:
    """Show one ATTEMPT: both sides' words with their times, checks, voice decision, outcome, warnings, recording.

    \b
    Examples:
      voicebot calls show 12
      voicebot calls show 12 --json
      voicebot calls show 12 --voiceprint voice.png
    """
    with _reader(settings) as reader:
        record = reader.call(attempt)
    if picture is not None:
        from voicebot.commands.voice_picture import write_picture  # Pillow is loaded only where a picture is wanted

        write_picture(picture, record.turns, record.comparisons)
        click.echo(f"{picture}: the voice over call {attempt}, {len(record.comparisons)} comparisons", err=True)
    if as_json:
        click.echo(_json(dataclasses.asdict(record)))
        return
    console = _console()
    console.print(_facts(settings, record))
    console.print(_turns(record))
    if record.checks:
        console.print(_checks(record))
    for w in record.warnings:
        console.print(
            f"[bold red]warning {w.id}[/] {escape(w.reason)} ({w.severity}, {w.state}; for {w.owner} by {w.due_at})"
        )
        console.print(f"  {escape(json.dumps(w.evidence, default=str))}")


def call_table(found: list[CallSummary]) -> Table:
    """A table of attempts, one line each."""
    table = Table(title="Attempts", show_lines=False)
    for name in ("no.", "started (UTC)", "account", "customer", "flow", "SIP", "answered by", "disposition"):
        table.add_column(name)
    for name in ("voice", "promise", "talk s", "gap s", "warn"):
        table.add_column(name, justify="right")
    for s in found:
        table.add_row(
            str(s.attempt_id),
            s.started_at[:19].replace("T", " "),
            escape(s.account_id or "-"),
            escape(s.customer_name or "-"),
            escape(s.flow) + (" (in)" if s.direction == "inbound" else ""),
            _text(s.sip_status),
            _text(s.answered_by),
            s.disposition or "[dim]open[/]",
            _voice(s),
            f"{s.promise_amount} {s.promise_currency or ''} by {s.promise_due_on}" if s.promise_amount else "-",
            _number(s.talk_s, 0),
            _number(s.reply_gap_s, 2),
            str(s.warnings or "-"),
        )
    return table


def _console() -> Console:
    """A pipe or a file has no width: wide enough for the table."""
    return Console(width=None if sys.stdout.isatty() else 220)


def _reader(settings: Settings) -> Reader:
    return open_reader(settings.paths.database)


def _facts(settings: Settings, record: CallRecord) -> Table:
    s, start, progress, outcome, voice = record.summary, record.start, record.progress, record.outcome, record.voice
    table = Table(title=f"Attempt {s.attempt_id}", show_header=False)
    rows = {
        "customer": f"{s.customer_name or '-'} ({s.account_id or 'no account'})",
        "flow": f"{start.flow}, {start.direction}, script {start.script_version}, {start.driver}",
        "started, answered, ended": f"{s.started_at}, {_text(progress.answered_at)}, {_text(progress.ended_at)}",
        "SIP": f"{_text(progress.sip_status)} {progress.sip_reason or ''} ({_text(progress.sip_call_id)})",
        "trunk": _text(progress.trunk),
        "answered by": f"{_text(progress.answered_by)} {progress.answered_by_cause or ''}",
        "recording": str(settings.paths.recordings / progress.recording) if progress.recording else "-",
    }
    if voice:
        score = f"score {_number(voice.score, 3)} (limits {voice.reject_limit:.2f}, {voice.accept_limit:.2f})"
        why = f", {voice.reason}" if voice.reason else ""
        rows["voice"] = f"{voice.state}{why}, {score}, {voice.net_speech_s:.1f} s of speech, {voice.model_id}"
    if outcome is None:
        rows["outcome"] = "open"
    else:
        rows["outcome"] = outcome.disposition
        known = {f.name: getattr(outcome, f.name) for f in dataclasses.fields(outcome) if f.name != "disposition"}
        rows |= {f"  {name}": _plain(value) for name, value in known.items() if value not in (None, (), {})}
    for name, value in rows.items():
        table.add_row(name, escape(str(value)))
    return table


def _turns(record: CallRecord) -> Table:
    table = Table(title="Turns (seconds from the answer)", show_lines=True)
    for name in ("at", "step", "bot", "customer", "understood", "gap s", "voice"):
        table.add_column(name)
    for turn in record.turns:
        slots = " ".join(f"{k}={v}" for k, v in turn.slots.items())
        reply = "-" if turn.reply_text is None else f"{_number(turn.reply_t0, 1)}: {turn.reply_text}"
        cut = f" (interrupted after {turn.heard_s:.1f} s)" if turn.heard_s is not None else ""
        table.add_row(
            _number(turn.prompt_t0, 1),
            escape(turn.step),
            escape(turn.prompt_text + cut),
            escape(reply),
            escape(f"{turn.intent or turn.event or '-'} {slots}"),
            _number(turn.reply_gap_s, 2),
            _text(turn.voice_state),
        )
    return table


def _checks(record: CallRecord) -> Table:
    table = Table(title="Checks")
    for name in ("at", "step", "check", "result", "detail"):
        table.add_column(name)
    for check in record.checks:
        detail = json.dumps(check.detail, default=str)
        table.add_row(f"{check.t:.1f}", escape(check.step), escape(check.name), escape(check.result), escape(detail))
    return table


def _voice(s: CallSummary) -> str:
    if s.voice_state is None:
        return "-"
    return f"{s.voice_state} {_number(s.voice_score, 2)} ({_number(s.voice_net_s, 1)} s)"


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {v}" for k, v in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
