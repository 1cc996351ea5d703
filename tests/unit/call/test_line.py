"""The line: everything said is sent, stopping is quick and exact, silence where the far end sends nothing."""

import asyncio
import gc
import sys

import pytest
from threadpoolctl import threadpool_info

from tests.support.fake_leg import FakeLeg
from voicebot.call.line import SWITCH_S, Line, keep_steady
from voicebot.errors import CallEnded
from voicebot.model.audio import MEDIA_RATE, AudioFrame

PROMPT = AudioFrame(bytes(i % 255 for i in range(2 * MEDIA_RATE // 2)), MEDIA_RATE)  # half a second


@pytest.fixture
async def running():
    leg = FakeLeg()
    line = Line(leg, None)
    task = asyncio.create_task(line.run())
    yield leg, line
    leg.end("caller")
    await task


async def test_a_prompt_is_sent_whole(running):
    leg, line = running
    played = await line.play(PROMPT)
    await leg.drain()
    assert played.completed
    assert played.heard_s == PROMPT.duration
    assert leg.sent == PROMPT.pcm16


async def test_stop_is_quick_and_tells_what_was_heard(running):
    leg, line = running
    playing = asyncio.create_task(line.play(AudioFrame(bytes(MEDIA_RATE * 4), MEDIA_RATE)))
    await asyncio.sleep(0.4)
    line.stop()
    played = await playing
    sent = len(leg.sent) / 2 / MEDIA_RATE
    assert not played.completed
    assert played.heard_s == pytest.approx(sent, abs=0.03)
    await asyncio.sleep(0.1)
    assert len(leg.sent) / 2 / MEDIA_RATE == pytest.approx(sent, abs=0.001)


async def test_pause_and_resume_lose_nothing_and_say_nothing_twice(running):
    leg, line = running
    playing = asyncio.create_task(line.play(PROMPT))
    await asyncio.sleep(0.2)
    line.pause()
    assert line.paused
    await asyncio.sleep(0.15)
    line.resume()
    played = await playing
    await leg.drain()
    assert played.completed
    assert leg.sent == PROMPT.pcm16


async def test_the_end_of_the_call_ends_the_prompt(running):
    leg, line = running
    playing = asyncio.create_task(line.play(AudioFrame(bytes(MEDIA_RATE * 8), MEDIA_RATE)))
    await asyncio.sleep(0.1)
    leg.end("caller")
    with pytest.raises(CallEnded):
        await playing
    with pytest.raises(CallEnded):
        await line.play(PROMPT)


async def test_a_far_end_that_sends_nothing_is_silence_in_time():
    leg = FakeLeg(b"")
    line = Line(leg, None)
    frames = []
    line.add_listener(frames.append)
    task = asyncio.create_task(line.run())
    await asyncio.sleep(1.0)
    leg.end("caller")
    await task
    assert frames[-1].t_end == pytest.approx(line.t, abs=0.35)
    assert not any(any(f.pcm16) for f in frames)


async def test_what_the_stack_does_not_take_is_said_all_the_same():
    class Restarted(FakeLeg):
        writes = 0

        def write(self, pcm16: bytes) -> int:
            self.writes += 1
            return super().write(pcm16[: (0, 100)[self.writes % 2]]) if self.writes < 6 else super().write(pcm16)

    leg = Restarted()
    line = Line(leg, None)
    task = asyncio.create_task(line.run())
    played = await line.play(PROMPT)
    await leg.drain()
    assert played.completed
    assert leg.sent == PROMPT.pcm16
    leg.end("caller")
    await task


def test_other_threads_let_the_clock_in_soon():
    before = sys.getswitchinterval()
    try:
        keep_steady()
        assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
        assert gc.get_freeze_count() > 0
        blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
        assert blas
        assert set(blas) == {1}
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()
