"""`sip-sim phone`: one persona's phone kept open; answers calls, prints what it hears, says what is typed."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from aiosipua.auth import SipDigestAuth
from aiosipua.incoming_call import IncomingCall

from sip_sim.ears import Ears
from sip_sim.errors import PhoneError
from sip_sim.hearing import SpeechEnded
from sip_sim.media import Digit, SaidAll
from sip_sim.phone import Ended, LineSpec, Phone, Switchboard
from sip_sim.sip import SipEndpoint
from sip_sim.voices import VoiceBox


@dataclass(frozen=True, slots=True)
class DeskSpec:
    """Whose phone it is and where it listens."""

    number: str
    voice: str
    host: str = "127.0.0.1"
    port: int = 5071
    codec: str = "PCMA"
    ring_s: float = 1.0
    registrar: str = ""
    user: str = ""
    password: str = ""


class Desk:
    """Lines typed are spoken; `/press 12#` presses keys, `/hangup` hangs up, `/quit` ends the phone.

    `show` prints one line. Lines typed while there is no call wait for the next call.
    """

    def __init__(self, spec: DeskSpec, voices: VoiceBox, ears: Ears, show: Callable[[str], None]) -> None:
        self._spec, self._voices, self._ears, self._show = spec, voices, ears, show
        self._endpoint = SipEndpoint(spec.host, spec.port)
        self._board = Switchboard(self._endpoint, self._incoming)
        self._typed: asyncio.Queue[str] = asyncio.Queue()
        self._call: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._endpoint.address

    def type(self, line: str) -> None:
        """As if typed."""
        if line == "/quit":
            self._stop.set()
        elif self._call is not None or not line.startswith("/"):
            self._typed.put_nowait(line)

    async def run(self, typed: IO[str] | None, *, calls: int = 0) -> None:
        """Serve until `/quit` is typed, or this many `calls` (0 = no end) have ended."""
        await self._endpoint.start()
        if typed is not None:
            # A daemon thread: a read of the keyboard cannot be cancelled, and must not keep the program alive.
            arguments = (typed, asyncio.get_running_loop())
            threading.Thread(target=self._read, args=arguments, daemon=True, name="sip-sim-keyboard").start()
        try:
            if self._spec.registrar:
                await self._register()
            host, port = self.address
            self._show(f"phone {self._spec.number} listens on {host}:{port}")
            await self._until(calls)
        finally:
            if self._call is not None:
                self._call.cancel()
                await asyncio.gather(self._call, return_exceptions=True)
            await self._endpoint.stop()

    async def _until(self, calls: int) -> None:
        ended = 0
        while not self._stop.is_set() and (calls == 0 or ended < calls):
            if self._call is not None and self._call.done():
                ended += 1
                self._call = None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), 0.1)

    def _read(self, typed: IO[str], loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the phone was put away
            for line in typed:
                loop.call_soon_threadsafe(self.type, line.strip())

    async def _register(self) -> None:
        match = re.fullmatch(r"(?:sip:)?([^:]+)(?::(\d+))?", self._spec.registrar)
        if match is None:
            raise PhoneError(f"{self._spec.registrar!r} is not a registrar", hint="give HOST:PORT")
        remote = (match[1], int(match[2] or 5060))
        auth = SipDigestAuth(self._spec.user or self._spec.number, self._spec.password)
        if not await self._endpoint.register(self._spec.number, remote, auth):
            raise PhoneError(
                f"{self._spec.registrar} did not accept the registration", hint="check --user and --password"
            )
        self._show(f"registered at {self._spec.registrar}")

    def _incoming(self, call: IncomingCall, user: str) -> Phone | None:
        if self._call is not None or re.sub(r"\D", "", user) not in {"", self._spec.number}:
            return None
        phone = Phone(self._endpoint, LineSpec(codec=self._spec.codec))
        phone.take(call)
        self._call = asyncio.create_task(self._talk(phone))
        return phone

    async def _talk(self, phone: Phone) -> None:
        typing: asyncio.Task[None] | None = None
        try:
            phone.ring()
            self._show("ringing")
            await asyncio.sleep(self._spec.ring_s)
            phone.answer()
            self._show("answered")
            typing = asyncio.create_task(self._obey(phone))
            await self._listen(phone)
        except PhoneError as error:
            self._show(f"error: {error}")
        finally:
            if typing is not None:
                typing.cancel()
                await asyncio.gather(typing, return_exceptions=True)
            await phone.close()
            self._board.remove(phone)

    async def _listen(self, phone: Phone) -> None:
        while True:
            event = await phone.events.get()
            if isinstance(event, SpeechEnded):
                self._show(f"heard: {await asyncio.to_thread(self._ears.transcribe, event.samples)}")
            elif isinstance(event, Digit):
                self._show(f"key: {event.digit}")
            elif isinstance(event, SaidAll):
                self._show("said")
            elif isinstance(event, Ended):
                self._show(f"call ended by {'me' if event.by == 'caller' else 'the far end'}")
                return

    async def _obey(self, phone: Phone) -> None:
        while True:
            line = await self._typed.get()
            if line.startswith("/press "):
                phone.press(line.removeprefix("/press ").replace(" ", ""))
            elif line == "/hangup":
                await phone.hang_up()
            elif line:
                phone.say(await asyncio.to_thread(self._voices.say, self._spec.voice, line))
