"""The bot as a process of its own, without models: `python -m tests.foreign.bot SETTINGS.toml`.

Commands are JSON lines on stdin, answers JSON lines on stdout. A process of its own, because a packet that crashes a C
stack must end a test and not the tests, and because its files, tasks and sockets are then nobody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import math
import resource
import struct
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from baresip._native import lib

from storage.db import SqliteStore
from tests.support.bots import Silent
from tests.support.idle import tasks, udp_ports
from voicebot import app
from voicebot.model.audio import AudioFrame
from voicebot.settings import load
from voicebot.signaling import baresip_agent

#: What the bot says: a tone of this frequency (Hz), for a second a prompt.
BOT_TONE = 600
#: Names in hostile packets must not be asked of the machine's name server: nobody answers here.
NO_NAMES = "dns_server 127.0.0.1:9\n"


class Deaf(Silent):
    """Hears nothing, and whistles a tone that the far end can look for."""

    name = "tone-1"

    def synthesize(self, text: str) -> AudioFrame:
        wave = (int(8000 * math.sin(2 * math.pi * BOT_TONE * i / 8000)) for i in range(8000))
        return AudioFrame(struct.pack("<8000h", *wave), 8000)


def open_files() -> list[str]:
    """What this process has open, by name; a file may be closed between the list and the look."""
    names = []
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            names.append(str(fd.readlink()))
    return sorted(names)


class Bot:
    """The application and what can be asked of it."""

    def __init__(self, application: app.Application) -> None:
        self._app = application

    async def counters(self) -> dict[str, Any]:
        """All that a call takes and must give back."""
        _, calls = await self._app._signaling._runtime.cmd(lib.BP_CMD_CALL_COUNT)  # type: ignore[union-attr]
        low, high = self._app.kit.settings.telephony.rtp_ports
        status = Path("/proc/self/status").read_text()  # noqa: ASYNC240 - no disk is read
        figures = {row.split(":")[0]: row.split()[1] for row in status.splitlines() if row.split()[1:]}
        return {
            "live": self._app.supervisor.live,
            "stack": json.loads(calls)["calls"],
            "tasks": len(tasks()),
            "files": len(open_files()),
            "names": open_files(),
            "sockets": len(udp_ports()),
            "rtp": len([port for port in udp_ports() if low <= port <= high]),
            "threads": int(figures["Threads"]),
            "refused": self._app.supervisor.refused,
            "turned_away": asdict(self._app._signaling.turned_away),  # type: ignore[union-attr]
        }

    async def memory(self) -> dict[str, int]:
        """KB as the machine sees it (RSS), and of it what is in use: without what the allocator has free (glibc)."""
        gc.collect()
        seen = _rss_kb()
        ctypes.CDLL(None).malloc_trim(0)
        return {"seen": seen, "in_use": _rss_kb()}

    async def dial(self, accounts: list[str], flow: str = "reminder", at_a_time: int = 10) -> list[dict[str, Any]]:
        """Call these accounts; what came of each, in their order."""
        lines = asyncio.Semaphore(at_a_time)

        async def one(account: str) -> dict[str, Any]:
            async with lines:
                result = await self._app.supervisor.dial(account, flow)
            return {"attempt": result.attempt_id, "disposition": result.outcome.disposition.value}

        return list(await asyncio.gather(*map(one, accounts)))

    async def attempts(self, after: int = 0) -> list[dict[str, Any]]:
        """The attempts with a higher number than `after`, oldest first."""
        return await asyncio.to_thread(self._attempts, after)

    def _attempts(self, after: int) -> list[dict[str, Any]]:
        store = self._app.kit.store
        assert isinstance(store, SqliteStore)
        found = [store.call(row.attempt_id) for row in store.calls(limit=100_000) if row.attempt_id > after]
        return [
            {
                "attempt": call.summary.attempt_id,
                "direction": call.start.direction,
                "account": call.start.account_id,
                "disposition": call.outcome.disposition.value if call.outcome else None,
                "hung_up_by": call.outcome.hung_up_by if call.outcome else None,
                "sip_status": call.progress.sip_status,
                "recording": call.progress.recording,
                "media": call.progress.media,
            }
            for call in sorted(found, key=lambda call: call.summary.attempt_id)
        ]


def _rss_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


async def serve(settings_file: Path) -> None:
    """Answer commands until stdin ends."""
    plain = baresip_agent.stack_config

    def without_names(*arguments: Any) -> Any:
        config = plain(*arguments)
        config.extra_config_text += NO_NAMES
        return config

    baresip_agent.stack_config = without_names
    app.choose_recognizer = app.choose_synthesizer = lambda *_: Deaf()  # type: ignore[assignment,misc]
    app.choose_activity = Deaf  # type: ignore[assignment,misc]
    reader = asyncio.StreamReader(limit=2**22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with app.Application(load(settings_file, environ={})) as application:
        bot = Bot(application)
        print(json.dumps({"ready": True}), flush=True)  # noqa: T201 - the protocol
        running: set[asyncio.Task[None]] = set()

        async def run(wanted: dict[str, Any]) -> None:
            try:
                answer = await getattr(bot, wanted.pop("do"))(**wanted.pop("with"))
            except Exception as error:  # noqa: BLE001 - told to the test
                answer = {"error": repr(error)}
            print(json.dumps({**wanted, "answer": answer}), flush=True)  # noqa: T201

        while line := await reader.readline():
            task = asyncio.create_task(run(json.loads(line)))
            running.add(task)
            task.add_done_callback(running.discard)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
