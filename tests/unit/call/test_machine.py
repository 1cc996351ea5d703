"""What is done where a machine answers, in audio time."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.machine_call import MESSAGE_S
from voicebot.model.outcome import AnsweredBy, Disposition
from voicebot.model.speech import Digits, Utterance


async def test_the_message_is_left_after_the_beep(call):
    await call.hear(0.4)
    await call.hear(5.0, text="you have reached the voicemail of somebody, leave a message after the tone")
    assert call.begun == 1
    await call.hear(1.0)
    assert call.heard == []
    await call.hear(0.4, hz=1000)
    began = call.line.t
    await call.hear(MESSAGE_S + 2)
    outcome = await call.outcome()
    assert outcome.disposition is Disposition.VOICEMAIL
    assert call.heard == [("voicemail", True)]
    assert call.reporter.turns[0].prompt_t0 - began == pytest.approx(0.4, abs=0.15)
    assert call.reporter.who[-1] is AnsweredBy.VOICEMAIL
    assert not call.outbound.person


async def test_without_a_beep_two_seconds_of_silence_are_the_end_of_the_greeting(call):
    await call.hear(0.4)
    await call.hear(4.0, text="please leave a message, leave your name and number")
    await call.hear(2.5 + MESSAGE_S)
    assert (await call.outcome()).disposition is Disposition.VOICEMAIL
    assert call.heard == [("voicemail", True)]


async def test_a_greeting_without_end_gets_the_message_after_half_a_minute(call):
    await call.hear(40.0, text="please leave a message after the tone")
    assert (await call.outcome()).disposition is Disposition.VOICEMAIL
    assert 30 <= call.reporter.turns[0].prompt_t0 <= 36


async def test_a_late_beep_gets_the_message_from_its_start(call):
    await call.hear(4.0, text="please leave a message after the tone")
    await call.hear(2.8)
    await call.hear(0.4, hz=1000)
    await call.hear(MESSAGE_S + 2)
    await call.outcome()
    assert call.heard == [("voicemail", False), ("voicemail", True)]


async def test_a_mailbox_that_hangs_up_is_voicemail_with_what_was_heard(call):
    await call.hear(4.0, text="please leave a message after the tone")
    await call.hear(0.4, hz=1000)
    await call.hear(1.5)
    call.leg.end("caller")
    call.line.tick()
    outcome = await call.outcome()
    assert outcome.disposition is Disposition.VOICEMAIL
    assert outcome.hung_up_by == "caller"
    assert call.heard == [("voicemail", False)]


async def test_screening_is_told_who_calls_and_its_owner_hears_the_flow_anew(call):
    await call.hear(0.3)
    await call.hear(4.0, text="please state your name and why you are calling")
    await call.hear(1.0 + MESSAGE_S)
    assert call.heard == [("screening", True)]
    await call.hear(1.0, text="thank you please stay on the line")
    await call.hear(5.0)
    assert call.begun == 1
    await call.hear(0.4, text="hello")
    await call.hear(1.0)
    assert (call.begun, call.restarted) == (2, 1)
    assert call.reporter.who[-1] is AnsweredBy.HUMAN
    call.flow_over.set()
    assert (await call.outcome()).disposition is Disposition.RPC_VERIFIED
    assert call.outbound.person


async def test_screening_asks_again_at_most_once(call):
    await call.hear(4.0, text="please state your name and why you are calling")
    for _ in range(3):
        await call.hear(1.0 + MESSAGE_S)
        await call.hear(2.0, text="please state your name and why you are calling")
    await call.hear(40.0)
    assert (await call.outcome()).disposition is Disposition.NO_ANSWER
    assert call.heard == [("screening", True)] * 2


async def test_screening_that_ends_in_a_mailbox(call):
    await call.hear(4.0, text="please state your name and why you are calling")
    await call.hear(1.0 + MESSAGE_S)
    await call.hear(2.0, text="the person is not available please leave a message")
    await call.hear(0.8)
    await call.hear(0.4, hz=1000)
    await call.hear(MESSAGE_S + 1)
    assert (await call.outcome()).disposition is Disposition.VOICEMAIL
    assert call.heard == [("screening", True), ("voicemail", True)]
    assert call.reporter.who[-1] is AnsweredBy.VOICEMAIL


async def test_screening_rejected_by_its_owner_is_hung_up(call):
    await call.hear(4.0, text="please state your name and why you are calling")
    await call.hear(2.0 + MESSAGE_S)
    call.leg.end("caller")
    assert (await call.outcome()).disposition is Disposition.HUNG_UP


async def test_a_menu_hears_goodbye(call):
    await call.hear(4.0, text="for sales press one for billing press two")
    await call.hear(2.0 + MESSAGE_S)
    assert (await call.outcome()).disposition is Disposition.NO_ANSWER
    assert call.heard == [("ivr", True)]
    assert call.reporter.who[-1] is AnsweredBy.IVR


@pytest.mark.parametrize(
    ("text", "disposition", "error"),
    [
        ("the number you have dialled is not in service", Disposition.FAILED, "announcement_not_in_service"),
        ("this number is temporarily suspended", Disposition.FAILED, "announcement_barred"),
        ("the phone is switched off", Disposition.NO_ANSWER, "announcement_unreachable"),
    ],
)
async def test_a_carriers_announcement_hears_nothing(call, text, disposition, error):
    await call.hear(0.4)
    await call.hear(3.0, text=text)
    await call.hear(2.0)
    outcome = await call.outcome()
    assert (outcome.disposition, outcome.error) == (disposition, error)
    assert call.heard == []


async def test_a_person_keeps_the_flow(call):
    await call.hear(0.4)
    await call.hear(0.6, text="hello")
    await call.hear(9.0)
    call.answered.heard(Utterance("yes speaking", t0=9.0, t1=10.0), fits=True)
    await call.hear(4.0, text="please leave a message after the tone")
    await call.hear(1.0, hz=1000)
    call.flow_over.set()
    assert (await call.outcome()).disposition is Disposition.RPC_VERIFIED
    assert call.begun == 1
    assert call.reporter.who == [AnsweredBy.HUMAN]


async def test_a_key_is_a_persons(call):
    call.answered.heard(Digits("0", 1.0, 1.0), fits=True)
    assert call.reporter.who == [AnsweredBy.HUMAN]


async def test_the_call_ends_under_the_greeting(call):
    await call.hear(4.0, text="please leave a message after the tone")
    call.leg.end("caller")
    assert (await call.outcome()).disposition is Disposition.VOICEMAIL
    assert call.heard == []


async def test_cancelled_from_outside_nothing_goes_on(call):
    await call.hear(1.0)
    call.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call.task
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_short_speech_costs_no_recognition(call):
    counted = []
    start = call.start
    call.start = lambda phrases=None: counted.append(1) or start(phrases)
    await call.hear(0.4)
    await call.hear(1.0, text="hello who is there")
    await call.hear(8.0)
    await call.hear(2.0, text="yes speaking good morning")  # a reply: the listener's
    await call.hear(1.0)
    assert counted == []


@pytest.mark.parametrize("last", ["sorry this person is not available goodbye", "leave a message after the tone"])
async def test_screening_that_ends_before_a_message_could_be_left_has_refused(call, last):
    await call.hear(0.3)
    await call.hear(4.0, text="please state your name and why you are calling")
    await call.hear(1.0 + MESSAGE_S)
    await call.hear(1.5, text=last)
    await call.hear(0.9)
    assert call.leg.ended is None
    call.leg.end("caller")
    call.line.tick()
    assert (await call.outcome()).disposition is Disposition.HUNG_UP
    assert call.reporter.who[-1] is AnsweredBy.SCREENING


async def test_a_beep_after_screening_is_a_mailbox(call):
    await call.hear(0.3)
    await call.hear(4.0, text="please state your name and why you are calling")
    await call.hear(1.0 + MESSAGE_S)
    await call.hear(1.5, text="sorry this person is not available")
    await call.hear(0.8)
    await call.hear(0.4, hz=1000)
    await call.hear(MESSAGE_S + 2)
    assert (await call.outcome()).disposition is Disposition.VOICEMAIL
    assert call.heard[-1] == ("voicemail", True)
