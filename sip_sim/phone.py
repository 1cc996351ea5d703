"""One call leg of a phone: SIP and media together, events in one queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aiosipua.auth import SipDigestAuth
from aiosipua.incoming_call import IncomingCall
from aiosipua.outgoing_call import OutgoingCall
from aiosipua.sdp import SdpMessage, build_sdp, negotiate_sdp, parse_sdp
from aiosipua.sdp_negotiate import SdpNegotiationError

from sip_sim.errors import PhoneError
from sip_sim.g711 import FRAME, PAYLOAD_TYPES, Samples
from sip_sim.hearing import FRAME_S
from sip_sim.in_dialog import ReferTo
from sip_sim.ladder import Ladder
from sip_sim.media import MediaEvent, MediaLine
from sip_sim.network import NetworkSpec
from sip_sim.rtp import MediaFormat
from sip_sim.sip import SipEndpoint


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over; `by` is who ended it (caller = this phone, bot = the far end) or cancelled it."""

    t: float
    by: str


PhoneEvent = MediaEvent | Ended
_EVENT_TYPE: Final = 101


@dataclass(frozen=True, slots=True)
class LineSpec:
    """How the phone's line behaves."""

    codec: str = "PCMA"
    network: NetworkSpec = field(default_factory=NetworkSpec)
    seed: int = 1
    hangover_s: float = 0.6
    noise: Samples | None = None


def remote_media(sdp: SdpMessage) -> tuple[tuple[str, int], int]:
    """Address for RTP and the payload type of telephone-event (0 = none) that the far end's SDP names."""
    audio = sdp.audio
    if audio is None or audio.port == 0:
        raise PhoneError("the far end's SDP has no audio", hint="look at the SIP ladder of this call")
    connection = audio.connection or sdp.connection
    if connection is None:
        raise PhoneError("the far end's SDP has no address (no c= line)", hint="look at the SIP ladder of this call")
    event = next((c.payload_type for c in audio.codecs if c.encoding_name.lower() == "telephone-event"), 0)
    return (connection.address, audio.port), event


