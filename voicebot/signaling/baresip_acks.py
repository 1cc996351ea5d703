"""A lost ACK, sent again.

An answer (2xx) to INVITE that comes again says that our ACK was lost, and must be acknowledged again (RFC 3261 section
13.2.2.4); else the far end gives the call up after 32 s. The stack sends an empty datagram instead of its ACK (0.5.2a3,
measured in tests/foreign/test_sipp_out.py). So the ACK is taken from the trace of what was sent, and sent again here.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict

from voicebot.signaling.baresip_sources import own_sockets
from voicebot.signaling.baresip_trace import Traced
from voicebot.signaling.sip_headers import cseq, header

logger = logging.getLogger(__name__)

_TAG = re.compile(r";[ \t]*tag=([^\s;>]+)", re.IGNORECASE)
_ANSWER = re.compile(r"SIP/2\.0 2\d\d ")
#: ACKs remembered: an answer comes again for 32 s at most.
_MOST = 512


class AckAgain:
    """Remembers the ACKs we sent over UDP; sends one again when its answer comes again."""

    def __init__(self) -> None:
        self._acks: OrderedDict[int, Traced] = OrderedDict()

    def message(self, message: Traced) -> None:
        """One message as it was sent or received."""
        number, method = cseq(message.text)
        tag = _TAG.search(header(message.text, "To") or "")
        if message.transport != "UDP" or tag is None:
            return
        key = hash((message.call_id, number, tag[1]))
        if message.sent and method == "ACK":
            self._acks[key] = message
            if len(self._acks) > _MOST:
                self._acks.popitem(last=False)
        elif not message.sent and method == "INVITE" and _ANSWER.match(message.text):
            ack = self._acks.get(key)
            if ack is not None:
                _send(ack)


def _send(ack: Traced) -> None:
    """From the stack's own socket, so that it looks as the first one did."""
    host, _, port = ack.target.rpartition(":")
    own = int(ack.source.rpartition(":")[2])
    try:
        for _, sock in own_sockets(frozenset({own})):
            sock.sendto(f"{ack.text.rstrip()}\r\n\r\n".encode(), (host.strip("[]"), int(port)))
            return
    except OSError as error:
        logger.warning("a lost ACK could not be sent again: %s", error.strerror)
