"""The mini-Miranda: present where the settings have one, absent in a bank that calls for its own loans."""

from __future__ import annotations

import pytest

from tests.unit.flow.helpers import BORN_RIGHT, HANGS_UP, MATCH, Call, book, prompts
from voicebot.flow.prompts import PromptContext
from voicebot.flow.reach import reach
from voicebot.flow.rehearse import rehearse
from voicebot.model.flow import Say, VoiceLost
from voicebot.settings import BankSettings

NOTICE = "This is an attempt to collect a debt. This call is from a debt collector."
AGENCY = BankSettings(debt_notice=NOTICE)


def verified(flow: str, bank: BankSettings) -> Call:
    return Call(flow, bank=bank).hears("affirm", BORN_RIGHT)


@pytest.mark.parametrize("flow", ["reminder", "verification", "invitation", "follow_up"])
def test_an_own_bank_says_nothing_of_the_kind(flow: str) -> None:
    assert "debt_notice.notice" not in verified(flow, BankSettings()).prompts_said


@pytest.mark.parametrize("flow", ["reminder", "verification"])
def test_an_agency_says_it_right_behind_the_gate_and_cannot_be_interrupted(flow: str) -> None:
    call = Call(flow, bank=AGENCY).hears("affirm")
    assert NOTICE not in call.words
    call.hears(BORN_RIGHT)
    told = call.prompts_said.index("debt_notice.notice")
    assert call.said[told] == ("debt_notice.notice", NOTICE)
    assert call.prompts_said[told - 1] == "identity.ask_birth_date"
    (say,) = [e for e in call.effects if isinstance(e, Say) and e.prompt == "debt_notice.notice"]
    assert not say.barge_in


def test_nobody_else_hears_it() -> None:
    for answers in (["not_here", HANGS_UP], ["deny", "deny"], ["affirm", "refuse", "deny"]):
        assert "debt_notice.notice" not in Call("reminder", bank=AGENCY).hears(*answers).prompts_said
    assert ("debt_notice", "notice") not in set(reach(book()).unverified())


def test_an_inbound_call_hears_it_too_and_each_call_once() -> None:
    call = Call("inbound", direction="inbound", bank=AGENCY).hears("affirm", BORN_RIGHT)
    assert call.prompts_said[-2:] == ["debt_notice.notice", "reminder.ask_pay"]
    call.voice = MATCH
    call.event(VoiceLost("speaker_change"))
    call.hears(BORN_RIGHT)
    assert call.prompts_said.count("debt_notice.notice") == 1


@pytest.mark.parametrize(("bank", "there"), [(BankSettings(), False), (AGENCY, True)])
def test_the_preview_shows_it_where_it_is_said(bank: BankSettings, there: bool) -> None:
    call = Call("reminder")
    lines = rehearse(book(), prompts(), "reminder", PromptContext(bank, call.account, call.now.date()))
    assert (NOTICE in [line.text for line in lines if line.verified]) is there
