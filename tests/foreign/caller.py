"""A caller of a few lines over a plain socket: exactly the bytes a test wants, and nothing a SIP stack would mend."""

from __future__ import annotations

import itertools
import re
import secrets
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

_SSRC = itertools.count(1000)
PCMU, PCMA, KEYS = 0, 8, 101


def rtp(sequence: int, payload: bytes, *, kind: int = PCMA, ssrc: int = 1, marker: bool = False) -> bytes:
    """An RTP packet (RFC 3550 section 5.1) of 20 ms."""
    head = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), sequence & 0xFFFF, sequence * 160, ssrc)
    return head + payload


class Caller:
    """One SIP and one RTP socket on loopback, and at most one call to `bot`."""

    def __init__(self, bot: tuple[str, int], number: str = "15550101001") -> None:
        self.bot, self.number = bot, number
        self.sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sip.bind(("127.0.0.1", 0))
        self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.media.bind(("127.0.0.1", 0))
        self.media.setblocking(False)
        self.port = self.sip.getsockname()[1]
        self.call_id = secrets.token_hex(8)
        self.tag = secrets.token_hex(4)
        self.to_tag = ""
        self.target = f"sip:voicebot@{bot[0]}:{bot[1]}"
        #: Where the bot wants our sound.
        self.bot_media: tuple[str, int] = ("127.0.0.1", 0)
        self._cseq = 0

    def message(self, method: str, body: str = "", *, cseq: int | None = None, more: str = "") -> bytes:
        """A request of ours."""
        if cseq is None:
            self._cseq += 1
        number = self._cseq if cseq is None else cseq
        to = f";tag={self.to_tag}" if self.to_tag else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} {self.target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.number}@127.0.0.1:{self.port}>;tag={self.tag}\r\n"
            f"To: <sip:voicebot@127.0.0.1>{to}\r\nCall-ID: {self.call_id}\r\nCSeq: {number} {method}\r\n"
            f"Contact: <sip:{self.number}@127.0.0.1:{self.port}>\r\n{more}{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def offer(self) -> str:
        """SDP with both codecs and keys, so that the bot need not offer anew."""
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.media.getsockname()[1]} RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\na=ptime:20\r\n"
        )

    def send(self, message: bytes) -> None:
        """To the bot's SIP port."""
        self.sip.sendto(message, self.bot)

    def receive(self, within_s: float = 5.0) -> str | None:
        """The next SIP message that comes; None: none came. Requests of the bot in a call are answered with 200."""
        end = time.monotonic() + within_s
        while select.select([self.sip], [], [], max(0.0, end - time.monotonic()))[0]:
            text = self.sip.recv(65535).decode("utf-8", "replace")
            if text.startswith("SIP/2.0"):
                return text
            self._agree(text)
        return None

    def _agree(self, request: str) -> None:
        if request.startswith("ACK"):
            return
        names = ("via:", "from:", "to:", "call-id:", "cseq:")
        kept = [row for row in request.split("\r\n") if row.lower().startswith(names)]
        body = self.offer() if request.startswith(("INVITE", "UPDATE")) else ""
        kind = [f"Contact: <sip:{self.number}@127.0.0.1:{self.port}>", "Content-Type: application/sdp"] if body else []
        self.send("\r\n".join(["SIP/2.0 200 OK", *kept, *kind, f"Content-Length: {len(body)}", "", body]).encode())

    def final(self, method: str, within_s: float = 5.0) -> tuple[int, str]:
        """The final answer to the newest request of this method; (0, "") where none came."""
        end = time.monotonic() + within_s
        while (left := end - time.monotonic()) > 0:
            text = self.receive(left)
            mine = text is not None and re.search(rf"^CSeq:\s*{self._cseq}\s+{method}\b", text, re.M | re.I)
            if text is not None and mine and not text.startswith("SIP/2.0 1"):
                return int(text.split(" ", 2)[1]), text
        return 0, ""

    def options(self, within_s: float = 2.0) -> int:
        """The status the bot answers an OPTIONS with (0: none)."""
        self.call_id, self.to_tag = secrets.token_hex(8), ""
        self.send(self.message("OPTIONS"))
        return self.final("OPTIONS", within_s)[0]

    def call(self, body: str | None = None) -> int:
        """INVITE and ACK; the final status. After a 200 the call is open and its RTP address known."""
        self.send(self.message("INVITE", self.offer() if body is None else body))
        status, text = self.final("INVITE")
        if tag := re.search(r"^To:.*;tag=([^\s;]+)", text, re.M | re.I):
            self.to_tag = tag[1]
        if contact := re.search(r"^Contact:\s*<([^>]+)>", text, re.M | re.I):
            self.target = contact[1]
        if media := re.search(r"^m=audio (\d+)", text, re.M):
            self.bot_media = ("127.0.0.1", int(media[1]))
        if status:
            self.send(self.message("ACK", cseq=self._cseq))
        return status

    def hang_up(self) -> int:
        """BYE; its status."""
        self.send(self.message("BYE"))
        return self.final("BYE")[0]

    def speak(self, payloads: list[bytes], *, kind: int = PCMA) -> None:
        """Packets at their pace, 20 ms each."""
        start, ssrc = time.monotonic(), next(_SSRC)
        for i, payload in enumerate(payloads):
            self.media.sendto(rtp(i, payload, kind=kind, ssrc=ssrc), self.bot_media)
            time.sleep(max(0.0, start + (i + 1) * 0.02 - time.monotonic()))

    def close(self) -> None:
        """Both sockets."""
        self.sip.close()
        self.media.close()


@contextmanager
def caller(bot: tuple[str, int], number: str = "15550101001") -> Iterator[Caller]:
    """A caller for a while; an open call is hung up."""
    made = Caller(bot, number)
    try:
        yield made
        if made.to_tag:
            made.hang_up()
    finally:
        made.close()
