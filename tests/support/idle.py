"""What of this process is still in use after a call: tasks, UDP sockets. Linux only (it reads /proc)."""

from __future__ import annotations

import asyncio
from pathlib import Path


def udp_ports() -> set[int]:
    """Local ports of the UDP sockets this process holds."""
    inodes = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:  # closed while we looked
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    rows = [row.split() for row in Path("/proc/self/net/udp").read_text().splitlines()[1:]]
    return {int(row[1].partition(":")[2], 16) for row in rows if row[9] in inodes}


def tasks() -> set[str]:
    """The asyncio tasks of the product and the simulator that run now, by what they run."""
    found = set()
    for task in asyncio.all_tasks():
        code = getattr(task.get_coro(), "cr_code", None)
        if code is not None and {"voicebot", "sip_sim", "baresip", "aiosipua"} & set(Path(code.co_filename).parts):
            found.add(f"{code.co_filename}:{code.co_name}")
    return found


async def until(condition: object, what: str = "it", within_s: float = 5.0) -> None:
    """Wait until `condition()` is true; fails naming `what` where it does not become so."""
    assert callable(condition)
    end = asyncio.get_running_loop().time() + within_s
    while not condition():
        assert asyncio.get_running_loop().time() < end, f"{what}: not within {within_s:g} s"
        await asyncio.sleep(0.01)
