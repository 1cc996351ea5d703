"""The report page: self-contained, failures first, words at their times; figures of a load; what judges a call."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from sip_sim.caller import Cut, Line, Story
from sip_sim.errors import ScenarioError
from sip_sim.events import Event, Words
from sip_sim.g711 import RATE
from sip_sim.judging import forbidden, judge, slow_stops
from sip_sim.ladder import Ladder, SipEntry, read_arrows
from sip_sim.load import Progress, copies, figures, in_lines, named, only
from sip_sim.model import Answers as Picked
from sip_sim.model import CallSpec, Expect, Persona, Scenario
from sip_sim.recorder import Recorder, measure
from sip_sim.report import ScenarioResult
from sip_sim.report_html import page, write_html


def _tone(*parts: tuple[float, bool]) -> np.ndarray:
    """(seconds, loud) after each other."""
    out = [np.full(round(s * RATE), 0) if not on else 6000 * np.sin(np.arange(round(s * RATE))) for s, on in parts]
    return np.concatenate(out).astype(np.int16)


CALLER = _tone((2.0, False), (1.0, True), (3.0, False), (1.0, True), (2.0, False))
BOT = _tone((0.2, False), (1.2, True), (2.1, False), (3.0, True), (2.5, False))


def _ladder() -> Ladder:
    ladder = Ladder()
    for t, sent, line in (
        (1.0, False, "INVITE sip:1@<b> SIP/2.0"),
        (1.1, True, "SIP/2.0 200 OK"),
        (9.0, True, "BYE x"),
    ):
        ladder.add(SipEntry(t, sent, line, f"{line}\r\nCSeq: 1 INVITE\r\n\r\n"))
    return ladder


def _result(folder: Path, name: str, *failures: str) -> ScenarioResult:
    recorder = Recorder()
    recorder.add(CALLER, BOT)
    recorder.save(folder / "out put" / f"{name}.wav")
    _ladder().save(folder / "out put" / f"{name}.sip.txt")
    lines = (Line("bot", 0.2, 1.4, "Who <are> you?"), Line("caller", 2.0, 3.0, "Joe."), Line("bot", 3.5, 6.5, "Well."))
    where = str(folder / "out put" / name)
    return ScenarioResult(
        name, f"shows {name}", "x.yaml", "A-1", "100", "outbound", failures, ("INVITE", "200"), "bot", 7,
        lines=lines, timing=measure(CALLER, BOT), wav=f"{where}.wav", ladder=f"{where}.sip.txt",
    )  # fmt: skip


def test_gaps_and_stops_are_measured_where_they_lie() -> None:
    timing = measure(CALLER, BOT)
    assert timing.first_audio_s == pytest.approx(0.2, abs=0.021)
    assert timing.reply_gaps_s == (pytest.approx(0.5, abs=0.041),)
    assert timing.stops_s == (pytest.approx(0.5, abs=0.041),)
    assert [mark.kind for mark in timing.marks] == ["gap", "stop"]
    assert timing.marks[1].t0 == pytest.approx(6.0, abs=0.021)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag == "details":
            self.ids.append(found["id"] or "")
            self.opened += [found["id"] or ""] if "open" in found else []
        if tag not in {"meta", "path"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag


def test_the_page_is_whole_needs_nothing_else_and_shows_failures_first(tmp_path: Path) -> None:
    good, bad = _result(tmp_path, "good"), _result(tmp_path, "bad", "line 3: waited 5 s to hear 'x' & more")
    write_html(tmp_path / "report.html", [good, bad])
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    parsed = _Page()
    parsed.feed(text)
    assert parsed.open == []
    assert parsed.ids == ["bad", "good"]
    assert parsed.opened == ["bad"]
    assert "1 of 2 scenarios failed" in text
    assert "line 3: waited 5 s to hear &#x27;x&#x27; &amp; more" in text
    assert "Who &lt;are&gt; you?" in text
    assert set(parsed.links) == {f"out%20put/{name}{end}" for name in ("good", "bad") for end in (".wav", ".sip.txt")}
    assert not re.search(r"https?://|@import|url\(", text)
    assert "INVITE sip:1@&lt;b&gt;" in text
    assert text.count('class="wave caller"') == 2
    assert "stopped after 0.5" in text


def test_a_call_nobody_made_is_on_the_page_too(tmp_path: Path) -> None:
    lost = ScenarioResult("lost", "never called", "x.yaml", "", "100", "outbound", ("nobody called",))
    assert "nobody called" in page([lost], tmp_path)
    assert "<audio" not in page([lost], tmp_path)


def test_a_saved_ladder_is_read_back() -> None:
    arrows = read_arrows(_ladder().text())
    assert [(a.t, a.sent, a.line) for a in arrows] == [
        (0.0, False, "INVITE sip:1@<b> SIP/2.0"), (0.1, True, "SIP/2.0 200 OK"), (8.0, True, "BYE x"),
    ]  # fmt: skip


def _scenario(number: str = "15550101001", expect: Expect | None = None) -> Scenario:
    call = CallSpec(number=number, seed=5)
    return Scenario(Path("f/one.yaml"), "x", Persona(), call, Picked(), (), ("loan",), expect or Expect())


def test_load_counts_the_number_up() -> None:
    many = copies(_scenario("0099"), 3)
    assert [s.call.number for s in many] == ["0099", "0100", "0101"]
    assert [s.call.seed for s in many] == [5, 6, 7]
    assert [s.slug for s in many] == ["one-001", "one-002", "one-003"]
    with pytest.raises(ScenarioError, match="cannot be counted up"):
        copies(_scenario("999999999999999"), 2)
    with pytest.raises(ScenarioError, match="holds 2 scenarios"):
        only(many[:2], Path("f"))


def test_load_is_spoken_by_personas_in_turn() -> None:
    known = {"anna": Persona("anna", "heart", 200), "joe": Persona("joe", "joe", 900)}
    assert [s.persona.name for s in copies(_scenario(), 3, named("all", known))] == ["anna", "joe", "anna"]
    assert [s.persona.name for s in copies(_scenario(), 2, named("joe", known))] == ["joe", "joe"]
    assert [s.persona.name for s in copies(_scenario(), 2, named("", known))] == ["caller", "caller"]
    with pytest.raises(ScenarioError, match="no persona eve"):
        named("anna, eve", known)


def test_load_shows_one_line_and_its_figures(tmp_path: Path) -> None:
    shown: list[str] = []
    progress = Progress(2, shown.append)
    results = [_result(tmp_path, "a"), _result(tmp_path, "b", "wrong")]
    for event in ({"event": "ready"}, {"event": "answered"}, {"event": "answered"}):
        progress(dict(event))
    for result in results:
        progress(result.as_event())
    assert shown == [
        "0 of 2 calls done, 1 talking, 0 failed", "0 of 2 calls done, 2 talking, 0 failed",
        "1 of 2 calls done, 1 talking, 0 failed", "2 of 2 calls done, 0 talking, 1 failed",
    ]  # fmt: skip
    found = figures(results)
    assert (found["calls"], found["failed"]) == (2, 1)
    assert found["reply_gap_s"] == {"p50": pytest.approx(0.5, abs=0.05), "p95": pytest.approx(0.5, abs=0.05), "n": 2}
    assert in_lines(found)[0] == "2 calls, 1 failed"
    assert len(in_lines(found)) == 5


def test_a_stop_is_judged_on_sound() -> None:
    assert slow_stops([Cut(4, 6.0, 600)], CALLER, BOT) == []
    (slow,) = slow_stops([Cut(4, 6.0, 300)], CALLER, BOT)
    assert slow.startswith("line 4: the bot went on for 5")
    (silent,) = slow_stops([Cut(2, 2.0, 300)], CALLER, BOT)
    assert silent.startswith("line 2: the bot was silent already")


def test_everything_wrong_is_told() -> None:
    story = Story(lines=[Line("bot", 1, 2, "your loan"), Line("caller", 2, 3, "my loan")], agent="not_reached")
    expect = Expect(reply_within_ms=100, sip=("INVITE", "486"), agent="reached")
    found = judge(_scenario(expect=expect), story, measure(CALLER, BOT), _ladder(), CALLER, BOT)
    assert [f.split(" ")[0:3] for f in found] == [
        ["the", "bot", "said"], ["reply", "after", "500"], ["SIP", "was", "INVITE"], ["the", "agent", "was"],
    ]  # fmt: skip
    assert forbidden(_scenario(), Story(lines=[Line("caller", 0, 1, "loan")])) == []


def test_progress_in_words_and_results_alone_where_many_run() -> None:
    events: list[Event] = [
        {"event": "ready", "host": "127.0.0.1", "port": 5070, "scenarios": [{}, {}, {}]},
        {"event": "call", "scenario": "a", "number": "100"},
        {"event": "answered", "scenario": "a"},
        {"event": "heard", "scenario": "a", "t0": 0.5, "text": "Good morning."},
        {"event": "result", "scenario": "a", "passed": True, "failures": [], "timing": {}},
        {"event": "result", "scenario": "b", "passed": False, "failures": ["line 3: silence"], "timing": None},
    ]
    brief, whole = list[str](), list[str]()
    short, long = Words(brief.append, brief=True), Words(whole.append)
    for event in events:
        short(event)
        long(event)
    assert brief == [
        "scenarios: 3, waiting for calls at 127.0.0.1:5070",
        "[a] passed (1 of 3 calls done, 0 talking, 0 failed)",
        "[b] FAILED line 3: silence (2 of 3 calls done, 0 talking, 1 failed)",
    ]
    assert "[a]    0.50 bot    Good morning." in whole
    assert len(whole) == len(events)
