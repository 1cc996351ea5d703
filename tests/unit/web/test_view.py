"""The conversation and the facts as the page shows them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from voicebot.model.outcome import Disposition, ItemResult, Promise
from voicebot.model.records import CheckRecord, Turn
from voicebot.web.plain import plain
from voicebot.web.render import clock, moment
from voicebot.web.view import timeline, tone


def test_prompts_replies_and_checks_stand_in_the_order_of_their_sound() -> None:
    turns = [
        Turn("a", "a", "one", 0.0, 1.0, reply_text="yes", reply_t0=1.5, reply_t1=2.0),
        Turn("b", "b", "two", 3.0, 4.0),
    ]
    checks = [CheckRecord("c", "voiceprint_matches", "passed", 2.5, {"score": 0.8123, "reason": None})]
    entries = timeline(turns, checks)
    assert [(e.t, e.side) for e in entries] == [(0.0, "bot"), (1.5, "caller"), (2.5, "check"), (3.0, "bot")]
    assert entries[2].notes == ("score: 0.812",)


def test_a_prompt_is_marked_with_the_voices_state_only_where_it_changed() -> None:
    states = (None, "inconclusive", "inconclusive", "match", "match", None, "match")
    turns = [Turn("a", "a", "one", float(n), n + 0.5, voice_state=state) for n, state in enumerate(states)]
    assert [e.badge for e in timeline(turns, [])] == [None, "inconclusive", None, "match", None, None, "match"]


@pytest.mark.parametrize(("heard", "notes"), [(None, ()), (0.99, ()), (0.5, ("interrupted after 0.5 s",))])
def test_only_a_prompt_that_was_cut_is_called_interrupted(heard: float | None, notes: tuple[str, ...]) -> None:
    assert timeline([Turn("a", "a", "one", 0.0, 1.0, heard)], [])[0].notes == notes


@pytest.mark.parametrize(
    ("event", "text"), [("NoInput", "(nothing was said)"), ("HungUp", "(hung up)"), ("NoMatch", "(not understood)")]
)
def test_silence_and_hanging_up_are_shown(event: str, text: str) -> None:
    assert timeline([Turn("a", "a", "one", 0.0, 1.0, event=event)], [])[1].text == text


def test_what_was_understood_of_a_reply_is_noted() -> None:
    turn = Turn("a", "a", "one", 0.0, 1.0, reply_text="two thousand", reply_t0=1.0, reply_confidence=0.914)
    turn = Turn(**{**{f: getattr(turn, f) for f in turn.__slots__}, "intent": "promise", "slots": {"amount": "2000"}})
    assert timeline([turn], [])[1].notes == ("promise", "amount: 2000", "recognised 91%")


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00.0"), (-1, "0:00.0"), (59.96, "1:00.0"), (125.04, "2:05.0")])
def test_times_of_a_call(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_moments() -> None:
    assert moment("2026-11-22T08:42:26.123456+00:00") == "2026-11-22 08:42:26"
    assert moment(None) == ""


def test_tones() -> None:
    assert [tone(x) for x in ("match", "mismatch", "inconclusive", "BUSY", None)] == [
        "good",
        "bad",
        "unsure",
        "plain",
        "plain",
    ]


def test_plain_values() -> None:
    when = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    given = {"a": (Promise(Decimal("2.50"), date(2026, 1, 2)),), "b": Disposition.BUSY, "c": when, "d": None, "e": True}
    assert plain(given) == {
        "a": [{"amount": "2.50", "due_on": "2026-01-02"}],
        "b": "BUSY",
        "c": "2026-11-22T08:00:00+00:00",
        "d": None,
        "e": True,
    }
    assert plain({"x": ItemResult.MATCH}) == {"x": "match"}
