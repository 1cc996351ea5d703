"""`voicebot bench`: N customers of the simulator talk at once with the real models; then their recordings are measured.

The measuring comes after the calls: nothing of it runs beside them but the customers' own ears, in a process that
gives way to all others.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from storage.db import open_reader
from voicebot.app import Application
from voicebot.call.kit import PromptVoice
from voicebot.call.prompter import Prompter
from voicebot.demo.bench_figures import Spoken
from voicebot.demo.bench_measure import Instruments, measure_call
from voicebot.demo.bench_run import LIMIT_S, BenchRun, CallFigures, System, bench_run, full_calls_per_core
from voicebot.demo.bench_scenarios import bench_cast, people, write_scenarios
from voicebot.demo.bench_sound import RATE, Samples, from_pcm
from voicebot.demo.bench_system import Meter
from voicebot.demo.prepare import ENROL_S, Cast, base_path, copy_base, enrol_voices, make_base, write_portfolio
from voicebot.demo.run import DemoScreen
from voicebot.demo.simulated import signs_noted
from voicebot.demo.simulator import Event, Listed, Simulator, free_port, record_voices
from voicebot.engines.choose import choose_activity, choose_encoder
from voicebot.errors import AdmissionError, VoicebotError
from voicebot.model.audio import AudioFrame
from voicebot.settings import Settings

#: Seconds the simulator waits for a call that never comes (it was refused) while no other runs.
_WAIT_S = 20.0
_RING_S = 10.0
_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """`calls`: the loads; `repeat`: calls one after the other on each line; `out`: where recordings go; `keep`: leave
    them there; `cache`: what is kept from run to run (enrolled voices); `tell`: progress for a person."""

    calls: tuple[int, ...]
    out: Path
    cache: Path
    repeat: int = 1
    seed: int = 1
    which: str = "standard"
    limit_s: float = LIMIT_S
    keep: bool = False
    tell: Callable[[str], None] = lambda _: None
    screen: Console = field(default_factory=lambda: Console(quiet=True))


async def bench(settings: Settings, plan: BenchPlan, runs: list[BenchRun]) -> None:
    """Append a run a load, so that an interrupted benchmark still has those that were over."""
    cast = bench_cast(max(plan.calls) * plan.repeat)
    portfolio = write_portfolio(plan.cache / "portfolio", datetime.now(UTC).date(), cast.customers)
    await _prepare(settings, plan, cast, portfolio)
    for number in plan.calls:
        folder = plan.out / f"calls-{number:03}"
        shutil.rmtree(folder, ignore_errors=True)
        load = Load(settings, plan, cast, portfolio, number, folder)
        runs.append(await load.run())
        cores = os.cpu_count() or 1
        runs[:] = [replace(r, full_calls_per_core=full_calls_per_core(r, runs, cores, plan.limit_s)) for r in runs]
        if not plan.keep:
            shutil.rmtree(folder, ignore_errors=True)


async def _prepare(settings: Settings, plan: BenchPlan, cast: Cast, portfolio: tuple[Path, Path]) -> None:
    """The database with the customers' voices, once a day and cast."""
    base = base_path(plan.cache, cast, settings)
    if base.is_file():
        return
    plan.tell("enrolling the customers' voices (once a day) ...")
    for old in plan.cache.glob("base-*"):
        if time.time() - old.stat().st_mtime > _DAY_S:
            shutil.rmtree(old, ignore_errors=True)
    voices = plan.cache / f"voices-{ENROL_S:g}"
    await record_voices(cast.voices, ENROL_S, voices)
    encoder = await asyncio.to_thread(choose_encoder, settings)
    made = await asyncio.to_thread(enrol_voices, cast, voices, encoder, choose_activity(), settings)
    await asyncio.to_thread(make_base, base, portfolio, cast, made, encoder.model_id)


def bench_settings(settings: Settings, folder: Path, port: int, trunk_port: int, calls: int) -> Settings:
    """The bank's settings, with everything of this run on loopback and in the run's folder."""
    paths = settings.paths.model_copy(
        update={"database": folder / "voicebot.db", "recordings": folder / "recordings", "voice_master_key": None}
    )
    telephony = settings.telephony.model_copy(
        update={"address": "127.0.0.1", "port": port, "ring_timeout_s": _RING_S, "max_calls": max(64, calls)}
    )
    trunk = settings.trunk.model_copy(
        update={
            "server": f"127.0.0.1:{trunk_port}",
            "register_trunk": False,
            "transport": "udp",
            "media_encryption": "none",
        }
    )
    return signs_noted(settings).model_copy(update={"paths": paths, "telephony": telephony, "trunk": trunk})


@dataclass(slots=True)
class Collecting:
    """A PromptVoice that remembers what it was asked for."""

    voice: PromptVoice
    rendered: dict[str, AudioFrame] = field(default_factory=dict)

    def get(self, text: str) -> AudioFrame:
        """See PromptVoice."""
        self.rendered[text] = self.voice.get(text)
        return self.rendered[text]


