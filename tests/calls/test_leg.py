"""The bot's leg (baresip) against the simulator's telephone (another SIP and RTP stack): real packets on loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import numpy as np
import pytest
from baresip._native import lib

from sip_sim.g711 import Samples, through
from sip_sim.hearing import speech_spans
from sip_sim.media import Digit, SaidAll
from sip_sim.phone import Ended, Phone
from tests.support.far_end import NUMBER, BotLine, FarEnd, bot_line, event, far_end
from tests.support.idle import until
from voicebot.errors import CallEnded, CallNotAnswered, CallRefused
from voicebot.model.ports import CallLeg

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("nothing_left")]


def noise(seconds: float, seed: int = 1) -> Samples:
    """Sound that is like itself at no other place: what was cut or moved shows."""
    return (
        (np.random.default_rng(seed).standard_normal(int(seconds * 8000)) * 3000).clip(-12000, 12000).astype(np.int16)
    )


def alike(wanted: Samples, heard: Samples) -> float:
    """The best normalised cross-correlation of `wanted` in `heard`; negative phase counts against it."""
    from scipy.signal import correlate

    a, b = wanted.astype(float), heard.astype(float)
    energy = np.convolve(b**2, np.ones(a.size), "valid")
    return float((correlate(b, a, "valid") / np.sqrt(np.maximum(energy, 1) * (a**2).sum())).max())


def clean_fifths(wanted: Samples, heard: Samples) -> int:
    """How many fifths of `wanted` were heard unspoiled. A jitter buffer that adapts may move one against the next."""
    return sum(alike(piece, heard) > 0.98 for piece in np.array_split(wanted, 5))


async def talking(far: FarEnd, bot: BotLine, ring_s: float = 5) -> tuple[CallLeg, Phone]:
    """An answered call of the bot."""
    leg = await bot.signaling.dial(NUMBER)
    phone = await far.rings()
    phone.answer()
    await leg.wait_answered(ring_s)
    return leg, phone


async def say(leg: CallLeg, sound: Samples) -> None:
    """As the line does: a little ahead, never all at once."""
    left = sound.tobytes()
    while left:
        if leg.queued_s < 0.1:
            left = left[leg.write(left[:320]) :]
        else:
            await asyncio.sleep(0.01)


async def hear(leg: CallLeg, seconds: float) -> Samples:
    """All that the leg receives until `seconds` of sound have come."""
    heard = b""
    async with asyncio.timeout(seconds + 10):
        while len(heard) < seconds * 16000:
            heard += leg.read(16000)
            await asyncio.sleep(0.02)
    return np.frombuffer(heard, dtype=np.int16)


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
async def test_sound_goes_both_ways_in_the_codec_that_is_set(codec: str) -> None:
    said, answer = noise(1.0, 1), noise(1.0, 2)
    async with far_end(codec) as far, bot_line(far.server, codecs=(codec,)) as bot:
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


async def test_keys_are_heard_and_sent() -> None:
    async with far_end() as far, bot_line(far.server) as bot:
        leg, phone = await talking(far, bot)
        keys: list[str] = []
        leg.on_dtmf(keys.append)
        phone.press("159#*0")
        await until(lambda: "".join(keys) == "159#*0", "the keys")
        await leg.send_dtmf("42#")
        assert [(await event(phone, Digit)).digit for _ in range(3)] == ["4", "2", "#"]
        await leg.hang_up()


async def test_flush_stops_within_two_frames() -> None:
    async with far_end() as far, bot_line(far.server) as bot:
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


async def test_drain_lets_the_last_sound_out_before_the_bye() -> None:
    said = noise(0.7)
    async with far_end() as far, bot_line(far.server) as bot:
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


async def test_statistics_are_there_after_the_end() -> None:
    async with far_end() as far, bot_line(far.server) as bot:
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
async def test_either_side_hangs_up(by: str) -> None:
    async with far_end() as far, bot_line(far.server) as bot:
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


async def test_183_then_200() -> None:
    async with far_end() as far, bot_line(far.server) as bot:
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


async def test_nobody_takes_the_call_so_it_is_cancelled() -> None:
    async with far_end() as far, bot_line(far.server) as bot:
        leg = await bot.signaling.dial(NUMBER)
        phone = await far.rings()
        with pytest.raises(CallNotAnswered):
            await leg.wait_answered(0.5)
        assert (await event(phone, Ended)).by == "cancelled"
        assert leg.ended is not None
        assert leg.ended.by == "bot"
        await until(lambda: phone.ladder.holds(("INVITE", "180", "CANCEL", "487", "ACK")), "the ACK to 487")


@pytest.mark.parametrize(("status", "reason"), [(486, "Busy Here"), (404, "Not Found"), (603, "Decline"), (503, "")])
async def test_a_refusal_brings_its_status(status: int, reason: str) -> None:
    async with far_end() as far, bot_line(far.server) as bot:
        leg = await bot.signaling.dial(NUMBER)
        phone = await far.rings()
        phone.reject(status)
        with pytest.raises(CallRefused) as refused:
            await leg.wait_answered(5)
        assert refused.value.status == status
        assert refused.value.reason.startswith(reason)
        await until(lambda: phone.ladder.holds(("INVITE", str(status), "ACK")), "the ACK")
        assert far.dialled == [NUMBER]


async def test_the_caller_gives_up_before_we_answer() -> None:
    async with far_end() as far, bot_line(far.server) as bot:
        status, _ = await far.call(bot, timeout_s=0.4)
        assert status == 0
        leg = await bot.legs.get()
        await until(lambda: leg.ended is not None, "the CANCEL")
        assert leg.ended is not None
        assert leg.ended.by == "caller"
        with pytest.raises(CallEnded):
            await leg.answer()


async def test_an_inbound_call_to_any_number_is_ours_and_may_be_refused() -> None:
    async with far_end() as far, bot_line(far.server) as bot:
        calling = asyncio.create_task(far.call(bot, number="whoever"))
        leg = await bot.legs.get()
        assert NUMBER in leg.remote
        await leg.reject()
        status, phone = await calling
        assert status == 486
        assert phone.ladder.holds(("INVITE", "486", "ACK"))


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
async def test_an_inbound_call_is_heard_from_its_first_sound_on(codec: str) -> None:
    """The stack offers the codec anew just after it has answered (re-INVITE): that cuts nothing out either."""
    said = noise(0.6)
    async with far_end(codec) as far, bot_line(far.server) as bot:
        calling = asyncio.create_task(far.call(bot))
        leg = await bot.legs.get()
        await leg.answer()
        await say(leg, said)
        status, phone = await calling
        assert status == 200
        await leg.drain()
        assert phone.ladder.holds(("INVITE", "200", "ACK", "INVITE", "200", "ACK"))
        await phone.hang_up()
        await until(lambda: leg.ended is not None, "the BYE")
        heard = phone.line.recorder.tracks()[1]
        assert alike(through(codec, said)[:1200], heard) > 0.98
        assert clean_fifths(through(codec, said), heard) >= 4


async def test_the_far_end_may_negotiate_anew() -> None:
    said = noise(0.6)
    async with far_end() as far, bot_line(far.server) as bot:
        leg, phone = await talking(far, bot)
        call = phone._call
        far.endpoint._uac.send_reinvite(call.dialog, phone._own_offer(), call.source_addr)
        await until(lambda: phone.ladder.names().count("200") == 2, "the answer to the re-INVITE")
        await say(leg, said)
        await leg.drain()
        await leg.hang_up()
        assert clean_fifths(through("PCMA", said), phone.line.recorder.tracks()[1]) >= 4


async def test_nobody_outside_can_make_us_dial() -> None:
    """REFER from the far end is declined: no INVITE goes to its target, and the call goes on."""
    async with far_end() as far, bot_line(far.server) as bot:
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


def answer_at_once(deaf: socket.socket, statuses: tuple[str, ...]) -> None:
    """A SIP server in a thread: the first INVITE gets these answers in the moment it comes."""
    data, source = deaf.recvfrom(4096)
    rows = data.decode().split("\r\n")
    wanted = ("via:", "from:", "to:", "call-id:", "cseq:")
    kept = [row + (";tag=1" if row.lower().startswith("to:") else "") for row in rows if row.lower().startswith(wanted)]
    for status in statuses:
        deaf.sendto("\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""]).encode(), source)


async def test_an_answer_quicker_than_our_event_loop_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is busy for 0.3 s just when it dials; the far end has refused by then."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        threading.Thread(target=answer_at_once, args=(server, ("180 Ringing", "486 Busy Here")), daemon=True).start()
        async with bot_line(f"127.0.0.1:{server.getsockname()[1]}") as bot:
            runtime = bot.signaling._runtime
            push = runtime._push_cmd

            def and_is_busy(command: int, *arguments: object) -> int:
                error = push(command, *arguments)
                if command == lib.BP_CMD_UA_CONNECT:
                    time.sleep(0.3)
                return int(error)

            monkeypatch.setattr(runtime, "_push_cmd", and_is_busy)
            leg = await bot.signaling.dial(NUMBER)
            with pytest.raises(CallRefused) as refused:
                await leg.wait_answered(3)
            assert refused.value.status == 486
            assert leg.ended is not None
