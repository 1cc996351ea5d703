"""pyVoIP 1.6.8 as far as it is used, with its faults mended: the only file that knows its inside.

pyVoIP is GPL-3: this module and those that import it are loaded only where `telephony.driver = "pyvoip"`
(docs/licences.md). Used of it: the parser of SIP and SDP, the text of REGISTER, INVITE, 180, 200, ACK and BYE, the
call's choice of codecs, its RTP (packets, the receiving and the sending thread, RFC 4733). Not used: VoIPPhone's and
SIPClient's start, .invite and .register, which block, poll and hang (voicebot.signaling.pyvoip_wire says how).
"""

from __future__ import annotations

import audioop
import ipaddress
import math
import secrets
import socket
import time
import uuid
from collections.abc import Callable
from itertools import chain
from threading import Thread
from typing import Any

# First: pyVoIP.VoIP and pyVoIP.SIP import each other, and only this order works.
from pyVoIP.VoIP import CallState, NoPortsAvailableError, VoIPCall, VoIPPhone

# isort: split
from pyVoIP.RTP import PayloadType, RTPClient, RTPMessage, RTPPacketManager, TransmitType
from pyVoIP.SIP import SIPClient, SIPMessage, SIPStatus

from voicebot.settings import TelephonySettings
from voicebot.signaling.pyvoip_messages import (
    canonical,
    headers,
    new_branch,
    uri_of,
    with_branch,
    with_headers,
    with_start,
)
from voicebot.signaling.pyvoip_sound import ReceiveQueue, SendQueue

#: Parsed though pyVoIP does not serve them, so that they get an answer.
METHODS = [
    *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER"),
    *("REFER", "INFO", "UPDATE", "NOTIFY", "SUBSCRIBE", "MESSAGE", "PRACK", "PUBLISH"),
]
#: Seconds after which a thread looks whether its call is over.
_LOOK_S = 0.05
_EVENT_KEYS = "0123456789*#ABCD"
_EVENT_TYPE = 101
_STATUSES = frozenset(status.value for status in SIPStatus)
_PAYLOADS = {"PCMU": PayloadType.PCMU, "PCMA": PayloadType.PCMA}

NoPort = NoPortsAvailableError
DIALING, RINGING = CallState.DIALING, CallState.RINGING


