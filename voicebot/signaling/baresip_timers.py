"""Session timers (RFC 4028) on the baresip stack: the pure SessionTimer, its messages and its clock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable

import baresip

from voicebot.signaling import baresip_native as native
from voicebot.signaling.baresip_thread import StackThread
from voicebot.signaling.session_timer import Due, SessionTimer

logger = logging.getLogger(__name__)


class BaresipTimers:
    """A Reader of the wire (in the stack's thread) that acts on the event loop. `end_call`: called with the Call-ID of
    a call whose far end is gone."""

    def __init__(self, offer_s: int, end_call: Callable[[str], None]) -> None:
        self._timer = SessionTimer(offer_s)
        self._end_call = end_call
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: StackThread | None = None
        self._refreshing: set[asyncio.Task[None]] = set()
        self._handle: asyncio.TimerHandle | None = None

    @property
    def offer_s(self) -> int:
        """The interval in the next INVITE; it grows where a far end asks for a longer one (422)."""
        with self._lock:
            return self._timer.offer_s

    def start(self, thread: StackThread) -> None:
        """Call on the event loop when the stack runs."""
        self._loop, self._thread = asyncio.get_running_loop(), thread

    def stop(self) -> None:
        """Call before the stack is closed."""
        self._loop = None
        if self._handle is not None:
            self._handle.cancel()
        for refreshing in self._refreshing:
            refreshing.cancel()

    # -- a Reader ----------------------------------------------------------------------------------------------

    def received(self, call_id: str, message: str) -> None:
        """See Reader."""
        with self._lock:
            self._timer.received(call_id, message, time.monotonic())
        self._changed()

    def to_add(self, call_id: str, message: str) -> tuple[str, ...]:
        """See Reader."""
        with self._lock:
            return self._timer.to_add(call_id, message)

    def sent(self, call_id: str, message: str, *, added: bool) -> None:
        """See Reader."""
        with self._lock:
            self._timer.sent(call_id, message, time.monotonic(), added=added)
        self._changed()

    def _changed(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._arm)

    # -- the clock (on the event loop) -------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._loop is None:
            return
        with self._lock:
            at = self._timer.next_at()
        if at is not None:
            self._handle = self._loop.call_later(max(0.0, at - time.monotonic()), self._act)

    def _act(self) -> None:
        self._handle = None
        with self._lock:
            due = self._timer.due(time.monotonic())
        for call_id, what in due:
            if what is Due.REFRESH:
                refreshing = asyncio.ensure_future(self._refresh(call_id))
                self._refreshing.add(refreshing)
                refreshing.add_done_callback(self._refreshing.discard)
            else:
                logger.warning("a call is ended: the far end did not keep the session timer")
                self._end_call(call_id)
        self._arm()

    async def _refresh(self, call_id: str) -> None:
        sent = False
        with contextlib.suppress(baresip.BaresipError):
            sent = self._thread is not None and await self._thread.run(lambda: native.refresh(call_id))
        if not sent:
            logger.info("a call that is over was not refreshed")
