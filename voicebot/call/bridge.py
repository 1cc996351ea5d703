"""Customer and agent connected by the bot itself, where the trunk cannot hand the call over (no REFER, no Replaces):
each hears what the other sends, until one of them hangs up."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from voicebot.call.line import Line
from voicebot.errors import CallEnded
from voicebot.model.audio import MEDIA_RATE, AudioFrame
from voicebot.model.ports import CallLeg

logger = logging.getLogger(__name__)

#: More than this waiting to be sent is a delay that both would feel: the clocks of the two calls differ.
MOST_WAITING_S = 0.3
#: Silence sent first where nothing waits, so that a frame that comes late leaves no gap: so much at the beginning, so
#: much more after each gap, never more than this.
CUSHION_S, MORE_S, MOST_CUSHION_S = 0.06, 0.04, 0.2


async def connect(customer: CallLeg, line: Line, agent: CallLeg, longest_s: float) -> None:
    """Until one of both has ended, or `longest_s` are over. `line`: the customer's, whose clock runs."""
    over = asyncio.Event()
    agents_line = Line(agent, None)
    agents_line.add_listener(Way(customer).send)
    line.add_listener(Way(agent).send)
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


class Way:
    """What one side sends, to the other one."""

    def __init__(self, to: CallLeg) -> None:
        self._to = to
        self._cushion_s = CUSHION_S

    def send(self, frame: AudioFrame) -> None:
        """A FrameListener."""
        with contextlib.suppress(CallEnded):
            if self._to.ended is not None:
                return
            waiting = self._to.queued_s
            if waiting >= MOST_WAITING_S:
                return
            pcm16 = frame.pcm16
            if waiting <= 0:
                pcm16 = bytes(int(self._cushion_s * MEDIA_RATE) * 2) + pcm16
                self._cushion_s = min(self._cushion_s + MORE_S, MOST_CUSHION_S)
            self._to.write(pcm16)