class Message(SIPMessage):
    """A message that came. `code`: its status, 0 for a request; `text`: all of it, header names in their usual form."""

    def parse(self, data: bytes) -> None:
        """Called by SIPMessage's constructor. Fails with any exception where the message can't be read."""
        self.SIPCompatibleMethods = METHODS
        data = canonical(data)
        self.text = data.decode()
        self.code = int(self.text.split(" ")[1]) if self.text.startswith("SIP/2.0 ") else 0
        if self.code and self.code not in _STATUSES:  # as the x00 of its class (RFC 3261 section 8.1.3.2)
            data = with_start(self.text, f"SIP/2.0 {self.code // 100 * 100} x").encode()
        try:
            super().parse(data)
        except Exception:  # noqa: BLE001 - SDP that pyVoIP can't read: the message counts, as one without a body
            self.headers, self.body = {"Via": []}, {}
            super().parse(data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        for name in ("From", "To"):
            self.headers[name]["tag"] = self.headers[name]["tag"].partition(";")[0]
        self.cseq = headers(self.text, "CSeq")[0]
        self.call_id = headers(self.text, "Call-ID")[0]
        if "Contact" in self.headers:  # gen_bye and gen_ack can't cut off its parameters
            self.headers["Contact"] = f"<{uri_of(self.headers['Contact'])}>"

    @property
    def name(self) -> str:
        """A request's method."""
        return "" if self.code else self.text.partition(" ")[0]

    @property
    def reason(self) -> str:
        """The reason phrase of an answer."""
        return self.text.partition("\r\n")[0].split(" ", 2)[2] if self.code else ""


def narrow(message: Message, codecs: tuple[str, ...]) -> bool:
    """Leave of a message's SDP what pyVoIP can speak and is wanted: one audio line, G.711, telephone-event.

    pyVoIP stumbles over what it does not know, and changes the process's warnings on the way. False: nothing is left.
    """
    if message.headers.get("Content-Type") != "application/sdp":
        return False
    lines: list[dict[str, Any]] = message.body.get("m", [])
    audio = next((line for line in lines if line["type"] == "audio" and 0 < line["port"] < 65536), None)
    connections = message.body.get("c", [])
    if audio is None or not connections:
        return False
    # With one media line its own c= is the last; with several only the first, for all of them, can be told.
    own = connections[-1] if len(lines) == 1 else connections[0]
    if not _is_ipv4(own["address"]):
        return False
    wanted = {str(_PAYLOADS[codec].value) for codec in codecs}
    attributes = audio["attributes"]
    maps = {m: attributes[m].get("rtpmap", {}) for m in audio["methods"]}
    events = [m for m, a in maps.items() if (a.get("name"), a.get("frequency")) == ("telephone-event", "8000")]
    voice = [m for m in audio["methods"] if m in wanted]
    audio["methods"] = voice + events
    message.body["m"], message.body["c"] = [audio | {"port_count": 1}], [own | {"address_count": 1}]
    return bool(voice)


class Client(SIPClient):
    """Writes requests and answers; what it writes is sent elsewhere."""

    def gen_call_id(self) -> str:
        """pyVoIP counts from 1 at each start, so that every run repeats the last one's Call-IDs."""
        return f"{uuid.uuid4().hex}@{self.myIP}"

    def gen_tag(self) -> str:
        """pyVoIP keeps every tag it ever made, and looks through all of them."""
        return secrets.token_hex(8)

    def gen_ack(self, request: SIPMessage) -> str:
        """ACK to a 200: pyVoIP invents a tag for To and asks the wrong URI (RFC 3261 section 13.2.2.4)."""
        assert isinstance(request, Message)
        ack = with_headers(super().gen_ack(request), "To", headers(request.text, "To"))
        ack = with_headers(ack, "Via", [f"SIP/2.0/UDP {self.myIP}:{self.myPort};branch={new_branch()}"])
        target = uri_of(request.headers.get("Contact", "")) or ack.split(" ")[1]
        return with_start(ack, f"ACK {target} SIP/2.0")

    def gen_bye(self, request: SIPMessage) -> str:
        """BYE with a Via of ours: pyVoIP repeats the INVITE's, the caller's where we were called."""
        via = [f"SIP/2.0/UDP {self.myIP}:{self.myPort}"]
        return with_branch(with_headers(super().gen_bye(request), "Via", via))


class Rtp(RTPClient):
    """RTP of one call: pyVoIP's threads and packets around 16-bit sound, PCMA too, only from the address agreed on."""

    def __init__(self, *args: Any, telephony: TelephonySettings, **more: Any) -> None:
        super().__init__(*args, **more)
        self.source = telephony.rtp_source
        self.outgoing = SendQueue()
        self.incoming = ReceiveQueue()
        self.pmout = _Paced(self.outgoing)
        self.outSSRC, self.outSequence = secrets.randbits(32), secrets.randbits(15)
        self._event_at: int | None = None
        self._threads: list[Thread] = []

    def start(self) -> None:
        """Bind and begin to send and receive."""
        self.sin = _PeerSocket(self)
        self.sout = self.sin
        try:
            self.sin.bind((self.inIP, self.inPort))
        except OSError:
            self.sin.close()
            raise
        self.sin.settimeout(_LOOK_S)
        self._threads = [
            Thread(target=run, name=f"pyvoip-{run.__name__}", daemon=True) for run in (self.trans, self.recv)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def started(self) -> bool:
        """Have its threads been started?"""
        return bool(self._threads)

    def stop(self) -> None:
        """Have both threads end; the socket is closed by the last. Does not wait: the event loop calls this."""
        self.NSD = False

    def join(self) -> None:
        """Wait until its threads have ended (at most about 0.1 s after `stop`)."""
        for thread in self._threads:
            thread.join()

    @property
    def trans_delay_reduction(self) -> float:
        """pyVoIP divides its pause between packets by this. Its pauses drift: `SendQueue.frame` waits instead."""
        return math.inf

    def recv(self) -> None:
        """The receiving thread."""
        super().recv()
        self._threads[0].join()  # pyVoIP's stop closes the socket under the sender, which then complains on stderr
        super().stop()

    def encode_packet(self, payload: bytes) -> bytes:
        """Called for each packet before its header is made."""
        self.outSequence %= 1 << 16  # pyVoIP runs over and then sends a header without a sequence number
        self.outTimestamp %= 1 << 32
        alaw = self.preference is PayloadType.PCMA
        return audioop.lin2alaw(payload, 2) if alaw else audioop.lin2ulaw(payload, 2)

    def parse_packet(self, packet: bytes) -> None:
        """A packet from the far end; one that can't be read is dropped (pyVoIP's thread would die of it)."""
        if len(packet) <= 12 or packet[1] & 0x7F not in self.assoc:
            return
        try:
            super().parse_packet(packet)
        except (IndexError, ValueError):
            return

    def parse_pcmu(self, packet: RTPMessage) -> None:
        """A packet of mu-law."""
        self._heard(packet, audioop.ulaw2lin(payload_of(packet), 2))

    def parse_pcma(self, packet: RTPMessage) -> None:
        """A packet of A-law."""
        self._heard(packet, audioop.alaw2lin(payload_of(packet), 2))

    def _heard(self, packet: RTPMessage, pcm16: bytes) -> None:
        self.incoming.put(packet.sequence, packet.timestamp, packet.SSRC, pcm16, time.monotonic())

    def parse_telephone_event(self, packet: RTPMessage) -> None:
        """A key, once: all packets of one press have its timestamp (RFC 4733 section 2.2.2). pyVoIP looks at the marker
        bit, which is lost with the first packet."""
        key = _EVENT_KEYS[payload_of(packet)[0]]
        if packet.timestamp != self._event_at and self.dtmf is not None:
            self._event_at = packet.timestamp
            self.dtmf(key)


def payload_of(packet: RTPMessage) -> bytes:
    """The payload without header extension and padding (RFC 3550 section 5.1), which pyVoIP leaves in."""
    payload = packet.payload
    if packet.extension:
        payload = payload[4 + 4 * int.from_bytes(payload[2:4], "big") :]
    return payload[: -payload[-1]] if packet.padding else payload


class _Paced(RTPPacketManager):
    """Where pyVoIP's sender takes each packet's sound from."""

    def __init__(self, queue: SendQueue) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # pyVoIP has no types here
        self._queue = queue

    def read(self, length: int = 160) -> bytes:
        """The next packet's sound when it is due."""
        del length
        return self._queue.frame()


class _PeerSocket(socket.socket):
    """Gives only what came from the far end (`telephony.rtp_source`): no stranger's sound reaches the voiceprint."""

    def __init__(self, rtp: Rtp) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp = rtp

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Empty for a stranger's packet."""
        packet, source = self.recvfrom(size, flags)
        peer = (self._rtp.outIP, self._rtp.outPort)
        known = {"port": source == peer, "address": source[0] == peer[0], "any": True}[self._rtp.source]
        return packet if known else b""

    def sendto(self, data: Any, *to: Any) -> int:
        """What can't be sent is lost, as on any network (pyVoIP would print a warning), and nothing goes to 0.0.0.0: a
        far end that holds the call says so (RFC 3264 section 8.4)."""
        try:
            return super().sendto(data, *to) if to[-1][0] != "0.0.0.0" else 0  # noqa: S104 - no bind
        except OSError:
            return 0


class Phone(VoIPPhone):
    """What a VoIPCall wants of its phone: settings and RTP ports. It is never started."""

    def __init__(self, server: str, user: str, address: str, port: int, telephony: TelephonySettings) -> None:
        host, _, number = server.rpartition(":") if ":" in server else (server, "", "5060")
        super().__init__(host, int(number), user, "", address, None, port, *telephony.rtp_ports)
        self.sip: Client = Client(host, int(number), user, "", self, address, port)
        self.telephony = telephony
        self.codecs: tuple[str, ...] = telephony.codecs

    def request_port(self, blocking: bool = True) -> int:
        """An even port of the range that is free now: pyVoIP takes any, odd and taken ones too."""
        del blocking
        low, high = self.rtpPortLow, self.rtpPortHigh
        even = range(low + low % 2, high + 1, 2)
        start = secrets.randbelow(len(even)) if even else 0
        for port in chain(even[start:], even[:start]):
            if port not in self.assignedPorts and _free(self.myIP, port):
                self.assignedPorts.append(port)
                return port
        raise NoPortsAvailableError("every RTP port is taken")

    def release_ports(self, call: VoIPCall | None = None) -> None:
        """Give back a call's port (pyVoIP calls it from `__del__`, for any call and more than once)."""
        port = getattr(call, "port", None)
        if port in self.assignedPorts:
            self.assignedPorts.remove(port)

    def invite(self, target: str, domain: str, call_id: str) -> tuple[str, Any]:
        """The text of an INVITE to a SIP URI, and its media: RTP port -> payload types. Raises NoPort."""
        port = self.request_port()
        offered: dict[int, PayloadType] = {int(_PAYLOADS[codec].value): _PAYLOADS[codec] for codec in self.codecs}
        media: Any = {port: offered | {_EVENT_TYPE: PayloadType.EVENT}}
        number = str(self.sip.sessID.next())
        text = self.sip.gen_invite("x", number, media, TransmitType.SENDRECV, new_branch(), call_id)
        text = with_headers(with_start(text, f"INVITE {target} SIP/2.0"), "To", [f"<{target}>"])
        tag = self.sip.tagLibrary[call_id]
        return with_headers(text, "From", [f"<sip:{self.username}@{domain}>;tag={tag}"]), media


class Call(VoIPCall):
    """One call's media. `on_key` gets the keys, in pyVoIP's thread."""

    phone: Phone
    port: int
    on_key: Callable[[str], None] | None = None

    def create_rtp_clients(
        self, codecs: dict[int, PayloadType], ip: str, port: int, request: SIPMessage, baseport: int
    ) -> None:
        """Called by pyVoIP when both sides' SDP is known."""
        self.port = port
        peer = request.body["c"][0]["address"]
        more: dict[str, Any] = {"dtmf": self.dtmf_callback, "telephony": self.phone.telephony}
        self.RTPClients.append(Rtp(codecs, ip, port, peer, baseport, self.sendmode, **more))

    def dtmf_callback(self, code: str) -> None:
        """A key was pressed."""
        if self.on_key is not None:
            self.on_key(code)

    @property
    def rtp(self) -> Rtp | None:
        """Its RTP, where the media is agreed on."""
        return self.RTPClients[0] if self.RTPClients else None  # type: ignore[return-value]  # made above

    def gen_ms(self) -> Any:
        """Our half of the SDP. pyVoIP starts RTP here, once more at each re-INVITE, and fails at the taken port."""
        rtp = self.rtp
        if rtp is not None and not rtp.started:
            rtp.start()
        return {rtp.inPort: rtp.assoc} if rtp is not None else {}

    def move(self, request: Message) -> None:
        """The far end's media is elsewhere now (re-INVITE)."""
        if self.rtp is not None:
            self.rtp.outIP = request.body["c"][0]["address"]
            self.rtp.outPort = request.body["m"][0]["port"]

    def free(self) -> None:
        """End the media and give the port back."""
        if self.rtp is not None:
            self.rtp.stop()
        self.phone.release_ports(self)
        self.port = 0  # by now it may be another call's


def _is_ipv4(address: str) -> bool:
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return True


def _free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
