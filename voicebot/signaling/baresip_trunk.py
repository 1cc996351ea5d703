"""One trunk on the baresip stack: its user agent, its registration and its health."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from time import monotonic

import baresip
from baresip._native import lib

from voicebot.errors import TrunkError
from voicebot.model.trunk import TrunkState
from voicebot.settings import TelephonySettings, TrunkSettings
from voicebot.signaling.baresip_abandoned import Abandoned
from voicebot.signaling.baresip_answers import Answers
from voicebot.signaling.baresip_options import Options
from voicebot.signaling.trunk_health import TrunkHealth, retry_pause_s
from voicebot.signaling.trunk_rules import host_of

logger = logging.getLogger(__name__)

#: Seconds a trunk gets to answer our REGISTER (and its challenge).
REGISTER_TIMEOUT_S = 10.0
#: Seconds it gets to answer when we leave.
_LEAVE_S = 2.0
#: In the URI: the transport is not looked up (RFC 3263), it is said.
_TRANSPORT = {"udp": "", "tcp": ";transport=tcp", "tls": ";transport=tls"}
_CODEC_NAMES = {"PCMU": "pcmu", "PCMA": "pcma"}


class Placed:
    """An INVITE that was sent, with what was told about it before somebody listened. An answer that is quicker than
    this event loop is told before the library's `dial` returns, and the call it makes never hears of it (0.5.2a3)."""

    def __init__(self, call: baresip.Call, uri: str, before: list[baresip.StackEvent]) -> None:
        self.call = call
        self.uri = uri
        self._before = before
        self._since: list[baresip.StackEvent] = []
        self._keep = self._since.append
        call.on(self._keep)

    def tell(self, listener: Callable[[baresip.StackEvent], None]) -> None:
        """From now on `listener` hears the call's events, first those that were missed."""
        self.call.off(self._keep)
        self.call.on(listener)
        for event in self._before:
            self.call._on_stack_event(event)  # it takes only its own, and tells the listener
        for event in self._since:
            listener(event)


