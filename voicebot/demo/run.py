"""The demo: every scenario of a folder as a real call, and whether it ended as it should."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from storage.db import open_reader
from storage.records import CallSummary
from voicebot.app import Application
from voicebot.commands.screen import Screen
from voicebot.demo.prepare import ENROL_S, base_path, copy_base, enrolments, make_base, write_portfolio
from voicebot.demo.simulator import Event, Listed, Simulator, record_voices
from voicebot.demo.table import Row
from voicebot.engines.choose import choose_activity, choose_encoder
from voicebot.errors import VoicebotError
from voicebot.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DemoResult:
    """All rows, in the order of the scenarios, and where everything lies."""

    rows: tuple[Row, ...]
    events: tuple[Event, ...]
    cpu_s: float
    seconds: float
    database: Path
    recordings: Path
    simulator: Path


class DemoScreen(Screen):
    """Also what the customers hear and say."""

    def simulator(self, event: Event) -> None:
        """One event of the simulator."""
        what, scenario = event.get("event"), str(event.get("scenario", ""))
        if what == "said":
            self._customer(scenario, "says ", str(event.get("text", "")))
        elif what == "heard":
            self._customer(scenario, "hears", str(event.get("text", "")))

    def _customer(self, scenario: str, verb: str, text: str) -> None:
        self.console.print(f"[dim]     {scenario:<22}          {verb}[/dim]  ", end="")
        self.console.print(text, style="dim", markup=False)


async def run_demo(
    settings: Settings, scenarios: Sequence[Path], folder: Path, parallel: int, console: Console
) -> DemoResult:
    """Prepare, call, compare. Raises VoicebotError where it cannot start."""
    today = datetime.now(UTC)
    run = folder / today.strftime("%Y-%m-%dT%H-%M-%S")
    portfolio = write_portfolio(folder / "portfolio", today.date())
    await _prepare(settings, folder, portfolio, console)
    copy_base(base_path(folder), run)
    simulator_out = run / "simulator"
    port = _free_port()
    starting = asyncio.create_task(Simulator.start(scenarios, folder / "portfolio", simulator_out, f"127.0.0.1:{port}"))
    try:
        simulator = await starting
    finally:
        starting.cancel()
    mine = _settings(settings, run, port, simulator.port)
    screen = DemoScreen(console)
    cpu, began = time.process_time(), time.monotonic()
    try:
        async with Application(mine, screen) as application:
            for note in application.notes:
                console.print(f"[dim]{note}[/dim]")
            cpu, began = time.process_time(), time.monotonic()
            events = await _call_all(application, simulator, screen, parallel)
    finally:
        await simulator.stop()
    cpu_s, seconds = time.process_time() - cpu, time.monotonic() - began
    rows = _rows(simulator.scenarios, events, mine.paths.database)
    return DemoResult(rows, tuple(events), cpu_s, seconds, mine.paths.database, mine.paths.recordings, simulator_out)


async def _prepare(settings: Settings, folder: Path, portfolio: tuple[Path, Path], console: Console) -> None:
    base = base_path(folder)
    if base.is_file():
        return
    console.print("enrolling the example customers' voices (once) ...")
    voices = folder / "voices"
    await record_voices(sorted({e.voice for e in enrolments()}), ENROL_S, voices)
    encoder = await asyncio.to_thread(choose_encoder, settings)
    await asyncio.to_thread(make_base, base, portfolio, voices, encoder, choose_activity(), settings)


def _settings(settings: Settings, run: Path, port: int, trunk_port: int) -> Settings:
    """The bank's settings, with everything of this run on loopback and in the run's folder."""
    paths = settings.paths.model_copy(update={"database": run / "voicebot.db", "recordings": run / "recordings"})
    telephony = settings.telephony.model_copy(update={"address": "127.0.0.1", "port": port, "ring_timeout_s": 6.0})
    trunk = settings.trunk.model_copy(update={"server": f"127.0.0.1:{trunk_port}", "register_trunk": False})
    return settings.model_copy(update={"paths": paths, "telephony": telephony, "trunk": trunk})


def _free_port() -> int:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _call_all(application: Application, simulator: Simulator, screen: DemoScreen, parallel: int) -> list[Event]:
    """Dial the outbound scenarios, `parallel` at a time; the simulator calls for the inbound ones. All results."""
    lines = asyncio.Semaphore(parallel)
    results: list[Event] = []

    async def dial(listed: Listed) -> None:
        async with lines:
            try:
                await application.supervisor.dial(listed.account, listed.flow)
            except VoicebotError as error:
                screen.console.print(f"{listed.scenario}: {error}", style="red", markup=False)

    calls = [asyncio.create_task(dial(s)) for s in simulator.scenarios if s.direction == "outbound"]
    while (event := await simulator.next()) is not None:
        screen.simulator(event)
        if event["event"] == "result":
            results.append(event)
        if event["event"] == "done":
            break
    await asyncio.gather(*calls)
    await application.supervisor.drain(10.0)
    return results


def _rows(listed: Sequence[Listed], events: Sequence[Event], database: Path) -> tuple[Row, ...]:
    measured = {str(e["scenario"]): e for e in events}
    with open_reader(database) as reader:
        stored = sorted(reader.calls(limit=10_000), key=lambda c: c.attempt_id)
        warned = {c.attempt_id: tuple(w.code for w in reader.call(c.attempt_id).warnings) for c in stored if c.warnings}
    rows = []
    for scenario in listed:
        match = _take(stored, scenario)
        codes = warned.get(match.attempt_id, ()) if match is not None else ()
        rows.append(Row(scenario, measured.get(scenario.scenario), match, codes))
    return tuple(rows)


def _take(stored: list[CallSummary], scenario: Listed) -> CallSummary | None:
    """The attempt of a scenario: same account and direction, the first that no other scenario has."""
    for call in stored:
        if call.account_id == scenario.account and call.direction == scenario.direction:
            stored.remove(call)
            return call
    return None


def threads_from_environment() -> None:
    """One thread per model call: more fight over the cores with the calls themselves."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
