"""`voicebot score` and `voicebot report`, as a person types them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.scoring.conftest import Bank
from voicebot.commands.report import report
from voicebot.commands.score import score
from voicebot.errors import PortfolioError, ScoringError, StorageError
from voicebot.model.outcome import Disposition, Outcome
from voicebot.settings import BankSettings, PathSettings, Settings

WHEN = ("--at", "2026-11-22T12:00")


@pytest.fixture
def run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings(paths=PathSettings(database=path), bank=BankSettings(name="<b>Bank</b>"))

    def invoke(command, *arguments: str) -> str:
        result = CliRunner().invoke(command, list(arguments), obj=settings)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


VECTOR = ["n_call=8", "n_hang=6", "rejected=6", "powered_off=2", "n_other=4", "n_other_recent=3"]


def test_what_if_shows_inputs_steps_and_result(run) -> None:
    shown = run(score, "what-if", "contact-anomaly", *VECTOR)
    assert "n_call=8" in shown
    for name, value in (("A_p", "0.582"), ("A_o", "0.343"), ("A", "0.589"), ("class", "abnormal")):
        assert re.search(rf"^  {name} +{value} ", shown, re.MULTILINE)
    assert "1 - (1 - g_phone*A_p) * (1 - g_other*A_o)" in shown


def test_what_if_as_json_has_the_names_on_top_in_full_precision(run) -> None:
    shown = json.loads(run(score, "what-if", "contact-anomaly", *VECTOR, "--json"))
    assert [round(shown[name], 3) for name in ("A_p", "A_o", "A")] == [0.582, 0.343, 0.589]
    assert shown["class"] == "abnormal"
    assert shown["A"] != round(shown["A"], 6)
    assert shown["inputs"]["rejected"] == 6
    assert shown["reasons"]
    collector = json.loads(
        run(score, "what-if", "collector-score", *["n_norm=20", "n_abn=5", "n_coop=30", "n_non=10", "S=71.5"], "--json")
    )
    assert (collector["W"], round(collector["score"], 6), collector["assignable"]) == (59, 36, False)
    case = json.loads(run(score, "what-if", "cooperation", "c=0.6", "p_neg=0.5", "n_coop=1", "n_non=3", "--json"))
    assert (round(case["K"], 6), case["label"], round(case["R"], 6), case["class"], case["stale"]) == (
        0.56,
        "cooperative",
        0.25,
        "non_cooperative",
        True,
    )
    level = json.loads(
        run(score, "what-if", "warning-level", "contract=20", "financial=20", "willingness=20", "--json")
    )
    assert (level["score"], level["level"]) == (60, "orange")
    risk = json.loads(run(score, "what-if", "pre-loan", "x1=1", "x2=1", "days=0", "--json"))
    assert (round(risk["risk"], 3), risk["band"], risk["unfitted"]) == (50.341, "manual", True)


def test_what_if_uses_the_thresholds_it_is_given(run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[contact]\ntheta_a = 0.6\n")
    arguments = ("what-if", "contact-anomaly", *VECTOR, "--json", "--thresholds", "mine.toml")
    assert json.loads(run(score, *arguments))["class"] == "normal"


def test_what_if_refuses_with_the_known_keys(run) -> None:
    with pytest.raises(ScoringError) as caught:
        run(score, "what-if", "contact-anomaly", "n_calls=3")
    assert "unknown key 'n_calls'; n_call is missing" in str(caught.value)
    assert "n_other_recent" in str(caught.value)


def test_thresholds_are_a_file(run, tmp_path: Path) -> None:
    (tmp_path / "scoring.toml").write_text(run(score, "thresholds"))
    assert run(score, "thresholds").startswith("[cases]\nlookback_d = 90\n")


@pytest.fixture
def called(bank: Bank) -> Bank:
    for back in range(6):
        bank.call(1, Disposition.FAILED, days_ago=back, status=404)
    bank.call(2, Outcome(Disposition.HARDSHIP, right_party=True, hardship=True), words="I lost my job")
    return bank


def test_a_whole_run_then_explain_approve_and_settle(run, called: Bank, tmp_path: Path) -> None:
    (tmp_path / "team.csv").write_text("id,name,kind,daily_cap\nK-1,Kim,human,\nK-2,Lee,human,\n")
    origin = ("--source", "HR", "--source-date", "2026-11-01", "--basis", "contract")
    assert run(score, "import", "collectors", "team.csv", *origin) == "imported 2 collectors\n"
    figures = json.loads(run(score, "run", *WHEN, "--json"))
    assert list(figures) == ["cases", "collectors", "collection-numbers", "pre-loan", "warnings", "tags", "performance"]
    assert figures["cases"]["classes"] == {"normal": 3, "abnormal": 1, "cooperative": 1, "non_cooperative": 0}
    assert figures["collectors"]["proposed"] == 5
    assert "left out" in figures["collection-numbers"]
    explained = run(score, "explain", "A-1")
    assert "class: abnormal" in explained
    assert "6 x invalid" in explained
    assert json.loads(run(score, "explain", "A-2", "--json"))["customer"]["level"] == "orange"
    proposed = json.loads(run(score, "assignments", "--json"))
    assert {row["state"] for row in proposed} == {"proposed"}
    run(score, "approve", "A-1", "A-2", "--by", "S-1")
    run(score, "override", "A-3", "K-2", "--by", "S-1", "--reason", "knows the customer")
    states = {row["account_id"]: row["state"] for row in json.loads(run(score, "assignments", "--json"))}
    assert states == {"A-1": "approved", "A-2": "approved", "A-3": "approved", "A-4": "proposed", "A-5": "proposed"}
    codes = {row["code"]: row["id"] for row in json.loads(run(score, "warnings", "--json"))}
    assert set(codes) == {"W-C1", "W-Q2"}
    run(score, "settle", codes["W-C1"], "--state", "closed", "--reason", "new number", "--by", "S-1")
    assert "W-C1" not in run(score, "warnings")
    assert "W-C1" in run(score, "warnings", "--all")
    assert run(score, "tag", "C-1", "best_hour=18", "--by", "M-1") == "C-1: best_hour = 18\n"


def test_a_review_that_stops_the_service_lifts_the_level_until_another_decision(run, called: Bank) -> None:
    levels = []
    for decision in ("stop", "continue"):
        assert decision in run(score, "review", "C-1", decision, "--reason", "documents", "--by", "R-1")
        run(score, "run", "warnings", *WHEN)
        levels.append("re-review" in str(called.scoring.newest("customer")["C-1"].reasons))
    assert levels == [True, False]
    assert [past.reasons for past in called.scoring.history("review", "C-1")] == [("documents",), ("documents",)]
    with pytest.raises(ScoringError, match="no customer"):
        run(score, "review", "C-99", "stop", "--reason", "x", "--by", "R-1")


def test_parts_run_alone_and_a_missing_part_is_said(run, called: Bank) -> None:
    assert run(score, "run", "cases", *WHEN).startswith("cases: cases 5, classes (normal 3")
    with pytest.raises(ScoringError, match="collection numbers of 0 companies"):
        run(score, "run", "collection-numbers", *WHEN)


def test_what_is_not_there_is_said(run, called: Bank) -> None:
    with pytest.raises(ScoringError, match="has not been scored"):
        run(score, "explain", "A-1")
    with pytest.raises(StorageError):
        run(score, "explain", "A-99")
    with pytest.raises(StorageError, match="no proposal"):
        run(score, "approve", "A-1", "--by", "S-1")
    with pytest.raises(StorageError, match="no warning W-9"):
        run(score, "settle", "W-9", "--state", "ack", "--reason", "x", "--by", "S-1")


@pytest.mark.parametrize(
    "arguments",
    [
        ("override", "A-1", "K-1", "--by", "S", "--reason", " "),
        ("settle", "W-1", "--state", "ack", "--by", "S", "--reason", " "),
        ("tag", "C-1", "best hour", "--by", "S"),
        ("import", "devices", "x.csv", "--source", " ", "--source-date", "2026-11-01", "--basis", "b"),
    ],
)
def test_empty_reasons_and_origins_are_refused(run, bank: Bank, arguments: tuple[str, ...]) -> None:
    with pytest.raises(ScoringError):
        run(score, *arguments)


def test_a_bad_file_is_refused(run, bank: Bank, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("id,name\nK 1,Kim\n")
    with pytest.raises(PortfolioError, match=r"bad\.csv:2: id is not an id"):
        run(score, "import", "collectors", "bad.csv", "--source", "x", "--source-date", "2026-11-01", "--basis", "y")


class Page(HTMLParser):
    """Tags, addresses and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.addresses: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_report_is_one_file_that_escapes_everything(run, called: Bank, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    with called.store.db.write():
        called.store.db.run("UPDATE accounts SET product = ?", hostile)
    run(score, "run", *WHEN)
    run(report, "--html", "out.html", "--day", "2026-11-21")
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    page = Page(text)
    assert hostile not in text
    assert hostile in page.words
    assert "<b>Bank</b>" in page.words
    assert not page.addresses
    assert not {"script", "link", "img", "iframe"} & set(page.seen)
    assert not re.search(r"https?://", text.replace("http://www.w3.org/2000/svg", ""))
    assert page.seen.count("svg") == 3  # no collector yet: that chart says so
    assert "nothing to show" in page.words
    run(report, "--html", "next.html", "--day", "2026-11-22")  # the warnings are of the day of the run
    words = page.words + Page((tmp_path / "next.html").read_text(encoding="utf-8")).words
    for said in ("W-C1", "W-C2", "A-1", "abnormal", "6 x invalid", "hardship"):
        assert said in words
    assert "Person" not in page.words  # no names
    assert "1555" not in page.words  # no numbers


def test_a_report_of_a_day_without_calls_and_scores(run, bank: Bank, tmp_path: Path) -> None:
    run(report, "--html", "out.html", "--day", "2026-11-21")
    words = Page((tmp_path / "out.html").read_text(encoding="utf-8")).words
    for said in ("Cases are not scored yet", "no warning", "no call on this day", "no collector is scored"):
        assert said in words


def test_a_report_that_cannot_be_written_is_an_error(run, bank: Bank) -> None:
    with pytest.raises(ScoringError, match="No such file"):
        run(report, "--html", "no/folder/out.html")
