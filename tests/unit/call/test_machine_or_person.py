"""Outbound calls where a machine and a person are hard to tell: a silent mailbox, the owner of a screening phone."""

import pytest

from tests.support.machine_call import MESSAGE_S
from voicebot.model.outcome import AnsweredBy, Disposition


async def test_a_mailbox_without_a_telling_word_is_told_by_its_silence(call):
    await call.hear(0.4)
    await call.hear(4.0, text="hey it is bob out in the mountains talk to you soon")
    for _ in range(3):
        await call.hear(9.0)
        call.answered.no_reply()
    await call.hear(0.5 + MESSAGE_S + 1)
    assert (await call.outcome()).disposition is Disposition.VOICEMAIL
    assert call.heard == [("voicemail", True)]


async def test_who_speaks_up_into_the_message_was_no_mailbox(call):
    await call.hear(0.4)
    await call.hear(4.0, text="hello miller speaking who is this and what is it about")
    for _ in range(3):
        await call.hear(9.0)
        call.answered.no_reply()
    await call.hear(0.5 + MESSAGE_S / 2)
    await call.hear(0.4, text="hello who is there")
    await call.hear(1.0)
    assert (call.begun, call.restarted) == (2, 1)
    assert call.heard == [("voicemail", False)]
    assert call.reporter.who[-1] is AnsweredBy.UNKNOWN
    call.flow_over.set()
    assert (await call.outcome()).disposition is Disposition.RPC_VERIFIED


@pytest.mark.parametrize("recognised", ["hello", "thank you", "..."])
async def test_any_sound_of_speech_after_the_hold_is_the_owner(call, recognised):
    await call.hear(0.3)
    await call.hear(4.0, text="please state your name and why you are calling")
    await call.hear(1.0 + MESSAGE_S)
    await call.hear(0.6, text="thank you")
    await call.hear(1.0)
    await call.hear(1.2, text="please stay on the line")
    await call.hear(3.0)
    assert call.begun == 1
    await call.hear(0.14, text=recognised)
    await call.hear(1.0)
    assert call.begun == 2