class Phone:
    """Answers or places one call. `events` carries what the line hears and the end of the call."""

    def __init__(self, endpoint: SipEndpoint, spec: LineSpec) -> None:
        self._endpoint = endpoint
        self._spec = spec
        self._codec = spec.codec
        self._direction = "sendrecv"
        self._session_id, self._offered = str(int(time.time())), 0
        self._early_answer: SdpMessage | None = None
        self.on_refer: Callable[[ReferTo], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._call: IncomingCall | OutgoingCall | None = None
        self._answer_sdp: SdpMessage | None = None
        self._ended = False
        self.events: asyncio.Queue[PhoneEvent] = asyncio.Queue()
        self.line = MediaLine(
            endpoint.address[0], spec.network, spec.seed, self._from_line, spec.hangover_s, spec.noise
        )

    def _from_line(self, event: MediaEvent) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.events.put_nowait, event)

    @property
    def call_id(self) -> str:
        """The SIP Call-ID, empty before there is a call."""
        return self._call.dialog.call_id if self._call is not None else ""

    @property
    def host(self) -> str:
        """The address the phone is reached at."""
        return self._endpoint.address[0]

    @property
    def ladder(self) -> Ladder:
        """The call's SIP messages."""
        return self._endpoint.ladder(self.call_id)

    @property
    def ended(self) -> bool:
        """Is the call over?"""
        return self._ended

    def _over(self) -> bool:
        return self._ended

    def take(self, call: IncomingCall) -> None:
        """Make an incoming call this phone's."""
        self._call = call

    def ring(self) -> None:
        """180 Ringing."""
        if isinstance(self._call, IncomingCall):
            self._call.ringing()

    def provisional(self, status: int, forks: int = 1) -> None:
        """A provisional answer without media; `forks` phones send it, each with its own tag."""
        if isinstance(self._call, IncomingCall) and not self._ended:
            self._endpoint.provisional(self._call, status, forks=forks)

    async def announce(self, samples: Samples) -> None:
        """Early media (RFC 3960): 183 with our SDP, then the announcement, before any final answer."""
        call = self._call
        if not isinstance(call, IncomingCall) or self._ended or call.sdp_offer is None:
            return
        self._early_answer = self._negotiated(call.sdp_offer)
        self._endpoint.provisional(call, 183, self._early_answer)
        due = self._loop.time()
        for start in range(0, samples.size - FRAME + 1, FRAME):
            if self._over():
                return
            self.line.send_early(samples[start : start + FRAME])
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - self._loop.time()))

    def reject(self, status: int) -> None:
        """Refuse with a final status."""
        if isinstance(self._call, IncomingCall) and not self._ended:
            self._call.reject(status)
            self._end("caller")

    def answer(self) -> None:
        """200 OK with our SDP; the audio clock starts now. 488 and PhoneError where no codec fits."""
        call = self._call
        if not isinstance(call, IncomingCall) or self._ended:
            return
        try:
            self._accept(call)
        except (PhoneError, SdpNegotiationError) as error:
            call.reject(488)
            self._end("caller")
            raise PhoneError(
                f"cannot answer: {error}", hint="the codec of the scenario must be one the bot offers"
            ) from None
        self.line.start()

    def answer_offer(self, call: IncomingCall) -> None:
        """A re-INVITE (RFC 3261 section 14.2): agree on media again, keep the line."""
        try:
            self._accept(call)
        except (PhoneError, SdpNegotiationError):
            response = call.dialog.create_response(call.invite, 488)
            if call.transport is not None:
                call.transport.send_reply(response)

    def _accept(self, call: IncomingCall) -> None:
        if call.sdp_offer is None:
            call.accept(self._own_offer())
            return
        self._answer_sdp = self._early_answer or self._negotiated(call.sdp_offer)
        self._early_answer = None
        call.accept(self._answer_sdp)

    def _negotiated(self, offer: SdpMessage) -> SdpMessage:
        """Our answer to an offer; the line is connected to what it names."""
        remote, event = remote_media(offer)
        host, wanted = self._endpoint.address[0], PAYLOAD_TYPES[self._codec]
        answer, _ = negotiate_sdp(offer, host, self.line.port, [wanted], dtmf_payload_type=event)
        self.line.connect(remote, MediaFormat(self._codec, event))
        return self._stamped(answer)

    def _stamped(self, sdp: SdpMessage) -> SdpMessage:
        """The o= line of one call keeps its id, and its version counts up (RFC 3264 section 8)."""
        self._offered += 1
        sdp.origin.session_id = self._session_id
        sdp.origin.session_version = str(self._offered)
        return sdp

    def _own_offer(self) -> SdpMessage:
        codec, host = self._codec, self._endpoint.address[0]
        offer = build_sdp(host, self.line.port, PAYLOAD_TYPES[codec], codec, dtmf_payload_type=_EVENT_TYPE)
        if self._direction != "sendrecv" and offer.audio is not None:
            del offer.audio.attributes["sendrecv"]
            offer.audio.attributes[self._direction] = []
        return self._stamped(offer)

    async def hold(self, direction: str) -> None:
        """Put the far end on hold by re-INVITE: `sendonly` or `inactive` (RFC 3264 section 8.4)."""
        await self._offer_again(self._codec, direction)

    async def resume(self) -> None:
        """End the hold."""
        await self._offer_again(self._codec, "sendrecv")

    async def change_codec(self, codec: str) -> None:
        """Go on with another codec, by re-INVITE."""
        await self._offer_again(codec, self._direction)

    async def _offer_again(self, codec: str, direction: str) -> None:
        call, before = self._call, (self._codec, self._direction)
        if call is None or self._ended:
            return
        self._codec, self._direction = codec, direction
        response = await self._endpoint.reinvite(call, self._own_offer())
        if self._over():
            return
        if response is None or response.status_code >= 300:
            self._codec, self._direction = before
            status = response.status_code if response is not None else "nothing"
            raise PhoneError(f"the bot answered {status} to the re-INVITE", hint="look at the SIP ladder of this call")
        remote, event = remote_media(parse_sdp(response.text))
        self.line.connect(remote, MediaFormat(codec, event))
        self.line.sending = direction != "inactive"

    async def dial(
        self,
        target: str,
        remote: tuple[str, int],
        caller: str,
        *,
        timeout_s: float = 30.0,
        auth: SipDigestAuth | None = None,
        replaces: str = "",
    ) -> int:
        """Call a SIP URI; returns the final status (200 = answered, 0 = nobody answered in time)."""
        call = self._endpoint.dial(target, remote, caller, self._own_offer(), auth, replaces)
        self._call = call
        try:
            await call.wait_answered(timeout=timeout_s)
        except TimeoutError:
            self._endpoint.cancel(call)
            self._end("caller")
            return 0
        except RuntimeError:
            self._end("bot")
            return call._reject_code
        if call.sdp_answer is None:
            raise PhoneError("the far end answered without SDP", hint="look at the SIP ladder of this call")
        address, event = remote_media(call.sdp_answer)
        self.line.connect(address, MediaFormat(self._codec, event))
        self.line.start()
        return 200

    def transfer_progress(self, status: int) -> None:
        """Report to the far end, which sent a REFER, how the new call goes."""
        if self._call is not None and not self._ended:
            self._endpoint.transfer_progress(self._call, status)

    def say(self, samples: Samples) -> None:
        """Speak (8 kHz, 16 bit); SaidAll follows in `events`."""
        self.line.say(samples)

    def press(self, digits: str) -> None:
        """Press keys (RFC 4733)."""
        self.line.press(digits)

    async def hang_up(self) -> None:
        """BYE (or CANCEL), once."""
        call = self._call
        if call is None or self._ended:
            return
        self._end("caller")
        await self._endpoint.hang_up(call)

    def far_end_left(self, how: str) -> None:
        """The endpoint saw BYE or CANCEL for this call."""
        self._end(how)

    def _end(self, by: str) -> None:
        if not self._ended:
            self._ended = True
            self.events.put_nowait(Ended(self.line.now, by))

    async def close(self) -> None:
        """Hang up if need be, end the media thread, forget the call."""
        await self.hang_up()
        await asyncio.to_thread(self.line.close)
        if self.call_id:
            self._endpoint.forget(self.call_id)


