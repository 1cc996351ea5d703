"""Somebody else at the customer's number: told who calls and nothing else, and the number stays good."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.unit.flow.helpers import HANGS_UP, NONSENSE, TEMPLATES, Answer, Call, at, book, means, prompts
from voicebot.flow.private_words import load_private_words
from voicebot.flow.reach import reach
from voicebot.model.outcome import Disposition

WORDS = load_private_words(TEMPLATES / "en")
AT_SIX = means("appointment", time=at(18))


@pytest.mark.parametrize("flow", [*book().scripts])
@pytest.mark.parametrize(
    ("answers", "disposition", "callback"),
    [
        (["not_here", AT_SIX], "CALLBACK", 18),
        (["not_here", (means("call_later"), AT_SIX)], "CALLBACK", 18),
        (["not_here", (means("not_here"), AT_SIX)], "CALLBACK", 18),
        (["not_here", "not_here", AT_SIX], "CALLBACK", 18),
        (["not_here", "not_here", "not_here", "not_here"], "RPC_NOT_VERIFIED", None),
        (["not_here", "call_later", "cannot_say"], "RPC_NOT_VERIFIED", None),
        (["not_here", means("appointment", time=at(23))], "RPC_NOT_VERIFIED", None),
        (["deny", "not_here", NONSENSE, NONSENSE, NONSENSE], "RPC_NOT_VERIFIED", None),
        (["not_here", HANGS_UP], "RPC_NOT_VERIFIED", None),
    ],
)
def test_a_spouse_hears_who_calls_and_not_a_word_of_why(
    flow: str, answers: list[Answer], disposition: str, callback: int | None
) -> None:
    call = Call(flow).hears(*answers)
    found = call.outcome()
    assert (found.disposition.value, found.right_party) == (disposition, False)
    assert found.intents[-1] == "third_party"
    assert found.callback_at == (datetime(2026, 11, 23, callback) if callback else None)  # noqa: DTZ001 - local time
    assert not call.state.verified
    assert not list(WORDS.find(call.words))
    assert "loan" not in call.words
    assert not found.warnings


def test_who_turns_out_to_be_the_customer_after_all_is_no_third_party() -> None:
    found = Call("reminder").hears("affirm", "not_here", "affirm", HANGS_UP).outcome()
    assert (found.disposition, found.right_party) == (Disposition.HUNG_UP, None)
    assert "third_party" not in found.intents


def test_all_that_a_third_party_can_hear_is_before_the_gate() -> None:
    opened = set(reach(book()).unverified())
    for name in ("not_here", "not_here_when", "not_here_end"):
        assert ("right_party", name) in opened
        assert not prompts().blocks("right_party")[name].private
