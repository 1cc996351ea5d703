"""Hold from either side (RFC 3264 section 8.4): the bot falls silent, waits, and goes on where it stopped."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sip_sim.phone import Ended
from tests.support.far_end import bot_line, event, far_end
from tests.support.idle import until
from tests.support.legs import alike, noise, talking
from voicebot.call.line import Line
from voicebot.model.audio import MEDIA_RATE, AudioFrame

pytestmark = [pytest.mark.timeout(40), pytest.mark.usefixtures("nothing_left")]


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_the_far_ends_hold_stops_the_prompt_and_its_music_is_not_heard(direction: str) -> None:
    prompt = noise(4.0)
    async with far_end() as far, bot_line(far.server, rtp_timeout_s=2) as bot:
        leg, phone = await talking(far, bot)
        line, heard = Line(leg, None), []
        line.add_listener(heard.append)
        clock = asyncio.create_task(line.run())
        saying = asyncio.create_task(line.play(AudioFrame(prompt.tobytes(), MEDIA_RATE)))
        await asyncio.sleep(1.5)
        await phone.hold(direction)
        await until(lambda: line.held, "the hold is seen")
        began = line.t
        phone.say(noise(1.5, seed=5))  # the music of the hold
        await asyncio.sleep(3.0)  # longer than the RTP timeout
        assert leg.ended is None
        assert not saying.done()
        while_held = b"".join(f.pcm16 for f in heard if f.t >= began)
        assert len(while_held) > MEDIA_RATE * 2
        assert not any(while_held)
        await phone.resume()
        played = await asyncio.wait_for(saying, 8)
        assert played.completed
        assert played.t1 - played.t0 > 4.0 + 2.9
        await leg.drain()
        await leg.hang_up()
        await clock
        heard_there = phone.line.recorder.tracks()[1]
        pieces = np.array_split(prompt, 40)
        lost = [i for i, piece in enumerate(pieces) if alike(piece, heard_there) < 0.9]
        # One that the hold cut in two; and a busy machine may tear others, each at one place.
        assert len(lost) <= 4, f"fortieths of the prompt not heard: {lost}"
        await event(phone, Ended)


async def test_a_hold_is_bounded() -> None:
    async with far_end() as far, bot_line(far.server) as bot:
        leg, phone = await talking(far, bot)
        clock = asyncio.create_task(Line(leg, None, max_hold_s=1.0).run())
        await phone.hold("inactive")
        assert (await event(phone, Ended, within_s=4)).by == "bot"
        await clock
        assert leg.ended is not None
        assert leg.ended.by == "bot"


async def test_our_own_hold_and_resume() -> None:
    async with far_end() as far, bot_line(far.server) as bot:
        leg, phone = await talking(far, bot)
        await leg.hold()
        await until(lambda: "a=sendonly" in offers(phone)[-1], "our hold")
        assert not leg.held
        await leg.resume()
        # Asked for while the hold's re-INVITE is still unanswered, the stack may offer the hold once more first.
        await until(lambda: "a=sendrecv" in offers(phone)[-1], "our resume")
        await leg.hang_up()


def offers(phone) -> list[str]:  # type: ignore[no-untyped-def]
    """The INVITEs the telephone got."""
    return [e.raw for e in phone.ladder.entries if not e.sent and e.raw.startswith("INVITE")]
