"""A trunk that cannot hand a call over: the bot connects customer and agent itself, on real calls."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from sip_sim import routing
from sip_sim.g711 import Samples
from sip_sim.media import SaidAll
from sip_sim.phone import Ended, Phone
from tests.support.far_end import bot_line, event, far_end
from tests.support.idle import until
from tests.support.legs import alike, noise, talking
from voicebot.call import bridge
from voicebot.call.line import Line

pytestmark = [pytest.mark.timeout(40), pytest.mark.usefixtures("nothing_left")]


#: The call, and two re-INVITEs.
HELD_AND_TAKEN_BACK = ("INVITE", "200", "ACK") * 3


async def test_both_hear_each_other_where_replaces_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "_knows", lambda _message, _extension: None)
    async with far_end() as far, bot_line(far.server) as bot:
        leg, customer = await talking(far, bot)
        agent_leg, agent = await talking(far, bot)
        line = Line(leg, None)
        clock = asyncio.create_task(line.run())
        assert not await leg.transfer_to(agent_leg)
        await agent_leg.resume()
        for phone in (customer, agent):
            await until(lambda phone=phone: phone.ladder.holds(HELD_AND_TAKEN_BACK), "held and taken back")
        connected = asyncio.create_task(bridge.connect(leg, line, agent_leg, 20))
        await asyncio.sleep(1.0)
        said = {customer: noise(1.5, seed=1), agent: noise(1.5, seed=2)}
        for phone, sound in said.items():
            phone.say(sound)
        for phone in said:
            await event(phone, SaidAll)
        await asyncio.sleep(0.7)
        await agent.hang_up()
        await asyncio.wait_for(connected, 3)
        await leg.hang_up()
        await event(customer, Ended)
        await clock
        assert heard(said[agent], customer) >= 0.7
        assert heard(said[customer], agent) >= 0.7


def heard(sound: Samples, phone: Phone) -> float:
    """How much of it came over two calls: its tenths of seconds that are found whole. Each jitter buffer that adapts,
    and each moment in which a busy machine is late, spoils one or two."""
    track = phone.line.recorder.tracks()[1]
    pieces = np.array_split(sound, sound.size // 800)
    return sum(alike(piece, track) > 0.9 for piece in pieces) / len(pieces)
