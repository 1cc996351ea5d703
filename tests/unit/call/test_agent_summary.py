"""The sentence that an agent hears, as the shipped templates have it."""

from __future__ import annotations

from datetime import date

import pytest

from tests.unit.flow.helpers import ACCOUNT, TEMPLATES, prompts
from voicebot.call.transfer import Request, summary_block
from voicebot.flow.private_words import load_private_words
from voicebot.flow.prompts import PromptContext
from voicebot.model.flow import Say
from voicebot.settings import BankSettings

#: The reasons of the shipped flows' transfer steps.
REASONS = ("asked_for_human", "dispute", "hardship", "unknown_caller", "wants_help")


def sentence(reason: str, *, verified: bool, known: bool = True) -> str:
    """What is said; the loan is in no announcement's context, whatever the flow has reached."""
    block = f"announcements.{summary_block(Request(reason, verified), prompts().blocks('announcements'))}"
    context = PromptContext(BankSettings(), ACCOUNT if known else None, date(2026, 11, 23))
    return prompts().render("announcements", Say(block, block, barge_in=False), context)


@pytest.mark.parametrize("reason", REASONS)
def test_before_the_right_party_is_verified_all_reasons_sound_alike(reason: str) -> None:
    words = sentence(reason, verified=False)
    assert words == sentence("asked_for_human", verified=False)
    assert "confirmed" not in words
    assert list(load_private_words(TEMPLATES / "en").find(words)) == []


@pytest.mark.parametrize("reason", REASONS)
def test_afterwards_the_agent_knows_that_and_why(reason: str) -> None:
    words = sentence(reason, verified=True)
    assert "Joe Miller, whose identity was confirmed," in words
    assert words.endswith("Press one to take the call.")
    assert len({sentence(r, verified=True) for r in REASONS}) == 4  # two have no words of their own


def test_a_caller_whom_nobody_knows() -> None:
    assert "A caller would like to speak to a person" in sentence("unknown_caller", verified=False, known=False)
