"""The documents name every command, setting, disposition and kind of step, and their links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sip_sim.cli import cli as sip_sim
from tests.fitness.tree import ROOT, documentation, files, name, text
from voicebot.cli import COMMANDS
from voicebot.cli import cli as voicebot
from voicebot.flow.loader import KINDS
from voicebot.model.outcome import AnsweredBy, Disposition, ItemResult, WarningCode
from voicebot.model.voice import VoiceReason, VoiceState

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$", re.MULTILINE)
#: Documents that are our own (design.md is the copy of the page the project started from).
DOCUMENTS = [path for path in files() if path.suffix == ".md"]


def leaves(command: click.Command, path: str) -> list[str]:
    """Every command below this one, as it is typed."""
    if not isinstance(command, click.Group):
        return [path]
    context = click.Context(command)
    found = []
    for child in command.list_commands(context):
        made = command.get_command(context, child)
        assert made is not None, f"{path} {child} cannot be loaded"
        found += leaves(made, f"{path} {child}")
    return found


def test_every_command_is_in_the_documents() -> None:
    commands = [*leaves(voicebot, "voicebot"), *leaves(sip_sim, "sip-sim")]
    assert len(commands) > len(COMMANDS)
    assert not [command for command in commands if not re.search(rf"{re.escape(command)}\b", documentation())]


def unexplained(command: click.Command, path: str, above: str = "") -> list[str]:
    """Commands below this one without an example in their help, or in that of the group they are in."""
    shown = command.get_help(click.Context(command, info_name=path))
    if isinstance(command, click.Group):
        context = click.Context(command)
        children = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
        return [found for name, child in children if child for found in unexplained(child, f"{path} {name}", shown)]
    example = rf"^(?!Usage:).*{re.escape(path)}\b"
    return [] if re.search(example, f"{shown}\n{above}", re.MULTILINE) else [path]


def test_every_command_of_the_bot_shows_an_example() -> None:
    assert not unexplained(voicebot, "voicebot")


def test_the_page_of_settings_is_what_the_models_say() -> None:
    made = subprocess.run(
        [sys.executable, "tools/settings_doc.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (ROOT / "docs/settings.md").read_text(encoding="utf-8") == made.stdout, "run tools/settings_doc.py again"


def test_every_setting_says_what_it_is() -> None:
    rows = [line for line in text(ROOT / "docs/settings.md").splitlines() if line.startswith("| `")]
    assert len(rows) > 50
    assert not [row for row in rows if row.endswith("| |")]


WORDS = [word.value for kind in (Disposition, AnsweredBy, ItemResult, WarningCode, VoiceState) for word in kind]


@pytest.mark.parametrize("word", [*WORDS, *(reason.value for reason in VoiceReason)])
def test_every_word_of_the_record_is_in_the_glossary(word: str) -> None:
    assert f"`{word}`" in text(ROOT / "docs/glossary.md")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_step_is_in_the_documents(kind: str) -> None:
    assert re.search(rf"`{kind}(:[^`]*)?`", documentation())


def anchor(heading: str) -> str:
    """A heading's anchor as the usual renderers make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken(path: Path) -> list[str]:
    """Relative links of a document that lead nowhere."""
    found = []
    for link in LINK.findall(re.sub(r"```.*?```", "", text(path), flags=re.DOTALL)):
        target, _, part = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        there = (path.parent / target).resolve() if target else path
        absent = not there.exists() or not there.is_relative_to(ROOT)
        if absent or (part and there.suffix == ".md" and part not in map(anchor, HEADING.findall(text(there)))):
            found.append(link)
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    assert not broken(path)


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        path = ahead.pop()
        if path in reached or path.suffix != ".md" or not path.is_file():
            continue
        reached.add(path)
        links = [link.partition("#")[0] for link in LINK.findall(text(path))]
        ahead += [(path.parent / link).resolve() for link in links if link and ":" not in link]
    assert not [name(path) for path in (ROOT / "docs").glob("*.md") if path not in reached]


def test_every_make_target_named_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", text(ROOT / "Makefile"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", documentation()))
    assert named
    assert named <= targets
