"""A source of SIP requests on an address of loopback, over UDP, TCP or TLS: sends what a test wants, keeps the
answers."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import ssl
from pathlib import Path

from tests.support.idle import until


class Source:
    """`async with Source("127.0.0.2", port) as source: status, text = await source.ask("OPTIONS")`."""

    def __init__(self, host: str, bot_port: int, *, tcp: bool = False, tls: Path | None = None) -> None:
        """`tls`: the file with the authority of the bot's certificate."""
        tcp = tcp or tls is not None
        self.host = host
        self._tls = tls
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._bot = ("127.0.0.1", bot_port)
        self._tcp = tcp
        self._transport = "TLS" if tls is not None else "TCP" if tcp else "UDP"
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        #: All that came, oldest first.
        self.heard: list[str] = []
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Source:
        if self._tcp:
            async with asyncio.timeout(1):
                await asyncio.get_running_loop().sock_connect(self._socket, self._bot)
        if self._tls is not None:
            context = ssl.create_default_context(cafile=self._tls)
            self._reader, self._writer = await asyncio.open_connection(
                sock=self._socket, ssl=context, server_hostname=self._bot[0]
            )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.transport.abort()
        self._socket.close()

    async def _receive(self) -> bytes:
        if self._reader is not None:
            return await self._reader.read(65535)
        return await asyncio.get_running_loop().sock_recv(self._socket, 65535)

    async def _read(self) -> None:
        while data := await self._receive():
            self.heard += re.split(r"(?=^SIP/2\.0 )", data.decode(), flags=re.M)[1:] or [data.decode()]

    def request(self, method: str, call_id: str, *, branch: str = "", to_tag: str = "", cseq: int = 1) -> str:
        """A request; an INVITE offers A-law. `branch`: the same one makes it a retransmission."""
        port = self._socket.getsockname()[1]
        here = f"{self.host}:{port}"
        via = f"SIP/2.0/{self._transport} {here};branch={branch or 'z9hG4bK' + secrets.token_hex(8)};rport"
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
            "m=audio 4000 RTP/AVP 8 101\r\n"
            "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n"
        )
        body = sdp if method == "INVITE" else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:voicebot@127.0.0.1:{self._bot[1]} SIP/2.0\r\n"
            f"Via: {via}\r\nMax-Forwards: 70\r\nFrom: <sip:15550101001@{here}>;tag=f{call_id}\r\n"
            f"To: <sip:voicebot@127.0.0.1>{f';tag={to_tag}' if to_tag else ''}\r\nCall-ID: {call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <sip:15550101001@{here}>\r\n{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def send(self, text: str) -> None:
        """At once."""
        if self._writer is not None:
            self._writer.write(text.encode())
        elif self._tcp:
            self._socket.sendall(text.encode())
        else:
            self._socket.sendto(text.encode(), self._bot)

    def begin(self, method: str, **how: object) -> str:
        """Send a request outside a call; its Call-ID."""
        call_id = secrets.token_hex(6)
        self.send(self.request(method, call_id, **how))  # type: ignore[arg-type]
        return call_id

    def answers(self, call_id: str) -> list[str]:
        """What was answered so far, without 1xx."""
        mine = [text for text in self.heard if f"Call-ID: {call_id}\r\n" in text and text.startswith("SIP/2.0 ")]
        return [text for text in mine if text[8] != "1"]

    async def answer(self, call_id: str, within_s: float = 3.0) -> tuple[int, str]:
        """The final answer; (0, "") where none comes."""
        try:
            await until(lambda: self.answers(call_id), "an answer", within_s)
        except AssertionError:
            return 0, ""
        text = self.answers(call_id)[-1]
        return int(text[8:11]), text

    async def ask(self, method: str, within_s: float = 3.0) -> tuple[int, str]:
        """A request and its final answer; a refused INVITE gets its ACK."""
        call_id = secrets.token_hex(6)
        branch = "z9hG4bK" + secrets.token_hex(8)
        self.send(self.request(method, call_id, branch=branch))
        status, text = await self.answer(call_id, within_s)
        if method == "INVITE" and status >= 300:
            self.send(self.request("ACK", call_id, branch=branch, to_tag=tag_of(text)))
        return status, text


def tag_of(answer: str) -> str:
    """The tag of its To."""
    found = re.search(r"^To:.*;tag=([^\s;]+)", answer, re.M)
    return found[1] if found else ""


def retry_after(answer: str) -> int | None:
    """Its Retry-After in seconds."""
    found = re.search(r"^Retry-After: (\d+)\r$", answer, re.M)
    return int(found[1]) if found else None
