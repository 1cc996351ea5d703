"""Admission at the SIP edge of the baresip stack: who may send requests, how often, and refusals that say when to call
again (503 with Retry-After, RFC 3261 section 21.5.4)."""

from __future__ import annotations

import ipaddress
import logging
import time

import baresip

from voicebot.model.trunk import Traffic
from voicebot.settings import TelephonySettings
from voicebot.signaling import baresip_native as native
from voicebot.signaling.baresip_thread import StackThread
from voicebot.signaling.edge import Edge, EdgeCounts, Kind, traffic
from voicebot.signaling.rate import Verdict
from voicebot.signaling.sip_guard import SipGuard, networks

logger = logging.getLogger(__name__)

#: Calls over `telephony.max_calls` that the stack takes: the supervisor refuses those, and counts them.
BURST = 64
#: They belong to a call, or to a transaction that is answered: never refused.
_NEVER_REFUSED = frozenset({"ACK", "CANCEL"})


class Admission:
    """One for a user agent. `open` when the stack runs; the judging is done in its thread."""

    def __init__(self, telephony: TelephonySettings) -> None:
        self._telephony = telephony
        self._edge: Edge | None = None
        self._guard: SipGuard | None = None
        self._thread: StackThread | None = None
        self._requests: native.Requests | None = None

    async def open(self, thread: StackThread, servers: tuple[str, ...]) -> None:
        """From now on. `servers`: our trunks, HOST or HOST:PORT."""
        telephony = self._telephony
        allowed = tuple(ipaddress.ip_network(carrier) for carrier in telephony.carriers)
        edge = Edge(telephony, await networks(allowed, servers), now=time.monotonic())
        guard = SipGuard(edge)
        self._edge, self._guard = edge, guard
        self._thread = thread
        self._requests = native.Requests(self._judge, telephony.retry_after_s)
        if native.matches() and await thread.run(self._requests.open):
            guard.open(await thread.run(native.ports))
            return
        logger.error("this SIP stack is another than %s: requests are not limited", native.VERSION.decode())
        guard.open(frozenset({telephony.port, telephony.port + 1}))  # UDP and TCP; TLS

    def stop(self) -> None:
        """No more calls: each is refused from now on."""
        if self._edge is not None:
            self._edge.closed = True

    def close(self) -> None:
        """The stack is about to close."""
        self.stop()
        if self._guard is not None:
            self._guard.close()

    @property
    def counts(self) -> EdgeCounts:
        """Requests turned away since the start."""
        return self._guard.counts() if self._guard is not None else EdgeCounts()

    async def traffic(self) -> Traffic:
        """Who asked for what; asked where the judging is done."""
        edge, counts = self._edge, self.counts
        if edge is None or self._thread is None:
            return Traffic()
        try:
            return await self._thread.run(lambda: traffic(edge, counts, time.monotonic()))
        except baresip.BaresipError:
            return Traffic()  # the stack is going

    async def refuse(self, call: baresip.Call, status: int, reason: str) -> bool:
        """Refuse an inbound call; 503 says when to call again. False where it is gone."""
        if self._thread is None or call.call_id is None:
            return False
        call_id, handle = str(call.call_id), int(call.handle)
        again = f"Retry-After: {self._telephony.retry_after_s}\r\n" if status == 503 else ""
        return await self._thread.run(lambda: native.refuse(call_id, handle, status, reason, again))

    def _judge(self, request: native.Request) -> Verdict:
        """STACK'S THREAD."""
        edge, guard = self._edge, self._guard
        if edge is None or guard is None:
            return Verdict.ADMIT
        if request.in_call or request.method in _NEVER_REFUSED:
            return Verdict.ADMIT
        begins = request.method == "INVITE" and not request.tagged
        kind = Kind.CALL if begins else Kind.OTHER
        room = native.calls() < self._telephony.max_calls + BURST
        now = time.monotonic()
        verdict = edge.judge(request.source, kind, now, room=room)
        flood = edge.flood(request.source, kind, now) if verdict is Verdict.DROP else None
        if flood is not None:
            guard.flooded(flood)
        return verdict
