"""What the stack does not tell of the answers to our INVITEs: whether there was any (it hides 100), and Retry-After."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable

from voicebot.signaling.baresip_trace import Traced
from voicebot.signaling.sip_headers import cseq, header

_SECONDS = re.compile(r"\d{1,9}\b")
#: Calls remembered.
_MOST = 4096


class Answers:
    """Reads the trace, in its thread. `overloaded`: called on the event loop with the Call-ID that was
    answered 503 and the seconds of its Retry-After (RFC 3261 section 20.33)."""

    def __init__(self, overloaded: Callable[[str, float], None]) -> None:
        self._overloaded = overloaded
        self._loop: asyncio.AbstractEventLoop | None = None
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._rests: OrderedDict[str, float] = OrderedDict()
        self._waiting: dict[str, Callable[[], None]] = {}

    def start(self) -> None:
        """Call on the event loop."""
        self._loop = asyncio.get_running_loop()

    def any_to(self, call_id: str) -> bool:
        """Whether an INVITE with this Call-ID got any answer."""
        return call_id in self._answered

    def rest_asked(self, call_id: str) -> float | None:
        """The Retry-After of a 503 to this INVITE, as far as it was read by now; None where there was none."""
        return self._rests.get(call_id)

    def when_any(self, call_id: str, callback: Callable[[], None]) -> None:
        """Call back on the event loop at the first answer to an INVITE with this Call-ID; `forget` ends the wait."""
        self._waiting[call_id] = callback
        if self.any_to(call_id):
            self._tell(call_id)

    def forget(self, call_id: str) -> None:
        """Wait for this one no more."""
        self._waiting.pop(call_id, None)

    def _tell(self, call_id: str) -> None:
        callback = self._waiting.pop(call_id, None)
        if callback is not None:
            callback()

    def message(self, message: Traced) -> None:
        """One message as it was sent or received."""
        if message.sent or not message.text.startswith("SIP/2.0 ") or cseq(message.text)[1] != "INVITE":
            return
        self._answered[message.call_id] = None
        if len(self._answered) > _MOST:
            self._answered.popitem(last=False)
        if self._loop is None or self._loop.is_closed():
            return
        if message.call_id in self._waiting:
            self._loop.call_soon_threadsafe(self._tell, message.call_id)
        retry_after = _SECONDS.match(header(message.text, "Retry-After") or "")
        if message.text.startswith("SIP/2.0 503 ") and retry_after:
            self._rests[message.call_id] = float(retry_after[0])
            if len(self._rests) > _MOST:
                self._rests.popitem(last=False)
            self._loop.call_soon_threadsafe(self._overloaded, message.call_id, float(retry_after[0]))
