"""Legs of the pyVoIP driver: what the other one does otherwise (test_leg.py asks both the same)."""

from __future__ import annotations

import asyncio
import socket

import pytest

from sip_sim.g711 import through
from sip_sim.phone import Ended
from tests.support.far_end import NUMBER, event, far_end
from tests.support.idle import until
from tests.support.legs import clean_fifths, hear, noise, say, talking
from tests.support.pyvoip_bot import deaf_to, pyvoip
from voicebot.errors import CallEnded, CallError, CallRefused

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]


async def test_keys_are_heard_once_each_and_cannot_be_sent() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        leg, phone = await talking(far, bot)
        keys: list[str] = []
        leg.on_dtmf(keys.append)
        phone.press("1559#*0")
        await until(lambda: "".join(keys) == "1559#*0", "the keys")
        with pytest.raises(CallError):
            await leg.send_dtmf("4")
        assert not await leg.transfer("sip:agent@127.0.0.1")
        await leg.hang_up()


async def test_a_far_end_that_is_silent_was_not_reached() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        async with pyvoip(f"127.0.0.1:{deaf.getsockname()[1]}") as bot:
            leg = await bot.signaling.dial(NUMBER)
            with pytest.raises(CallRefused) as refused:
                await leg.wait_answered(0.8)
            assert refused.value.status is None
        deaf.setblocking(False)
        datagrams = [deaf.recv(4096).split(b" ")[0] for _ in range(2)]
        assert datagrams == [b"INVITE", b"INVITE"]  # sent again: the first may have been lost


async def test_an_inbound_call_is_answered_at_once_talks_and_is_hung_up() -> None:
    said = noise(0.6)
    async with far_end() as far, pyvoip(far.server) as bot:
        calling = asyncio.create_task(far.call(bot))
        leg = await bot.legs.get()
        await leg.answer()
        status, phone = await calling
        assert status == 200
        times = {entry.name: entry.t for entry in phone.ladder.entries}
        assert times["200"] - times["INVITE"] < 0.5
        await say(leg, said)
        await leg.drain()
        await leg.hang_up()
        assert (await event(phone, Ended)).by == "bot"
        assert clean_fifths(through("PCMA", said), phone.line.recorder.tracks()[1]) >= 4


async def test_messages_that_get_lost_are_sent_again() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        deaf_to(bot, "INVITE", "ACK", "BYE")
        leg, phone = await talking(far, bot)
        await until(lambda: phone.ladder.holds(("INVITE", "200", "200", "ACK")), "the ACK")
        await leg.hang_up()
        assert (await event(phone, Ended)).by == "bot"
        assert far.dialled == [NUMBER]


async def test_our_answer_that_gets_lost_is_sent_again() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        deaf_to(bot, "SIP/2.0 200")
        calling = asyncio.create_task(far.call(bot))
        leg = await bot.legs.get()
        await leg.answer()
        assert (await calling)[0] == 200
        await leg.hang_up()


async def test_a_far_end_without_any_sound_is_given_up() -> None:
    async with far_end() as far, pyvoip(far.server, rtp_timeout_s=1) as bot:
        leg = await bot.signaling.dial(NUMBER)
        phone = await far.rings()
        phone.line.start = lambda: None
        phone.answer()
        await leg.wait_answered(5)
        with pytest.raises(CallEnded):
            await hear(leg, 3)
        assert leg.ended is not None
        assert leg.ended.by == "network"
        assert (await event(phone, Ended)).by == "bot"
