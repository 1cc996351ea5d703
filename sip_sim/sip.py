"""The simulator's SIP endpoint: aiosipua's user agent with what it lacks.

Added around aiosipua 0.7.1: a log of every message per call, absorption of retransmitted requests (RFC 3261 section
17.2), the ACK to a refused INVITE (section 17.1.1.3), the remote target of an answered call (section 12.1.2), BYE sent
again until it is answered, hung-up calls forgotten, REGISTER and digest challenges (registrar.py), Record-Route and the
route set (routing.py).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Final

from aiosipua.auth import SipDigestAuth
from aiosipua.headers import CSeq, stringify_cseq, stringify_uri
from aiosipua.incoming_call import IncomingCall
from aiosipua.message import SipRequest, SipResponse
from aiosipua.outgoing_call import OutgoingCall
from aiosipua.registration import Registration
from aiosipua.sdp import SdpMessage, serialize_sdp
from aiosipua.transport import UdpSipTransport
from aiosipua.uac import SipUAC
from aiosipua.uas import SipUAS
from aiosipua.utils import format_addr, generate_branch, generate_call_id, generate_tag

from sip_sim.errors import PhoneError
from sip_sim.in_dialog import ReferTo, Renegotiation, far_address, forked_answer, notify_progress, parse_refer_to
from sip_sim.ladder import Ladder, SipEntry
from sip_sim.registrar import Registrar
from sip_sim.routing import Routes, take_route_set

Message = SipRequest | SipResponse
Address = tuple[str, int]
AGENT: Final = "sip-sim"
_REMEMBERED: Final = 512  # server transactions
_T1: Final = 0.5


class _Datagrams(asyncio.DatagramProtocol):
    """aiosipua's own protocol fails an assertion about asyncio's transport under Python 3.11."""

    def __init__(self, owner: LoggedUdp) -> None:
        self._owner = owner

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._owner._dispatch(data, addr)


class LoggedUdp(UdpSipTransport):
    """UDP that remembers each message under its Call-ID and knows the port it got."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(local_addr=(host, port))
        self.ladders: defaultdict[str, Ladder] = defaultdict(Ladder)
        self.replies: OrderedDict[tuple[str, str], SipResponse | None] = OrderedDict()
        self.routes = Routes()
        self._began = time.monotonic()

    async def start(self) -> None:
        """Bind; `local_addr` then names the real port. PhoneError where the port is taken."""
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=self.local_addr)
        except OSError as error:
            where = ":".join(map(str, self.local_addr))
            raise PhoneError(f"cannot listen on {where} ({error.strerror})", hint="choose another --listen") from None
        self._udp_transport = transport
        host, port = transport.get_extra_info("sockname")[:2]
        self.local_addr = (str(host), int(port))

    def send(self, message: Message, addr: Address) -> None:
        """Complete, log, remember a final or provisional answer for its transaction, send."""
        self.routes.sending(transaction_key(message), message)
        self.log(message, sent=True)
        if isinstance(message, SipResponse):
            self.replies[transaction_key(message)] = message
        super().send(message, addr)

    def log(self, message: Message, *, sent: bool) -> None:
        """Add to the ladder of this Call-ID."""
        raw = bytes(message).decode("utf-8", "replace")
        entry = SipEntry(time.monotonic() - self._began, sent, raw.split("\r\n", 1)[0], raw)
        self.ladders[message.call_id or ""].add(entry)


def transaction_key(message: Message) -> tuple[str, str]:
    """Branch and method: what tells one server transaction from another (RFC 3261 section 17.2.3)."""
    vias = message.via
    method = message.cseq.method.upper() if message.cseq else ""
    return ((vias[0].branch or "") if vias else "", method)


