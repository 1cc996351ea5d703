"""Every SIP message as the stack sends or receives it, in the moment it does.

The library tells messages by its log, late and read-only. The C stack under it calls one trace function with the very
buffer it is about to send (libre 4.10, `sip_set_trace_handler`, an exported symbol): here it is ours, so headers can be
put in that the stack has no place for (those of session timers: its answers and re-INVITEs take none). Nothing but
exported functions is used, and no layout of a C struct is assumed.
"""

from __future__ import annotations

import ctypes
import logging
import queue
import threading
from collections.abc import Callable
from typing import Protocol

from baresip import _native

from voicebot.signaling.baresip_trace import TRACE
from voicebot.signaling.sip_headers import header, put_in

logger = logging.getLogger(__name__)

_TRANSPORTS = {0: "UDP", 1: "TCP", 2: "TLS", 3: "WS", 4: "WSS"}
_ADDRESS_BYTES = 64
_HANDLER = ctypes.CFUNCTYPE(
    None, ctypes.c_bool, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t,
    ctypes.c_void_p,
)  # fmt: skip


class Reader(Protocol):
    """Who reads the messages, in the stack's own thread: it must return at once."""

    def received(self, call_id: str, message: str) -> None:
        """A message came."""
        ...

    def to_add(self, call_id: str, message: str) -> tuple[str, ...]:
        """Header lines for a message that leaves now."""
        ...

    def sent(self, call_id: str, message: str, *, added: bool) -> None:
        """It leaves; `added`: with these lines."""
        ...


def _library() -> ctypes.CDLL:
    """The stack's exported functions (the file is loaded already: the same library, not a second one)."""
    library = ctypes.CDLL(_native.__file__)
    library.uag_sip.restype = ctypes.c_void_p
    library.sip_set_trace_handler.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.sip_set_trace_handler.restype = None
    library.sa_ntop.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    library.sa_port.argtypes = [ctypes.c_void_p]
    library.sa_port.restype = ctypes.c_uint16
    library.uag_call_find.argtypes = [ctypes.c_char_p]
    library.uag_call_find.restype = ctypes.c_void_p
    library.call_modify.argtypes = [ctypes.c_void_p]
    return library


class Wire:
    """Stands between the stack and the network. `reader` sees each message of a call; the trace goes on as before."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._library = _library()
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # Kept for as long as the stack may call it.
        self._handler = _HANDLER(self._message)

    def install(self) -> None:
        """Call when the stack runs."""
        self._thread = threading.Thread(target=self._trace, name="voicebot-sip-trace", daemon=True)
        self._thread.start()
        self._on_stack(lambda: self._library.sip_set_trace_handler(self._library.uag_sip(), self._handler))

    def remove(self) -> None:
        """Call when the stack is closed: its last messages are read too."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(5.0)
            self._thread = None

    def refresh(self, call_id: str) -> bool:
        """Send a re-INVITE with the media as it is; False where there is no such call."""
        sent = False

        def modify() -> None:
            nonlocal sent
            call = self._library.uag_call_find(call_id.encode())
            sent = bool(call) and self._library.call_modify(call) == 0

        self._on_stack(modify)
        return sent

    def _on_stack(self, work: Callable[[], None]) -> None:
        """Do it while the stack's thread waits (its own way for other threads: re_thread_enter)."""
        self._library.re_thread_enter()
        try:
            work()
        finally:
            self._library.re_thread_leave()

    def _message(
        self, sent: bool, transport: int, source: int, target: int, packet: int, length: int, _argument: int
    ) -> None:
        """In the stack's thread, for each message. Must not raise: C would not know what to do with it."""
        try:
            raw = ctypes.string_at(packet, length)
            if sent:
                raw = self._leaves(raw, packet)
            else:
                text = raw.decode("utf-8", "replace")
                call_id = header(text, "Call-ID")
                if call_id is not None:
                    self._reader.received(call_id, text)
            head = f"{'TX' if sent else 'RX'} {_TRANSPORTS.get(transport, '?')}"
            self._lines.put(
                f"{head} {self._address(source)} -> {self._address(target)}\n{raw.decode('utf-8', 'replace')}"
            )
        except Exception as error:  # noqa: BLE001 - see above; the message goes on as it was
            logger.error("a SIP message could not be read: %s", type(error).__name__)

    def _leaves(self, raw: bytes, packet: int) -> bytes:
        text = raw.decode("utf-8", "replace")
        call_id = header(text, "Call-ID")
        if call_id is None:
            return raw
        lines = self._reader.to_add(call_id, text)
        changed = put_in(raw, lines) if lines else None
        if changed is not None:
            ctypes.memmove(packet, changed, len(raw))
        elif lines:
            logger.warning("a SIP message has no place for a session timer")
        self._reader.sent(call_id, text, added=changed is not None)
        return changed or raw

    def _address(self, address: int) -> str:
        """HOST:PORT."""
        text = ctypes.create_string_buffer(_ADDRESS_BYTES)
        if not address or self._library.sa_ntop(address, text, _ADDRESS_BYTES):
            return "?:0"
        host = text.value.decode()
        return f"{f'[{host}]' if ':' in host else host}:{self._library.sa_port(address)}"

    def _trace(self) -> None:
        """Hand the messages on to the trace (TraceReader), out of the stack's thread."""
        while (line := self._lines.get()) is not None:
            TRACE.debug("%s", line)
