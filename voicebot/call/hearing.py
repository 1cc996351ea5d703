"""One answer being recognised, off the event loop: sound goes in as it comes, a snapshot is taken at each pause."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from voicebot.call.workers import run
from voicebot.model.audio import AudioFrame
from voicebot.model.ports import Recognizer
from voicebot.model.speech import Utterance

#: Frames are handed over in pieces of so many seconds: a thread hop each 20 ms would cost more than it gives.
BATCH_S = 0.1


class Hearing:
    """Owns one recogniser stream. One that streams takes its sound in the pool; one that only collects takes it at
    once, so that a snapshot waits in the pool's queue once and not twice."""

    def __init__(self, recognizer: Recognizer, phrases: Sequence[str] | None, pool: ThreadPoolExecutor) -> None:
        self._stream = recognizer.start(phrases)
        self._streaming = recognizer.streaming
        self._pool = pool
        self._waiting: list[AudioFrame] = []
        self._tail: asyncio.Task[None] | None = None

    def feed(self, frame: AudioFrame) -> None:
        """Take sound; it is recognised in the background."""
        if not self._streaming:
            self._stream.accept(frame)
            return
        self._waiting.append(frame)
        if sum(f.duration for f in self._waiting) >= BATCH_S:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        batch, self._waiting = self._waiting, []
        joined = AudioFrame(b"".join(f.pcm16 for f in batch), batch[0].rate, batch[0].t)
        self._tail = asyncio.create_task(self._accept(joined, self._tail))

    async def _accept(self, frame: AudioFrame, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        await run(self._pool, self._stream.accept, frame)

    async def snapshot(self) -> Utterance:
        """What has been said so far; the stream goes on."""
        await self._taken()
        return await run(self._pool, self._stream.snapshot)

    async def finish(self) -> Utterance:
        """The result, after the last sound."""
        await self._taken()
        return await run(self._pool, self._stream.finish)

    async def _taken(self) -> None:
        self._flush()
        if self._tail is not None:
            await asyncio.shield(self._tail)  # who waits may be cancelled; the sound is not
