"""The bot's driver with several trunks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.support.far_end import RTP_PORTS, BotLine
from tests.support.sip_peer import Peer
from voicebot.demo.simulator import free_port
from voicebot.settings import TelephonySettings, TrunkSettings
from voicebot.signaling.baresip_agent import BaresipSignaling

NO_ANSWER_S = 1.0


def trunk(peer: Peer | str, **more: object) -> TrunkSettings:
    server, transport = (peer, "udp") if isinstance(peer, str) else (peer.server, peer.transport)
    wanted = {"server": server, "transport": transport, "no_answer_s": NO_ANSWER_S, "options_s": 0, **more}
    return TrunkSettings.model_validate(wanted)


@asynccontextmanager
async def bot_with(trunks: Sequence[TrunkSettings]) -> AsyncIterator[BotLine]:
    """The bot's driver with these trunks; at the end nothing of any call is left."""
    telephony = TelephonySettings(port=free_port(), rtp_ports=RTP_PORTS)
    bot = BotLine(BaresipSignaling(telephony, trunks[0], trunks[1:]), telephony.port)
    try:
        await bot.signaling.start()
        yield bot
        await bot.idle()
    finally:
        await bot.signaling.close()


def states(bot: BotLine) -> list[bool]:
    return [state.healthy for state in bot.signaling.trunks()]
