"""Transfers: the customer's phone that carries out a REFER, and the agent's desk phone that is called."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from aiosipua.incoming_call import IncomingCall

from sip_sim.caller import Line, Speech, Story, speech_key
from sip_sim.ears import Ears
from sip_sim.errors import PhoneError
from sip_sim.events import Emit
from sip_sim.g711 import Samples
from sip_sim.hearing import SpeechEnded
from sip_sim.in_dialog import ReferTo
from sip_sim.media import SaidAll
from sip_sim.model import Agent, Scenario
from sip_sim.phone import Ended, LineSpec, Phone, Switchboard
from sip_sim.sip import SipEndpoint
from sip_sim.wording import heard_all

_RING_S: Final = 20.0
_TALK_S: Final = 8.0
_BUSY: Final = 486
#: After the customer's words: their way, and the silence that ends them.
_HEARD_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Talk:
    """With what the customer hears and speaks."""

    ears: Ears
    speech: Speech

    def words(self, scenario: Scenario) -> Samples | None:
        """What the customer says to the agent: once more what was said first in the call; None: nothing was."""
        keys = [speech_key(scenario, step) for step in scenario.caller if step.says]
        return self.speech.get(keys[0]) if keys else None


async def execute_refer(
    scenario: Scenario, phone: Phone, target: ReferTo, story: Story, emit: Emit, talk: Talk | None = None
) -> None:
    """Dial the Refer-To, report with NOTIFY, talk for a moment (`talk` given: listen to the agent, answer), hang up.

    From an endpoint of its own: the target is often this simulator, and one endpoint keeps one call per Call-ID.
    """
    endpoint = SipEndpoint(phone.host, 0)
    await endpoint.start()
    second = Phone(endpoint, LineSpec(scenario.call.codec))
    board = Switchboard(endpoint, lambda _call, _user: None)
    try:
        number = scenario.call.number or "customer"
        dialing = asyncio.create_task(
            second.dial(target.uri, target.remote, number, timeout_s=_RING_S, replaces=target.replaces)
        )
        await asyncio.sleep(0)
        board.add(second)
        status = await dialing or 408
        story.agent = "reached" if status == 200 else story.agent or "not_reached"
        emit({"event": "transfer", "scenario": scenario.slug, "status": status})
        phone.transfer_progress(status)
        if status == 200:
            await _with_the_agent(scenario, second, story, talk)
    except PhoneError as error:
        story.failures.append(f"transfer: {error.message}")
    finally:
        await second.close()
        await endpoint.stop()


async def _with_the_agent(scenario: Scenario, phone: Phone, story: Story, talk: Talk | None) -> None:
    """Hear the agent out, say something back. Who hears nobody says so."""
    heard = await _next(phone, SpeechEnded)
    greeted = scenario.agent is not None and bool(scenario.agent.says)
    if isinstance(heard, SpeechEnded) and talk is not None:
        text = await asyncio.to_thread(talk.ears.transcribe, heard.samples)
        story.lines.append(Line("agent to customer", round(heard.t0, 2), round(heard.t1, 2), text))
    elif greeted and talk is not None:
        story.failures.append("transfer: the customer did not hear the agent")
    words = talk.words(scenario) if talk is not None else None
    if words is not None and not phone.ended:
        phone.say(words)
        await _next(phone, SaidAll)
        await asyncio.sleep(_HEARD_S)


async def _next(phone: Phone, kind: type[SpeechEnded | SaidAll]) -> object:
    """The next event of this kind, None where the call ends or eight seconds are over."""
    try:
        async with asyncio.timeout(_TALK_S):
            while not isinstance(event := await phone.events.get(), (kind, Ended)):
                continue
    except TimeoutError:
        return None
    return event if isinstance(event, kind) else None


@dataclass(slots=True)
class AgentDesk:
    """The agent of one scenario, who may be called more than once (attended: first by the bot, then the customer)."""

    scenario: Scenario
    agent: Agent
    ears: Ears
    speech: Speech
    emit: Emit
    story: Story | None = None
    first: Phone | None = None

    def takes_over(self, call: IncomingCall) -> bool:
        """Does the INVITE replace the agent's call with the bot (RFC 3891)?"""
        replaced = (call.invite.get_header("Replaces") or "").split(";")[0].strip()
        return bool(replaced) and self.first is not None and self.first.call_id == replaced

    async def serve(self, phone: Phone, *, takes_over: bool) -> None:
        """One call to the desk phone, to its end."""
        if self.story is not None and not self.story.agent:
            self.story.agent = "not_reached"  # until the customer is through
        try:
            if takes_over and self.first is not None:
                phone.answer()
                await self.first.hang_up()
            elif not await self._pick_up(phone):
                return
            self.first = self.first or phone
            await self._talk(phone, summary=not takes_over)
        except PhoneError as error:
            self._tell("agent", f"({error.message})", 0.0, 0.0)
        finally:
            await phone.close()

    async def _pick_up(self, phone: Phone) -> bool:
        if self.agent.answers == "busy":
            phone.reject(_BUSY)
            await asyncio.sleep(0.3)  # the ACK
            return False
        phone.ring()
        try:
            left = await asyncio.wait_for(
                phone.events.get(), self.agent.after_s if self.agent.answers == "yes" else _RING_S
            )
        except TimeoutError:
            if self.agent.answers != "yes":
                phone.reject(480)
                return False
            phone.answer()
            return True
        phone.events.put_nowait(left)
        await asyncio.sleep(0.3)  # the ACK to 487
        return False

    async def _talk(self, phone: Phone, *, summary: bool) -> None:
        """Listen to what the bot says, press the key that accepts; the customer is greeted."""
        accepted = not (summary and self.agent.accepts)
        if not summary or not self.agent.accepts:
            self._greet(phone)
        heard, from_bot = "", summary and bool(self.agent.accepts)
        while True:
            event = await phone.events.get()
            if isinstance(event, Ended):
                if not from_bot and not heard and self._expects_words() and self.story is not None:
                    self.story.failures.append("transfer: the agent did not hear the customer")
                return
            if not isinstance(event, SpeechEnded):
                continue
            text = await asyncio.to_thread(self.ears.transcribe, event.samples)
            self._tell("bot to agent" if from_bot else "customer to agent", text, event.t0, event.t1)
            heard = f"{heard} {text}".strip()
            if not accepted and heard_all(self.agent.hears, heard):
                accepted = True
                phone.press(self.agent.accepts)
                self.emit({"event": "accepted", "scenario": self.scenario.slug, "digits": self.agent.accepts})

    def _expects_words(self) -> bool:
        return bool(self.agent.says) and any(step.says for step in self.scenario.caller)

    def _greet(self, phone: Phone) -> None:
        if self.agent.says:
            phone.say(self.speech[(self.agent.voice, self.agent.says)])

    def _tell(self, who: str, text: str, t0: float, t1: float) -> None:
        self.emit(
            {"event": "agent", "scenario": self.scenario.slug, "who": who, "t0": round(t0, 2), "t1": round(t1, 2),
             "text": text}
        )  # fmt: skip
        if self.story is not None:
            self.story.lines.append(Line(who, round(t0, 2), round(t1, 2), text))