class Trunk:
    """`place`: its place among the trunks, from 0."""

    def __init__(self, settings: TrunkSettings, place: int, answers: Answers) -> None:
        self.settings = settings
        self._answers = answers
        self.name = settings.name or f"trunk-{place + 1}"
        self._place = place
        self.health = TrunkHealth(asked=settings.options_s > 0, allowed=settings.options_misses)
        self._was_healthy = True
        self._dialled = self._refused = self._silent = 0
        self._runtime: baresip.Runtime | None = None
        self._agent: baresip.UserAgent | None = None
        self._lost = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def hosts(self) -> frozenset[str]:
        """Its own names, lower case and without ports: where a redirection may lead."""
        return frozenset(host_of(name) for name in (self.settings.server, self.settings.domain) if name)

    @property
    def state(self) -> TrunkState:
        """How it is now."""
        registered = self.health.registered if self.settings.register_trunk else None
        healthy = self.health.healthy(monotonic())
        return TrunkState(self.name, healthy, registered, self._dialled, self._refused, self._silent)

    async def create(self, runtime: baresip.Runtime, telephony: TelephonySettings) -> baresip.UserAgent:
        """Make its user agent. Raises baresip.BaresipError, ValueError."""
        self._runtime = runtime
        self._agent = await baresip.UserAgent.create(
            runtime, account(telephony, self.settings), transfer_policy="reject"
        )
        return self._agent

    async def register(self) -> None:
        """Where it wants that; lost registrations are tried again until `close`. Raises TrunkError."""
        if self._agent is None or not self.settings.register_trunk:
            return
        self._agent.on(self._on_event)
        self._start(self._keep_registered(self._agent))
        await self._register(self._agent)

    async def _register(self, agent: baresip.UserAgent) -> None:
        server = self.settings.server
        try:
            await agent.register(timeout=REGISTER_TIMEOUT_S)
        except baresip.RegistrationError as error:
            self._registered(False)
            if error.status is None:
                raise TrunkError(
                    f"the trunk {server} did not answer our registration",
                    hint="is trunk.server right, and can it be reached from here? see also trunk.transport",
                ) from None
            raise TrunkError(
                f"the trunk {server} did not accept our registration ({error.status} {error.reason})",
                hint="check trunk.user, auth_user and password; for a trunk without registration: register = false",
            ) from None

    async def _keep_registered(self, agent: baresip.UserAgent) -> None:
        """The stack refreshes what is there; what is lost is asked for again here, ever more seldom."""
        failures = 0
        while True:
            await self._lost.wait()
            failures += 1
            await asyncio.sleep(retry_pause_s(failures))
            self._lost.clear()
            with contextlib.suppress(TrunkError, baresip.BaresipError):
                await self._register(agent)
            if self.health.registered:
                failures = 0

    def _on_event(self, event: baresip.StackEvent) -> None:
        if event.event is baresip.Event.REGISTER_OK:
            self._registered(True)
        elif event.event is baresip.Event.REGISTER_FAIL:
            self._registered(False)

    def _registered(self, there: bool) -> None:
        self.note(self.health.registration(there))
        if there:
            self._lost.clear()
        else:
            self._lost.set()

    def watch(self, options: Options) -> None:
        """Ask it regularly whether it is there, until `close`."""
        if self.settings.options_s > 0:
            self._start(self._ask_again_and_again(options))

    async def _ask_again_and_again(self, options: Options) -> None:
        uri = f"sip:{self.settings.server}{_TRANSPORT[self.settings.transport]}"
        while True:
            await asyncio.sleep(self.settings.options_s)
            with contextlib.suppress(TrunkError):
                answered = await options.ask(self._place, uri)
                answered.add_done_callback(lambda done: self.answered() if done.result() else None)
                await asyncio.wait({answered}, timeout=self.settings.no_answer_s)
                if not answered.done() or not answered.result():
                    self.note(self.health.missed())

    def answered(self) -> None:
        """It answered something."""
        self.note(self.health.answered())

    def refused(self) -> None:
        """It refused a call, or the customer did."""
        self._refused += 1

    def silent(self) -> None:
        """A call got no answer from it."""
        self._silent += 1
        self.note(self.health.silent(monotonic()))

    def overloaded(self, retry_after_s: float) -> None:
        """It asked for a rest."""
        self.note(self.health.overloaded(monotonic(), retry_after_s))

    def note(self, health: TrunkHealth) -> None:
        """The new health; a change is told in the log."""
        self.health = health
        healthy = health.healthy(monotonic())
        if healthy != self._was_healthy:
            level = logging.INFO if healthy else logging.WARNING
            logger.log(level, "%s is %s", self.name, "healthy again" if healthy else "unhealthy")
        self._was_healthy = healthy

    def uri(self, number: str) -> str:
        """What is dialled for a number or SIP user; a SIP URI as it is."""
        if number.startswith("sip:"):
            return number
        return f"sip:{number}@{self.settings.server}{_TRANSPORT[self.settings.transport]}"

    async def place_call(self, number: str) -> Placed:
        """Send an INVITE. Raises TrunkError before `create`, baresip.BaresipError where it can't be sent."""
        if self._agent is None or self._runtime is None:
            raise TrunkError("dialled before the SIP stack was started")
        self._dialled += 1
        dialing = asyncio.ensure_future(self._placed(self._runtime, self._agent, self.uri(number)))
        try:
            return await asyncio.shield(dialing)
        except asyncio.CancelledError:
            # The INVITE may be out: nobody must ring for a call that is given up.
            with contextlib.suppress(baresip.BaresipError):
                placed = await dialing
                placed.tell(lambda _: None)
                Abandoned(placed.call, self._answers)
            raise

    async def _placed(self, runtime: baresip.Runtime, agent: baresip.UserAgent, uri: str) -> Placed:
        early: list[baresip.StackEvent] = []
        keep = early.append
        runtime.subscribe(keep)
        try:
            return Placed(await agent.dial(uri), uri, early)
        finally:
            runtime.unsubscribe(keep)

    async def settled(self) -> None:
        """Returns when everything that the stack has told so far was heard by who listens."""
        if self._runtime is not None:
            with contextlib.suppress(baresip.BaresipError):
                await self._runtime.cmd(lib.BP_CMD_PING)

    async def close(self) -> None:
        """Leave the trunk."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._agent is None or not self.settings.register_trunk:
            return
        try:
            await self._agent.unregister(timeout=_LEAVE_S)
        except baresip.BaresipError as error:
            logger.info("trunk %s did not confirm that we left", self.name, extra={"reason": type(error).__name__})

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def account(telephony: TelephonySettings, trunk: TrunkSettings) -> baresip.Account:
    """The account at the trunk. `catchall`: an inbound call to any of our numbers is ours."""
    return baresip.Account(
        user=trunk.user,
        domain=trunk.domain or trunk.server,
        password=trunk.password,
        registrar=f"{trunk.server}{_TRANSPORT[trunk.transport]}",
        reg_interval=trunk.register_interval_s if trunk.register_trunk else 0,
        transport=trunk.transport,
        audio_codecs=tuple(_CODEC_NAMES[c] for c in telephony.codecs),
        auth_user=trunk.auth_user or None,
        # A 3xx is looked at by us first (baresip_dialed.py).
        extra_params=("catchall=yes", "sip_autoredirect=no", f"100rel={trunk.prack}", *_encryption(trunk)),
    )


def _encryption(trunk: TrunkSettings) -> tuple[str, ...]:
    return () if trunk.media_encryption == "none" else (f"mediaenc={trunk.media_encryption}",)
