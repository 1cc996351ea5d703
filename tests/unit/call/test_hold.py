"""The far end's hold, seen by the line: silence for the listeners, the prompt waits and goes on where it stopped."""

import asyncio

from tests.support.fake_leg import FakeLeg
from voicebot.call.line import Line
from voicebot.model.audio import MEDIA_RATE, AudioFrame

PROMPT = AudioFrame(bytes(range(1, 101)) * 160, MEDIA_RATE)  # 1 s, no zero in it


async def test_a_prompt_waits_and_nothing_of_it_is_lost() -> None:
    leg = FakeLeg(b"\5\5" * (3 * MEDIA_RATE))
    line, heard = Line(leg, None), []
    line.add_listener(heard.append)
    clock = asyncio.create_task(line.run())
    saying = asyncio.create_task(line.play(PROMPT))
    await asyncio.sleep(0.3)
    leg.held = True
    await asyncio.sleep(0.1)
    assert line.held
    sent, t = len(leg.sent), line.t
    await asyncio.sleep(0.5)
    assert len(leg.sent) == sent
    assert not saying.done()
    during = b"".join(f.pcm16 for f in heard if f.t > t)
    assert during
    assert not any(during)
    leg.held = False
    played = await asyncio.wait_for(saying, 3)
    assert played.completed
    assert played.heard_s == 1.0
    await leg.drain()
    assert leg.sent == PROMPT.pcm16
    assert any(heard[-1].pcm16)
    leg.end("caller")
    await clock


async def test_what_is_said_during_a_hold_begins_after_it() -> None:
    leg = FakeLeg()
    leg.held = True
    line = Line(leg, None)
    clock = asyncio.create_task(line.run())
    saying = asyncio.create_task(line.play(PROMPT))
    await asyncio.sleep(0.3)
    assert leg.sent == b""
    leg.held = False
    assert (await asyncio.wait_for(saying, 3)).completed
    leg.end("caller")
    await clock


async def test_an_interruption_decided_during_a_hold_stays_one() -> None:
    leg = FakeLeg()
    line = Line(leg, None)
    clock = asyncio.create_task(line.run())
    saying = asyncio.create_task(line.play(PROMPT))
    await asyncio.sleep(0.2)
    line.pause()
    leg.held = True
    await asyncio.sleep(0.1)
    line.stop()
    played = await asyncio.wait_for(saying, 1)
    assert not played.completed
    assert played.heard_s < 0.4
    leg.end("caller")
    await clock


async def test_a_hold_that_lasts_too_long_ends_the_call() -> None:
    leg = FakeLeg()
    line = Line(leg, None, max_hold_s=0.2)
    leg.held = True
    await asyncio.wait_for(line.run(), 2)
    assert leg.ended is not None
    assert leg.ended.by == "bot"
