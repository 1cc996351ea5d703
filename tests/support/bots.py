"""A whole bot for a test: its own settings and database, with or without models, in this process or as a program."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.db import open_store
from storage.portfolio import import_portfolio
from storage.portfolio_example import write_example
from tests.support.far_end import RTP_PORTS
from voicebot import app
from voicebot.demo.simulator import free_port
from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.speech import Utterance
from voicebot.settings import PROJECT, Settings, load

#: Spoken prompts stay here between runs.
PROMPTS = PROJECT / "var" / "tests" / "prompts"


def bot_settings(folder: Path, server: str, **telephony: object) -> Settings:
    """Everything in `folder`, calls by `server`, no check of the voice (its model takes seconds to load)."""
    settings = load(environ={})
    paths = settings.paths.model_copy(
        update={"database": folder / "bank.db", "recordings": folder / "recordings", "prompt_cache": PROMPTS}
    )
    lines = {"port": free_port(), "rtp_ports": RTP_PORTS, **telephony}
    return settings.model_copy(
        update={
            "paths": paths,
            "telephony": settings.telephony.model_copy(update=lines),
            "trunk": settings.trunk.model_copy(update={"server": server}),
            "voiceprint": settings.voiceprint.model_copy(update={"enabled": False}),
            "web": settings.web.model_copy(update={"enabled": False}),
        }
    )


def example_database(settings: Settings) -> None:
    """The example portfolio, imported."""
    with open_store(settings.paths.database) as store:
        folder = settings.paths.database.parent / "portfolio"
        assert not import_portfolio(store.db, *write_example(folder, today=datetime.now(UTC).date())).problems


class Silent:
    """An ear that hears nothing and a mouth that beeps: for tests in which nobody talks."""

    name = "none"
    streaming = False

    def start(self, phrases: object = None) -> Silent:
        return self

    def accept(self, frame: AudioFrame) -> tuple[SpeechChunk, ...]:
        return ()

    def snapshot(self) -> Utterance:
        return Utterance("")

    finish = snapshot

    def synthesize(self, text: str) -> AudioFrame:
        return AudioFrame(b"\1\1" * 8000, 8000)


def no_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `Application` start in a moment: no recogniser, no detector, no synthesizer."""
    monkeypatch.setattr(app, "choose_recognizer", lambda *_: Silent())
    monkeypatch.setattr(app, "choose_synthesizer", lambda *_: Silent())
    monkeypatch.setattr(app, "choose_activity", Silent)


def write_toml(settings: Settings, path: Path) -> Path:
    """The settings that differ from the defaults, as a file for the program."""
    shipped, lines = load(environ={}), []
    for section in Settings.model_fields:
        mine, theirs = getattr(settings, section), getattr(shipped, section)
        if isinstance(mine, tuple):
            assert not mine, "a list of tables is not written here"
            continue
        lines.append(f"[{section}]")
        for key, value in mine.model_dump(by_alias=True, mode="json").items():
            if value != theirs.model_dump(by_alias=True, mode="json")[key]:
                shown = str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
                lines.append(f"{key} = {shown}")
    path.write_text("\n".join(lines) + "\n")
    return path


@dataclass(slots=True)
class Program:
    """`voicebot ...` as a process; `lines`: what it wrote so far."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def read(self) -> None:
        """Collect its output until it ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode(errors="replace").rstrip())

    async def ends(self, within_s: float = 20) -> int:
        """Its exit status."""
        async with asyncio.timeout(within_s):
            return await self.process.wait()

    def send(self, number: signal.Signals) -> None:
        """A signal to this process alone."""
        self.process.send_signal(number)


@asynccontextmanager
async def program(settings_file: Path, *arguments: str, module: str = "voicebot.cli") -> AsyncIterator[Program]:
    """Start `voicebot --settings FILE ...`; it is gone afterwards whatever happened."""
    command = [sys.executable, "-m", module, "--settings", str(settings_file), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    running = Program(process)
    reader = asyncio.create_task(running.read())
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await reader
