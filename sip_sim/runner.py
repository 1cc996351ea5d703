"""Runs scenarios: the carrier takes the bot's calls and gives each to the phone with that number."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiosipua.incoming_call import IncomingCall

from sip_sim.caller import Caller, Speech, Story
from sip_sim.ears import Ears
from sip_sim.errors import PhoneError, SimError
from sip_sim.events import Emit, Event
from sip_sim.g711 import Samples
from sip_sim.in_dialog import ReferTo
from sip_sim.media import keep_steady
from sip_sim.model import Scenario
from sip_sim.outcome import Outcomes
from sip_sim.phone import LineSpec, Phone, Switchboard
from sip_sim.registrar import Registrar
from sip_sim.rendering import ANNOUNCER, backgrounds, render
from sip_sim.report import ScenarioResult, summary
from sip_sim.scenario import with_seed
from sip_sim.sip import SipEndpoint
from sip_sim.target import Target
from sip_sim.transfer import AgentDesk, Talk, execute_refer
from sip_sim.voices import VoiceBox

_BETWEEN_RINGS_S: Final = 0.3
_TRANSFER_S: Final = 12.0


@dataclass(frozen=True, slots=True)
class RunSpec:
    """Where to listen, whom to call, where to leave what."""

    host: str = "127.0.0.1"
    port: int = 5070
    target: Target | None = None
    out: Path = Path("var/sim")
    seed: int = 1
    wait_s: float = 300.0
    registrar: Registrar | None = None
    write: Callable[[list[ScenarioResult]], None] = lambda _: None  # the reports, before `done` is told
    parallel: int = 1  # customers who call at the same time (how many the bot calls is the bot's affair)


@dataclass(slots=True)
class _Slot:
    """One scenario's place in the run."""

    scenario: Scenario
    taken: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)
    result: ScenarioResult | None = None
    story: Story = field(default_factory=Story)
    desk: AgentDesk | None = None
    transfers: set[asyncio.Task[None]] = field(default_factory=set)


