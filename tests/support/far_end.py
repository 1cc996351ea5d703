"""The far end of the bot's legs: the simulator's telephones in this process, and the bot's SIP driver against them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from aiosipua.incoming_call import IncomingCall
from baresip._native import lib

from sip_sim.hearing import SpeechEnded, SpeechStarted
from sip_sim.phone import LineSpec, Phone, PhoneEvent, Switchboard
from sip_sim.registrar import Registrar
from sip_sim.sip import SipEndpoint
from tests.support.idle import udp_ports, until
from voicebot.demo.simulator import free_port
from voicebot.model.ports import CallLeg
from voicebot.settings import TelephonySettings, TrunkSettings
from voicebot.signaling.baresip_agent import BaresipSignaling

E = TypeVar("E")
#: RTP of the bot under test; nobody else on the machine uses it.
RTP_PORTS = (31000, 31998)
NUMBER = "15550101001"


class Listening(Protocol):
    """A bot that can be called."""

    @property
    def port(self) -> int:
        """Its SIP port on 127.0.0.1."""
        ...


@dataclass(slots=True)
class FarEnd:
    """One SIP port with a telephone for each call that comes in."""

    endpoint: SipEndpoint
    codec: str = "PCMA"
    calls: asyncio.Queue[Phone] = field(default_factory=asyncio.Queue)
    phones: list[Phone] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)
    board: Switchboard = field(init=False)

    def __post_init__(self) -> None:
        self.board = Switchboard(self.endpoint, self._incoming)

    @property
    def server(self) -> str:
        """HOST:PORT."""
        return f"{self.endpoint.address[0]}:{self.endpoint.address[1]}"

    def _incoming(self, call: IncomingCall, user: str) -> Phone:
        phone = self.phone()
        phone.take(call)
        self.dialled.append(user)
        self.calls.put_nowait(phone)
        return phone

    def phone(self) -> Phone:
        """A telephone of its own, not yet in a call."""
        phone = Phone(self.endpoint, LineSpec(codec=self.codec))
        self.phones.append(phone)
        return phone

    async def rings(self) -> Phone:
        """The next call's telephone, 180 sent."""
        async with asyncio.timeout(10):
            phone = await self.calls.get()
        phone.ring()
        return phone

    async def call(self, bot: Listening, *, number: str = "voicebot", timeout_s: float = 10) -> tuple[int, Phone]:
        """Call the bot; the final status (0: nobody answered in time)."""
        phone = self.phone()
        target = f"sip:{number}@127.0.0.1:{bot.port}"
        dialing = asyncio.create_task(phone.dial(target, ("127.0.0.1", bot.port), NUMBER, timeout_s=timeout_s))
        await asyncio.sleep(0)
        self.board.add(phone)
        return await dialing, phone


@asynccontextmanager
async def far_end(codec: str = "PCMA", registrar: Registrar | None = None) -> AsyncIterator[FarEnd]:
    """Telephones on a free port of 127.0.0.1; hung up and closed at the end."""
    endpoint = SipEndpoint("127.0.0.1", 0, registrar)
    far = FarEnd(endpoint, codec)
    await endpoint.start()
    try:
        yield far
    finally:
        for phone in far.phones:
            await phone.close()
        await endpoint.stop()


@dataclass(slots=True)
class BotLine:
    """The bot's driver and where it listens; `legs`: inbound calls, not yet answered."""

    signaling: BaresipSignaling
    port: int
    legs: asyncio.Queue[CallLeg] = field(default_factory=asyncio.Queue)

    async def idle(self) -> None:
        """No call in the stack, no RTP socket open: within 3 s."""
        low, high = RTP_PORTS
        await until(lambda: not [p for p in udp_ports() if low <= p <= high], "RTP sockets closed", 3)
        _, payload = await self.signaling._runtime.cmd(lib.BP_CMD_CALL_COUNT)
        assert payload == b'{"calls":0}', payload


@asynccontextmanager
async def bot_line(server: str, trunk: TrunkSettings | None = None, **telephony: object) -> AsyncIterator[BotLine]:
    """The bot's driver, calls sent to `server`; at the end nothing of any call is left."""
    settings = TelephonySettings(**{"port": free_port(), "rtp_ports": RTP_PORTS, **telephony})  # type: ignore[arg-type]
    bot = BotLine(BaresipSignaling(settings, trunk or TrunkSettings(server=server)), settings.port)
    bot.signaling.on_incoming(bot.legs.put_nowait)
    try:
        await bot.signaling.start()
        yield bot
        await bot.idle()
    finally:
        await bot.signaling.close()


async def event(phone: Phone, *kinds: type[E], within_s: float = 10) -> E:
    """The telephone's next event of these kinds."""
    async with asyncio.timeout(within_s):
        while True:
            got: PhoneEvent = await phone.events.get()
            if isinstance(got, kinds):
                return got


async def asked(phone: Phone) -> None:
    """Until the bot has asked something and waits."""
    while True:
        await event(phone, SpeechEnded, within_s=30)
        try:
            await event(phone, SpeechStarted, within_s=0.9)
        except TimeoutError:
            return
