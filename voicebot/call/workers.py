"""Models and the database off the event loop: one small pool each, so that one never waits behind another."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


#: What nobody on the line waits for gives way to what somebody does (nice(2); Linux has it per thread).
YIELDING = 10


def _pool(threads: int, name: str, nice: int = 0) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(
        max_workers=threads, thread_name_prefix=f"voicebot-{name}", initializer=_give_way, initargs=(nice,)
    )


def _give_way(nice: int) -> None:
    if nice:
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)


@dataclass(frozen=True, slots=True)
class Workers:
    """The process's pools. `storage` has one thread: the database has one writer."""

    asr: ThreadPoolExecutor = field(default_factory=lambda: _pool(2, "asr"))
    tts: ThreadPoolExecutor = field(default_factory=lambda: _pool(1, "tts"))
    #: Prompts of calls that are not dialled yet: never in the way of one that is.
    ahead: ThreadPoolExecutor = field(default_factory=lambda: _pool(1, "ahead", YIELDING))
    voice: ThreadPoolExecutor = field(default_factory=lambda: _pool(1, "voice", YIELDING))
    storage: ThreadPoolExecutor = field(default_factory=lambda: _pool(1, "storage"))

    def close(self) -> None:
        """Finish what is queued and end the threads."""
        for pool in (self.asr, self.tts, self.ahead, self.voice, self.storage):
            pool.shutdown(wait=True)


def make_workers(recognitions: int) -> Workers:
    """`recognitions`: of all calls, at a time."""
    return Workers(asr=_pool(recognitions, "asr"))


async def run(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a blocking function in a pool."""
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: function(*args, **kwargs))
