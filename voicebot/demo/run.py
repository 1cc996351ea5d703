"""The demo: every scenario of a folder as a real call, and whether it ended as it should."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from storage.db import open_store
from storage.records import CallSummary
from voicebot.app import Application
from voicebot.commands.screen import Screen
from voicebot.demo.prepare import ENROL_S, Cast, alone, base_path, copy_base, enrol_voices, make_base, write_portfolio
from voicebot.demo.simulated import signs_noted
from voicebot.demo.simulator import Event, Listed, Simulator, free_port, record_voices
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
    """Also what the customers really say and press, to compare with what the bot heard."""

    labels: Mapping[str, Listed] = {}

    def simulator(self, event: Event) -> None:
        """One event of the simulator."""
        verb = {"said": "says ", "pressed": "press"}.get(str(event.get("event")))
        listed = self.labels.get(str(event.get("scenario")))
        if verb is not None and listed is not None:
            self.line(
                f"{listed.account} {listed.flow}", float(event.get("t0", 0.0)), verb, str(event.get("text", "")), ""
            )


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """Scenario files or folders, where everything of the run goes, how many calls at a time, who can be called.
    `signs_act`: a sign of a recording or a machine raises the risk as the settings say; else it is noted only."""

    scenarios: tuple[Path, ...]
    folder: Path
    parallel: int
    cast: Cast
    signs_act: bool = False


def own_folder(folder: Path, now: datetime) -> Path:
    """A new folder named by the time; two runs that begin in the same millisecond get two."""
    while True:
        path = folder / now.strftime("%Y-%m-%dT%H-%M-%S-%f")[:-3]
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            now += timedelta(milliseconds=1)
        else:
            return path


async def run_demo(settings: Settings, plan: DemoPlan, console: Console) -> DemoResult:
    """Prepare, call, compare. Raises VoicebotError where it cannot start."""
    now = datetime.now(UTC)
    run = own_folder(plan.folder, now)
    port = free_port()
    portfolio = write_portfolio(run / "portfolio", now.date(), plan.cast.customers)
    with alone(plan.folder):
        await _prepare(settings, plan, portfolio, console)
    copy_base(base_path(plan.folder, plan.cast, settings), run)
    simulator = Simulator(plan.scenarios, run / "portfolio", run / "simulator")
    settings = settings if plan.signs_act else signs_noted(settings)
    mine = _settings(settings, run, port, await simulator.start(bot=f"127.0.0.1:{port}"))
    screen = DemoScreen(console)
    try:
        async with Application(mine, screen) as application:
            await simulator.ready()
            for note in application.notes:
                console.print(f"[dim]{note}[/dim]")
            screen.labels = {s.scenario: s for s in simulator.scenarios}
            cpu, began = time.process_time(), time.monotonic()
            events = await _call_all(application, simulator, screen, plan.parallel)
            cpu_s, seconds = time.process_time() - cpu, time.monotonic() - began
    finally:
        await simulator.stop()
    rows = _rows(simulator.scenarios, events, mine.paths.database)
    return DemoResult(
        rows, tuple(events), cpu_s, seconds, mine.paths.database, mine.paths.recordings, run / "simulator"
    )


async def _prepare(settings: Settings, plan: DemoPlan, portfolio: tuple[Path, Path], console: Console) -> None:
    base = base_path(plan.folder, plan.cast, settings)
    if base.is_file():
        return
    console.print("enrolling the example customers' voices (once a day) ...")
    voices = plan.folder / f"voices-{ENROL_S:g}"
    await record_voices(plan.cast.voices, ENROL_S, voices)
    encoder = await asyncio.to_thread(choose_encoder, settings)
    made = await asyncio.to_thread(enrol_voices, plan.cast, voices, encoder, choose_activity(), settings)
    await asyncio.to_thread(make_base, base, portfolio, plan.cast, made, encoder.model_id)


def _settings(settings: Settings, run: Path, port: int, trunk_port: int) -> Settings:
    """The bank's settings, with everything of this run on loopback and in the run's folder."""
    paths = settings.paths.model_copy(
        update={"database": run / "voicebot.db", "recordings": run / "recordings", "voice_master_key": None}
    )
    telephony = settings.telephony.model_copy(
        update={"address": "127.0.0.1", "port": port, "ring_timeout_s": 6.0, "max_calls": 64}
    )
    trunk = settings.trunk.model_copy(update={"server": f"127.0.0.1:{trunk_port}", "register_trunk": False})
    return settings.model_copy(update={"paths": paths, "telephony": telephony, "trunk": trunk})


async def _call_all(application: Application, simulator: Simulator, screen: DemoScreen, parallel: int) -> list[Event]:
    """Dial the outbound scenarios, `parallel` at a time; the simulator calls for the inbound ones. All results.

    Scenarios of one account are dialled one after the other, in their order.
    """
    lines = asyncio.Semaphore(parallel)
    turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
    results: list[Event] = []

    async def dial(listed: Listed) -> None:
        async with turns[listed.account], lines:
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
    with open_store(database) as store:
        stored = sorted(store.calls(limit=10_000), key=lambda c: c.attempt_id)
        rows = []
        for scenario in listed:
            match = _take(stored, scenario)
            if match is None:
                rows.append(Row(scenario, measured.get(scenario.scenario), None))
                continue
            record = store.call(match.attempt_id)
            codes = tuple(warning.code for warning in record.warnings)
            enrolled = match.customer_id is not None and store.voiceprint(match.customer_id) is not None
            rows.append(Row(scenario, measured.get(scenario.scenario), match, codes, record.outcome, enrolled))
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
