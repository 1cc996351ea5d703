"""Handing over: what the agent is told, and that every way in which nobody takes the call leaves the customer here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.support.fake_leg import FakeLeg
from voicebot.call.announcement import Announcer
from voicebot.call.line import Line
from voicebot.call.transfer import Handover, Request, summary_block
from voicebot.errors import CallNotAnswered, CallRefused, TrunkError
from voicebot.model.audio import MEDIA_RATE, AudioFrame
from voicebot.model.records import Turn
from voicebot.settings import AgentSettings

BLOCKS = ("agent_summary", "agent_summary_verified", "agent_summary_dispute", "still_there")


@pytest.mark.parametrize(
    ("reason", "verified", "block"),
    [
        ("dispute", False, "agent_summary"),
        ("dispute", True, "agent_summary_dispute"),
        ("asked_for_human", True, "agent_summary_verified"),
        ("asked_for_human", False, "agent_summary"),
    ],
)
def test_why_is_told_only_once_the_right_party_is_verified(reason: str, verified: bool, block: str) -> None:
    assert summary_block(Request(reason, verified), BLOCKS) == block


def test_a_language_without_the_longer_summaries_has_the_short_one() -> None:
    assert summary_block(Request("dispute", verified=True), ("agent_summary",)) == "agent_summary"


class AgentLeg(FakeLeg):
    """A desk phone. `does`: called with the leg 0.1 s after the answer."""

    def __init__(self, does: Callable[[AgentLeg], None], error: Exception | None = None) -> None:
        super().__init__()
        self.does, self.error = does, error
        self.keys: list[Callable[[str], None]] = []

    def on_dtmf(self, callback: Callable[[str], None]) -> None:
        self.keys.append(callback)

    def press(self, key: str) -> None:
        for callback in self.keys:
            callback(key)

    async def wait_answered(self, timeout_s: float) -> None:
        await asyncio.sleep(0.3)
        if self.error is not None:
            raise self.error
        asyncio.get_running_loop().call_later(0.1, self.does, self)


class CustomerLeg(FakeLeg):
    """Says whom it was handed to."""

    def __init__(self, *, works: bool = True) -> None:
        super().__init__()
        self.works, self.given = works, []

    async def transfer_to(self, agent: object) -> bool:
        self.given.append(agent)
        return self.works

    async def transfer(self, target: str) -> bool:
        self.given.append(target)
        return self.works


class Desk:
    """A Signaling that dials one agent."""

    def __init__(self, agent: AgentLeg, error: Exception | None = None) -> None:
        self.agent, self.error, self.dialled = agent, error, []

    async def dial(self, number: str) -> AgentLeg:
        self.dialled.append(number)
        if self.error is not None:
            raise self.error
        return self.agent


class Words:
    """A Prompter: 0.4 s of sound for everything."""

    def announcements(self, flow: str) -> tuple[str, ...]:
        return BLOCKS

    async def prepare(self, state: object, say: object) -> tuple[str, AudioFrame]:
        return say.step, AudioFrame(b"\1\1" * int(0.4 * MEDIA_RATE), MEDIA_RATE)  # type: ignore[attr-defined]


class Notes:
    """A Reporter that keeps the turns."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []

    def step(self, name: str) -> None: ...
    def said(self, text: str, t: float) -> None: ...
    def turn(self, turn: Turn) -> None:
        self.turns.append(turn)


async def hand_over(
    customer: CustomerLeg,
    desk: Desk,
    *,
    mode: str = "attended",
    company_s: float = 5.0,
    bridge: bool = False,
    bridge_s: float = 5.0,
) -> tuple[bool, list[Turn]]:
    notes, words = Notes(), Words()
    line = Line(customer, None)
    clock = asyncio.create_task(line.run())
    announcer = Announcer(line, words, notes)  # type: ignore[arg-type]
    settings = AgentSettings(
        uri="900", mode=mode, ring_s=1, accept_s=0.4, company_s=company_s, bridge=bridge, bridge_s=bridge_s
    )  # type: ignore[arg-type]
    try:
        handover = Handover(customer, announcer, words, desk, settings)  # type: ignore[arg-type]
        return await handover.run(Request("asked_for_human", verified=False)), notes.turns
    finally:
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)


