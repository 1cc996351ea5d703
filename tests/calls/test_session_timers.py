"""Session timers (RFC 4028) on real calls, with intervals of seconds. The far end's timers are aiosipua's own."""

from __future__ import annotations

import asyncio

import pytest
from aiosipua.session_timer import SessionTimer

from sip_sim.phone import Ended, Phone
from tests.support.far_end import NUMBER, FarEnd, bot_line, event, far_end
from tests.support.idle import until
from tests.support.legs import noise, say, talking
from voicebot.signaling.sip_headers import header

pytestmark = [pytest.mark.timeout(40), pytest.mark.usefixtures("nothing_left")]

INTERVAL_S = 4


def timers(far: FarEnd, seconds: int | None = INTERVAL_S, least: int = 1) -> None:
    """Make the far end's telephones take session timers (or, with None, not know them)."""
    far.endpoint._uas.session_expires = seconds
    far.endpoint._uas.min_se = least


def raw(phone: Phone, *, sent: bool, first: str) -> list[str]:
    """The messages of the telephone's call that begin so."""
    return [e.raw for e in phone.ladder.entries if e.sent is sent and e.raw.startswith(first)]


async def test_we_refresh_at_half_the_interval_and_the_sound_goes_on() -> None:
    async with far_end() as far, bot_line(far.server, session_expires_s=INTERVAL_S) as bot:
        leg, phone = await answered_with(far, bot, "4;refresher=uac")
        invite = raw(phone, sent=False, first="INVITE")[0]
        assert "Session-Expires: 4\r\n" in invite.replace(" \r\n", "\r\n")
        saying = asyncio.create_task(say(leg, noise(6)))
        await until(lambda: len(raw(phone, sent=False, first="INVITE")) == 3, "two refreshes", 6)
        for refresh in raw(phone, sent=False, first="INVITE")[1:]:
            assert "Session-Expires: 4;refresher=uac" in refresh
            assert "Supported: timer" in refresh
        await saying
        await leg.drain()
        assert leg.ended is None
        heard = phone.line.recorder.tracks()[1]
        assert (heard[-8000 * 4 :].astype(float) ** 2).mean() > 1000**2, "the sound stopped with the refresh"
        await leg.hang_up()
        await event(phone, Ended)


async def answered_with(far: FarEnd, bot, expires: str) -> tuple:  # type: ignore[type-arg,no-untyped-def]
    """An answered call of the bot whose every 200 carries this Session-Expires; "" for none."""
    transport = far.endpoint._transport
    plain = transport.send

    def send(message, addr) -> None:  # type: ignore[no-untyped-def]
        if expires and getattr(message, "status_code", 0) == 200 and message.cseq.method in {"INVITE", "UPDATE"}:
            message.headers.set_single("Session-Expires", expires)
        plain(message, addr)

    transport.send = send
    return await talking(far, bot)


async def test_a_far_end_that_does_not_refresh_loses_the_call() -> None:
    async with far_end() as far, bot_line(far.server, session_expires_s=3) as bot:
        leg, phone = await answered_with(far, bot, "3;refresher=uas")
        ended = await event(phone, Ended, within_s=5)
        assert ended.by == "bot"
        assert 1.5 <= ended.t <= 3.0, ended
        await until(lambda: leg.ended is not None, "our side knows")
        assert leg.ended is not None
        assert (leg.ended.by, leg.ended.reason) == ("network", "the session timer ran out")


async def test_a_far_end_that_refreshes_keeps_the_call() -> None:
    async with far_end() as far, bot_line(far.server, session_expires_s=3) as bot:
        timers(far, 3)
        transport = far.endpoint._transport
        plain = transport.send

        def send(message, addr) -> None:  # type: ignore[no-untyped-def]
            if getattr(message, "method", "") == "UPDATE":  # aiosipua leaves the role as the INVITE had it
                message.headers.set_single("Session-Expires", "3;refresher=uac")
                message.headers.set_single("Supported", "timer")
            plain(message, addr)

        transport.send = send  # type: ignore[method-assign]
        leg, phone = await talking(far, bot)
        assert "refresher=uas" in raw(phone, sent=True, first="SIP/2.0 200")[0]
        await until(lambda: len(raw(phone, sent=False, first="SIP/2.0 200")) >= 3, "three refreshes answered", 8)
        for answer in raw(phone, sent=False, first="SIP/2.0 200"):
            assert "UPDATE" in answer
            assert header(answer, "Session-Expires") == "3;refresher=uac"
            assert header(answer, "Require") == "timer"
        assert leg.ended is None
        await leg.hang_up()


