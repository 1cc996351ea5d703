"""One INVITE dialog (RFC 3261 sections 12 to 15) of the pyVoIP driver, on the event loop.

pyVoIP writes the messages and runs the media; here is what it lacks: refusals other than 404 and 503, 183, CANCEL both
ways, credentials for INVITE and BYE, retransmission, the ACK to each answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from voicebot.model.ports import LegEnd
from voicebot.signaling import pyvoip_messages as sip
from voicebot.signaling.pyvoip_digest import Login
from voicebot.signaling.pyvoip_stack import DIALING, RINGING, Call, Message, Phone, narrow
from voicebot.signaling.pyvoip_wire import T2_S, Address, Repeated, Wire

logger = logging.getLogger(__name__)

#: How long the answer to our BYE or CANCEL is waited for.
BYE_S = 2.0
#: An ended dialog still answers retransmissions for so long.
LINGER_S = 5.0
ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS"
_OPPOSITE = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
#: As the far end says it: nobody there hears us.
_HELD = frozenset({"sendonly", "inactive"})


@dataclass(frozen=True, slots=True)
class Agent:
    """What every dialog of a user agent shares. `domain`: of our own address."""

    wire: Wire
    phone: Phone
    login: Login
    domain: str


class Dialog:
    """Common to both directions. `changed` is set whenever it is answered or over."""

    def __init__(self, agent: Agent, call: Call, peer: Address) -> None:
        self._agent = agent
        self._peer = peer
        self.call = call
        self.call_id = str(call.call_id)
        self._routes: list[str] = []
        self.up = False
        self.rang = False
        self.held = False
        self.end: LegEnd | None = None
        self.changed = asyncio.Event()
        self.on_end: list[Callable[[LegEnd], None]] = []

    def received(self, request: Message) -> None:
        """A request of the far end within this dialog."""
        handle = {"BYE": self._bye, "INVITE": self._invited, "ACK": self._acknowledged, "CANCEL": self._cancelled}
        handle.get(request.name, self._other)(request)

    def _reply(self, request: Message, status: int, reason: str, **more: str) -> None:
        tag = self._agent.phone.sip.tagLibrary.get(self.call_id, "")
        self._agent.wire.send(sip.reply(request.text, status, reason, tag, more), self._peer)

    def _bye(self, request: Message) -> None:
        if request.headers["To"]["tag"] != self._agent.phone.sip.tagLibrary.get(self.call_id):
            self._reply(request, 481, "Call Does Not Exist")
            return
        self._reply(request, 200, "OK")
        self.finish(LegEnd(by="caller"))

    def _invited(self, request: Message) -> None:
        """Re-INVITE: other media, hold."""
        if not request.headers["To"]["tag"]:
            self._reply(request, 482, "Loop Detected")  # a call of ours that came back to us
        elif self.end is not None or not narrow(request, self._agent.phone.codecs):
            self._reply(request, 488 if self.end is None else 481, "Not Acceptable Here")
        else:
            wanted = str(request.body.get("a", {}).get("transmit_type", "sendrecv"))
            self._agent.wire.send(self._accept(request, _OPPOSITE.get(wanted, "sendrecv")), self._peer)
            self.call.move(request)
            self.held = wanted in _HELD

    def _accept(self, request: Message, mode: str = "sendrecv") -> str:
        """200 with our SDP (and RTP begun). OSError where the RTP port can't be bound."""
        text = self._agent.phone.sip.gen_answer(request, self.call.session_id, self.call.gen_ms(), mode)  # type: ignore[arg-type]  # it is only printed
        for name in ("Via", "Record-Route"):  # pyVoIP writes the Via it understood and no Record-Route
            text = sip.with_headers(text, name, sip.headers(request.text, name))
        return text

    def _acknowledged(self, _: Message) -> None:
        """ACK: matters to who was called."""

    def _cancelled(self, request: Message) -> None:
        self._reply(request, 481, "Call Does Not Exist")

    def _other(self, request: Message) -> None:
        if request.name == "OPTIONS":
            self._reply(request, 200, "OK", Allow=ALLOW)
        elif request.name == "REFER":
            self._reply(request, 603, "Decline")  # nobody outside makes us dial
        else:
            self._reply(request, 405, "Method Not Allowed", Allow=ALLOW)

    async def hang_up(self, by: str = "bot", reason: str = "") -> None:
        """End it by BYE; over at once, the far end's answer is waited for a while."""
        if self.end is not None:
            return
        self.finish(LegEnd(by=by, reason=reason))
        await self._leave()

    async def _leave(self) -> None:
        bye = self._routed(self._agent.phone.sip.gen_bye(self.call.request))
        answer = await self._agent.wire.ask_once(bye, self._peer, BYE_S)
        again = self._agent.login.answer(bye, answer.text, answer.code) if answer is not None else None
        if again is not None:
            await self._agent.wire.ask_once(again, self._peer, BYE_S)

    def _routed(self, request: str) -> str:
        """By way of the proxies that want to stay in the path (RFC 3261 section 12.2.1.1, loose routes only)."""
        return sip.with_headers(request, "Route", self._routes) if self._routes else request

    def finish(self, end: LegEnd) -> None:
        """It is over: free the media, tell who wants to know. The first end counts."""
        if self.end is not None:
            return
        self.end = end
        self.call.free()
        self.changed.set()
        asyncio.get_running_loop().call_later(LINGER_S, self._agent.phone.sip.tagLibrary.pop, self.call_id, None)
        for callback in self.on_end:
            callback(end)


