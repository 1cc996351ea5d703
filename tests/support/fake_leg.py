"""A leg without a network, for unit tests of what runs on top of one: sends what it is fed, keeps what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voicebot.errors import CallEnded
from voicebot.model.audio import MEDIA_RATE
from voicebot.model.ports import LegEnd, MediaStats


class FakeLeg:
    """Plays `incoming` at real time; sends what is queued at real time."""

    call_id = "fake"
    remote = "sip:1@127.0.0.1"

    def __init__(self, incoming: bytes = b"") -> None:
        self.incoming = incoming
        self.sent = b""
        self.ended: LegEnd | None = None
        self.held = False
        self._queue = b""
        self._read = 0
        self._start: float | None = None
        self._sent_at = 0.0
        self._on_end: list[Callable[[LegEnd], None]] = []

    def _now(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._start is None:
            self._start = now
            self._sent_at = now
        return now - self._start

    def _advance(self) -> None:
        self._now()
        now = asyncio.get_running_loop().time()
        due = int((now - self._sent_at) * MEDIA_RATE) * 2
        piece = self._queue[:due]
        self.sent += piece
        self._queue = self._queue[len(piece) :]
        self._sent_at = now

    def read(self, max_bytes: int) -> bytes:
        if self.ended:
            raise CallEnded("over")
        due = int(self._now() * MEDIA_RATE) * 2
        piece = self.incoming[self._read : min(due, self._read + max_bytes)]
        self._read += len(piece)
        return piece

    def write(self, pcm16: bytes) -> int:
        self._advance()
        self._queue += pcm16
        return len(pcm16)

    @property
    def queued_s(self) -> float:
        self._advance()
        return len(self._queue) / 2 / MEDIA_RATE

    def flush(self) -> None:
        self._advance()
        self._queue = b""

    async def drain(self) -> None:
        while self.queued_s > 0:
            await asyncio.sleep(0.02)

    async def wait_answered(self, timeout_s: float) -> None: ...
    async def answer(self) -> None: ...
    async def reject(self, status: int = 486) -> None: ...
    async def send_dtmf(self, keys: str) -> None: ...
    async def hold(self) -> None: ...
    async def resume(self) -> None: ...
    async def transfer(self, target: str) -> bool:
        return False

    async def transfer_to(self, agent) -> bool:
        return False

    def on_dtmf(self, callback: Callable[[str], None]) -> None: ...

    def on_end(self, callback: Callable[[LegEnd], None]) -> None:
        self._on_end.append(callback)

    def end(self, by: str) -> None:
        if self.ended is None:
            self.ended = LegEnd(by)
            for callback in self._on_end:
                callback(self.ended)

    async def hang_up(self) -> None:
        self.end("bot")

    def stats(self) -> MediaStats:
        return MediaStats()
