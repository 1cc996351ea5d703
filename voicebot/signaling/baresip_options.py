"""OPTIONS to a trunk (RFC 3261 section 11), by its own user agent: the same socket, connection and TLS as its calls."""

from __future__ import annotations

import asyncio

import baresip

from voicebot.errors import TrunkError
from voicebot.signaling import baresip_native as native
from voicebot.signaling.baresip_thread import StackThread


class Options:
    """Asks the trunks whether they are there. Keep it for as long as the stack runs: C calls it."""

    def __init__(self, thread: StackThread) -> None:
        self._thread = thread
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._number = 0
        self._callback = native.Answered(self._answered)

    async def ask(self, place: int, uri: str) -> asyncio.Future[bool]:
        """Send an OPTIONS to a SIP URI by the user agent that was made at this place (0 = first). The future tells
        whether any answer came: at the latest after 32 s (section 17.1.2.2). Raises TrunkError where nothing can be
        sent."""
        self._number = number = self._number % 0x7FFFFFFF + 1
        answered = self._waiting[number] = self._loop.create_future()
        try:
            if not await self._thread.run(lambda: native.options(place, uri, self._callback, number)):
                self._tell(number, False)
        except baresip.BaresipError as error:
            self._waiting.pop(number, None)
            raise TrunkError("the SIP stack does not answer") from error
        return answered

    def _answered(self, error: int, message: int | None, number: int | None) -> None:
        """STACK'S THREAD. An answer of any status shows that somebody is there."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, number or 0, error == 0 and bool(message))

    def _tell(self, number: int, there: bool) -> None:
        answered = self._waiting.pop(number, None)
        if answered is not None and not answered.done():
            answered.set_result(there)