class Runner:
    """Serves every scenario once."""

    def __init__(self, scenarios: Sequence[Scenario], spec: RunSpec, voices: VoiceBox, ears: Ears, emit: Emit) -> None:
        self._spec, self._voices, self._ears, self._emit = spec, voices, ears, emit
        self._slots = [_Slot(with_seed(s, spec.seed + zlib.crc32(s.slug.encode()) % 100_000)) for s in scenarios]
        self._tasks: set[asyncio.Task[None]] = set()
        self._speech: Speech = {}
        self._noise: dict[str, Samples] = {}
        self._idle_since = 0.0
        self._stopped = False
        self._outcomes = Outcomes(spec.out)
        self._endpoint = SipEndpoint(spec.host, spec.port, spec.registrar)
        self._board = Switchboard(self._endpoint, self._incoming)

    @property
    def address(self) -> tuple[str, int]:
        """Where the endpoint listens."""
        return self._endpoint.address

    @property
    def stopped(self) -> bool:
        """Was it told to stop?"""
        return self._stopped

    @property
    def not_run(self) -> list[str]:
        """Scenarios that did not run, because the run was stopped before."""
        return [slot.scenario.slug for slot in self._slots if slot.result is None]

    def stop(self) -> None:
        """End now: calls going on are hung up and judged as far as they came, the others do not begin."""
        self._stopped = True
        for slot in self._slots:
            if not slot.taken:
                slot.taken = True
                slot.done.set()
        for task in self._tasks:
            task.cancel()

    async def run(self) -> list[ScenarioResult]:
        """Render, listen, serve all scenarios; results in the order of the files."""
        await self._prepare()
        keep_steady()
        await self._endpoint.start()
        try:
            self._emit(self._ready())
            self._idle_since = asyncio.get_running_loop().time()
            inbound = asyncio.create_task(self._dial_in())
            await asyncio.gather(*(self._wait(slot) for slot in self._slots))
            await inbound
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._endpoint.stop()
        results = [slot.result for slot in self._slots if slot.result is not None]
        self._spec.write(results)
        self._emit({**summary(results), "not_run": len(self.not_run)})
        return results

    async def _prepare(self) -> None:
        """All that is said in the calls, and the ears."""
        speech: dict[tuple[str, str], Samples] = {}
        for slot in self._slots:
            if not self._stopped:
                speech |= await asyncio.to_thread(render, [slot.scenario], self._voices)
                self._noise |= await asyncio.to_thread(backgrounds, [slot.scenario], self._voices)
        self._speech = speech
        if any(slot.scenario.caller for slot in self._slots) and not self._stopped:
            await asyncio.to_thread(self._ears.load)

    def _ready(self) -> Event:
        host, port = self._endpoint.address
        listed: list[Event] = [
            {
                "scenario": slot.scenario.slug,
                "name": slot.scenario.name,
                "flow": slot.scenario.call.flow,
                "account": slot.scenario.call.account,
                "number": slot.scenario.call.number,
                "direction": slot.scenario.call.direction,
                "expect": dict(slot.scenario.expect.outcome),
            }
            for slot in self._slots
        ]
        return {"event": "ready", "host": host, "port": port, "scenarios": list(listed)}

    async def _wait(self, slot: _Slot) -> None:
        """Until the scenario ran, or no call was going on for `wait_s`."""
        loop = asyncio.get_running_loop()
        while not slot.done.is_set():
            if self._tasks:
                self._idle_since = loop.time()
            try:
                await asyncio.wait_for(slot.done.wait(), min(1.0, self._spec.wait_s))
            except TimeoutError:
                idle = loop.time() - self._idle_since
                if not slot.taken and not self._tasks and idle >= self._spec.wait_s:
                    slot.taken = True
                    self._settle(slot, self._outcomes.without_call(slot.scenario, "nobody called this number in time"))

    def _incoming(self, call: IncomingCall, user: str) -> Phone | None:
        number = re.sub(r"\D", "", user)
        free = [s for s in self._slots if not s.taken and s.scenario.call.direction == "outbound"]
        slot = next((s for s in free if s.scenario.call.number == number), None)
        if slot is None and (desk := self._desk(number)) is not None:
            return self._agent_rings(desk, call)
        if slot is None:
            self._emit({"event": "unknown_number", "call_id": call.call_id})
            return None
        slot.taken = True
        phone = self._phone(slot.scenario)
        phone.take(call)
        self._spawn(slot, phone)
        return phone

    def _desk(self, number: str) -> _Slot | None:
        """The scenario whose agent has this number and whose call is going on."""
        going = [s for s in self._slots if s.taken and not s.done.is_set() and s.scenario.agent is not None]
        return next((s for s in going if s.scenario.agent is not None and s.scenario.agent.number == number), None)

    def _agent_rings(self, slot: _Slot, call: IncomingCall) -> Phone | None:
        agent = slot.scenario.agent
        if agent is None:
            return None
        if slot.desk is None:
            slot.desk = AgentDesk(slot.scenario, agent, self._ears, self._speech, self._emit, slot.story)
        phone = Phone(self._endpoint, LineSpec(slot.scenario.call.codec))
        phone.take(call)
        self._beside(slot, self._agent_call(slot.desk, phone, slot.desk.takes_over(call)))
        return phone

    async def _agent_call(self, desk: AgentDesk, phone: Phone, takes_over: bool) -> None:
        try:
            await desk.serve(phone, takes_over=takes_over)
        finally:
            self._board.remove(phone)

    def _beside(self, slot: _Slot, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        slot.transfers.add(task)
        task.add_done_callback(slot.transfers.discard)

    def _phone(self, scenario: Scenario) -> Phone:
        call, seed = scenario.call, scenario.call.seed or 0
        return Phone(self._endpoint, LineSpec(call.codec, call.network, seed, noise=self._noise.get(scenario.slug)))

    def _spawn(self, slot: _Slot, phone: Phone) -> None:
        task = asyncio.create_task(self._serve(slot, phone))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _dial_in(self) -> None:
        """Customers who call the bank, `parallel` at a time, each when no other call of that number is to come first:
        the bank's own calls go before, then customers in the order of the list."""
        lines = asyncio.Semaphore(self._spec.parallel)
        inward: list[_Slot] = []
        waiting: list[Coroutine[None, None, None]] = []
        for slot in self._slots:
            if slot.scenario.call.direction == "inbound":
                number = slot.scenario.call.number
                first = [s for s in self._slots if s.scenario.call.direction == "outbound" or s in inward]
                inward.append(slot)
                before = [s for s in first if s.scenario.call.number == number]
                waiting.append(self._call_in(slot, before, lines))
        await asyncio.gather(*waiting)

    async def _call_in(self, slot: _Slot, before: Sequence[_Slot], lines: asyncio.Semaphore) -> None:
        for other in before:
            await other.done.wait()
        async with lines:
            if not slot.taken:
                slot.taken = True
                self._spawn(slot, self._phone(slot.scenario))
            await slot.done.wait()

    async def _serve(self, slot: _Slot, phone: Phone) -> None:
        scenario = slot.scenario
        story = slot.story
        phone.on_refer = lambda target: self._referred(slot, phone, target)
        answered = False
        try:
            answered = await (self._ring(scenario, phone) if phone.call_id else self._dial(scenario, phone))
            if answered:
                self._emit({"event": "answered", "scenario": scenario.slug})
                await Caller(scenario, phone, self._ears, self._speech, self._emit, story).run()
        except SimError as error:
            story.failures.insert(0, error.message)
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            story.failures.insert(0, "stopped while the call was going on")
            if not answered:
                phone.reject(480)
        finally:
            await self._transfers_over(slot)
            await phone.close()
            self._board.remove(phone)
        self._settle(slot, self._outcomes.of_call(scenario, phone, story))

    def _referred(self, slot: _Slot, phone: Phone, target: ReferTo) -> None:
        talk = Talk(self._ears, self._speech)
        self._beside(slot, execute_refer(slot.scenario, phone, target, slot.story, self._emit, talk))

    async def _transfers_over(self, slot: _Slot) -> None:
        """Wait for the customer's and the agent's talk; a phone still ringing or talking then is hung up."""
        patience = 0 if self._stopped else _TRANSFER_S
        _, late = await asyncio.wait(slot.transfers, timeout=patience) if slot.transfers else (set(), set())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _ring(self, scenario: Scenario, phone: Phone) -> bool:
        """100 went out already; 180, then the answer the scenario wants. True where the call is answered."""
        self._emit(
            {
                "event": "call",
                "scenario": scenario.slug,
                "direction": "outbound",
                "number": scenario.call.number,
                "call_id": phone.call_id,
            }
        )
        answers = scenario.answers
        await self._progress(scenario, phone)
        left = await self._left_within(phone, scenario.call.max_s if answers.never else answers.after_s)
        if left or answers.never:
            if not left:
                phone.reject(480)
            return False
        if answers.status != 200:
            phone.reject(answers.status)
            await asyncio.sleep(0.3)  # the ACK
            return False
        phone.answer()
        return True

    async def _progress(self, scenario: Scenario, phone: Phone) -> None:
        """Provisional answers, the last one with early media where there is an announcement."""
        answers = scenario.answers
        for index, status in enumerate(answers.rings):
            if index:
                await asyncio.sleep(_BETWEEN_RINGS_S)
            phone.provisional(status, answers.forks)
        if answers.early_media:
            await phone.announce(self._speech[(ANNOUNCER, answers.early_media)])

    async def _left_within(self, phone: Phone, seconds: float) -> bool:
        try:
            ended = await asyncio.wait_for(phone.events.get(), seconds)
        except TimeoutError:
            return False
        phone.events.put_nowait(ended)
        await asyncio.sleep(0.3)  # the ACK to 487
        return True

    async def _dial(self, scenario: Scenario, phone: Phone) -> bool:
        target = self._spec.target
        if target is None:
            raise PhoneError("in this scenario the customer calls, but whom?", hint="give --target sip:HOST:PORT")
        remote = await asyncio.to_thread(target.address)
        if target.asks and not await self._endpoint.is_there(remote, timeout_s=self._spec.wait_s):
            hint = "is the bot serving there? one that answers no OPTIONS is called with --no-options"
            raise PhoneError(f"nobody answers at {target.uri}", hint=hint)
        self._emit({"event": "call", "scenario": scenario.slug, "direction": "inbound", "number": scenario.call.number})
        dialing = asyncio.create_task(phone.dial(target.uri, remote, scenario.call.number, auth=target.auth))
        await asyncio.sleep(0)
        self._board.add(phone)
        try:
            status = await dialing
        except asyncio.CancelledError:
            dialing.cancel()
            raise
        if status != 200:
            raise PhoneError(
                f"the bot answered {status or 'nothing'} to the call", hint="is the bot serving at --target?"
            )
        return True

    def _settle(self, slot: _Slot, result: ScenarioResult) -> None:
        slot.result = result
        slot.done.set()
        self._emit(result.as_event())
