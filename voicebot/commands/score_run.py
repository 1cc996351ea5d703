"""`voicebot score run` and `explain`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from storage.db import open_reader, open_store
from storage.scoring import ScoringRepository
from voicebot.commands.score_shown import as_json, plain, thresholds_file
from voicebot.commands.score_thresholds import for_a_run
from voicebot.errors import ScoringError
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.ports import EmotionJudge, Stored
from voicebot.scoring.runs_cases import run_cases, run_collectors
from voicebot.scoring.runs_customers import run_performance, run_tags, run_warnings
from voicebot.scoring.runs_numbers import run_collection_numbers, run_pre_loan
from voicebot.scoring.tags import portrait
from voicebot.settings import Settings

#: In the order of a whole run: collectors read what cases wrote, tags what warnings wrote.
PARTS = ("cases", "collectors", "collection-numbers", "pre-loan", "warnings", "tags", "performance")

when = click.option(
    "--at", type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%d"]), help="UTC moment to score for (default: now)."
)


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS), metavar="[PART...]")
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True, help="Days of performance.")
@when
@thresholds_file
@as_json
@click.pass_obj
def run(
    settings: Settings, parts: tuple[str, ...], days: int, at: datetime | None, thresholds: Path | None, json_: bool
) -> None:
    """Score what the calls left, store results and raise warnings; nightly, or whenever wanted.

    PART is cases, collectors, warnings, tags, performance, collection-numbers or pre-loan; none: all of them.

    \b
    Examples:
      voicebot score run
      voicebot score run cases collectors --json
      voicebot score run performance --days 31
    """
    now = moment(at)
    with open_store(settings.paths.database) as store:
        used = for_a_run(store.db, thresholds)
        repository = ScoringRepository(store.db)
        found = {part: _run(part, repository, used, now, days, whole=not parts) for part in parts or PARTS}
    if json_:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for part, figures in found.items():
        shown = {name: value for name, value in figures.items() if name != "table"}  # rows: --json, or the report
        click.echo(f"{part}: " + ", ".join(f"{name} {plain(value)}" for name, value in shown.items()))


def _run(
    part: str, repository: ScoringRepository, used: ScoringSettings, now: datetime, days: int, *, whole: bool
) -> Mapping[str, object]:
    last: date = now.date()
    jobs: dict[str, Callable[[], Mapping[str, object]]] = {
        "cases": lambda: run_cases(repository, used, now, emotion_judge(used)),
        "collectors": lambda: run_collectors(repository, used, now),
        "warnings": lambda: run_warnings(repository, used, now),
        "tags": lambda: run_tags(repository, used, now),
        "performance": lambda: run_performance(repository, now, last - timedelta(days=days - 1), last),
        "collection-numbers": lambda: run_collection_numbers(repository, used, now),
        "pre-loan": lambda: run_pre_loan(repository, used, now),
    }
    try:
        return jobs[part]()
    except ScoringError as error:
        if not whole:
            raise
        return {"left out": error.message}  # a whole run goes on: most banks import no call records


def emotion_judge(used: ScoringSettings) -> EmotionJudge | None:
    """The judge that `[emotion]` names; None where it is off. Raises ModelError."""
    if not used.emotion.enabled:
        return None
    from voicebot.engines.emotion import load_judge

    return load_judge(Path(used.emotion.model) if used.emotion.model else None)


def moment(at: datetime | None) -> datetime:
    """The moment to score for, in UTC."""
    return at.replace(tzinfo=UTC) if at else datetime.now(UTC)


@click.command()
@click.argument("case")
@as_json
@click.pass_obj
def explain(settings: Settings, case: str, json_: bool) -> None:
    """Why CASE (an account) has its class: inputs, values, reasons, communications, collector, customer's level, tags.

    \b
    Examples:
      voicebot score explain A-1001
      voicebot score explain A-1001 --json
    """
    with open_reader(settings.paths.database) as reader:
        repository = ScoringRepository(reader.db)
        found = _explained(repository, case, reader.account(case).customer.id)
    if json_:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for name, value in found.items():
        _show(name, value, 0)


def _explained(repository: ScoringRepository, case: str, customer_id: str) -> dict[str, object]:
    history = repository.history("case", case)
    if not history:
        raise ScoringError(f"case {case} has not been scored", hint="voicebot score run cases")
    customer = repository.history("customer", customer_id)
    states = ("proposed", "approved", "replaced", "ended")
    now = datetime.now(UTC)
    return {
        "case": case,
        "now": _score(history[0]),
        "before": [{"at": s.at, "class": s.result.get("class"), "reasons": list(s.reasons)} for s in history[1:6]],
        "communications": [{"id": s.subject, **_score(s)} for s in repository.communications_of(case)],
        "collectors": [
            {"collector": a.collector_id, "state": a.state, "at": a.decided_at or a.proposed_at, "reason": a.reason}
            for a in repository.assignments(states, case)
        ],
        "customer": {"id": customer_id, **(_score(customer[0]) if customer else {})},
        "portrait": {
            name: {"value": tag.value, "source": tag.source, "confidence": tag.confidence}
            for name, tag in portrait(repository.tags(customer_id), now).items()
        },
    }


def _score(stored: Stored) -> dict[str, object]:
    return {
        **stored.result,
        "inputs": dict(stored.inputs),
        "reasons": list(stored.reasons),
        "version": stored.version,
        "at": stored.at,
        "checked_at": stored.checked_at,
    }


def _show(name: str, value: object, depth: int) -> None:
    indent = "  " * depth
    if isinstance(value, dict):
        click.echo(f"{indent}{name}:")
        for key, item in value.items():
            _show(str(key), item, depth + 1)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        click.echo(f"{indent}{name}:")
        for number, item in enumerate(value, 1):
            _show(str(number), item, depth + 1)
    else:
        click.echo(f"{indent}{name}: {plain(value)}")
