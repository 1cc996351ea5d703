"""A trunk that redirects a call (3xx): followed to its own numbers only."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.far_end import NUMBER
from tests.support.idle import until
from tests.support.sip_peer import sip_peer
from tests.support.trunks import bot_with, trunk
from voicebot.errors import CallRefused

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]


async def test_a_redirection_within_the_trunk_is_followed() -> None:
    async with sip_peer() as a, bot_with([trunk(a, domain="bank.example")]) as bot:
        for host in (a.server, "bank.example"):
            a.requests.clear()
            a.invite = [100, (302, f"Contact: <sip:4711@{host}>;q=1")]
            leg = await bot.signaling.dial(NUMBER)
            waiting = asyncio.create_task(leg.wait_answered(5))
            await until(lambda: a.got("INVITE"), "the first INVITE", 2)
            a.invite = [180, 200]
            await waiting
            assert [r.uri.partition("@")[0] for r in a.got("INVITE")] == [f"sip:{NUMBER}", "sip:4711"]
            assert a.got("INVITE")[1].uri.startswith(f"sip:4711@{a.server}")
            await leg.hang_up()


@pytest.mark.parametrize("contact", ["<sip:900@{evil}>", "<sip:900@127.0.0.2>", "<tel:+900>", "<sip:900:x@{trunk}>"])
async def test_a_redirection_elsewhere_is_refused(contact: str) -> None:
    async with sip_peer(100, 180, 200) as spare, sip_peer() as a, bot_with([trunk(a), trunk(spare)]) as bot:
        a.invite = [100, (302, "Contact: " + contact.format(evil="evil.example:5060", trunk=a.server))]
        leg = await bot.signaling.dial(NUMBER)
        with pytest.raises(CallRefused) as refused:
            await leg.wait_answered(5)
        assert refused.value.status == 302
        assert len(a.got("INVITE")) == 1
        assert spare.requests == []


async def test_after_a_redirection_no_other_trunk_is_tried() -> None:
    """The number it led to is the first trunk's own."""
    async with sip_peer(100, 180, 200) as spare, sip_peer() as a, bot_with([trunk(a), trunk(spare)]) as bot:
        a.invite = [100, (302, f"Contact: <sip:4711@{a.server}>")]
        leg = await bot.signaling.dial(NUMBER)
        waiting = asyncio.create_task(leg.wait_answered(5))
        await until(lambda: a.got("INVITE"), "the first INVITE", 2)
        a.invite = [100, 503]
        with pytest.raises(CallRefused) as refused:
            await waiting
        assert refused.value.status == 503
        assert len(a.got("INVITE")) == 2
        assert spare.requests == []


async def test_redirections_have_an_end() -> None:
    async with sip_peer() as a, bot_with([trunk(a)]) as bot:
        a.invite = [(302, f"Contact: <sip:4711@{a.server}>")]
        leg = await bot.signaling.dial(NUMBER)
        with pytest.raises(CallRefused) as refused:
            await leg.wait_answered(5)
        assert refused.value.status == 302
        assert len(a.got("INVITE")) == 2