class SipEndpoint:
    """One UDP port that answers and places calls for every phone behind it."""

    def __init__(self, host: str, port: int, registrar: Registrar | None = None) -> None:
        self._transport = LoggedUdp(host, port)
        self._uac = SipUAC(self._transport)
        self._uas = SipUAS(self._transport, user_agent=AGENT, uac=self._uac)
        self._registrar = registrar
        self._bye_answered: dict[str, asyncio.Event] = {}
        self._asked: dict[str, asyncio.Event] = {}
        self.on_call: Callable[[IncomingCall], None] = lambda call: call.reject(480)
        self.on_hung_up: Callable[[str], None] = lambda _: None
        self.on_cancelled: Callable[[str], None] = lambda _: None
        self.on_offer: Callable[[IncomingCall], None] = lambda call: call.reject(488)
        self.on_refer: Callable[[str, ReferTo], bool] = lambda _call_id, _to: False
        self._offers = Renegotiation(self._uac, self._transport.send)

    async def start(self) -> None:
        """Bind the port and listen."""
        uas = self._uas
        uas.on_invite = self._invited
        uas.on_reinvite = self._offered
        uas.on_bye = lambda call, _request: self.on_hung_up(call.call_id)
        uas.on_cancel = lambda request, _addr: self.on_cancelled(request.call_id or "")
        uas.on_ack_timeout = lambda call: self.on_hung_up(call.call_id)
        await uas.start()
        self._transport.on_message = self._received

    async def stop(self) -> None:
        """Close the port; every timer of every call ends."""
        await self._uas.stop()

    @property
    def address(self) -> Address:
        """Host and port in use."""
        return self._transport.local_addr

    def ladder(self, call_id: str) -> Ladder:
        """The messages of one call so far."""
        return self._transport.ladders[call_id]

    def forget(self, call_id: str) -> None:
        """Drop what aiosipua still tracks of an ended call."""
        call = self._uas._calls.pop(call_id, None)
        if call is not None:
            call._stop_retransmissions()
        self._uac.remove_call(call_id)
        self._offers.forget(call_id)
        self._bye_answered.pop(call_id, None)

    def dial(
        self,
        target: str,
        remote: Address,
        caller: str,
        offer: SdpMessage,
        auth: SipDigestAuth | None,
        replaces: str = "",
    ) -> OutgoingCall:
        """Send an INVITE to `target` (a SIP URI) at `remote`; `replaces` names the call it takes over (RFC 3891)."""
        host, port = self.address
        extra = {"Replaces": replaces} if replaces else None
        own = f"sip:{caller}@{host}:{port}"
        return self._uac.send_invite(own, target, remote, offer, user_agent=AGENT, auth=auth, extra_headers=extra)

    async def reinvite(self, call: IncomingCall | OutgoingCall, offer: SdpMessage) -> SipResponse | None:
        """Offer other media in a call; the far end's final answer, None where it gave none."""
        return await self._offers.offer(call, offer)

    def transfer_progress(self, call: IncomingCall | OutgoingCall, status: int) -> None:
        """Tell who sent us a REFER how the new call goes."""
        notify_progress(self._uac, call.dialog, far_address(call), status)

    def provisional(self, call: IncomingCall, status: int, sdp: SdpMessage | None = None, forks: int = 1) -> None:
        """A provisional answer, with early media's SDP where given; with `forks` also as further phones send it."""
        body = serialize_sdp(sdp) if sdp is not None else ""
        reason = {180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress"}
        kind = "application/sdp" if body else ""
        sent = call._send_response(status, reason.get(status, "Progress"), body=body, content_type=kind)
        for _ in range(forks - 1):
            if sent is not None:
                self._transport.send_reply(forked_answer(sent, generate_tag(), self.address))

    def cancel(self, call: OutgoingCall) -> None:
        """CANCEL a call nobody has answered yet."""
        call.cancel(self._uac)

    async def register(self, user: str, registrar: Address, auth: SipDigestAuth, *, timeout_s: float = 5.0) -> bool:
        """REGISTER this endpoint as `user`, refreshed until `stop`; False where the registrar refuses or is silent."""
        registration = Registration(self._uac, f"sip:{user}@{registrar[0]}:{registrar[1]}", registrar, auth=auth)
        accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def settle(outcome: bool) -> None:
            if not accepted.done():
                accepted.set_result(outcome)

        registration.on_registered = lambda _: settle(True)
        registration.on_failed = lambda _, _status, _reason: settle(False)
        registration.register()
        try:
            return await asyncio.wait_for(accepted, timeout_s)
        except TimeoutError:
            return False

    async def is_there(self, remote: Address, *, timeout_s: float) -> bool:
        """Does anybody answer at `remote`? Asked with OPTIONS every half second (RFC 3261 section 11)."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while loop.time() < deadline:
            request = options(self.address, remote)
            answered = self._asked.setdefault(request.call_id or "", asyncio.Event())
            self._transport.send(request, remote)
            try:
                await asyncio.wait_for(answered.wait(), _T1)
            except TimeoutError:
                continue
            finally:
                self._asked.pop(request.call_id or "", None)
                self._transport.ladders.pop(request.call_id or "", None)
            return True
        return False

    async def hang_up(self, call: IncomingCall | OutgoingCall) -> None:
        """BYE, again until answered (at most three times), then forget the call."""
        call_id = call.dialog.call_id
        answered = self._bye_answered.setdefault(call_id, asyncio.Event())
        remote = call.source_addr if isinstance(call, IncomingCall) else call.remote_addr
        bye = call.hangup() if isinstance(call, IncomingCall) else call.hangup(self._uac)
        for _ in range(3):
            if bye is None or answered.is_set():
                break
            try:
                await asyncio.wait_for(answered.wait(), _T1)
            except TimeoutError:
                self._transport.send(bye, remote)
        self.forget(call_id)

    def _invited(self, call: IncomingCall) -> None:
        if self._registrar is not None and self._registrar.challenges_invite:
            challenge = self._registrar.check(call.invite)
            if challenge is not None:
                self._challenge(call, challenge)
                return
        self.on_call(call)

    def _offered(self, call: IncomingCall) -> None:
        self.on_offer(call)

    def _challenge(self, call: IncomingCall, header: tuple[str, str]) -> None:
        response = call.dialog.create_response(call.invite, 407, "Proxy Authentication Required")
        response.headers.set_single(*header)
        self._transport.send_reply(response)
        call.dialog.terminate()
        self._uas._calls.pop(call.call_id, None)

    def _received(self, message: Message, addr: Address) -> None:
        self._transport.log(message, sent=False)
        if isinstance(message, SipResponse):
            self._response(message, addr)
            return
        if message.method.upper() != "ACK" and self._seen_before(message, addr):
            return
        self._transport.routes.received(transaction_key(message), message)
        if message.method.upper() == "REGISTER" and self._registrar is not None:
            self._transport.send_reply(self._registrar.register(message, addr))
            return
        if message.method.upper() == "REFER" and self._referred(message, addr):
            return
        self._uas._on_message(message, addr)

    def _referred(self, request: SipRequest, addr: Address) -> bool:
        """REFER in a call: 202 and a first NOTIFY, then whoever has the call dials; 603 where nobody will."""
        _, dialog = self._uas._find_dialog(request.call_id or "")
        if dialog is None or not self._uas._validate_in_dialog(dialog, request):
            return dialog is not None  # without a dialog aiosipua answers 481
        target = parse_refer_to(request.get_header("Refer-To") or "")
        accepted = target is not None
        response = dialog.create_response(request, 202 if accepted else 400, "Accepted" if accepted else "Bad Refer-To")
        self._transport.send_reply(response)
        if target is None:
            return True
        notify_progress(self._uac, dialog, addr, 100)
        if not self.on_refer(request.call_id or "", target):
            notify_progress(self._uac, dialog, addr, 603)
        return True

    def _seen_before(self, request: SipRequest, addr: Address) -> bool:
        """A request of a known transaction gets the last answer again and is not acted on twice."""
        key, replies = transaction_key(request), self._transport.replies
        if key in replies:
            reply = replies[key]
            if reply is not None:
                self._transport.send(reply, addr)
            return True
        replies[key] = None
        while len(replies) > _REMEMBERED:
            replies.popitem(last=False)
        return False

    def _response(self, response: SipResponse, addr: Address) -> None:
        call_id = response.call_id or ""
        method = response.cseq.method.upper() if response.cseq else ""
        call = self._uac.get_call(call_id)
        if call_id in self._asked:
            self._asked[call_id].set()
            return
        if self._offers.take(response):
            return
        if method == "BYE" and call_id in self._bye_answered:
            self._bye_answered[call_id].set()
        if method == "INVITE" and call is not None:
            if response.status_code >= 300:
                self._transport.send(acknowledge(call.invite, response), addr)
            elif response.status_code >= 200 and response.contact:
                call.dialog.remote_target = stringify_uri(response.contact[0].uri)
                take_route_set(call.dialog, response)
        self._uac.handle_response(response, addr)


def options(local: Address, remote: Address) -> SipRequest:
    """An OPTIONS outside any dialog."""
    request = SipRequest(method="OPTIONS", uri=f"sip:{format_addr(*remote)}")
    request.headers.append("Via", f"SIP/2.0/UDP {format_addr(*local)};branch={generate_branch()};rport")
    request.headers.set_single("From", f"<sip:{AGENT}@{format_addr(*local)}>;tag={generate_tag()}")
    request.headers.set_single("To", f"<sip:{format_addr(*remote)}>")
    request.headers.set_single("Call-ID", generate_call_id(local[0]))
    request.headers.set_single("CSeq", "1 OPTIONS")
    request.headers.set_single("Max-Forwards", "70")
    request.headers.set_single("Contact", f"<sip:{format_addr(*local)}>")
    return request


def acknowledge(invite: SipRequest, response: SipResponse) -> SipRequest:
    """The ACK to a refused INVITE: same branch, To with the answer's tag (RFC 3261 section 17.1.1.3)."""
    ack = SipRequest(method="ACK", uri=invite.uri)
    ack.headers.append("Via", invite.headers.get("via")[0])
    for name in ("From", "Call-ID"):
        ack.headers.set_single(name, invite.get_header(name) or "")
    ack.headers.set_single("To", response.get_header("To") or "")
    number = invite.cseq.seq if invite.cseq else 1
    ack.headers.set_single("CSeq", stringify_cseq(CSeq(seq=number, method="ACK")))
    ack.headers.set_single("Max-Forwards", "70")
    return ack
