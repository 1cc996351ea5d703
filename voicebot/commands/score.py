"""`voicebot score`: what the outcomes mean for cases, collectors, customers and applicants."""

from __future__ import annotations

import json
from pathlib import Path

import click

from voicebot.commands.score_decide import approve, assignments, import_, override, review, settle, tag, warnings
from voicebot.commands.score_run import explain, run
from voicebot.commands.score_shown import as_json, plain, thresholds_file
from voicebot.commands.score_thresholds import decide, propose, threshold_sets
from voicebot.commands.score_train import check_talk, train_emotion
from voicebot.scoring.config import as_toml, load
from voicebot.scoring.result import Result
from voicebot.scoring.what_if import FORMULAS, formula
from voicebot.scoring.what_if import what_if as compute


@click.group()
def score() -> None:
    """What the outcomes mean: cases, collectors, warnings, tags, performance, pre-loan risk."""


_DECISIONS = (assignments, approve, override, warnings, settle, review, tag)
_FOUR_EYES = (propose, decide, threshold_sets)
for _command in (run, explain, *_DECISIONS, *_FOUR_EYES, import_, train_emotion, check_talk):
    score.add_command(_command)


@score.command("what-if", context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="NAME")
@click.argument("values", nargs=-1, metavar="KEY=VALUE...")
@thresholds_file
@as_json
def what_if(name: str, values: tuple[str, ...], thresholds: Path | None, json_: bool) -> None:
    """Compute one formula on values given by hand, step by step (docs/scoring.md has every key).

    NAME is contact-anomaly, cooperation, saturation, collector-score, warning-level or pre-loan. Nothing is stored.

    \b
    Examples:
      voicebot score what-if contact-anomaly n_call=8 n_hang=6 rejected=6 powered_off=2 n_other=4 n_other_recent=3
      voicebot score what-if cooperation text="I will not pay" c=0.3
      voicebot score what-if collector-score n_norm=20 n_abn=5 n_coop=30 n_non=10 S=71.5 --json
    """
    result = compute(name, values, load(thresholds))
    if json_:
        click.echo(json.dumps(result.as_json(), ensure_ascii=False, indent=2))
        return
    click.echo(f"{formula(name).about}\n")
    show(result)


@score.command()
@thresholds_file
def thresholds(thresholds: Path | None) -> None:
    """Print every threshold of the file, or every default, as a file that can be edited, tried and proposed.

    \b
    Examples:
      voicebot score thresholds > scoring.toml
      voicebot score what-if contact-anomaly n_call=8 no_answer=8 --thresholds scoring.toml
      voicebot score propose-thresholds scoring.toml --reason "measured in October" --by anna
    """
    click.echo(as_toml(load(thresholds)), nl=False)


def show(result: Result) -> None:
    """Inputs, every step with its rule, and why."""
    steps = next((f.steps for f in FORMULAS if f.name == result.formula), {})
    click.echo("inputs: " + ", ".join(f"{name}={plain(value)}" for name, value in result.inputs.items()))
    width = max(map(len, result.values), default=0)
    for name, value in result.values.items():
        rule = f"   = {steps[name]}" if name in steps else ""
        click.echo(f"  {name:<{width}}  {plain(value):<12}{rule}")
    for reason in result.reasons:
        click.echo(f"  because: {reason}")
    click.echo(f"  version: {result.version}")
