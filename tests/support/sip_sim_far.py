"""A far end for the simulator on loopback: another of its phones, where the bot would be. Fixtures and helpers."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sip_sim.ears import Ears
from sip_sim.events import Event
from sip_sim.model import Answers, CallSpec, Expect, Persona, Scenario, Step
from sip_sim.phone import LineSpec, Phone, PhoneEvent, Switchboard
from sip_sim.registrar import Registrar
from sip_sim.report import ScenarioResult
from sip_sim.runner import Runner, RunSpec
from sip_sim.sip import SipEndpoint
from sip_sim.target import read_target
from sip_sim.voices import VoiceBox

MODEL = Path(__file__).parents[2] / "models" / "whisper-tiny-en"
NUMBER = "15550101001"


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> VoiceBox:
    return VoiceBox(tmp_path_factory.mktemp("voices"))


@pytest.fixture(scope="module")
def ears() -> Ears:
    return Ears(MODEL)


def scenario(*steps: Step, answers: Answers | None = None, call: CallSpec | None = None, **more: object) -> Scenario:
    numbered = call or CallSpec(number=NUMBER, max_s=30)
    fixed = {"persona": Persona("Joe", "joe"), "not_hears": (), "expect": Expect()} | more
    return Scenario(Path("test.yaml"), "a test", call=numbered, answers=answers or Answers(0.3), caller=steps, **fixed)  # type: ignore[arg-type]


class Carrier:
    """A Runner in the background."""

    def __init__(self, runner: Runner, events: list[Event]) -> None:
        self.events = events
        self._runner = runner
        self._task = asyncio.create_task(runner.run())

    async def address(self) -> tuple[str, int]:
        while self._runner.address[1] == 0 or not self.events:
            await asyncio.sleep(0.02)
            if self._task.done():
                self._task.result()
        return self._runner.address

    async def results(self) -> list[ScenarioResult]:
        return await self._task


Start = Callable[..., Carrier]


@pytest.fixture
def start(tmp_path: Path, voices: VoiceBox, ears: Ears) -> Start:
    def begin(
        *scenarios: Scenario, registrar: Registrar | None = None, target: str = "", wait_s: float = 20
    ) -> Carrier:
        events: list[Event] = []
        whom = read_target(target) if target else None
        spec = RunSpec(port=0, out=tmp_path / "out", target=whom, wait_s=wait_s, registrar=registrar)
        return Carrier(Runner(scenarios, spec, voices, ears, events.append), events)

    return begin


def media_threads() -> set[threading.Thread]:
    """The clocks of the phones that are on a call now."""
    return {thread for thread in threading.enumerate() if thread.name.startswith("sip-sim-media")}


@pytest.fixture
async def far() -> AsyncIterator[SipEndpoint]:
    """The far end: where the bot would be. Afterwards nothing of this test is left over."""
    before = media_threads()
    endpoint = SipEndpoint("127.0.0.1", 0)
    await endpoint.start()
    yield endpoint
    await endpoint.stop()
    await asyncio.sleep(0.05)
    assert not media_threads() - before
    assert not [task for task in asyncio.all_tasks() if "sip_sim" in repr(task.get_coro())]


async def dial(far: SipEndpoint, carrier: Carrier, number: str = NUMBER, **options: object) -> tuple[int, Phone]:
    """Dial a number of the carrier; returns the final status and the far end's phone."""
    host, port = await carrier.address()
    line = options.pop("line", LineSpec("PCMA", hangover_s=0.5))
    assert isinstance(line, LineSpec)
    phone = Phone(far, line)
    board = Switchboard(far, lambda _call, _user: None)
    dialing = asyncio.create_task(phone.dial(f"sip:{number}@{host}:{port}", (host, port), "bank", **options))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    board.add(phone)
    return await dialing, phone


async def until(phone: Phone, *kinds: type, timeout_s: float = 15.0) -> PhoneEvent:
    async with asyncio.timeout(timeout_s):
        while True:
            event = await phone.events.get()
            if isinstance(event, kinds):
                return event
