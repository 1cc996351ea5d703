"""Every SIP message as the stack sends or receives it, in the moment it does.

The library tells messages by its log, late, read-only, and not all where many come. The C stack under it calls one
trace function with the very buffer it is about to send: here it is ours, so headers can be put in that the stack has no
place for (those of session timers: its answers and re-INVITEs take none), and what is sent again stays as it was.
"""

from __future__ import annotations

import ctypes
import logging
from typing import Protocol

from voicebot.signaling import baresip_native as native
from voicebot.signaling.baresip_thread import StackThread
from voicebot.signaling.baresip_trace import Trace, Traced
from voicebot.signaling.sip_headers import header, put_in
from voicebot.signaling.sip_resent import FirstSent

logger = logging.getLogger(__name__)

_TRANSPORTS = {0: "UDP", 1: "TCP", 2: "TLS", 3: "WS", 4: "WSS"}


class Reader(Protocol):
    """Who reads the messages of calls, in the stack's own thread: it must return at once."""

    def received(self, call_id: str, message: str) -> None:
        """A message came."""
        ...

    def to_add(self, call_id: str, message: str) -> tuple[str, ...]:
        """Header lines for a message that leaves now."""
        ...

    def sent(self, call_id: str, message: str, *, added: bool) -> None:
        """It leaves; `added`: with these lines."""
        ...


class Wire:
    """Stands between the stack and the network. `reader` sees each message of a call once, `trace` each one."""

    def __init__(self, trace: Trace, reader: Reader | None) -> None:
        self._trace = trace
        self._reader = reader
        self._first_sent = FirstSent()
        # Kept for as long as the stack may call it.
        self._handler = native.Trace(self._message)

    async def open(self, thread: StackThread) -> None:
        """Call when the stack runs."""
        await thread.run(lambda: native.set_trace(self._handler))

    def _message(
        self, sent: bool, transport: int, source: int, target: int, packet: int, length: int, _argument: int
    ) -> None:
        """STACK'S THREAD, for each message. Must not raise: C would not know what to do with it."""
        try:
            raw = ctypes.string_at(packet, length)
            call_id = header(raw.decode("utf-8", "replace"), "Call-ID")
            if call_id is None:
                return
            if sent:
                leaves = self._leaves(call_id, raw)
                if leaves != raw:
                    ctypes.memmove(packet, leaves, length)
                    raw = leaves
            else:
                self._first_sent.received(raw)
                if self._reader is not None:
                    self._reader.received(call_id, raw.decode("utf-8", "replace"))
            name, text = _TRANSPORTS.get(transport, "?"), raw.decode("utf-8", "replace")
            self._trace.put(Traced(sent, name, native.address(source), native.address(target), call_id, text))
        except Exception as error:  # noqa: BLE001 - see above; the message goes on as it was
            logger.error("a SIP message could not be read: %s", type(error).__name__)

    def _leaves(self, call_id: str, raw: bytes) -> bytes:
        """What leaves instead, as long as it."""
        again = self._first_sent.again(raw)
        if again is not None:
            return again
        leaves = raw
        if self._reader is not None:
            text = raw.decode("utf-8", "replace")
            lines = self._reader.to_add(call_id, text)
            changed = put_in(raw, lines) if lines else None
            if lines and changed is None:
                logger.warning("a SIP message has no place for a session timer")
            self._reader.sent(call_id, text, added=changed is not None)
            leaves = changed or raw
        self._first_sent.sent(leaves)
        return leaves
