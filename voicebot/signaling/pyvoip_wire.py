"""The UDP port of the pyVoIP driver on the event loop, and the client transactions (RFC 3261 section 17) it lacks.

pyVoIP's own socket is read by a thread that polls each 10 ms, holds one lock while it waits for the answer to an INVITE
(for ever, where the first answer is a refusal) and forgets where a message came from.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from voicebot.signaling.pyvoip_messages import branch, headers
from voicebot.signaling.pyvoip_stack import Message

logger = logging.getLogger(__name__)

Address = tuple[str, int]
#: First interval of retransmission, the longest one of a request that is no INVITE, and when to give up (section 17).
T1_S, T2_S, GIVE_UP_S = 0.5, 4.0, 32.0

#: Gets each answer to a request; None where none came in time.
Heard = Callable[[Message | None], None]


class Repeated:
    """A message sent again and again until it is stopped."""

    def __init__(self, send: Callable[[], None], longest_s: float, failed: Callable[[], None]) -> None:
        self._send = send
        self._longest_s = longest_s
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + GIVE_UP_S
        self._interval = T1_S
        send()
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(T1_S, self._again)

    def _again(self) -> None:
        if self._loop.time() >= self._ends:
            self._timer = None
            self._failed()
            return
        self._send()
        self._interval = min(2 * self._interval, self._longest_s)
        self._timer = self._loop.call_later(self._interval, self._again)

    def stop(self) -> None:
        """It arrived."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Asked(Protocol):
    """A request on its way."""

    def stop(self) -> None:
        """Send it no more; its answers still come."""
        ...


class Wire(asyncio.DatagramProtocol):
    """Sends, and hands over what comes: answers to who asked, requests to `on_request` with their sender. `may_send`:
    whether requests are taken from an address at all."""

    def __init__(
        self, on_request: Callable[[Message, Address], None], may_send: Callable[[Address], bool], *, trace: bool
    ) -> None:
        self._on_request = on_request
        self._may_send = may_send
        self._trace = trace
        self._transport: asyncio.DatagramTransport | None = None
        self._open: dict[tuple[str, str, str], tuple[Repeated, Heard]] = {}
        #: Datagrams that were no SIP message pyVoIP can read.
        self.spoiled = 0

    async def open(self, address: str, port: int) -> Address:
        """Bind; where it listens. OSError where it can't."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(address, port))
        host, bound = self._transport.get_extra_info("sockname")[:2]
        return str(host), int(bound)

    def close(self) -> None:
        """Close the port; nothing is sent again, and who still waits for an answer gets none."""
        if self._transport is not None:
            self._transport.close()
        waiting = list(self._open.values())
        self._open.clear()
        for repeated, heard in waiting:
            repeated.stop()
            heard(None)

    @property
    def closed(self) -> bool:
        """Not open yet, or no more."""
        return self._transport is None or self._transport.is_closing()

    def send(self, text: str, to: Address) -> None:
        """One datagram."""
        if self._trace:
            logger.debug("SIP sent", extra={"pii.sip": text})
        if self._transport is not None and not self.closed:
            self._transport.sendto(text.encode(), to)

    def ask(self, text: str, to: Address, heard: Heard) -> Asked:
        """Send a request until it is answered; `heard` gets the answers, or None after 32 s without any."""
        key = _transaction(text)

        def failed() -> None:
            self._open.pop(key, None)
            heard(None)

        repeated = Repeated(lambda: self.send(text, to), GIVE_UP_S if key[1] == "INVITE" else T2_S, failed)
        self._open[key] = (repeated, heard)
        return repeated

    async def ask_once(self, text: str, to: Address, timeout_s: float) -> Message | None:
        """Send a request and wait for its final answer; None where none comes in time."""
        if self.closed:
            return None
        answer: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()

        def heard(message: Message | None) -> None:
            if not answer.done() and (message is None or message.code >= 200):
                answer.set_result(message)

        asked = self.ask(text, to, heard)
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            return None
        finally:
            asked.stop()
            self.forget(text)

    def forget(self, text: str) -> None:
        """No more answers to this request are wanted."""
        repeated, _ = self._open.pop(_transaction(text), (None, None))
        if repeated is not None:
            repeated.stop()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """A datagram came."""
        if not data.strip(b"\r\n\0"):
            return  # keep-alive of a NAT
        if not data.startswith(b"SIP/") and not self._may_send(addr):
            return
        try:
            message = Message(data)
        except Exception as error:  # noqa: BLE001 - pyVoIP's parser fails with whatever comes: IndexError, KeyError, ...
            self.spoiled += 1
            logger.info("a datagram that is no SIP message was dropped", extra={"kind": type(error).__name__})
            return
        if self._trace:
            logger.debug("SIP received", extra={"pii.sip": message.text})
        if message.code == 0:
            self._on_request(message, addr[:2])
            return
        key = _transaction(message.text)
        repeated, heard = self._open.get(key, (None, None))
        if repeated is None or heard is None:
            return
        if message.code >= 200 or key[1] == "INVITE":
            repeated.stop()
        heard(message)


def _transaction(text: str) -> tuple[str, str, str]:
    """What an answer is known by (section 17.1.3): a CANCEL has the branch of its INVITE."""
    return branch(text), headers(text, "CSeq")[0].partition(" ")[2], headers(text, "Call-ID")[0]
