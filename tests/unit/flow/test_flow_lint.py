"""`voicebot check` on broken flows: each kind of finding, with its file and line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.flow.helpers import FLOWS, TEMPLATES
from voicebot.commands.check import check, find_all
from voicebot.nlu.language import load_language
from voicebot.settings import PathSettings, Settings

LANGUAGE = load_language(TEMPLATES, FLOWS, "en")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The flows and templates that ship, to be broken. Understanding is read once: it is not what is broken here."""
    monkeypatch.setattr("voicebot.nlu.language.load_language", lambda *_: LANGUAGE)
    return copied(tmp_path)


def copied(tmp_path: Path) -> Settings:
    """The flows and templates that ship, in a folder of their own."""
    shutil.copytree(FLOWS, tmp_path / "callflows")
    shutil.copytree(TEMPLATES, tmp_path / "scripts_templates")
    paths = PathSettings(flows=tmp_path / "callflows", templates=tmp_path / "scripts_templates")
    return Settings(paths=paths)


def change(settings: Settings, file: str, old: str, new: str) -> int:
    """Replace text once; returns the line it stands on."""
    path = settings.paths.flows.parent / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old} is not in {file}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_what_ships_is_clean(project: Settings) -> None:
    assert find_all(project) == []


REMINDER, IDENTITY = "callflows/reminder.yaml", "callflows/shared/identity.yaml"
REMINDER_J2 = "scripts_templates/en/reminder.j2"
PARTY_J2 = "scripts_templates/en/shared/right_party.j2"
CASES = {
    "unreachable": (
        REMINDER,
        "  no_result:",
        "  lost: {end: CALLBACK}\n  no_result:",
        REMINDER,
        "the step `lost` can't be reached",
    ),
    "unreachable ring": (
        REMINDER,
        "  no_result:",
        "  lost: {say: paid, goto: lost}\n  no_result:",
        REMINDER,
        "the step `lost` can't be reached",
    ),
    "missing prompt": (REMINDER, "say: promised", "say: promisd", REMINDER, "says `promisd`: there is no such block"),
    "end without": (
        REMINDER,
        "promise_end: {end: PROMISE_TO_PAY}",
        "promise_end: {end: }",
        REMINDER,
        "without a disposition",
    ),
    "dead end": (
        REMINDER,
        "promise_end: {end: PROMISE_TO_PAY}",
        "promise_end: {say: paid}",
        REMINDER,
        "has no way out",
    ),
    "unknown intent": (
        REMINDER,
        "cannot_pay: hardship,",
        "cant_pay: hardship,",
        REMINDER,
        "no intent is named `cant_pay`",
    ),
    "unknown everywhere": (
        REMINDER,
        "{hardship: hardship,",
        "{hardhip: hardship,",
        REMINDER,
        "no intent is named `hardhip`",
    ),
    "unheard intent": (
        REMINDER,
        "can_pay: all_of_it, promise",
        "willing: all_of_it, promise",
        REMINDER,
        "never hears `willing`",
    ),
    "unknown kind": (
        REMINDER,
        "listen: [date, promise",
        "listen: [dates, promise",
        REMINDER,
        "`dates`, which is no kind",
    ),
    "unknown check": (
        REMINDER,
        "check: promise_complete",
        "check: promise_ok",
        REMINDER,
        "no check is named `promise_ok`",
    ),
    "no branch": (REMINDER, "date_past: not_then, ", "", REMINDER, "no branch for the check's result `date_past`"),
    "unknown result": (
        REMINDER,
        "no_amount: ask_amount",
        "no_amont: ask_amount",
        REMINDER,
        "`no_amont` is not the check's result",
    ),
    "no branch of a call": (
        REMINDER,
        "next: {verified: ask_pay}}\n",
        "next: {}}\n",
        REMINDER,
        "result of `identity` `verified`",
    ),
    "unknown step": (REMINDER, "deny: again", "deny: agian", REMINDER, "there is no step `agian`"),
    "loop": (
        REMINDER,
        "again:      {set",
        "again:      {goto: again}\n  agan:      {set",
        REMINDER,
        "in a loop with no exit",
    ),
    "silent loop": (
        IDENTITY,
        "voice_inconclusive: more_speech",
        "voice_inconclusive: gate",
        IDENTITY,
        "leads back to itself",
    ),
    "word": (PARTY_J2, "Am I speaking with", "It is about a debt. Is this", PARTY_J2, "the private word `debt`"),
    "word in a branch": (PARTY_J2, "Hello, can you hear me?", "You owe us!", PARTY_J2, "the private word `owe`"),
    "word in a constant": (PARTY_J2, "Just to be sure", '{{ "Your Loan" }}', PARTY_J2, "the private word `Loan`"),
    "word in a voicemail": (
        "scripts_templates/en/announcements.j2",
        "with a message",
        "about your payments",
        "scripts_templates/en/announcements.j2",
        "`payments` and is said to anybody",
    ),
    "loan before the gate": (
        PARTY_J2,
        "{{ customer.name }}",
        "{{ loan.product }}",
        PARTY_J2,
        "names `loan` and can be spoken",
    ),
    "prompt with an error": (REMINDER_J2, "loan.due | money", "loan.due | day", REMINDER_J2, "`day` wants a day"),
    "prompt too long": (REMINDER_J2, "That day has", "That day " + "really " * 100 + "has", REMINDER_J2, "has 7"),
    "template broken": (REMINDER_J2, "{% block paid %}", "{% block paid %}{% if %}", REMINDER_J2, "not a template"),
    "unknown variable": (REMINDER_J2, "loan.due | money", "loan.dew | money", REMINDER_J2, "`loan` has no field `dew`"),
    "prompt never said": (
        REMINDER_J2,
        "{% block paid %}",
        "{% block x %}y{% endblock %}\n{% block paid %}",
        REMINDER_J2,
        "says the prompt `x`",
    ),
    "answer without a branch": (
        REMINDER,
        "deny: again",
        "cannot_say: again",
        REMINDER,
        "asks for `deny` and has no branch",
    ),
    "result never returned": (
        IDENTITY,
        "results: [verified]",
        "results: [verified, never]",
        IDENTITY,
        "returns its result `never`",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_findings(project: Settings, case: str) -> None:
    file, old, new, where, message = CASES[case]
    line = change(project, file, old, new)
    found = find_all(project)
    fitting = [f for f in found if message in f.message]
    assert fitting, [str(f) for f in found]
    assert fitting[0].file == where
    assert fitting[0].line in (line, 1, 3, 4) or case == "no branch of a call"
    warned = {"prompt never said", "answer without a branch"}
    assert fitting[0].severity == ("warning" if case in warned else "error")


def test_the_line_of_a_private_word_is_the_words_own(project: Settings) -> None:
    line = change(project, PARTY_J2, "{% block not_reached %}", "{% block not_reached %}One\ntwo\nthree debts\n")
    [found] = [f for f in find_all(project) if "debts" in f.message]
    assert found.line == line + 2


def test_a_gate_taken_out_is_found(project: Settings) -> None:
    """The script that forgets to verify: everything private in it is reported."""
    change(
        project,
        REMINDER,
        "{call: right_party, next: {reached: identity}}",
        "{call: right_party, next: {reached: ask_pay}}",
    )
    found = [f for f in find_all(project) if "can be spoken before" in f.message]
    assert {f.file for f in found} == {REMINDER_J2}
    assert len(found) > 10


def test_a_weaker_check_does_not_open_the_gate(project: Settings) -> None:
    change(project, IDENTITY, "check: right_party_verified", "check: birth_date_matches")
    assert any("names `loan` and can be spoken before" in f.message for f in find_all(project))


def test_a_result_other_than_passed_does_not_open_the_gate(project: Settings) -> None:
    change(project, IDENTITY, "voice_inconclusive: more_speech", "voice_inconclusive: verified")
    assert any("names `loan` and can be spoken before" in f.message for f in find_all(project))


def test_a_handler_of_the_lost_voice_that_goes_straight_on_is_found(project: Settings) -> None:
    change(project, REMINDER, "none}, call: identity, next: {verified: ask_pay}}", "none}, goto: ask_pay}")
    assert any("names `loan` and can be spoken before" in f.message for f in find_all(project))


@pytest.mark.parametrize("name", ["private_words.yaml", "spoken.yaml", "words.yaml"])
def test_a_missing_table_is_a_finding(tmp_path: Path, name: str) -> None:
    project = copied(tmp_path)
    (project.paths.templates / "en" / name).unlink()
    assert any(f.file.endswith(name) for f in find_all(project))


@pytest.mark.parametrize("text", ["words: []\n", "words: {a: b}\n", "word: [a]\n", "words: [[a]]\n"])
def test_a_broken_list_of_private_words(project: Settings, text: str) -> None:
    (project.paths.templates / "en/private_words.yaml").write_text(text, encoding="utf-8")
    assert any(f.file.endswith("private_words.yaml") and f.severity == "error" for f in find_all(project))


# --- the command ----------------------------------------------------------------------------------------------


def test_the_command_is_quiet_about_good_flows(project: Settings) -> None:
    result = CliRunner().invoke(check, [], obj=project)
    assert (result.exit_code, "all good" in result.output) == (0, True)


def test_the_command_prints_file_and_line_and_fails(project: Settings) -> None:
    line = change(project, REMINDER, "say: promised", "say: promisd")
    result = CliRunner().invoke(check, [], obj=project)
    assert result.exit_code == 1
    assert f"{REMINDER}:{line}: error: the step `promised` says `promisd`" in result.output


def test_the_command_in_json(project: Settings) -> None:
    change(project, REMINDER, "say: promised", "say: promisd")
    result = CliRunner().invoke(check, ["--json", "reminder"], obj=project)
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert {row["severity"] for row in rows} == {"error", "warning"}
    assert all(row["file"].rpartition("/")[2].startswith("reminder.") for row in rows)
    assert CliRunner().invoke(check, ["invitation"], obj=project).exit_code == 0


def test_warnings_fail_only_when_strict(project: Settings) -> None:
    change(project, REMINDER, "deny: again", "cannot_say: again")
    assert CliRunner().invoke(check, [], obj=project).exit_code == 0
    assert CliRunner().invoke(check, ["--strict"], obj=project).exit_code == 1
