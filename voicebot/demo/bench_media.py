"""`voicebot bench --media-only`: the SIP stack and the 20 ms line alone, no model: a prompt is played in every call."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from voicebot.app import make_signaling
from voicebot.call.line import Line
from voicebot.demo.bench_packets import packet_figures, read_packets
from voicebot.demo.bench_run import BUSY, BenchRun, CallFigures, System, bench_run
from voicebot.demo.bench_system import Meter
from voicebot.demo.simulator import Event, SimulatorError, free_port
from voicebot.errors import AdmissionError, CallError, VoicebotError
from voicebot.model.audio import MEDIA_RATE, AudioFrame
from voicebot.model.ports import CallLeg, Signaling
from voicebot.settings import Settings

#: Calls begun a second.
RATE_PER_S = 50.0
_ANSWER_S = 15.0
_PROMPT_S = 3.0
#: A call that was shorter than this share of what was wanted has failed.
_WHOLE = 0.9


@dataclass(frozen=True, slots=True)
class MediaPlan:
    """`calls`: the loads; `seconds`: of each call; `out`: where the packets' traces go."""

    calls: tuple[int, ...]
    seconds: float
    out: Path
    keep: bool = False
    tell: Callable[[str], None] = lambda _: None


async def bench_media(settings: Settings, plan: MediaPlan, runs: list[BenchRun]) -> None:
    """Append a run a load."""
    for number in plan.calls:
        folder = plan.out / f"media-{number:03}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        plan.tell(f"{number} media-only call(s) at once, {plan.seconds:g} s each ...")
        runs.append(await MediaLoad(settings, plan, number, folder).run())
        if not plan.keep:
            shutil.rmtree(folder, ignore_errors=True)


def prompt(seconds: float = _PROMPT_S) -> AudioFrame:
    """Something like speech: noise in syllables of a quarter of a second."""
    count = round(seconds * MEDIA_RATE)
    syllables = np.abs(np.sin(2 * np.pi * 2.0 * np.arange(count) / MEDIA_RATE + 0.5))
    sound = np.random.default_rng(1).standard_normal(count) * 3000 * syllables
    return AudioFrame(np.clip(sound, -32768, 32767).astype(np.int16).tobytes(), MEDIA_RATE)


@dataclass(slots=True)
class MediaLoad:
    """One load."""

    settings: Settings
    plan: MediaPlan
    number: int
    folder: Path
    refused: int = 0
    failed: int = 0
    results: list[Event] = field(default_factory=list)

    async def run(self) -> BenchRun:
        """Raises VoicebotError where the stack cannot start."""
        far = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "voicebot.demo.bench_far_end", str(self.folder),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            ready = await _next(far)
            if ready is None:
                raise SimulatorError("the far end did not start", hint="its own message is above")
            signaling = make_signaling(self._settings(int(ready["port"])))
            try:
                await signaling.start()
                async with Meter(without=[far.pid]) as meter:
                    await self._calls(signaling)
                    await self._collect(far)
            finally:
                await signaling.close()
        finally:
            await _stop(far)
        return self._figures(System(meter.cpu_s, meter.rss_mb, self.refused))

    def _settings(self, far_port: int) -> Settings:
        telephony = self.settings.telephony.model_copy(
            update={"address": "127.0.0.1", "port": free_port(), "max_calls": self.number + 16}
        )
        trunk = self.settings.trunk.model_copy(
            update={
                "server": f"127.0.0.1:{far_port}",
                "register_trunk": False,
                "transport": "udp",
                "media_encryption": "none",
            }
        )
        return self.settings.model_copy(update={"telephony": telephony, "trunk": trunk})

    async def _calls(self, signaling: Signaling) -> None:
        sound = prompt()
        calls = []
        try:
            for index in range(self.number):
                calls.append(asyncio.create_task(self._call(signaling, f"1555{index:07}", sound)))
                await asyncio.sleep(1 / RATE_PER_S)
            await asyncio.gather(*calls)
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

    async def _call(self, signaling: Signaling, number: str, sound: AudioFrame) -> None:
        leg: CallLeg | None = None
        try:
            leg = await signaling.dial(number)
            await leg.wait_answered(_ANSWER_S)
            await self._talk(leg, sound)
        except AdmissionError:
            self.refused += 1
        except CallError:
            self.failed += 1
        except VoicebotError as error:
            self.failed += 1
            self.plan.tell(str(error))
        finally:
            if leg is not None:
                await leg.hang_up()

    async def _talk(self, leg: CallLeg, sound: AudioFrame) -> None:
        line = Line(leg, None)
        clock = asyncio.create_task(line.run())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.plan.seconds):
                    while True:
                        await line.play(sound)
        finally:
            clock.cancel()
            await asyncio.gather(clock, return_exceptions=True)

    async def _collect(self, far: asyncio.subprocess.Process) -> None:
        """The far end's results; those of calls that were answered come at once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                while len(self.results) < self.number - self.failed - self.refused:
                    event = await _next(far)
                    if event is None:
                        return
                    self.results.append(event)

    def _figures(self, system: System) -> BenchRun:
        made = []
        for event in self.results:
            packets = packet_figures(read_packets(self.folder / f"{event['call']}.packets.csv"))
            made.append(
                CallFigures(
                    length_s=event["length_s"],
                    failed=event["length_s"] < _WHOLE * self.plan.seconds,
                    first_audio_s=event["first_audio_s"],
                    jitter_ms=packets.jitter_ms,
                    between_ms=packets.between_ms,
                    packets=packets.received,
                    lost=packets.lost,
                )
            )
        made += [CallFigures(0.0, failed=True)] * (self.number - self.refused - len(made))
        run = bench_run(self.number, made, system)
        cost = run.cpu_core_s_per_call_s
        whole = not run.failed_calls and not run.refused_calls
        per_core = round(BUSY / cost, 1) if cost and whole else None
        return replace(run, media_only=True, false_machine_share=None, media_calls_per_core=per_core)


async def _next(process: asyncio.subprocess.Process) -> Event | None:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        return None
    event: Event = json.loads(line)
    return event


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Close its input; it ends."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(5):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
