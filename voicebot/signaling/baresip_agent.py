"""The SIP user agent on the baresip stack: bind, register, dial, be called, drain."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import weakref
from collections.abc import Callable, Sequence
from time import monotonic

import baresip

from voicebot.errors import AdmissionError, SettingsError, TrunkError
from voicebot.model.ports import CallLeg
from voicebot.model.trunk import Traffic, TrunkState
from voicebot.settings import TelephonySettings, TrunkSettings
from voicebot.signaling.baresip_acks import AckAgain
from voicebot.signaling.baresip_admission import BURST, Admission
from voicebot.signaling.baresip_answers import Answers
from voicebot.signaling.baresip_dialed import DialedLeg, Route
from voicebot.signaling.baresip_leg import BaresipLeg
from voicebot.signaling.baresip_options import Options
from voicebot.signaling.baresip_sources import SourceCheck
from voicebot.signaling.baresip_thread import StackThread
from voicebot.signaling.baresip_timers import BaresipTimers
from voicebot.signaling.baresip_trace import Trace
from voicebot.signaling.baresip_trunk import Trunk
from voicebot.signaling.baresip_wire import Wire
from voicebot.signaling.edge import EdgeCounts
from voicebot.signaling.trunk_health import order

logger = logging.getLogger(__name__)


class BaresipSignaling:
    """A `Signaling` (voicebot.model.ports). One per process: the stack's state is the process's. `fallbacks`: trunks
    that are tried, in this order, where the first one does not take a call."""

    def __init__(
        self, telephony: TelephonySettings, trunk: TrunkSettings, fallbacks: Sequence[TrunkSettings] = ()
    ) -> None:
        self._telephony = telephony
        self._answers = Answers(self._overloaded)
        self._trunks = [Trunk(each, place, self._answers) for place, each in enumerate((trunk, *fallbacks))]
        self._config = stack_config(telephony, trunk, fallbacks)
        self._runtime = baresip.Runtime()
        self._thread = StackThread(self._runtime)
        self._admission = Admission(telephony)
        self._options: Options | None = None
        self._callbacks: list[Callable[[CallLeg], None]] = []
        self._started = False
        self._trace = _trace(telephony, self._answers)
        self._legs: weakref.WeakSet[BaresipLeg] = weakref.WeakSet()
        offer_s = telephony.session_expires_s
        self._timers = BaresipTimers(offer_s, self._far_end_gone) if offer_s else None
        self._wire = Wire(self._trace, self._timers)

    async def start(self) -> None:
        """See Signaling."""
        self._trace.start()
        self._answers.start()
        try:
            await self._runtime.start(self._config)
            self._started = True
            self._thread.open()
            if self._timers is not None:
                self._timers.start(self._thread)
            await self._wire.open(self._thread)
            await self._admission.open(self._thread, tuple(trunk.settings.server for trunk in self._trunks))
            for trunk in self._trunks:
                (await trunk.create(self._runtime, self._telephony)).on_incoming(self._incoming)
        except (baresip.BaresipError, ValueError) as error:
            raise TrunkError(
                f"the SIP stack cannot start on {self._telephony.address}:{self._telephony.port}: {error}",
                hint="is the port taken? set telephony.port, or 0 for any",
            ) from error
        await self._register()
        self._options = Options(self._thread)
        for trunk in self._trunks:
            trunk.watch(self._options)

    async def _register(self) -> None:
        """At all trunks at once. One that can be dialled is enough to start; the others go on trying."""
        results = await asyncio.gather(*(trunk.register() for trunk in self._trunks), return_exceptions=True)
        failed = [result for result in results if isinstance(result, BaseException)]
        unforeseen = [result for result in failed if not isinstance(result, TrunkError)]
        if unforeseen or len(failed) == len(self._trunks):
            raise (unforeseen or failed)[0]
        for result in failed:
            logger.warning("a trunk cannot be used yet: %s", result)

    @property
    def turned_away(self) -> EdgeCounts:
        """SIP requests that were turned away before they became calls."""
        return self._admission.counts

    def trunks(self) -> tuple[TrunkState, ...]:
        """See WatchesTrunks."""
        return tuple(trunk.state for trunk in self._trunks)

    async def traffic(self) -> Traffic:
        """See WatchesTraffic."""
        return await self._admission.traffic()

    def _incoming(self, call: baresip.Call) -> None:
        leg = BaresipLeg(call, call.peer or "", refuse=self._admission.refuse)
        leg.rtp_timeout_s = float(self._telephony.rtp_timeout_s)
        self._legs.add(leg)
        for callback in self._callbacks:
            callback(leg)

    async def dial(self, number: str) -> CallLeg:
        """See Signaling. By the first healthy trunk; `wait_answered` goes on to the next ones."""
        now = monotonic()
        usable = [self._trunks[place] for place in order([trunk.health for trunk in self._trunks], now)]
        route = Route(number, usable, self._answers)
        try:
            leg = DialedLeg(await route.next(), route)
        except baresip.DrainingError:
            again_s = self._telephony.retry_after_s
            raise AdmissionError("the server is draining: no new calls", retry_after_s=again_s) from None
        leg.rtp_timeout_s = float(self._telephony.rtp_timeout_s)
        self._legs.add(leg)
        return leg

    def _overloaded(self, call_id: str, retry_after_s: float) -> None:
        for leg in list(self._legs):
            if isinstance(leg, DialedLeg):
                leg.overloaded(call_id, retry_after_s)

    def _far_end_gone(self, call_id: str) -> None:
        for leg in list(self._legs):
            if leg.call_id == call_id:
                leg.cut_off("the session timer ran out")

    def on_incoming(self, callback: Callable[[CallLeg], None]) -> None:
        """See Signaling."""
        self._callbacks.append(callback)

    async def drain(self) -> None:
        """See Signaling."""
        self._admission.stop()
        await self._runtime.drain()

    async def close(self) -> None:
        """See Signaling."""
        self._admission.stop()
        await asyncio.gather(*(trunk.close() for trunk in self._trunks))
        self._admission.close()
        if self._timers is not None:
            self._timers.stop()
        if self._started:
            await self._runtime.close()
        self._trace.stop()


def _trace(telephony: TelephonySettings, answers: Answers) -> Trace:
    readers = [AckAgain().message, answers.message]
    if telephony.rtp_source != "any":
        readers.append(SourceCheck(same_port=telephony.rtp_source == "port").message)
    return Trace(tuple(readers), show=telephony.sip_trace)


def stack_config(
    telephony: TelephonySettings, trunk: TrunkSettings, fallbacks: Sequence[TrunkSettings] = ()
) -> baresip.Config:
    """The stack's configuration. Loopback must be named: its interface discovery skips it. Raises SettingsError: the
    stack has one list of authorities for all trunks."""
    over_tls = [each for each in (trunk, *fallbacks) if each.transport == "tls"]
    authorities = {each.ca_file for each in over_tls}
    if len(authorities) > 1:
        raise SettingsError(
            f"the trunks over TLS name {len(authorities)} different ca_file",
            hint="put the certificates into one PEM file and name it in each of these trunks",
        )
    authority = next(iter(authorities), None)
    loopback = ipaddress.ip_address(telephony.address).is_loopback
    low, high = telephony.jitter_buffer_ms
    return baresip.Config(
        net_interface=telephony.address if loopback else None,
        # More than ours: admission refuses before the stack does, and counts what it refused.
        max_concurrent_calls=telephony.max_calls + BURST,
        rtp_timeout=telephony.rtp_timeout_s,
        native_log_level="error",
        extra_config_text=(
            f"sip_listen {telephony.address}:{telephony.port}\n"
            f"rtp_ports {telephony.rtp_ports[0]}-{telephony.rtp_ports[1]}\n"
            f"audio_jitter_buffer_type {'adaptive' if high else 'off'}\n"
            f"audio_jitter_buffer_ms {low}-{high}\n"
            f"call_local_timeout {int(telephony.ring_timeout_s) + 60}\n"
            + (f"sip_certificate {telephony.certificate}\n" if telephony.certificate else "")
            + (f"sip_cafile {authority}\n" if authority else "")
            + f"sip_verify_server {'yes' if over_tls else 'no'}\n"
        ),
    )
