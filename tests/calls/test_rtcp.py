"""RTCP (RFC 3550 section 6): what the far end lost, and the round trip, reach the leg's figures."""

from __future__ import annotations

import asyncio

import pytest

from sip_sim.network import NetworkSpec
from sip_sim.phone import LineSpec, Phone
from tests.support.far_end import FarEnd, bot_line, far_end
from tests.support.legs import noise, say, talking

pytestmark = [pytest.mark.timeout(40), pytest.mark.usefixtures("nothing_left")]


def phones(far: FarEnd, network: NetworkSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """The far end's next telephones are on this network."""

    def phone(self: FarEnd) -> Phone:
        made = Phone(self.endpoint, LineSpec(codec=self.codec, network=network))
        self.phones.append(made)
        return made

    monkeypatch.setattr(FarEnd, "phone", phone)


@pytest.mark.parametrize(("loss", "lost"), [(0.2, True), (0.0, False)])
async def test_what_the_far_end_lost_is_known(loss: float, lost: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async with far_end() as far, bot_line(far.server) as bot:
        phones(far, NetworkSpec(loss=loss), monkeypatch)
        leg, phone = await talking(far, bot)
        saying = asyncio.create_task(say(leg, noise(6.8)))
        await saying
        await leg.hang_up()
        stats = leg.stats()
        assert (stats.tx_lost > 10) is lost, stats
        assert (stats.tx_lost == 0) is not lost, stats
        assert 0 < stats.rtt_ms < 500, stats
        assert phone.ended
