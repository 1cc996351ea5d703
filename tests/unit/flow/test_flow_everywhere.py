"""What may be said at any moment: in every question of every flow, and what becomes of the question after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.unit.flow.helpers import (
    BORN_RIGHT,
    DIGITS_RIGHT,
    HANGS_UP,
    MATCH,
    MISMATCH,
    NONSENSE,
    SILENCE,
    Answer,
    Call,
    at,
    book,
    keys,
    means,
    until_verified,
)
from voicebot.flow.book import EVERYWHERE
from voicebot.flow.engine import WAIT_S
from voicebot.flow.reach import reach
from voicebot.flow.state import FlowState
from voicebot.model.flow import Listen, NoInput, PromptDone, VoiceLost
from voicebot.model.outcome import Disposition

LISTENING = sorted(
    (flow.name, step.name)
    for flow in book().flows.values()
    for step in flow.steps.values()
    if step.listen and step.name in reach(book()).steps(flow.name)
)


def placed(flow: str, name: str) -> Call:
    """A call in the middle of a question, put there."""
    call = Call("reminder")
    where = book().step(flow, name)
    call.state = replace(call.state, flow=flow, step=name, stack=(), verified=True)
    call.last = Listen(f"{flow}.{name}", where.listen, 6)
    return call


@pytest.mark.parametrize(("flow", "name"), LISTENING)
def test_stop_calling_is_understood_in_every_question(flow: str, name: str) -> None:
    call = placed(flow, name).hears("stop_calling")
    call = call if call.state.over else call.hears("affirm")
    found = call.outcome()
    assert (found.disposition, found.opt_out) == (Disposition.DO_NOT_CALL, True)


@pytest.mark.parametrize(("flow", "name"), LISTENING)
@pytest.mark.parametrize("answer", ["human", keys("0"), keys("0#", means("digits", digits="0"))])
def test_a_human_is_reached_from_every_question(flow: str, name: str, answer: Answer) -> None:
    assert placed(flow, name).hears(answer).outcome().disposition is Disposition.CALLBACK


@pytest.mark.parametrize(("flow", "name"), [pair for pair in LISTENING if pair[0] != EVERYWHERE])
def test_who_is_this_comes_back_to_the_question(flow: str, name: str) -> None:
    call = placed(flow, name)
    call.state = replace(call.state, facts={"purpose": "vehicle", **FACTS})
    call.hears("who_is_this")
    assert call.prompts_said[-2:] == ["everywhere.who", f"{flow}.{book().step(flow, name).say[-1]}"]
    assert call.state.at == f"{flow}.{name}"
    assert isinstance(call.last, Listen)


@pytest.mark.parametrize(("flow", "name"), [pair for pair in LISTENING if pair[0] != EVERYWHERE])
def test_who_refuses_the_recording_is_served_all_the_same(flow: str, name: str) -> None:
    call = placed(flow, name)
    call.state = replace(call.state, facts={"purpose": "vehicle", **FACTS})
    call.hears("no_recording")
    assert call.state.facts["recording_refused"] is True
    assert call.prompts_said[-2:] == ["everywhere.no_recording", f"{flow}.{book().step(flow, name).say[-1]}"]
    assert (call.state.at, call.state.verified) == (f"{flow}.{name}", True)


FACTS: dict[str, object] = {
    "challenge_digits": "402 917",
    "promise_amount": Decimal(5),
    "promise_date": date(2026, 12, 1),
    "appointment_at": datetime(2026, 12, 1, 10),  # noqa: DTZ001 - local time
}


@pytest.mark.parametrize(
    ("answers", "disposition", "callback"),
    [
        (["call_later", means("appointment", date=date(2026, 11, 25), time=at(15))], "CALLBACK", (25, 15)),
        (["call_later", means("appointment", date=date(2026, 11, 25))], "CALLBACK", None),
        (["call_later", means("appointment", time=at(15))], "CALLBACK", (23, 15)),
        (["call_later", means("appointment", time=at(9))], "CALLBACK", (24, 9)),
        (["call_later", means("appointment", time=at(3))], "CALLBACK", (23, 15)),
        (["call_later", means("appointment", time=at(23)), means("appointment", time=at(9))], "CALLBACK", (24, 9)),
        ([means("call_later", date=date(2026, 11, 25), time=at(15))], "CALLBACK", (25, 15)),
        (["call_later", "cannot_say"], "CALLBACK", None),
        (["call_later", HANGS_UP], "CALLBACK", None),
        (["call_later", NONSENSE, NONSENSE], "CALLBACK", None),
        (["call_later", means("appointment", date=date(2026, 11, 1)), NONSENSE], "CALLBACK", None),
        (["stop_calling", "deny", HANGS_UP], "HUNG_UP", None),
        (["stop_calling", HANGS_UP], "DO_NOT_CALL", None),
        (["stop_calling", NONSENSE, NONSENSE], "DO_NOT_CALL", None),
        (["stop_calling", "stop_calling"], "DO_NOT_CALL", None),
        (["stop_calling", "human"], "CALLBACK", None),
        (["wrong_person", "affirm", HANGS_UP], "HUNG_UP", None),
        (["wrong_person", "deny"], "WRONG_PARTY", None),
        (["wrong_person", HANGS_UP], "WRONG_PARTY", None),
        ([SILENCE, SILENCE, "deny", HANGS_UP], "HUNG_UP", None),
        ([SILENCE, SILENCE, "affirm", means("appointment", time=at(15))], "CALLBACK", (23, 15)),
        ([SILENCE, "who_is_this", SILENCE, HANGS_UP], "HUNG_UP", None),
    ],
)
def test_conversations(answers: list[Answer], disposition: str, callback: tuple[int, int] | None) -> None:
    found = until_verified(Call("reminder")).hears(*answers).outcome()
    assert found.disposition.value == disposition
    wanted = None if callback is None else datetime(2026, 11, callback[0], callback[1])  # noqa: DTZ001
    assert found.callback_at == wanted


def test_repeat_says_the_last_prompts_again_as_first_worded() -> None:
    call = until_verified(Call("reminder"))
    first = call.said[-1]
    call.hears(NONSENSE)
    assert call.said[-1] != first
    call.hears("repeat")
    assert call.said[-1][1] == first[1]
    assert isinstance(call.last, Listen)


def test_wait_listens_on_in_silence() -> None:
    call = until_verified(Call("reminder"))
    before = len(call.said)
    call.hears("wait")
    assert len(call.said) == before
    assert isinstance(call.last, Listen)
    assert call.last.no_input_s == WAIT_S


def test_a_repeated_interruption_does_not_pile_up() -> None:
    call = until_verified(Call("reminder"))
    depth = len(call.state.stack)
    for _ in range(10):
        call.hears("stop_calling", "wrong_person")
    assert len(call.state.stack) == depth + 1
    call.hears("affirm")
    assert call.state.at == "reminder.ask_pay"


def test_silence_changes_the_wording_then_offers_another_time() -> None:
    call = Call("reminder").hears(SILENCE)
    assert call.said[-1][1].startswith("Hello, can you hear me?")
    call.hears(SILENCE)
    assert call.prompt == "everywhere.silent"


def test_tries_are_counted_over_different_failures() -> None:
    call = Call("reminder").hears(NONSENSE, SILENCE)
    assert isinstance(call.last, Listen)
    call.hears(NONSENSE)
    assert call.outcome().disposition is Disposition.RPC_NOT_VERIFIED


# --- the voice is lost ----------------------------------------------------------------------------------------


def test_a_lost_voice_closes_the_gate_and_asks_again() -> None:
    call = until_verified(Call("reminder"))
    call.event(VoiceLost("speaker_change"))
    assert not call.state.verified
    assert call.prompts_said[-2:] == ["reminder.voice_lost", "identity.ask_birth_date"]
    call.hears(BORN_RIGHT)
    assert call.state.verified
    assert call.prompt == "reminder.ask_pay"


def test_a_lost_voice_that_stays_another_ends_in_a_mismatch_with_its_warning() -> None:
    call = until_verified(Call("reminder"))
    call.voice = MISMATCH
    call.event(VoiceLost("mismatch"))
    found = call.hears(BORN_RIGHT).outcome()
    assert (found.disposition, found.right_party) == (Disposition.VOICE_MISMATCH, False)
    assert [w.code.value for w in found.warnings] == ["W-V3"]


def test_a_voice_lost_for_the_third_time_ends_the_call() -> None:
    call = until_verified(Call("reminder"))
    for _ in range(2):
        call.event(VoiceLost("speaker_change"))
        call.hears(BORN_RIGHT)
    call.event(VoiceLost("speaker_change"))
    assert call.outcome().disposition is Disposition.VOICE_MISMATCH
    assert call.prompt == "everywhere.voice_end"


def test_a_voice_lost_before_it_was_accepted_changes_nothing() -> None:
    call = Call("reminder").hears("affirm")
    before: FlowState = call.state
    call.event(VoiceLost("speaker_change"))
    assert call.state == before


def test_a_voice_lost_during_an_interruption_drops_the_interrupted_question() -> None:
    call = until_verified(Call("reminder")).hears("stop_calling")
    call.event(VoiceLost("speaker_change"))
    assert call.state.at == "identity.ask_birth_date"
    assert all(not frame.interrupted for frame in call.state.stack)


def test_a_lost_voice_in_an_inbound_call_is_handled_by_its_script() -> None:
    call = Call("inbound", direction="inbound").hears("affirm", BORN_RIGHT)
    call.event(VoiceLost("speaker_change"))
    assert call.prompts_said[-2:] == ["reminder.voice_lost", "identity.ask_birth_date"]


# --- events that do not fit -----------------------------------------------------------------------------------


def test_late_events_change_nothing() -> None:
    call = until_verified(Call("reminder", voice=MATCH))
    before = call.state
    call.event(PromptDone())
    assert call.state == before
    call.hears(HANGS_UP)
    over = call.state
    call.event(NoInput())
    assert call.state == over


def test_digits_typed_are_digits() -> None:
    call = Call("reminder", enrolled=False, voice=None).hears("affirm", BORN_RIGHT, keys("0042#", DIGITS_RIGHT))
    assert call.state.verified