class Outgoing(Dialog):
    """We call. The INVITE is sent when it is made."""

    def __init__(self, agent: Agent, target: str, peer: Address) -> None:
        phone = agent.phone
        self._invite, media = phone.invite(target, agent.domain, phone.sip.gen_call_id())
        request = Message(self._invite.encode())
        call = Call(phone, DIALING, request, phone.sip.sessID.current(), phone.myIP, media, "sendrecv")
        super().__init__(agent, call, peer)
        self._answering = False
        self._cancelled_by_us = False
        self._ack = ""
        self._leaving: asyncio.Task[None] | None = None
        agent.wire.ask(self._invite, peer, self._heard)

    def _heard(self, answer: Message | None) -> None:
        if answer is None:
            self.finish(LegEnd(by="network", reason="no answer to INVITE"))
        elif answer.code < 200:
            self._answering = True
            self.rang = self.rang or answer.code >= 180
            if self._cancelled_by_us:
                self._agent.wire.send(sip.cancel(self._invite), self._peer)
        elif answer.code < 300:
            self._accepted(answer)
        else:
            self._refused(answer)

    def _refused(self, answer: Message) -> None:
        ack = sip.acknowledge_refusal(self._invite, sip.headers(answer.text, "To")[0])
        self._agent.wire.send(ack, self._peer)
        again = self._agent.login.answer(self._invite, answer.text, answer.code) if self.end is None else None
        if again is None:
            self.finish(LegEnd(by="caller", status=answer.code, reason=answer.reason))
            return
        self._agent.wire.forget(self._invite)
        self._invite = again
        self.call.request = Message(again.encode())
        self._agent.wire.ask(again, self._peer, self._heard)

    def _accepted(self, answer: Message) -> None:
        if self._ack:
            self._agent.wire.send(self._ack, self._peer)  # the answer came again: our ACK was lost
            return
        self._routes = sip.listed(answer.text, "Record-Route")[::-1]
        self._ack = self._routed(self._agent.phone.sip.gen_ack(answer))
        self._agent.wire.send(self._ack, self._peer)
        answer.headers.setdefault("Contact", f"<{self._invite.split(' ')[1]}>")
        end = self.end or self._start(answer)
        if end is None:
            self.up = True
            self.changed.set()
            return
        # No media, or the answer crossed our CANCEL: the far end must be told that nobody is there.
        self.call.request.headers["Contact"] = answer.headers["Contact"]
        self.call.request.headers["To"]["tag"] = answer.headers["To"]["tag"]
        self._leaving = asyncio.create_task(self._leave())
        self.finish(end)

    def _start(self, answer: Message) -> LegEnd | None:
        if not narrow(answer, self._agent.phone.codecs):
            return LegEnd(by="network", status=488, reason="no codec in common")
        try:
            self.call.answered(answer)
        except OSError:
            return LegEnd(by="network", reason="the RTP port cannot be bound")
        return None

    async def hang_up(self, by: str = "bot", reason: str = "") -> None:
        """BYE, or CANCEL before the answer; where nothing at all was answered, CANCEL follows the first sign of life
        (RFC 3261 section 9.1)."""
        if self.up or self.end is not None:
            await super().hang_up(by, reason)
            return
        self._cancelled_by_us = True
        self.finish(LegEnd(by=by, reason=reason))
        if self._answering:
            await self._agent.wire.ask_once(sip.cancel(self._invite), self._peer, BYE_S)

    def finish(self, end: LegEnd) -> None:
        """See Dialog. Late answers to the INVITE are still acknowledged for a while."""
        if self.end is None:
            asyncio.get_running_loop().call_later(LINGER_S, self._agent.wire.forget, self._invite)
        super().finish(end)


