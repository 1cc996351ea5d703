"""Every SIP message as it was sent or received, read in a thread of its own: it is where what the library does not tell
stands (alpha 0.5.2a3)."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)
#: Where `telephony.sip_trace` writes; numbers are in it.
TRACE = logging.getLogger("baresip.native.sip")


@dataclass(frozen=True, slots=True)
class Traced:
    """One message: `sent` by us, over `transport` ("UDP"), from and to HOST:PORT; `text` as it is, with its body."""

    sent: bool
    transport: str
    source: str
    target: str
    call_id: str
    text: str


class Trace:
    """Hands each message to `readers`, one after the other: they may look at sockets, and make no call wait. `show`:
    log them too."""

    def __init__(self, readers: tuple[Callable[[Traced], None], ...], *, show: bool) -> None:
        self._readers = readers
        self._show = show
        self._messages: queue.SimpleQueue[Traced | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self.put = self._messages.put

    def start(self) -> None:
        """Begin to read."""
        if self._show:
            TRACE.setLevel(logging.DEBUG)
        self._thread = threading.Thread(target=self._read, name="voicebot-sip-trace", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Call when the stack is closed: its last messages are read too."""
        if self._thread is not None:
            self._messages.put(None)
            self._thread.join(5.0)
            self._thread = None

    def _read(self) -> None:
        while (message := self._messages.get()) is not None:
            if self._show:
                direction = "TX" if message.sent else "RX"
                TRACE.debug(
                    "%s %s %s -> %s\n%s", direction, message.transport, message.source, message.target, message.text
                )
            for reader in self._readers:
                try:
                    reader(message)
                except Exception as error:  # noqa: BLE001 - the next message must be read
                    logger.error("a SIP message could not be read: %s", type(error).__name__)