async def test_the_key_1_takes_it() -> None:
    agent, customer = AgentLeg(lambda leg: leg.press("1")), CustomerLeg()
    taken, turns = await hand_over(customer, Desk(agent))
    assert taken
    assert customer.given == [agent]
    [turn] = turns
    assert (turn.step, turn.event, turn.reply_text) == ("announcements.agent_summary", "AgentAccepted", "1")
    assert turn.heard_s is not None  # pressed before the end of the sentence
    assert turn.heard_s < 0.4


@pytest.mark.parametrize(
    ("does", "event"),
    [
        (lambda leg: leg.press("2"), "AgentDeclined"),
        (lambda leg: leg.end("caller"), "AgentHungUp"),
        (lambda leg: None, "AgentSilent"),
    ],
)
async def test_who_does_not_take_it_gets_nobody(does: Callable[[AgentLeg], None], event: str) -> None:
    agent, customer = AgentLeg(does), CustomerLeg()
    taken, turns = await hand_over(customer, Desk(agent))
    assert not taken
    assert customer.given == []
    assert customer.ended is None
    assert agent.ended is not None
    assert [t.event for t in turns] == [event]


@pytest.mark.parametrize(
    "error", [CallNotAnswered("no"), CallRefused("no", status=486, reason="Busy Here"), CallRefused("no", status=None)]
)
async def test_an_agent_who_cannot_be_reached(error: Exception) -> None:
    agent, customer = AgentLeg(lambda leg: None, error), CustomerLeg()
    assert await hand_over(customer, Desk(agent)) == (False, [])
    assert agent.ended is not None
    assert customer.ended is None


async def test_a_trunk_that_is_away() -> None:
    assert await hand_over(CustomerLeg(), Desk(AgentLeg(lambda leg: None), TrunkError("away"))) == (False, [])


async def test_a_transfer_that_fails_leaves_the_customer_here() -> None:
    agent, customer = AgentLeg(lambda leg: leg.press("1")), CustomerLeg(works=False)
    taken, _ = await hand_over(customer, Desk(agent))
    assert not taken
    assert agent.ended is not None
    assert customer.ended is None


async def test_a_trunk_that_cannot_transfer_leaves_the_bot_between_the_two() -> None:
    agent, customer = AgentLeg(lambda leg: leg.press("1")), CustomerLeg(works=False)
    customer.incoming, agent.incoming = b"\5\5" * (4 * MEDIA_RATE), b"\7\7" * (4 * MEDIA_RATE)
    talk = asyncio.create_task(hand_over(customer, Desk(agent), bridge=True))
    await asyncio.sleep(2.0)
    assert not talk.done()
    agent.end("caller")
    taken, turns = await asyncio.wait_for(talk, 3)
    assert taken
    assert [t.event for t in turns] == ["AgentAccepted"]
    await asyncio.sleep(0.1)
    assert customer.sent.count(b"\7\7") > MEDIA_RATE
    assert agent.sent.count(b"\5\5") > MEDIA_RATE // 2
    assert customer.ended is None  # the flow ends it


async def test_a_talk_through_the_bot_is_bounded() -> None:
    agent, customer = AgentLeg(lambda leg: leg.press("1")), CustomerLeg(works=False)
    taken, _ = await asyncio.wait_for(hand_over(customer, Desk(agent), bridge=True, bridge_s=0.5), 4)
    assert taken
    assert agent.ended is not None


async def test_the_waiting_customer_hears_a_word_to_its_end() -> None:
    agent, customer = AgentLeg(lambda leg: None), CustomerLeg()
    _, turns = await hand_over(customer, Desk(agent), company_s=1.05)
    words = [t for t in turns if t.step == "announcements.still_there"]
    assert len(words) == 1
    assert words[0].heard_s is None


async def test_blind() -> None:
    agent, customer = AgentLeg(lambda leg: None), CustomerLeg()
    desk = Desk(agent)
    assert await hand_over(customer, desk, mode="blind") == (True, [])
    assert customer.given == ["900"]
    assert desk.dialled == []