class Incoming(Dialog):
    """We are called: 180 is sent when it is made."""

    def __init__(self, agent: Agent, invite: Message, peer: Address) -> None:
        """Raises NoPort. The INVITE must hold SDP that `narrow` leaves something of."""
        phone = agent.phone
        call = Call(phone, RINGING, invite, phone.sip.sessID.next(), phone.myIP, None, "sendrecv")
        super().__init__(agent, call, peer)
        self._request = invite
        self._routes = sip.listed(invite.text, "Record-Route")
        self._said = sip.with_headers(phone.sip.gen_ringing(invite), "Via", sip.headers(invite.text, "Via"))
        self._said = sip.with_headers(
            self._said, "Contact", [f"<sip:{phone.username}@{phone.myIP}:{phone.sip.myPort}>"]
        )
        self._repeated: Repeated | None = None
        agent.wire.send(self._said, peer)

    def answer(self) -> None:
        """Send 200, again and again until its ACK comes: `up` then. OSError where the RTP port can't be bound."""
        self._said = self._accept(self._request)
        self._repeated = Repeated(
            lambda: self._agent.wire.send(self._said, self._peer),
            T2_S,
            lambda: self.finish(LegEnd(by="network", reason="no ACK")),
        )

    def reject(self, status: int, reason: str, by: str = "bot") -> None:
        """Refuse with a final status."""
        if self.end is None and not self.up:
            tag = self._agent.phone.sip.tagLibrary[self.call_id]
            more = {"Retry-After": str(self._agent.phone.telephony.retry_after_s)} if status == 503 else {}
            self._said = sip.reply(self._request.text, status, reason, tag, more)
            self._agent.wire.send(self._said, self._peer)
            self.finish(LegEnd(by=by, status=status, reason=reason))

    def _invited(self, request: Message) -> None:
        if request.cseq == self._request.cseq:
            self._agent.wire.send(self._said, self._peer)  # a retransmission
        else:
            super()._invited(request)

    def _acknowledged(self, _: Message) -> None:
        if self._repeated is not None and self.end is None:
            self._repeated.stop()
            self.up = True
            self.changed.set()

    def _cancelled(self, request: Message) -> None:
        self._reply(request, 200, "OK")
        self.reject(487, "Request Terminated", by="caller")

    async def hang_up(self, by: str = "bot", reason: str = "") -> None:
        """BYE, or a refusal before the answer."""
        if self._repeated is None:
            self.reject(480, "Temporarily Unavailable", by)
        else:
            await super().hang_up(by, reason)

    def finish(self, end: LegEnd) -> None:
        """See Dialog."""
        if self._repeated is not None:
            self._repeated.stop()
        super().finish(end)
