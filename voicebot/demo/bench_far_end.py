"""The far end of `voicebot bench --media-only`: a telephone for any number of calls in one thread, cheap enough not to
be what is measured. Answers every INVITE (RFC 3261) with PCMA, sends a packet each 20 ms, notes every one that comes.

`python -m voicebot.demo.bench_far_end FOLDER` prints JSON lines: `ready` with its port, `result` at the end of a call
(the packets are in FOLDER/NUMBER.packets.csv). It ends at the end of its standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

_FRAME_S = 0.02
_HEADER = struct.Struct("!BBHII")
#: Linux: the kernel adds the time of arrival, so that a busy far end does not show as jitter.
_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("@qq")
#: A-law silence, and which bytes are louder than its lowest segment (264 of 32768 and more).
_SILENCE = b"\xd5" * 160
_LOUD = bytes(int(bool((byte ^ 0x55) & 0x70)) for byte in range(256))
_LEAST_LOUD = 8
_COPIED = ("via", "from", "call-id", "cseq", "record-route")


@dataclass(slots=True)
class Call:
    """One call: its RTP socket and what came in."""

    number: int
    rtp: socket.socket
    tag: str
    remote: tuple[str, int]
    answered_at: float = 0.0
    sequence: int = 0
    timestamp: int = 0
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    first_audio_at: float | None = None
    arrivals: list[tuple[float, int, int, int, int, int]] = field(default_factory=list)
    answer: bytes = b""

    def send(self) -> None:
        """The next 20 ms."""
        self.sequence, self.timestamp = (self.sequence + 1) & 0xFFFF, (self.timestamp + 160) & 0xFFFFFFFF
        head = _HEADER.pack(0x80, 8, self.sequence, self.timestamp, self.ssrc)
        with contextlib.suppress(OSError):  # the other side's port may be closed already
            self.rtp.sendto(head + _SILENCE, self.remote)

    def receive(self, offset: float) -> None:
        """All that has come. `offset`: from the kernel's clock to the monotonic one."""
        while True:
            try:
                data, extras, _, _ = self.rtp.recvmsg(2048, 64)
            except OSError:
                return
            at = time.monotonic()
            for _, kind, content in extras:
                if kind == _SO_TIMESTAMPNS and len(content) >= _STAMP.size:
                    seconds, nanoseconds = _STAMP.unpack_from(content)
                    at = seconds + nanoseconds * 1e-9 - offset
            if len(data) < _HEADER.size or data[0] >> 6 != 2:
                continue
            _, kind, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
            self.arrivals.append((at, sequence, timestamp, ssrc, kind & 0x7F, len(data)))
            if self.first_audio_at is None and sum(data[12:].translate(_LOUD)) >= _LEAST_LOUD:
                self.first_audio_at = at

    def result(self, ended_at: float) -> dict[str, object]:
        """The call in figures."""
        first = None if self.first_audio_at is None else round(self.first_audio_at - self.answered_at, 3)
        return {
            "event": "result",
            "call": self.number,
            "first_audio_s": first,
            "length_s": round(ended_at - self.answered_at, 3),
        }

    def save(self, folder: Path) -> None:
        """The trace, as the simulator writes it."""
        rows = [f"{a[0] - self.answered_at:.6f},{','.join(map(str, a[1:]))}" for a in self.arrivals]
        text = "\n".join(["t,sequence,timestamp,ssrc,payload_type,size", *rows]) + "\n"
        (folder / f"{self.number}.packets.csv").write_text(text, encoding="ascii")


