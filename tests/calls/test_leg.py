"""The bot's legs (both drivers) against the simulator's telephone (another SIP and RTP stack): packets on loopback.
What only one of them does, or does otherwise: test_baresip_leg.py, test_pyvoip_leg.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from sip_sim.g711 import through
from sip_sim.hearing import speech_spans
from sip_sim.media import SaidAll
from sip_sim.phone import Ended
from tests.support.far_end import NUMBER, BotLine, bot_line, event, far_end
from tests.support.idle import until
from tests.support.legs import alike, clean_fifths, hear, noise, say, talking
from tests.support.pyvoip_bot import PyvoipBot, pyvoip
from voicebot.errors import CallEnded, CallNotAnswered, CallRefused

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]
Driver = Callable[..., AbstractAsyncContextManager[BotLine | PyvoipBot]]


@pytest.fixture(params=["baresip", "pyvoip"])
def driver(request: pytest.FixtureRequest) -> Driver:
    """Starts the driver; `legs` are its inbound calls."""
    return bot_line if request.param == "baresip" else pyvoip


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
async def test_sound_goes_both_ways_in_the_codec_that_is_set(driver: Driver, codec: str) -> None:
    said, answer = noise(1.0, 1), noise(1.0, 2)
    async with far_end(codec) as far, driver(far.server, codecs=(codec,)) as bot:
        leg, phone = await talking(far, bot)
        offer = next(entry.raw for entry in phone.ladder.entries if entry.name == "INVITE")
        formats = next(line for line in offer.splitlines() if line.startswith("m=audio")).split()[3:]
        assert ("0" in formats, "8" in formats) == (codec == "PCMU", codec == "PCMA")
        phone.say(answer)
        _, heard = await asyncio.gather(say(leg, said), hear(leg, 2.0))
        await leg.drain()
        await leg.hang_up()
        await event(phone, Ended)
        assert clean_fifths(through(codec, answer), heard) >= 4
        assert clean_fifths(through(codec, said), phone.line.recorder.tracks()[1]) >= 4
        await phone.close()


async def test_flush_stops_within_two_frames(driver: Driver) -> None:
    async with far_end() as far, driver(far.server) as bot:
        leg, phone = await talking(far, bot)
        tone = noise(0.4)
        leg.write(tone.tobytes())
        await until(lambda: leg.queued_s < 0.25, "half of it sent")
        sent = 0.4 - leg.queued_s
        leg.flush()
        await until(lambda: leg.queued_s == 0, "flushed", 0.2)
        await leg.drain()
        await asyncio.sleep(0.2)
        await leg.hang_up()
        spans = speech_spans(phone.line.recorder.tracks()[1], join_s=0.1)
        assert len(spans) == 1
        assert sent - 0.03 <= spans[0][1] - spans[0][0] <= sent + 2 * 0.02 + 0.02


async def test_drain_lets_the_last_sound_out_before_the_bye(driver: Driver) -> None:
    said = noise(0.7)
    async with far_end() as far, driver(far.server) as bot:
        leg, phone = await talking(far, bot)
        await say(leg, said)
        assert leg.queued_s > 0
        await leg.drain()
        assert leg.queued_s == 0
        await leg.hang_up()
        await event(phone, Ended)
        heard = phone.line.recorder.tracks()[1]
        assert clean_fifths(through("PCMA", said), heard) >= 4
        assert alike(through("PCMA", said)[-1200:], heard) > 0.98


async def test_statistics_are_there_after_the_end(driver: Driver) -> None:
    async with far_end() as far, driver(far.server) as bot:
        leg, phone = await talking(far, bot)
        phone.say(noise(0.8))
        await event(phone, SaidAll)
        await leg.hang_up()
        stats = leg.stats()
        assert stats.tx_packets >= 35
        assert stats.rx_packets >= 35
        assert stats.rx_lost == 0
        assert stats.mos > 4


@pytest.mark.parametrize("by", ["bot", "caller"])
async def test_either_side_hangs_up(driver: Driver, by: str) -> None:
    async with far_end() as far, driver(far.server) as bot:
        leg, phone = await talking(far, bot)
        ends: list[str] = []
        leg.on_end(lambda end: ends.append(end.by))
        await (leg.hang_up() if by == "bot" else phone.hang_up())
        await until(lambda: leg.ended is not None, "the end")
        assert (await event(phone, Ended)).by == by
        assert leg.ended is not None
        assert leg.ended.by == by
        assert ends == [by]
        leg.on_end(lambda end: ends.append("late " + end.by))
        assert ends == [by, f"late {by}"]
        with pytest.raises(CallEnded):
            leg.read(320)
        with pytest.raises(CallEnded):
            leg.write(b"\0" * 320)
        await leg.hang_up()
        await leg.drain()
        assert phone.ladder.names().count("BYE") == 1


async def test_183_then_200(driver: Driver) -> None:
    async with far_end() as far, driver(far.server) as bot:
        leg = await bot.signaling.dial(NUMBER)
        phone = await far.calls.get()
        call = phone._call
        phone._endpoint._transport.send_reply(call.dialog.create_response(call.invite, 183, "Session Progress"))
        waiting = asyncio.create_task(leg.wait_answered(5))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        phone.answer()
        await waiting
        assert leg.call_id == phone.call_id
        await leg.hang_up()
        assert phone.ladder.holds(("INVITE", "183", "200", "ACK", "BYE"))


async def test_nobody_takes_the_call_so_it_is_cancelled(driver: Driver) -> None:
    async with far_end() as far, driver(far.server) as bot:
        leg = await bot.signaling.dial(NUMBER)
        phone = await far.rings()
        with pytest.raises(CallNotAnswered):
            await leg.wait_answered(0.5)
        assert (await event(phone, Ended)).by == "cancelled"
        assert leg.ended is not None
        assert leg.ended.by == "bot"
        await until(lambda: phone.ladder.holds(("INVITE", "180", "CANCEL", "487", "ACK")), "the ACK to 487")


@pytest.mark.parametrize(("status", "reason"), [(486, "Busy Here"), (404, "Not Found"), (603, "Decline"), (503, "")])
async def test_a_refusal_brings_its_status(driver: Driver, status: int, reason: str) -> None:
    async with far_end() as far, driver(far.server) as bot:
        leg = await bot.signaling.dial(NUMBER)
        phone = await far.rings()
        phone.reject(status)
        with pytest.raises(CallRefused) as refused:
            await leg.wait_answered(5)
        assert refused.value.status == status
        assert refused.value.reason.startswith(reason)
        await until(lambda: phone.ladder.holds(("INVITE", str(status), "ACK")), "the ACK")
        assert far.dialled == [NUMBER]


async def test_the_caller_gives_up_before_we_answer(driver: Driver) -> None:
    async with far_end() as far, driver(far.server) as bot:
        status, _ = await far.call(bot, timeout_s=0.4)
        assert status == 0
        leg = await bot.legs.get()
        await until(lambda: leg.ended is not None, "the CANCEL")
        assert leg.ended is not None
        assert leg.ended.by == "caller"
        with pytest.raises(CallEnded):
            await leg.answer()


@pytest.mark.parametrize("status", [486, 503])
async def test_an_inbound_call_to_any_number_is_ours_and_may_be_refused(driver: Driver, status: int) -> None:
    async with far_end() as far, driver(far.server) as bot:
        calling = asyncio.create_task(far.call(bot, number="whoever"))
        leg = await bot.legs.get()
        assert NUMBER in leg.remote
        await leg.reject(status)
        got, phone = await calling
        assert got == status
        assert phone.ladder.holds(("INVITE", str(status), "ACK"))


async def test_the_far_end_may_negotiate_anew(driver: Driver) -> None:
    said = noise(0.6)
    async with far_end() as far, driver(far.server) as bot:
        leg, phone = await talking(far, bot)
        call = phone._call
        far.endpoint._uac.send_reinvite(call.dialog, phone._own_offer(), call.source_addr)
        await until(lambda: phone.ladder.names().count("200") == 2, "the answer to the re-INVITE")
        await say(leg, said)
        await leg.drain()
        await leg.hang_up()
        assert clean_fifths(through("PCMA", said), phone.line.recorder.tracks()[1]) >= 4


async def test_nobody_outside_can_make_us_dial(driver: Driver) -> None:
    """REFER from the far end is declined: no INVITE goes to its target, and the call goes on."""
    async with far_end() as far, driver(far.server) as bot:
        leg, phone = await talking(far, bot)
        call = phone._call
        refer = call.dialog.create_request("REFER")
        refer.headers.set_single("Refer-To", f"<sip:premium@{far.server}>")
        refer.headers.set_single("Contact", f"<sip:{far.server}>")
        phone._endpoint._transport.send(refer, call.source_addr)
        await until(lambda: any("603" in entry.raw for entry in phone.ladder.entries), "603 in a NOTIFY")
        assert leg.ended is None
        assert far.dialled == [NUMBER]
        await leg.hang_up()
