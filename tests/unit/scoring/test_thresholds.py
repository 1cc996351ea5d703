"""Four eyes: another threshold is used only after a second person has approved it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.scoring.conftest import Bank
from voicebot.commands.score import score
from voicebot.errors import ScoringError, SettingsError
from voicebot.model.outcome import Disposition
from voicebot.scoring.config import ScoringSettings, as_toml, changes, digest, read
from voicebot.settings import PathSettings, Settings

RUN = ("run", "cases", "--at", "2026-11-22T12:00", "--json")


@pytest.fixture
def run(bank: Bank, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(3):
        bank.call(1, Disposition.NO_ANSWER, status=408)

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(score, arguments, obj=Settings(paths=PathSettings(database=path)))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def case_class(bank: Bank) -> object:
    return bank.scoring.newest("case")["A-1"].result["class"]


def proposed(run, text: str = "[contact]\nn1 = 2\nn2 = 1\n", by: str = "anna") -> None:
    Path("mine.toml").write_text(text)
    run("propose-thresholds", "mine.toml", "--reason", "measured", "--by", by)


def test_a_changed_file_is_refused_until_two_persons_have_agreed(run, bank: Bank) -> None:
    run(*RUN)
    assert case_class(bank) == "normal"
    Path("scoring.toml").write_text("[contact]\nn1 = 2\nn2 = 1\n")
    with pytest.raises(ScoringError, match=r"not in force: \[contact\] n1: 20 becomes 2; \[contact\] n2: 10 becomes 1"):
        run(*RUN)
    told = run("propose-thresholds", "scoring.toml", "--reason", "measured", "--by", "Anna")
    assert "threshold set 1 waits for another person:\n  [contact] n1: 20 becomes 2\n" in told
    with pytest.raises(ScoringError, match="not in force"):
        run(*RUN)
    with pytest.raises(ScoringError, match="does not decide"):
        run("decide-thresholds", "1", "--approve", "--reason", "fine", "--by", "anna")
    run("decide-thresholds", "1", "--approve", "--reason", "fine", "--by", "ben")
    run(*RUN)
    assert case_class(bank) == "abnormal"
    Path("scoring.toml").unlink()
    run(*RUN)  # what is in force is kept with the results, not in a file
    assert case_class(bank) == "abnormal"


def test_a_rejected_set_is_not_used_and_a_later_one_takes_over(run, bank: Bank) -> None:
    proposed(run)
    run("decide-thresholds", "1", "--reject", "--reason", "too strict", "--by", "ben")
    with pytest.raises(ScoringError, match="are rejected already"):
        run("decide-thresholds", "1", "--approve", "--reason", "fine", "--by", "ben")
    run(*RUN)
    assert case_class(bank) == "normal"
    proposed(run, "[contact]\nn1 = 30\n", by="ben")
    run("decide-thresholds", "2", "--approve", "--reason", "fine", "--by", "anna")
    first, second = reversed(json.loads(run("threshold-sets", "--json")))
    assert (first["state"], first["decision"], first["in_force"]) == ("rejected", "too strict", False)
    assert (second["state"], second["decided_by"], second["in_force"]) == ("approved", "anna", True)
    assert "2 (in force): measured, proposed by ben, approved by anna: fine" in run("threshold-sets")


def test_what_is_wrong_is_said(run) -> None:
    assert "the defaults are in force" in run("threshold-sets")
    Path("mine.toml").write_text("")
    with pytest.raises(ScoringError, match="nothing would change"):
        run("propose-thresholds", "mine.toml", "--reason", "x", "--by", "anna")
    Path("mine.toml").write_text("[contact]\nn1 = 1\n")
    with pytest.raises(SettingsError, match="n2 must be less than n1"):
        run("propose-thresholds", "mine.toml", "--reason", "x", "--by", "anna")
    proposed(run)
    with pytest.raises(ScoringError, match="wait for a second person already"):
        proposed(run)
    with pytest.raises(ScoringError, match="a reason and a name"):
        run("decide-thresholds", "1", "--approve", "--reason", " ", "--by", "ben")
    with pytest.raises(ScoringError, match="no set of thresholds 7"):
        run("decide-thresholds", "7", "--approve", "--reason", "x", "--by", "ben")


def test_what_is_printed_is_what_is_read() -> None:
    other = read("[contact]\nn1 = 30 # ours\n\n[cooperation]\nr_min = 0.4\n", "x")
    assert read(as_toml(other), "x") == other
    assert digest(read(as_toml(other), "x")) == digest(other) != digest(ScoringSettings())
    assert changes(ScoringSettings(), other) == ["[contact] n1: 20 becomes 30", "[cooperation] r_min: 0.5 becomes 0.4"]
