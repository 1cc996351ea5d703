"""A SIP trunk on a page: answers what comes over UDP, TCP or TLS as a test says, and keeps all of it."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

#: Key and certificate of 127.0.0.1 (its authority: loopback_cert.pem beside it).
CERTIFICATE = Path(__file__).parents[1] / "data" / "loopback_key_and_cert.pem"
_HEADERS = ("Via", "From", "Call-ID", "CSeq", "Record-Route")
_REASONS = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 302: "Moved Temporarily"}
#: PCMA on a port nobody listens at: who wants sound takes the simulator.
_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 31999 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came, `at` in seconds of the monotonic clock."""

    text: str
    at: float = field(default_factory=monotonic)

    @property
    def method(self) -> str:
        """Its first word."""
        return self.text.partition(" ")[0]

    @property
    def uri(self) -> str:
        """Its Request-URI."""
        return self.text.split(" ", 2)[1]

    def header(self, name: str) -> str:
        """The first header of this name; "" where there is none."""
        found = re.search(rf"^{name}[ \t]*:[ \t]*(.*?)\r?$", self.text, re.IGNORECASE | re.MULTILINE)
        return found[1] if found else ""

    @property
    def branch(self) -> str:
        """What tells one transaction from another."""
        return self.header("Via").partition("branch=")[2].partition(";")[0]


@dataclass(slots=True)
class Peer:
    """The trunk. `invite`: the answers to an INVITE, each a status or (status, more headers), sent `gap_s` apart; a
    repeated request is not answered again. `silent`: says nothing to these methods ("*": to any). `expires`: seconds it
    grants a registration."""

    invite: list[int | tuple[int, str]] = field(default_factory=lambda: [100, 503])
    others: dict[str, list[int | tuple[int, str]]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    expires: int = 300
    gap_s: float = 0.02
    requests: list[Request] = field(default_factory=list)
    transport: str = "udp"
    port: int = 0
    connections: int = 0
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def server(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    def got(self, method: str) -> list[Request]:
        """The requests of a method, repeated ones once."""
        unique = {r.branch: r for r in reversed(self.requests) if r.method == method}
        return sorted(unique.values(), key=lambda request: request.at)

    def take(self, text: str, send: Callable[[str], None]) -> None:
        """One message came."""
        if text.startswith("SIP/2.0") or not text.strip():
            return
        request = Request(text)
        self.requests.append(request)
        key = (request.branch, request.method)
        if request.method == "ACK" or key in self._seen or self.silent & {request.method, "*"}:
            return
        self._seen.add(key)
        answers = self.invite if request.method == "INVITE" else self.others.get(request.method, [200])
        task = asyncio.create_task(self._answer(request, list(answers), send))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(
        self, request: Request, answers: list[int | tuple[int, str]], send: Callable[[str], None]
    ) -> None:
        for answer in answers:
            status, more = answer if isinstance(answer, tuple) else (answer, "")
            send(self.response(request, status, more))
            await asyncio.sleep(self.gap_s)
        if request.method == "CANCEL":
            for invite in [r for r in self.got("INVITE") if r.header("Call-ID") == request.header("Call-ID")]:
                send(self.response(invite, 487, ""))

    def response(self, request: Request, status: int, more: str) -> str:
        """An answer's text; a 200 to INVITE carries an SDP."""
        lines = [f"SIP/2.0 {status} {_REASONS.get(status, 'Because')}"]
        lines += [f"{name}: {request.header(name)}" for name in _HEADERS if request.header(name)]
        lines.append(f"To: {request.header('To')}" + ("" if status == 100 else ";tag=peer"))
        if status in {180, 183, 200} and request.method == "INVITE":
            lines.append(f"Contact: <sip:peer@{self.server};transport={self.transport}>")
        if request.method == "REGISTER" and status == 200:
            contact = re.sub(r";expires=\d+", "", request.header("Contact"))
            granted = 0 if "expires=0" in request.header("Contact") else self.expires
            lines.append(f"Contact: {contact};expires={granted}")
        lines += [more] if more else []
        body = _SDP if request.method == "INVITE" and status == 200 else ""
        lines += ["Content-Type: application/sdp"] if body else []
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._socket: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._socket = transport
        self._peer.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        def send(text: str) -> None:
            assert self._socket is not None
            self._socket.sendto(text.encode(), addr)

        self._peer.take(data.decode(errors="replace"), send)


async def _stream(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Messages of one TCP or TLS connection, cut by Content-Length (RFC 3261 section 18.3)."""
    peer.connections += 1
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace").lstrip("\r\n")
            length = int(Request(head).header("Content-Length") or Request(head).header("l") or 0)
            body = (await reader.readexactly(length)).decode(errors="replace")
            peer.take(head + body, lambda text: writer.write(text.encode()))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


@asynccontextmanager
async def sip_peer(
    *invite: int | tuple[int, str], transport: str = "udp", port: int = 0, **more: object
) -> AsyncIterator[Peer]:
    """A trunk on 127.0.0.1 until the block ends."""
    peer = Peer(list(invite) or [100, 503], transport=transport, **more)  # type: ignore[arg-type]
    if transport in {"tcp", "tls"}:
        context = _tls() if transport == "tls" else None
        server = await asyncio.start_server(lambda r, w: _stream(peer, r, w), "127.0.0.1", port, ssl=context)
        peer.port = server.sockets[0].getsockname()[1]
        closing: Callable[[], object] = server.close
    else:
        loop = asyncio.get_running_loop()
        udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(peer), local_addr=("127.0.0.1", port))
        closing = udp.close
    try:
        yield peer
    finally:
        closing()
        for task in list(peer._tasks):
            task.cancel()
