"""Keys over a network that loses, doubles and reorders their packets (RFC 4733): each press is taken once."""

from __future__ import annotations

import asyncio

import pytest

from sip_sim.network import NetworkSpec, Shaper
from tests.support.far_end import bot_line, far_end
from tests.support.legs import talking

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("nothing_left")]
EVENT, LAST_TICK = 101, 7 * 160


class Spoiled(Shaper):
    """What happens to the packets of a key: `how`."""

    how = "nothing"
    ends = 0

    def push(self, now: float, packet: bytes) -> None:
        is_event = packet[1] & 0x7F == EVENT
        end, duration = bool(packet[13] & 0x80), int.from_bytes(packet[14:16], "big")
        if is_event and self.how == "last one late" and not end and duration == LAST_TICK:
            now += 0.045
        elif is_event and self.how == "late among the ends" and (end or duration == LAST_TICK):
            self.ends += end
            now += (0.0, 0.025, 0.04)[(self.ends - 1) % 3] if end else 0.035
        elif is_event and self.how == "ends lost" and end:
            return
        elif is_event and self.how == "twice":
            super().push(now + 0.03, packet)
        super().push(now, packet)


@pytest.mark.parametrize(
    ("how", "keys"),
    [
        ("nothing", "2281"),
        ("last one late", "2281"),
        ("late among the ends", "2281"),
        ("twice", "2281"),
        ("ends lost", "2781"),
    ],
)
async def test_each_press_counts_once(how: str, keys: str) -> None:
    async with far_end() as far, bot_line(far.server) as bot:
        leg, phone = await talking(far, bot)
        taken: list[str] = []
        leg.on_dtmf(taken.append)
        phone.line.out = Spoiled(NetworkSpec(), 1)
        phone.line.out.how = how
        phone.press(keys)
        await asyncio.sleep(1.5)
        assert "".join(taken) == keys
        await leg.hang_up()
