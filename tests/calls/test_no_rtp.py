"""A far end that sends no sound any more, but goes on with RTCP: the call ends at `rtp_timeout_s` all the same."""

from __future__ import annotations

import asyncio

import pytest

from sip_sim.phone import Ended
from sip_sim.rtcp import EVERY_S
from tests.support.far_end import bot_line, event, far_end
from tests.support.legs import talking
from voicebot.call.line import Line

pytestmark = [pytest.mark.timeout(40), pytest.mark.usefixtures("nothing_left")]
TIMEOUT_S = 6  # a report comes before: the stack's own timer takes it for a sign of life
assert TIMEOUT_S > EVERY_S


async def test_reports_are_no_sound() -> None:
    async with far_end() as far, bot_line(far.server, rtp_timeout_s=TIMEOUT_S) as bot:
        leg, phone = await talking(far, bot)
        clock = asyncio.create_task(Line(leg, None).run())
        phone.line.sending = False
        began = asyncio.get_running_loop().time()
        assert (await event(phone, Ended, within_s=TIMEOUT_S + 6)).by == "bot"
        assert asyncio.get_running_loop().time() - began >= TIMEOUT_S - 1
        await clock
        assert leg.ended is not None
        assert leg.ended.by == "network"
