"""Writes what happens in a call, in order, off the event loop. The conversation never waits for the disk, but a write
that fails ends the call at its next step: what cannot be proved must not be said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec

from voicebot.call.workers import run
from voicebot.errors import StorageError

P = ParamSpec("P")


class Journal:
    """One per call. The pool has one thread: the order of the calls is the order of the rows."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._writes: set[asyncio.Task[None]] = set()
        self._failed: StorageError | None = None

    def post(self, write: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Queue a write."""

        async def do() -> None:
            try:
                await run(self._pool, write, *args, **kwargs)
            except StorageError as error:
                self._failed = error

        task = asyncio.create_task(do())
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    def check(self) -> None:
        """Raises the StorageError of a write that failed."""
        if self._failed is not None:
            raise self._failed

    async def flush(self) -> None:
        """Wait until everything posted is committed (or has failed)."""
        while self._writes:
            await asyncio.gather(*list(self._writes))
