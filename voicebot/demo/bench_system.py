"""What the bot costs: CPU time and memory of this process and its children, without the callers' process. Linux reads
/proc; elsewhere the process itself is counted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import time
from collections.abc import Iterable
from pathlib import Path

_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


def children(parent: int, without: Iterable[int] = ()) -> list[int]:
    """Process ids below `parent`, at any depth; those of `without` and below are left out."""
    left_out = set(without)
    below: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None:
            below.setdefault(int(fields[1]), []).append(int(entry.name))
    found, waiting = [], [parent]
    while waiting:
        for pid in below.get(waiting.pop(), []):
            if pid not in left_out:
                found.append(pid)
                waiting.append(pid)
    return found


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on (proc(5)); None where the process is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text(encoding="latin-1").rpartition(")")[2].split()
    except OSError:
        return None


def cpu_s(below: Iterable[int] = ()) -> float:
    """CPU seconds used so far by this process and the processes given."""
    total = time.process_time()
    for pid in below:
        fields = _stat(pid)
        total += (int(fields[11]) + int(fields[12])) * _TICK_S if fields else 0.0
    return total


def rss_mb(below: Iterable[int] = ()) -> float:
    """Memory they hold now."""
    if not _PROC.is_dir():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pages = 0
    for pid in [os.getpid(), *below]:
        with contextlib.suppress(OSError, IndexError):
            pages += int((_PROC / str(pid) / "statm").read_text().split()[1])
    return pages * _PAGE / 2**20


class Meter:
    """`async with Meter(pids of others) as meter:` looks every half second; the largest memory counts.

    Which children there are is asked at entry and exit only: to look through /proc costs more than a call.
    """

    def __init__(self, without: Iterable[int] = (), every_s: float = 0.5) -> None:
        self._without = tuple(without)
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None
        self._below: list[int] = []
        self._began = 0.0
        #: CPU seconds between entry and exit.
        self.cpu_s = 0.0
        #: Largest memory seen, MB.
        self.rss_mb = 0.0

    async def __aenter__(self) -> Meter:
        self._below = self._children()
        self._began = cpu_s(self._below)
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
        self._below = self._children()
        self.cpu_s = cpu_s(self._below) - self._began
        self.rss_mb = max(self.rss_mb, rss_mb(self._below))

    def _children(self) -> list[int]:
        return children(os.getpid(), self._without) if _PROC.is_dir() else []

    async def _look(self) -> None:
        while True:
            self.rss_mb = max(self.rss_mb, rss_mb(self._below))
            await asyncio.sleep(self._every_s)
