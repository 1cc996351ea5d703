"""The simulator as a process of its own: started, followed by its events, stopped. Nothing of its code is used here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voicebot.errors import VoicebotError

#: SIP ports of test runs: below those that Linux and macOS give out, above the bot's RTP.
PORTS = (20_002, 29_998)
#: A JSON line of `sip-sim run --events`.
Event = dict[str, Any]


class SimulatorError(VoicebotError):
    """The simulator did not start or ended too soon."""

    code = "simulator"


@dataclass(frozen=True, slots=True)
class Listed:
    """A scenario as the simulator announces it. `expect`: what the bot's database must show."""

    scenario: str
    name: str
    flow: str
    account: str
    number: str
    direction: str
    expect: dict[str, str] = field(default_factory=dict)


class Simulator:
    """`sip-sim run` over files or folders of scenarios; `next` gives its events one by one."""

    def __init__(self, scenarios: Sequence[Path], portfolio: Path, out: Path, options: Sequence[str] = ()) -> None:
        self._arguments = [*map(str, scenarios), "--flat", "--events", "--portfolio", str(portfolio), "--out", str(out)]
        self._arguments += options
        self._process: asyncio.subprocess.Process
        self.scenarios: tuple[Listed, ...] = ()

    async def start(self, bot: str) -> int:
        """Start it; returns its SIP port at once. `bot`: where inbound callers call."""
        port = free_port()
        where = ["--listen", f"127.0.0.1:{port}", "--target", f"sip:{bot}"]
        command = [sys.executable, "-m", "sip_sim", "run", *self._arguments, *where]
        # A group of its own: Ctrl-C is for the bot, whose customers stay on the line until it has said goodbye.
        self._process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, limit=2**22, start_new_session=True
        )
        return port

    @property
    def pid(self) -> int:
        """Its process, once started."""
        return self._process.pid

    async def ready(self) -> None:
        """Wait until its customers can be called. Raises SimulatorError."""
        ready = await self.next()
        if ready is None or ready.get("event") != "ready":
            raise SimulatorError("the simulator did not start", hint="its own message is above")
        names = set(Listed.__dataclass_fields__)
        self.scenarios = tuple(Listed(**{k: v for k, v in s.items() if k in names}) for s in ready["scenarios"])

    async def next(self) -> Event | None:
        """The next event; None when the simulator has ended."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            with contextlib.suppress(json.JSONDecodeError):
                event = json.loads(line)
                if isinstance(event, dict):
                    return event
        return None

    async def stop(self) -> None:
        """End it politely; its calls are hung up."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(5):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


def free_port() -> int:
    """A UDP port on loopback that nobody has now, outside the range from which the system gives ports to others: it
    is opened later only, when the models are loaded."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(*PORTS)))
            return int(probe.getsockname()[1])


async def record_voices(voices: Sequence[str], seconds: float, out: Path) -> None:
    """Have the simulator's voices read for an enrolment: out/VOICE/*.wav, 8 kHz as over the telephone."""
    missing = [v for v in voices if not list((out / v).glob("*.wav"))]
    for voice in missing:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sip_sim", "record", "--voice", voice, "--seconds", f"{seconds:g}", "--out",
            str(out / voice), stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        if await process.wait() != 0:
            raise SimulatorError(f"the simulator's voice {voice} could not be recorded")
