"""Legs of the baresip driver: what the other one does not do, or does otherwise (test_leg.py asks both the same)."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest
from baresip._native import lib

from sip_sim.g711 import through
from sip_sim.media import Digit
from tests.support.far_end import NUMBER, bot_line, event, far_end
from tests.support.idle import until
from tests.support.legs import alike, clean_fifths, noise, say, talking
from voicebot.errors import CallRefused

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("nothing_left")]


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
