"""The clock of the lines: one for all calls of an event loop. It strikes each 20 ms, paced from its first strike, so it
never drifts; after a stall every strike that was due is made up for.

One clock and not one per call: each waking costs the process more than a quiet line's tick, and wants the interpreter
back from the threads that recognise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary

from voicebot.model.audio import FRAME_S

#: Told of each strike; False: no more.
Tick = Callable[[], bool]


async def every_frame(tick: Tick) -> None:
    """Call `tick` each 20 ms until it returns False; what it raises is raised here."""
    await _clocks.setdefault(asyncio.get_running_loop(), Clock()).run(tick)


class Clock:
    """Strikes while somebody wants to know."""

    def __init__(self) -> None:
        self._ticks: dict[asyncio.Future[None], tuple[Tick, float]] = {}  # and since when
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, tick: Tick) -> None:
        """See `every_frame`."""
        loop = asyncio.get_running_loop()
        now, done = loop.time(), loop.create_future()
        self._ticks[done] = tick, now
        if self._timer is None:
            self._timer = loop.call_at(now + FRAME_S, self._strike)
        try:
            await done
        finally:
            self._ticks.pop(done, None)

    def _strike(self) -> None:
        assert self._timer is not None
        due = self._timer.when()
        for done, (tick, since) in list(self._ticks.items()):
            if not done.done() and since < due:  # strikes that are made up for are not those of a line that just began
                _tell(done, tick)
        following = due + FRAME_S
        self._timer = asyncio.get_running_loop().call_at(following, self._strike) if self._ticks else None


def _tell(done: asyncio.Future[None], tick: Tick) -> None:
    """One line's failure is its own: the others' clock goes on."""
    try:
        if not tick():
            done.set_result(None)
    except Exception as error:  # noqa: BLE001 - raised again where it is waited for
        done.set_exception(error)


_clocks: WeakKeyDictionary[asyncio.AbstractEventLoop, Clock] = WeakKeyDictionary()
