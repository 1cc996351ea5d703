"""Requests inside a call that aiosipua does not carry through: our re-INVITE to its ACK, a REFER and its NOTIFYs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from aiosipua.dialog import Dialog, DialogState
from aiosipua.headers import CSeq, parse_address, stringify_cseq, stringify_uri
from aiosipua.incoming_call import IncomingCall
from aiosipua.message import SipRequest, SipResponse
from aiosipua.outgoing_call import OutgoingCall
from aiosipua.sdp import SdpMessage, serialize_sdp
from aiosipua.uac import SipUAC
from aiosipua.utils import format_addr

Address = tuple[str, int]
_T1: Final = 0.5
_WAIT_S: Final = 4.0
_GLARE: Final = 491
_GLARE_TRIES: Final = 4

_REASONS: Final = {
    100: "Trying", 180: "Ringing", 200: "OK", 404: "Not Found", 408: "Request Timeout", 480: "Temporarily Unavailable",
    486: "Busy Here", 503: "Service Unavailable", 603: "Decline",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReferTo:
    """Whom the far end wants called: a SIP URI, the address to send to, the Replaces header (RFC 3891) or empty."""

    uri: str
    remote: Address
    replaces: str = ""


def parse_refer_to(value: str) -> ReferTo | None:
    """A Refer-To header's value; None where it is no SIP URI with a host."""
    try:
        uri = parse_address(value).uri
    except (ValueError, IndexError):
        return None
    if not uri.host or uri.scheme not in {"sip", "sips"}:
        return None
    headers = {name.lower(): text for name, text in uri.headers.items()}
    uri.headers.clear()
    host = "127.0.0.1" if uri.host == "localhost" else uri.host
    return ReferTo(stringify_uri(uri), (host, uri.port or 5060), unquote(headers.get("replaces", "")))


def far_address(call: IncomingCall | OutgoingCall) -> Address:
    """Where the far end's SIP messages go."""
    return call.source_addr if isinstance(call, IncomingCall) else call.remote_addr


@dataclass(slots=True)
class _Offer:
    """A re-INVITE on its way."""

    invite: SipRequest
    dialog: Dialog
    remote: Address
    answer: asyncio.Future[SipResponse]
    ack: SipRequest | None = None


@dataclass(slots=True)
class Renegotiation:
    """Our re-INVITEs (RFC 3261 section 14.1) by Call-ID and CSeq: sent until answered, each answer acknowledged."""

    uac: SipUAC
    send: Callable[[SipRequest, Address], None]
    _offers: dict[tuple[str, int], _Offer] = field(default_factory=dict)

    async def offer(self, call: IncomingCall | OutgoingCall, sdp: SdpMessage) -> SipResponse | None:
        """The final answer, None where none came in 4 s. A collision (491) is tried again (section 14.1)."""
        response: SipResponse | None = None
        for attempt in range(_GLARE_TRIES):
            response = await self._once(call, sdp)
            if response is None or response.status_code != _GLARE:
                break
            await asyncio.sleep(0.3 + 0.2 * attempt)
        return response

    async def _once(self, call: IncomingCall | OutgoingCall, sdp: SdpMessage) -> SipResponse | None:
        dialog, remote = call.dialog, far_address(call)
        if dialog.state != DialogState.CONFIRMED:
            return None
        invite = self.uac._send_in_dialog(
            dialog, "INVITE", remote, body=serialize_sdp(sdp), content_type="application/sdp"
        )
        number = invite.cseq.seq if invite.cseq else 0
        answer: asyncio.Future[SipResponse] = asyncio.get_running_loop().create_future()
        self._offers[(dialog.call_id, number)] = _Offer(invite, dialog, remote, answer)
        deadline = asyncio.get_running_loop().time() + _WAIT_S
        while asyncio.get_running_loop().time() < deadline:
            try:
                return await asyncio.wait_for(asyncio.shield(answer), _T1)
            except TimeoutError:
                self.send(invite, remote)
        return None

    def take(self, response: SipResponse) -> bool:
        """True where this is the answer to one of our re-INVITEs (and now acknowledged)."""
        cseq = response.cseq
        if cseq is None or cseq.method.upper() != "INVITE":
            return False
        offer = self._offers.get((response.call_id or "", cseq.seq))
        if offer is None:
            return False
        if response.status_code >= 200:
            if offer.ack is None:
                offer.ack = self._ack(offer, response)
            self.send(offer.ack, offer.remote)
            if not offer.answer.done():
                offer.answer.set_result(response)
        return True

    def _ack(self, offer: _Offer, response: SipResponse) -> SipRequest:
        host, port = self.uac._local_addr()
        ack = offer.dialog.create_request("ACK", via_host=host, via_port=port)
        offer.dialog.local_cseq -= 1  # an ACK has the number of its INVITE
        number = offer.invite.cseq.seq if offer.invite.cseq else 1
        ack.headers.set_single("CSeq", stringify_cseq(CSeq(seq=number, method="ACK")))
        if response.status_code >= 300:  # part of the INVITE's transaction: same branch (section 17.1.1.3)
            ack.headers.set_single("Via", offer.invite.headers.get("via")[0])
        return ack

    def forget(self, call_id: str) -> None:
        """The call is over."""
        for key in [key for key in self._offers if key[0] == call_id]:
            del self._offers[key]


def notify_progress(uac: SipUAC, dialog: Dialog, remote: Address, status: int) -> None:
    """One NOTIFY of a transfer's progress, with message/sipfrag (RFC 3515 section 2.4.5)."""
    if dialog.state == DialogState.TERMINATED:
        return
    final = status >= 200
    uac._send_in_dialog(
        dialog,
        "NOTIFY",
        remote,
        body=f"SIP/2.0 {status} {_REASONS.get(status, 'Progress')}\r\n",
        content_type="message/sipfrag;version=2.0",
        extra_headers={
            "Event": "refer",
            "Subscription-State": "terminated;reason=noresource" if final else "active;expires=60",
        },
    )


def forked_answer(response: SipResponse, tag: str, contact: Address) -> SipResponse:
    """The same provisional answer as another phone would send it: a To tag of its own (RFC 3261 section 12.1)."""
    copy = SipResponse(status_code=response.status_code, reason_phrase=response.reason_phrase)
    for via in response.headers.get("via"):
        copy.headers.append("Via", via)
    for name in ("From", "Call-ID", "CSeq"):
        copy.headers.set_single(name, response.get_header(name) or "")
    to = (response.get_header("To") or "").split(";tag=")[0]
    copy.headers.set_single("To", f"{to};tag={tag}")
    copy.headers.set_single("Contact", f"<sip:{format_addr(*contact)}>")
    return copy