class Switchboard:
    """Gives each incoming call to a phone, and each later message to the phone that has the call."""

    def __init__(self, endpoint: SipEndpoint, on_call: Callable[[IncomingCall, str], Phone | None]) -> None:
        self._endpoint = endpoint
        self._on_call = on_call
        self._phones: dict[str, Phone] = {}
        endpoint.on_call = self._incoming
        endpoint.on_offer = self._offer
        endpoint.on_refer = self._refer
        endpoint.on_hung_up = lambda call_id: self._left(call_id, "bot")
        endpoint.on_cancelled = lambda call_id: self._left(call_id, "cancelled")

    def add(self, phone: Phone) -> None:
        """Know a phone that dials itself (after `dial` began)."""
        self._phones[phone.call_id] = phone

    def remove(self, phone: Phone) -> None:
        """The phone's call is over."""
        self._phones.pop(phone.call_id, None)

    def _incoming(self, call: IncomingCall) -> None:
        uri = call.invite.to_addr.uri if call.invite.to_addr else None
        phone = self._on_call(call, (uri.user or "") if uri else "")
        if phone is None:
            call.reject(404)
            self._endpoint.forget(call.call_id)
            return
        self._phones[call.call_id] = phone

    def _offer(self, call: IncomingCall) -> None:
        phone = self._phones.get(call.call_id)
        if phone is not None:
            phone.answer_offer(call)

    def _refer(self, call_id: str, target: ReferTo) -> bool:
        phone = self._phones.get(call_id)
        if phone is None or phone.on_refer is None:
            return False
        phone.on_refer(target)
        return True

    def _left(self, call_id: str, how: str) -> None:
        phone = self._phones.get(call_id)
        if phone is not None:
            phone.far_end_left(how)
