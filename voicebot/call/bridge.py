"""Customer and agent connected by the bot itself, where the trunk cannot hand the call over (no REFER, no Replaces):
each hears what the other sends, until one of them hangs up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from voicebot.call.line import Line
from voicebot.errors import CallEnded
from voicebot.model.audio import MEDIA_RATE, AudioFrame
from voicebot.model.ports import CallLeg

logger = logging.getLogger(__name__)

#: More than this waiting to be sent is a delay that both would feel: the clocks of the two calls differ.
MOST_WAITING_S = 0.3
#: Silence sent first where nothing waits, so that a frame that comes a little late leaves no gap.
CUSHION = bytes(int(0.06 * MEDIA_RATE) * 2)


async def connect(customer: CallLeg, line: Line, agent: CallLeg, longest_s: float) -> None:
    """Until one of both has ended, or `longest_s` are over. `line`: the customer's, whose clock runs."""
    over = asyncio.Event()
    agents_line = Line(agent, None)
    agents_line.add_listener(_into(customer))
    line.add_listener(_into(agent))
    for leg in (customer, agent):
        leg.on_end(lambda _: over.set())
    clock = asyncio.create_task(agents_line.run())
    try:
        async with asyncio.timeout(longest_s):
            await over.wait()
    except TimeoutError:
        logger.info("customer and agent talked for the longest time")
    finally:
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)


def _into(leg: CallLeg) -> Callable[[AudioFrame], None]:
    def send(frame: AudioFrame) -> None:
        with contextlib.suppress(CallEnded):
            waiting = leg.queued_s if leg.ended is None else MOST_WAITING_S
            if waiting < MOST_WAITING_S:
                leg.write(frame.pcm16 if waiting > 0 else CUSHION + frame.pcm16)

    return send
