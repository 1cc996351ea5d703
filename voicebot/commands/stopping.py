"""How a program that makes calls ends: asked once, running calls may end by themselves; asked twice, they are ended."""

from __future__ import annotations

import asyncio
import signal

from voicebot.call.supervisor import Supervisor


def stop_event() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def drained(supervisor: Supervisor, stop: asyncio.Event, longest_s: float) -> None:
    """No more calls; those that run get so long, or until `stop` is set again."""
    stop.clear()
    draining = asyncio.create_task(supervisor.drain(longest_s))
    again = asyncio.create_task(stop.wait())
    await asyncio.wait({draining, again}, return_when=asyncio.FIRST_COMPLETED)
    if not draining.done():  # asked a second time: now
        draining.cancel()
        await supervisor.drain(0.0)
    again.cancel()