def write_known(folder: Path, prompts: Mapping[str, AudioFrame]) -> None:
    """As `sip-sim run --known` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, (text, sound) in enumerate(prompts.items()):
        name = f"{index:04}.wav"
        with wave.open(str(folder / name), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(sound.rate)
            out.writeframes(sound.pcm16)
        rows.append({"text": text, "wav": name})
    (folder / "index.json").write_text(json.dumps(rows), encoding="utf-8")


@dataclass(slots=True)
class Load:
    """One load: its calls, then its figures."""

    settings: Settings
    plan: BenchPlan
    cast: Cast
    portfolio: tuple[Path, Path]
    number: int
    folder: Path
    refused: int = 0
    over: int = 0
    events: dict[str, Event] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Calls of this load."""
        return self.number * self.plan.repeat

    async def run(self) -> BenchRun:
        """Raises VoicebotError where it cannot start."""
        customers = people(self.portfolio)[: self.total]
        scripts = write_scenarios(self.folder / "scenarios", customers, self.plan.seed, self.plan.which)
        copy_base(base_path(self.plan.cache, self.cast, self.settings), self.folder)
        port = free_port()
        simulator = Simulator(
            (self.folder / "scenarios",),
            self.portfolio[0].parent,
            self.folder / "callers",
            ("--ears-apart", "--known", str(self._known), "--wait", f"{_WAIT_S:g}", "--seed", str(self.plan.seed)),
        )
        trunk_port = await simulator.start(bot=f"127.0.0.1:{port}")
        mine = bench_settings(self.settings, self.folder, port, trunk_port, self.number)
        screen = DemoScreen(self.plan.screen)
        try:
            async with Application(mine, screen) as application:
                await self._warm(application)
                await simulator.ready()
                screen.labels = {one.scenario: one for one in simulator.scenarios}
                async with Meter(without=[simulator.pid]) as meter:
                    await self._talk(application, simulator, screen)
                self.plan.tell(f"{self._calls()}: listening to the recordings ...")
                made = await asyncio.to_thread(self._measure, application, simulator.scenarios, scripts)
                refused = self.refused + application.supervisor.refused
        finally:
            await simulator.stop()
        return bench_run(self.number, made, System(meter.cpu_s, meter.rss_mb, refused))

    def _calls(self) -> str:
        return f"{self.number} call{'s' if self.number > 1 else ''} at once"

    @property
    def _known(self) -> Path:
        """Prompts as sound, for the customers' ears."""
        return self.folder / "known"

    async def _warm(self, application: Application) -> None:
        """Speak into the cache what is known before the calls; in a campaign that happens while the planner waits.

        The customers get it as well: what they know by its sound they need not recognise, on the bot's cores.
        """
        self.plan.tell(f"{self._calls()}: rendering prompts ...")
        voice = Collecting(application.kit.voice)
        kit = replace(application.kit, voice=voice)
        for person in people(self.portfolio)[: self.total]:
            account = await asyncio.to_thread(kit.store.account, person.account)
            recording = kit.settings.telephony.recording
            await Prompter(kit, account, datetime.now(UTC).date(), "outbound", recording=recording).warm()
        await asyncio.to_thread(write_known, self._known, voice.rendered)

    async def _talk(self, application: Application, simulator: Simulator, screen: DemoScreen) -> None:
        lines = asyncio.Semaphore(self.number)

        async def dial(listed: Listed) -> None:
            async with lines:
                try:
                    await application.supervisor.dial(listed.account, listed.flow)
                except AdmissionError:
                    self.refused += 1
                except VoicebotError as error:
                    self.plan.tell(f"{listed.scenario}: {error}")

        calls = [asyncio.create_task(dial(one)) for one in simulator.scenarios]
        try:
            while (event := await simulator.next()) is not None:
                screen.simulator(event)
                if event["event"] == "result":
                    self.events[str(event["scenario"])] = event
                    self.over += 1
                    self.plan.tell(f"{self._calls()}: {self.over} of {self.total} over")
                if event["event"] == "done":
                    break
            await asyncio.gather(*calls)
        finally:
            for call in calls:
                call.cancel()

    def _measure(
        self, application: Application, listed: Sequence[Listed], scripts: Mapping[str, Mapping[str, Spoken]]
    ) -> list[CallFigures]:
        """Blocking. The recordings, against what the bot's database says it said and heard."""
        kit = application.kit

        def sound_of(text: str) -> Samples:
            return from_pcm(kit.voice.get(text).pcm16)

        def recognise(sound: Samples) -> str:
            stream = kit.recognizer.start()
            stream.accept(AudioFrame(sound.tobytes(), RATE))
            return stream.finish().text

        tools = Instruments(sound_of, recognise)
        made = []
        with open_reader(application.kit.settings.paths.database) as reader:
            attempts = {call.account_id: call.attempt_id for call in reversed(reader.calls(limit=10_000))}
            for one in listed:
                attempt = attempts.get(one.account)
                record = reader.call(attempt) if attempt is not None else None
                made.append(measure_call(self.events.get(one.scenario), scripts[one.scenario], record, tools))
        return made