class FarEnd:
    """Owns the sockets; `serve` runs until the input ends."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self._folder, self._host = folder, host
        self._selector = selectors.DefaultSelector()
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
        self._sip.bind((host, 0))
        self._sip.setblocking(False)
        self._calls: dict[str, Call] = {}
        self._count = 0
        self._offset = time.time() - time.monotonic()

    def serve(self) -> None:
        """Answer, send, receive."""
        self._selector.register(self._sip, selectors.EVENT_READ)
        self._selector.register(sys.stdin, selectors.EVENT_READ, "input")
        tell({"event": "ready", "port": self._sip.getsockname()[1]})
        due = time.monotonic()
        while True:
            for key, _ in self._selector.select(max(0.0, due - time.monotonic())):
                if key.data == "input":
                    if not os.read(0, 1024):
                        return
                elif key.fileobj is self._sip:
                    self._messages()
                else:
                    key.data.receive(self._offset)
            if time.monotonic() >= due:
                due += _FRAME_S
                for call in self._calls.values():
                    call.send()

    def _messages(self) -> None:
        while True:
            try:
                data, source = self._sip.recvfrom(65535)
            except OSError:
                return
            reply = self._reply(data)
            if reply:
                self._sip.sendto(reply, source)

    def _reply(self, data: bytes) -> bytes:
        text = data.decode("utf-8", "replace")
        head, _, body = text.partition("\r\n\r\n")
        method = head.split(" ", 1)[0]
        headers = [line.partition(":")[::2] for line in head.split("\r\n")[1:]]
        call_id = next((value.strip() for name, value in headers if name.strip().lower() in {"call-id", "i"}), "")
        if method == "INVITE":
            return self._invited(call_id, headers, body)
        if method == "BYE":
            self._ended(call_id)
        if method in {"ACK", "SIP/2.0"} or not call_id:
            return b""
        return response(headers, "", "")

    def _invited(self, call_id: str, headers: list[tuple[str, str]], body: str) -> bytes:
        known = self._calls.get(call_id)
        if known is None:
            rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            rtp.bind((self._host, 0))
            rtp.setblocking(False)
            with contextlib.suppress(OSError):
                rtp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._count += 1
            known = Call(self._count, rtp, secrets.token_hex(4), media_address(body), time.monotonic())
            self._calls[call_id] = known
            self._selector.register(rtp, selectors.EVENT_READ, known)
        port = known.rtp.getsockname()[1]
        sdp = (
            f"v=0\r\no=- {known.ssrc} 1 IN IP4 {self._host}\r\ns=-\r\nc=IN IP4 {self._host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n"
        )
        contact = f"Contact: <sip:far@{self._host}:{self._sip.getsockname()[1]}>\r\nContent-Type: application/sdp\r\n"
        return response(headers, known.tag, sdp, contact)

    def _ended(self, call_id: str) -> None:
        call = self._calls.pop(call_id, None)
        if call is None:
            return
        call.receive(self._offset)
        self._selector.unregister(call.rtp)
        call.rtp.close()
        call.save(self._folder)
        tell(call.result(time.monotonic()))

    def close(self) -> None:
        """Free everything."""
        for call in self._calls.values():
            call.rtp.close()
        self._sip.close()
        self._selector.close()


def media_address(sdp: str) -> tuple[str, int]:
    """Where the offer wants its sound."""
    host = re.search(r"^c=IN IP4 ([\d.]+)", sdp, re.MULTILINE)
    port = re.search(r"^m=audio (\d+)", sdp, re.MULTILINE)
    return (host[1] if host else "127.0.0.1", int(port[1]) if port else 9)


def response(headers: list[tuple[str, str]], tag: str, body: str, extra: str = "") -> bytes:
    """200 OK to a request with these headers (RFC 3261 section 8.2.6)."""
    lines = ["SIP/2.0 200 OK"]
    for name, value in headers:
        kind = {"v": "via", "f": "from", "i": "call-id", "t": "to"}.get(name.strip().lower(), name.strip().lower())
        if kind in _COPIED:
            lines.append(f"{name}:{value}")
        elif kind == "to":
            lines.append(f"{name}:{value}" + (f";tag={tag}" if tag and "tag=" not in value else ""))
    return ("\r\n".join(lines) + f"\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}").encode()


def tell(event: dict[str, object]) -> None:
    """One JSON line."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def main() -> None:
    """See the module."""
    far = FarEnd(Path(sys.argv[1]))
    try:
        far.serve()
    except KeyboardInterrupt:
        return
    finally:
        far.close()


if __name__ == "__main__":
    main()
