"""The SIP user agent on the baresip stack: bind, register, dial, be called, drain."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Callable

import baresip

from voicebot.errors import AdmissionError, TrunkError
from voicebot.model.ports import CallLeg
from voicebot.settings import TelephonySettings, TrunkSettings
from voicebot.signaling.baresip_acks import AckAgain
from voicebot.signaling.baresip_leg import BaresipLeg
from voicebot.signaling.baresip_sources import SourceCheck
from voicebot.signaling.baresip_trace import TraceReader

logger = logging.getLogger(__name__)

#: Seconds a trunk gets to answer our REGISTER (and its challenge).
REGISTER_TIMEOUT_S = 10.0
#: Calls over the cap that may come in one moment and are still refused by our own admission.
BURST = 64
#: In the URI: the transport is not looked up (RFC 3263), it is said.
_TRANSPORT = {"udp": "", "tcp": ";transport=tcp", "tls": ";transport=tls"}
_CODEC_NAMES = {"PCMU": "pcmu", "PCMA": "pcma"}


class BaresipSignaling:
    """A `Signaling` (voicebot.model.ports). One per process: the stack's state is the process's."""

    def __init__(self, telephony: TelephonySettings, trunk: TrunkSettings) -> None:
        self._telephony = telephony
        self._trunk = trunk
        self._runtime = baresip.Runtime()
        self._agent: baresip.UserAgent | None = None
        self._callbacks: list[Callable[[CallLeg], None]] = []
        self._started = False
        self._trace = _trace_reader(telephony)

    async def start(self) -> None:
        """See Signaling."""
        self._trace.install()
        try:
            await self._runtime.start(stack_config(self._telephony, self._trunk))
            self._started = True
            self._agent = await baresip.UserAgent.create(
                self._runtime, account(self._telephony, self._trunk), transfer_policy="reject"
            )
        except (baresip.BaresipError, ValueError) as error:
            raise TrunkError(
                f"the SIP stack cannot start on {self._telephony.address}:{self._telephony.port}: {error}",
                hint="is the port taken? set telephony.port, or 0 for any",
            ) from error
        self._agent.on_incoming(self._incoming)
        if self._trunk.register_trunk:
            await self._register(self._agent)

    async def _register(self, agent: baresip.UserAgent) -> None:
        try:
            await agent.register(timeout=REGISTER_TIMEOUT_S)
        except baresip.RegistrationError as error:
            if error.status is None:
                raise TrunkError(
                    f"the trunk {self._trunk.server} did not answer our registration",
                    hint="is trunk.server right, and can it be reached from here? see also trunk.transport",
                ) from None
            raise TrunkError(
                f"the trunk {self._trunk.server} did not accept our registration ({error.status} {error.reason})",
                hint="check trunk.user, auth_user and password; for a trunk without registration: register = false",
            ) from None

    def _incoming(self, call: baresip.Call) -> None:
        leg = BaresipLeg(call, call.peer or "")
        for callback in self._callbacks:
            callback(leg)

    async def dial(self, number: str) -> CallLeg:
        """See Signaling."""
        if self._agent is None:
            raise TrunkError("dialled before the SIP stack was started")
        uri = (
            number
            if number.startswith("sip:")
            else f"sip:{number}@{self._trunk.server}{_TRANSPORT[self._trunk.transport]}"
        )
        dialing = asyncio.ensure_future(self._leg(self._agent, uri))
        try:
            return await asyncio.shield(dialing)
        except asyncio.CancelledError:
            # The INVITE may be out: nobody must ring for a call that is given up.
            with contextlib.suppress(baresip.BaresipError):
                await (await dialing).hang_up()
            raise
        except baresip.DrainingError:
            raise AdmissionError("the server is draining: no new calls") from None
        except baresip.BaresipError as error:
            raise TrunkError(f"the call could not be sent to {self._trunk.server}: {error}") from error

    async def _leg(self, agent: baresip.UserAgent, uri: str) -> BaresipLeg:
        """Dial. An answer that is quicker than this event loop is reported before the library's `dial` returns, and the
        call it makes then never hears of it (0.5.2a3): such events are kept and told again."""
        early: list[baresip.StackEvent] = []
        keep = early.append
        self._runtime.subscribe(keep)
        try:
            call = await agent.dial(uri)
        finally:
            self._runtime.unsubscribe(keep)
        leg = BaresipLeg(call, uri)
        for event in early:
            call._on_stack_event(event)  # it takes only its own
        return leg

    def on_incoming(self, callback: Callable[[CallLeg], None]) -> None:
        """See Signaling."""
        self._callbacks.append(callback)

    async def drain(self) -> None:
        """See Signaling."""
        await self._runtime.drain()

    async def close(self) -> None:
        """See Signaling."""
        if self._agent is not None and self._trunk.register_trunk:
            try:
                await self._agent.unregister(timeout=2.0)
            except baresip.BaresipError as error:
                logger.info("the trunk did not confirm that we left", extra={"reason": type(error).__name__})
        if self._started:
            await self._runtime.close()
        self._trace.remove()


def _trace_reader(telephony: TelephonySettings) -> TraceReader:
    readers = [AckAgain().message]
    if telephony.rtp_source != "any":
        readers.append(SourceCheck(same_port=telephony.rtp_source == "port").message)
    return TraceReader(tuple(readers), show=telephony.sip_trace)


def stack_config(telephony: TelephonySettings, trunk: TrunkSettings) -> baresip.Config:
    """The stack's configuration. Loopback must be named: its interface discovery skips it."""
    loopback = ipaddress.ip_address(telephony.address).is_loopback
    low, high = telephony.jitter_buffer_ms
    return baresip.Config(
        net_interface=telephony.address if loopback else None,
        # More than ours: admission refuses before the stack does, and counts what it refused.
        max_concurrent_calls=telephony.max_calls + BURST,
        rtp_timeout=telephony.rtp_timeout_s,
        # We read it (baresip_trace.py); nothing of it is logged unless it is wanted.
        sip_trace=True,
        native_log_level="error",
        extra_config_text=(
            f"sip_listen {telephony.address}:{telephony.port}\n"
            f"rtp_ports {telephony.rtp_ports[0]}-{telephony.rtp_ports[1]}\n"
            "audio_jitter_buffer_type adaptive\n"
            f"audio_jitter_buffer_ms {low}-{high}\n"
            f"call_local_timeout {int(telephony.ring_timeout_s) + 60}\n"
            + (f"sip_certificate {telephony.certificate}\n" if telephony.certificate else "")
            + (f"sip_cafile {trunk.ca_file}\n" if trunk.ca_file else "")
            + f"sip_verify_server {'yes' if trunk.transport == 'tls' else 'no'}\n"
        ),
    )


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
        extra_params=("catchall=yes", *_encryption(trunk)),
    )


def _encryption(trunk: TrunkSettings) -> tuple[str, ...]:
    return () if trunk.media_encryption == "none" else (f"mediaenc={trunk.media_encryption}",)
