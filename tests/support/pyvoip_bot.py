"""The bot's second driver, pyVoIP, for tests: started, called, checked for what it leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.far_end import RTP_PORTS
from tests.support.idle import udp_ports, until
from voicebot.app import make_signaling
from voicebot.demo.simulator import free_port
from voicebot.model.ports import CallLeg, Signaling
from voicebot.settings import Settings, TelephonySettings, TrunkSettings


@dataclass(slots=True)
class PyvoipBot:
    """The bot's driver, where it listens, and inbound calls not yet answered."""

    signaling: Signaling
    port: int
    legs: asyncio.Queue[CallLeg] = field(default_factory=asyncio.Queue)


def threads() -> list[str]:
    """pyVoIP's threads that run now."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pyvoip")]


@asynccontextmanager
async def pyvoip(server: str, trunk: TrunkSettings | None = None, **telephony: object) -> AsyncIterator[PyvoipBot]:
    """The driver as the application makes it; at the end no thread and no RTP socket of any call is left."""
    wanted = {"driver": "pyvoip", "port": free_port(), "rtp_ports": RTP_PORTS, **telephony}
    settings = Settings(telephony=TelephonySettings(**wanted), trunk=trunk or TrunkSettings(server=server))  # type: ignore[arg-type]
    bot = PyvoipBot(make_signaling(settings), settings.telephony.port)
    bot.signaling.on_incoming(bot.legs.put_nowait)
    try:
        await bot.signaling.start()
        yield bot
        low, high = RTP_PORTS
        await until(lambda: not [p for p in udp_ports() if low <= p <= high], "RTP sockets closed", 1)
        await until(lambda: not threads(), "RTP threads ended", 1)
    finally:
        await bot.signaling.close()
        assert not threads()


def deaf_to(bot: PyvoipBot, *starts: str) -> None:
    """Lose the first message that the bot sends of each kind."""
    wire = bot.signaling._wire
    send, lost = wire.send, list(starts)

    def losing(text: str, to: tuple[str, int]) -> None:
        start = next((s for s in lost if text.startswith(s)), None)
        if start is not None:
            lost.remove(start)
        else:
            send(text, to)

    wire.send = losing