async def test_a_refresh_that_nobody_answers_ends_the_call() -> None:
    async with far_end() as far, bot_line(far.server, session_expires_s=3) as bot:
        leg, phone = await answered_with(far, bot, "3;refresher=uac")
        far.board._offer = lambda call: None  # type: ignore[method-assign]
        far.endpoint.on_offer = lambda call: None
        ended = await event(phone, Ended, within_s=6)
        assert ended.by == "bot"
        await until(lambda: leg.ended is not None, "our side knows")


async def test_a_longer_interval_is_dialled_again() -> None:
    async with far_end() as far, bot_line(far.server, session_expires_s=10) as bot:
        timers(far, 90, least=90)
        leg = await bot.signaling.dial(NUMBER)
        answering = asyncio.create_task(leg.wait_answered(5))
        phone = await far.rings()
        phone.answer()
        await answering
        assert "Session-Expires: 90" in raw(phone, sent=False, first="INVITE")[0]
        assert leg.call_id == phone.call_id
        await leg.hang_up()


@pytest.mark.parametrize(("refresher", "we"), [("uas", True), ("uac", False)])
async def test_who_calls_us_may_ask_for_a_timer(refresher: str, we: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionTimer, "start", lambda _: None)  # the caller itself never refreshes
    async with far_end() as far, bot_line(far.server) as bot:
        transport = far.endpoint._transport
        plain = transport.send

        def send(message, addr) -> None:  # type: ignore[no-untyped-def]
            if getattr(message, "method", "") == "INVITE":
                message.headers.set_single("Session-Expires", f"4;refresher={refresher}")
                message.headers.set_single("Supported", "timer")
            elif message.cseq.method == "INVITE" and message.status_code == 200:  # to the re-INVITE after our answer
                message.headers.set_single("Session-Expires", f"4;refresher={'uac' if we else 'uas'}")
            plain(message, addr)

        transport.send = send  # type: ignore[method-assign]
        calling = asyncio.create_task(far.call(bot))
        leg = await bot.legs.get()
        await leg.answer()
        status, phone = await calling
        assert status == 200
        answer = raw(phone, sent=False, first="SIP/2.0 200")[0]
        assert header(answer, "Session-Expires") == f"4;refresher={refresher}"
        assert header(answer, "Require") == (None if we else "timer")
        if we:
            refreshes = lambda: [m for m in raw(phone, sent=False, first="INVITE") if "Session-Expires" in m]  # noqa: E731
            await until(lambda: bool(refreshes()), "our refresh", 4)
            assert "refresher=uac" in refreshes()[-1]
            await leg.hang_up()
        else:
            assert (await event(phone, Ended, within_s=5)).by == "bot"


async def test_a_phone_that_knows_no_timers_is_left_alone() -> None:
    async with far_end() as far, bot_line(far.server, session_expires_s=2) as bot:
        leg, phone = await talking(far, bot)
        await asyncio.sleep(3)
        assert leg.ended is None
        assert len(raw(phone, sent=False, first="INVITE")) == 1
        await leg.hang_up()


async def test_timers_may_be_turned_off() -> None:
    async with far_end() as far, bot_line(far.server, session_expires_s=0) as bot:
        timers(far, 90)
        leg, phone = await talking(far, bot)
        assert header(raw(phone, sent=False, first="INVITE")[0], "Session-Expires") is None
        assert leg.ended is None
        await leg.hang_up()
        await event(phone, Ended)
