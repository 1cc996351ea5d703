"""`voicebot check`: the flows and templates, before any customer hears them."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence

import click
from rich.console import Console
from rich.markup import escape

from voicebot.errors import FlowError
from voicebot.flow.findings import Finding
from voicebot.model.portfolio import Account
from voicebot.settings import Settings

_COLOURS = {"error": "red", "warning": "yellow"}


@click.command()
@click.argument("flows", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per finding.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.pass_obj
def check(settings: Settings, flows: tuple[str, ...], as_json: bool, strict: bool) -> None:
    """Check FLOWS (default: all) and their templates without calling anybody.

    Finds, each with its file and line: broken YAML and templates, unknown keys, steps, intents and checks; a step that
    can't be reached; a missing prompt; an end without a disposition; a check's result without a branch; a loop with no
    exit; and a word about the loan that could be spoken before the right party is verified. Exit status 1 where there
    is an error.

    \b
    Examples:
      voicebot check
      voicebot check reminder
      voicebot check --json --strict
    """
    found = find_all(settings)
    if flows:
        found = [f for f in found if any(_belongs(f, flow) for flow in flows)]
    errors = sum(f.severity == "error" for f in found)
    if as_json:
        for one in found:
            click.echo(json.dumps(dataclasses.asdict(one)))
    else:
        _print(found, errors)
    sys.exit(1 if errors or (strict and found) else 0)


def find_all(settings: Settings) -> list[Finding]:
    """Every finding in the flows and templates of the settings' folders, sorted."""
    from voicebot.flow.lint import lint
    from voicebot.flow.loader import read_flows
    from voicebot.flow.private_words import load_private_words
    from voicebot.flow.prompts import Prompts
    from voicebot.nlu.language import load_language

    paths, language = settings.paths, settings.asr.language
    book, found = read_flows(paths.flows)
    try:
        prompts = Prompts(paths.templates, language, strict=False)
        words = load_private_words(paths.templates / language)
        understood = load_language(paths.templates, paths.flows, language)
    except FlowError as error:
        return sorted({*found, *_as_findings(error)})
    if found:  # names that lead nowhere: what can be reached is not known, the templates are
        return sorted({*found, *prompts.findings})
    return lint(book, prompts, understood, words, _examples())


def _as_findings(error: FlowError) -> list[Finding]:
    """An error's lines, "file:line: message" each."""
    found = []
    for text in error.message.splitlines():
        file, _, rest = text.partition(":")
        line, _, message = rest.partition(":")
        known = line.strip().isdigit()
        found.append(Finding(file, int(line), message.strip()) if known else Finding(text, 1, "cannot be read"))
    return found


def _belongs(found: Finding, flow: str) -> bool:
    return found.file.rpartition("/")[2].partition(".")[0] == flow


def _examples() -> Sequence[Account]:
    """Accounts like any other, to render prompts with."""
    from voicebot.flow.examples import EXAMPLES

    return EXAMPLES


def _print(found: Sequence[Finding], errors: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for one in found:
        colour = _COLOURS.get(one.severity, "")
        console.print(f"{escape(one.file)}:{one.line}: [{colour}]{one.severity}[/]: {escape(one.message)}", markup=True)
    if found:
        console.print(f"{errors} error(s), {len(found) - errors} warning(s)")
    else:
        console.print("[green]all good[/]: every step can be reached, nothing private is said before the gate")
