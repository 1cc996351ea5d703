"""Requests that are sent again, exactly as they left first (RFC 3261 section 17.1.1.2).

The stack (libre 4.10) writes a request anew each time it sends it: the version of its SDP grows, and headers of ours
are missing.
"""

from __future__ import annotations

import re
from collections import OrderedDict

_BRANCH = re.compile(rb"^(?:Via|v)[ \t]*:[^\r\n]*?;[ \t]*branch=([^\s;,]+)", re.IGNORECASE | re.MULTILINE)
_CSEQ = re.compile(rb"^CSeq[ \t]*:[ \t]*\d+[ \t]+(\w+)", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(rb"SIP/2\.0 (\d)\d\d ")
#: Requests remembered until their final answer, or till the next ones drive them out.
_MOST = 512


class FirstSent:
    """The requests on their way. Not thread-safe."""

    def __init__(self) -> None:
        self._requests: OrderedDict[tuple[bytes, bytes], bytes] = OrderedDict()

    def again(self, message: bytes) -> bytes | None:
        """What to send instead of a request that left before, as long as it; None where it leaves first, or where it is
        shorter than it was (the way to the far end has changed)."""
        first = self._requests.get(_transaction(message))
        if first is None or len(first) > len(message):
            return None
        head, empty, body = first.partition(b"\r\n\r\n")
        # Spaces after a value mean nothing (RFC 3261 section 7.3.1).
        return head + b" " * (len(message) - len(first)) + empty + body

    def sent(self, message: bytes) -> None:
        """A message left like this. No ACK is sent again by a clock."""
        transaction = _transaction(message)
        if _STATUS.match(message) or transaction[1].upper() == b"ACK":
            return
        self._requests[transaction] = message
        if len(self._requests) > _MOST:
            self._requests.popitem(last=False)

    def received(self, message: bytes) -> None:
        """A message came: a final answer ends the sending."""
        status = _STATUS.match(message)
        if status is not None and status[1] >= b"2":
            self._requests.pop(_transaction(message), None)


def _transaction(message: bytes) -> tuple[bytes, bytes]:
    """Branch and method (section 17.1.3): CANCEL and some ACKs have the INVITE's branch."""
    branch, cseq = _BRANCH.search(message), _CSEQ.search(message)
    return branch[1] if branch else b"", cseq[1] if cseq else b""
