"""Work done in the stack's own thread, between two of its events.

Nothing of the stack may be touched from another thread, and libre's own way in for others, re_thread_enter, does
nothing in a thread that called bp_init (the event loop's: libre 4.10 gives it an idle loop of its own). The stack's
thread calls Python with the completion of each command: a PING is sent, and the work is done when its answer comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import baresip
from baresip._events import set_sink
from baresip._native import lib

T = TypeVar("T")


class StackThread:
    """`open` once the runtime runs; jobs then run one after the other."""

    def __init__(self, runtime: baresip.Runtime) -> None:
        self._runtime = runtime
        self._jobs: deque[Callable[[], None]] = deque()
        self._next: Callable[[int, int, bytes | None], None] | None = None

    def open(self) -> None:
        """Stand in the way of the stack's events. The runtime puts itself back when it closes."""
        self._next = set_sink(self._event)  # type: ignore[no-untyped-call]

    async def run(self, job: Callable[[], T]) -> T:
        """Do it there; its result, or what it raises. It must not wait for anything. Raises baresip.BaresipError where
        the stack does not answer."""
        done: Future[T] = Future()

        def work() -> None:
            try:
                done.set_result(job())
            except Exception as error:  # noqa: BLE001 - raised again where it is waited for
                done.set_exception(error)

        self._jobs.append(work)
        await self._runtime.cmd(lib.BP_CMD_PING)
        if not done.done():
            raise baresip.BaresipError("the stack's thread did not do what it was asked to")
        return done.result()

    def _event(self, event: int, handle: int, payload: bytes | None) -> None:
        """STACK'S THREAD. Only between two of its events: within another one, a call may be half taken apart."""
        if event == lib.BP_EV_PONG:
            while self._jobs:
                self._jobs.popleft()()
        following: Any = self._next
        if following is not None:
            following(event, handle, payload)
