"""The clock of the lines: in step, never short of a strike, and one line's failure is its own."""

import asyncio
import time

import pytest

from voicebot.call.clock import every_frame
from voicebot.model.audio import FRAME_S


class Counted:
    """Counts strikes until there were `most`."""

    def __init__(self, most: int) -> None:
        self.most, self.at = most, []

    def __call__(self) -> bool:
        self.at.append(asyncio.get_running_loop().time())
        return len(self.at) < self.most


async def test_it_neither_drifts_nor_skips_after_a_stall():
    began, counted = asyncio.get_running_loop().time(), Counted(50)
    asyncio.get_running_loop().call_later(0.2, time.sleep, 0.3)
    await every_frame(counted)
    assert len(counted.at) == 50
    assert counted.at[-1] - began >= 50 * FRAME_S - 0.001
    assert all(at - began >= (n + 1) * FRAME_S - 0.001 for n, at in enumerate(counted.at))
    stalled = [at for at in counted.at if began + 0.2 < at < began + 0.4]
    assert not stalled


async def test_all_lines_are_told_in_the_same_waking():
    first, second = Counted(20), Counted(10)
    await asyncio.gather(every_frame(first), every_frame(second))
    assert max(abs(a - b) for a, b in zip(first.at, second.at, strict=False)) < FRAME_S / 2


async def test_who_begins_after_a_stall_is_not_told_of_the_strikes_before():
    loop, first, second = asyncio.get_running_loop(), Counted(40), Counted(10)
    running = asyncio.create_task(every_frame(first))
    await asyncio.sleep(0.1)
    time.sleep(0.3)  # noqa: ASYNC251 - the stall
    began = loop.time()
    await every_frame(second)
    assert second.at[-1] - began >= 9 * FRAME_S - 0.001
    await running


async def test_a_line_that_fails_stops_no_other():
    counted = Counted(10)

    def broken() -> bool:
        raise OSError("the disk is full")

    failing = asyncio.create_task(every_frame(broken))
    await every_frame(counted)
    with pytest.raises(OSError, match="the disk is full"):
        await failing
    assert len(counted.at) == 10


async def test_who_is_cancelled_is_told_no_more_and_it_can_begin_again():
    counted = Counted(1000)
    task = asyncio.create_task(every_frame(counted))
    await every_frame(Counted(3))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    told = len(counted.at)
    await every_frame(Counted(5))
    assert len(counted.at) == told
