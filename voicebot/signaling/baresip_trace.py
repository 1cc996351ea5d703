"""The stack's trace of SIP messages, read by us: it is where what the library does not tell stands (alpha 0.5.2a3)."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

TRACE = logging.getLogger("baresip.native.sip")
_HEAD = re.compile(r"(TX|RX) (\w+) (\S+) -> (\S+)$")
_CALL_ID = re.compile(r"^(?:call-id|i)[ \t]*:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Traced:
    """One message: `sent` by us, over `transport` ("UDP"), from and to HOST:PORT; `text` without its empty line."""

    sent: bool
    transport: str
    source: str
    target: str
    call_id: str
    text: str


def traced(line: str) -> Traced | None:
    """A line of the trace ("RX UDP FROM -> TO", then the message); None where it is no message with a Call-ID."""
    head, _, text = line.partition("\n")
    found, call_id = _HEAD.match(head), _CALL_ID.search(text)
    if found is None or call_id is None:
        return None
    return Traced(found[1] == "TX", found[2], found[3], found[4], call_id[1], text)


class TraceReader(logging.Filter):
    """Hands each message to `readers` (in the stack's log thread). `show`: let the trace through to the log; else
    it goes no further: numbers are in it."""

    def __init__(self, readers: tuple[Callable[[Traced], None], ...], *, show: bool) -> None:
        super().__init__()
        self._readers = readers
        self._show = show

    def install(self) -> None:
        """Begin to read."""
        TRACE.setLevel(logging.DEBUG)
        TRACE.addFilter(self)

    def remove(self) -> None:
        """Read no more."""
        TRACE.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the message may be logged."""
        message = traced(record.getMessage())
        if message is not None:
            for reader in self._readers:
                reader(message)
        return self._show
