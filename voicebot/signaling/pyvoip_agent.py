"""The SIP user agent on pyVoIP: bind, register, dial, be called, drain. UDP only."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
import time
from collections.abc import Callable

from voicebot.errors import AdmissionError, SettingsError, TrunkError
from voicebot.model.ports import CallLeg, LegEnd
from voicebot.model.trunk import Traffic
from voicebot.settings import TelephonySettings, TrunkSettings
from voicebot.signaling import pyvoip_messages as sip
from voicebot.signaling.edge import Edge, EdgeCounts, Kind, traffic
from voicebot.signaling.pyvoip_dialog import ALLOW, LINGER_S, Agent, Dialog, Incoming, Outgoing
from voicebot.signaling.pyvoip_digest import Login
from voicebot.signaling.pyvoip_leg import PyvoipLeg
from voicebot.signaling.pyvoip_stack import Message, NoPort, Phone, narrow
from voicebot.signaling.pyvoip_wire import Address, Wire
from voicebot.signaling.rate import Verdict
from voicebot.signaling.sip_guard import SipGuard, networks

logger = logging.getLogger(__name__)

#: Seconds a trunk gets to answer our REGISTER (and its challenge), and to answer when we leave.
REGISTER_TIMEOUT_S, LEAVE_S = 10.0, 2.0
#: Part of a registration's time after which it is renewed, and the pause after a renewal that failed.
_RENEW, _RETRY_S = 0.8, 15.0
#: A number or SIP user, or a whole URI: nothing that could end a header.
_DIALLED = re.compile(r"(sip:)?[\w.!~*'()&=+$,;?/#:@\[\]-]+\Z", re.ASCII)


class PyvoipSignaling:
    """A `Signaling` (voicebot.model.ports)."""

    def __init__(self, telephony: TelephonySettings, trunk: TrunkSettings) -> None:
        _only_what_it_can(trunk)
        self._telephony = telephony
        self._trunk = trunk
        self._edge = Edge(telephony, (), now=time.monotonic())
        self._guard = SipGuard(self._edge)
        self._wire = Wire(self._received, self._may_send, trace=telephony.sip_trace)
        self._agent: Agent | None = None
        self._peer: Address = ("", 0)
        self._callbacks: list[Callable[[CallLeg], None]] = []
        self._dialogs: dict[str, Dialog] = {}
        self._draining = False
        self._renewing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """See Signaling."""
        telephony, trunk = self._telephony, self._trunk
        host, port = _host_and_port(trunk.server)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
        except OSError as error:
            raise TrunkError(f"the trunk {trunk.server} has no address", hint="is trunk.server right?") from error
        self._peer = (str(found[0][4][0]), port)
        allowed = tuple(ipaddress.ip_network(carrier) for carrier in telephony.carriers)
        self._edge.carriers = await networks(allowed, (trunk.server,))
        try:
            address, bound = await self._wire.open(telephony.address, telephony.port)
        except OSError as error:
            raise TrunkError(
                f"the SIP stack cannot start on {telephony.address}:{telephony.port}: {error.strerror}",
                hint="is the port taken? set telephony.port, or 0 for any",
            ) from error
        self._guard.open(frozenset({bound}))
        phone = Phone(trunk.server, trunk.user, _reachable(address, self._peer), bound, telephony)
        login = Login(trunk.auth_user or trunk.user, trunk.password)
        self._agent = Agent(self._wire, phone, login, trunk.domain or trunk.server)
        if trunk.register_trunk:
            granted = await self._register(self._agent, trunk.register_interval_s, REGISTER_TIMEOUT_S)
            self._renewing = asyncio.create_task(self._renew(self._agent, granted))

    async def _register(self, agent: Agent, expires: int, timeout_s: float) -> int:
        """REGISTER for `expires` seconds (0: leave); returns how many were granted. Raises TrunkError."""
        agent.phone.sip.default_expires = expires
        text = sip.with_branch(agent.phone.sip.gen_first_response(deregister=expires == 0))
        own = f"<sip:{self._trunk.user}@{agent.domain}>"
        text = sip.with_start(text, f"REGISTER sip:{agent.domain} SIP/2.0")
        text = sip.with_headers(sip.with_headers(text, "To", [own]), "From", [f"{own};tag={agent.phone.sip.gen_tag()}"])
        answer = await self._wire.ask_once(text, self._peer, timeout_s)
        again = agent.login.answer(text, answer.text, answer.code) if answer is not None else None
        if again is not None:
            answer = await self._wire.ask_once(again, self._peer, timeout_s)
        if answer is None:
            raise TrunkError(
                f"the trunk {self._trunk.server} did not answer our registration",
                hint="is trunk.server right, and can it be reached from here?",
            )
        if answer.code != 200:
            raise TrunkError(
                f"the trunk {self._trunk.server} did not accept our registration ({answer.code} {answer.reason})",
                hint="check trunk.user, auth_user and password; for a trunk without registration: register = false",
            )
        granted = sip.headers(answer.text, "Expires")
        return int(granted[0]) if granted and granted[0].isdigit() else expires

    async def _renew(self, agent: Agent, granted: int) -> None:
        pause = granted * _RENEW
        while True:
            await asyncio.sleep(max(1.0, pause))
            try:
                pause = _RENEW * await self._register(agent, self._trunk.register_interval_s, REGISTER_TIMEOUT_S)
            except TrunkError as error:
                logger.warning("the registration could not be renewed: %s", error.code)
                pause = _RETRY_S

    async def dial(self, number: str) -> CallLeg:
        """See Signaling."""
        if self._agent is None:
            raise TrunkError("dialled before the SIP stack was started")
        again_s = self._telephony.retry_after_s
        if self._draining:
            raise AdmissionError("the server is draining: no new calls", retry_after_s=again_s)
        if not _DIALLED.match(number):
            raise TrunkError("what was dialled is no number and no SIP address", hint="check the customer's number")
        uri = number if number.startswith("sip:") else f"sip:{number}@{self._trunk.server}"
        try:
            dialog = Outgoing(self._agent, uri, self._peer)
        except NoPort:
            hint = "or widen telephony.rtp_ports"
            raise AdmissionError("every RTP port is taken", hint=hint, retry_after_s=again_s) from None
        return self._leg(dialog, uri)

    def _leg(self, dialog: Dialog, uri: str) -> PyvoipLeg:
        self._dialogs[dialog.call_id] = dialog

        def over(_: LegEnd) -> None:  # it still answers retransmissions for a while
            asyncio.get_running_loop().call_later(LINGER_S, self._dialogs.pop, dialog.call_id, None)

        dialog.on_end.append(over)
        return PyvoipLeg(dialog, uri, self._telephony.rtp_timeout_s)

    def _may_send(self, source: Address) -> bool:
        """Before anything of a datagram is read."""
        if self._edge.knows(source[0]):
            return True
        self._edge.counts.strangers += 1
        return False

    def _admitted(self, request: Message, source: Address) -> bool:
        """A request of no running call; where it is too much it is refused here."""
        kind = Kind.CALL if request.name == "INVITE" and not request.headers["To"]["tag"] else Kind.OTHER
        now = time.monotonic()
        verdict = self._edge.judge(source[0], kind, now)
        flood = self._edge.flood(source[0], kind, now) if verdict is Verdict.DROP else None
        if verdict is Verdict.REFUSE:
            self._unavailable(request, source)
        elif flood is not None:
            self._guard.flooded(flood)
        return verdict is Verdict.ADMIT

    def _received(self, request: Message, source: Address) -> None:
        """A request came from the network."""
        dialog = self._dialogs.get(request.call_id)
        if dialog is not None:
            dialog.received(request)
        elif self._agent is None or request.name == "ACK" or not self._admitted(request, source):
            return
        elif request.name == "INVITE":
            self._invited(self._agent, request, source)
        elif request.name == "OPTIONS":
            self._reply(request, source, 200, "OK")  # the trunk asks whether we live
        elif request.name in {"BYE", "CANCEL"}:
            self._reply(request, source, 481, "Call Does Not Exist")
        else:
            self._reply(request, source, 405, "Method Not Allowed")

    def _reply(self, request: Message, source: Address, status: int, reason: str, **more: str) -> None:
        assert self._agent is not None
        tag = self._agent.phone.sip.gen_tag()
        self._wire.send(sip.reply(request.text, status, reason, tag, {"Allow": ALLOW, **more}), source)

    def _unavailable(self, request: Message, source: Address) -> None:
        again = {"Retry-After": str(self._telephony.retry_after_s)}
        self._reply(request, source, 503, "Service Unavailable", **again)

    def _invited(self, agent: Agent, invite: Message, source: Address) -> None:
        if "Contact" not in invite.headers:
            self._reply(invite, source, 400, "Contact is missing")
        elif not narrow(invite, self._telephony.codecs):
            self._reply(invite, source, 488, "Not Acceptable Here")
        else:
            try:
                dialog = Incoming(agent, invite, source)
            except NoPort:
                self._unavailable(invite, source)
                return
            leg = self._leg(dialog, sip.uri_of(sip.headers(invite.text, "From")[0]))
            for callback in self._callbacks:
                callback(leg)

    def on_incoming(self, callback: Callable[[CallLeg], None]) -> None:
        """See Signaling."""
        self._callbacks.append(callback)

    @property
    def turned_away(self) -> EdgeCounts:
        """SIP requests that were turned away before they became calls."""
        return self._guard.counts()

    async def traffic(self) -> Traffic:
        """See WatchesTraffic."""
        return traffic(self._edge, self.turned_away, time.monotonic())

    @property
    def live(self) -> int:
        """Dialogs that are not over."""
        return sum(dialog.end is None for dialog in self._dialogs.values())

    async def drain(self) -> None:
        """See Signaling."""
        self._draining = self._edge.closed = True
        while self.live:
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """See Signaling."""
        self._draining = self._edge.closed = True
        await asyncio.gather(*(dialog.hang_up() for dialog in self._dialogs.values()))
        if self._renewing is not None and self._agent is not None:
            self._renewing.cancel()
            try:
                await self._register(self._agent, 0, LEAVE_S)
            except TrunkError:
                logger.info("the trunk did not confirm that we left")
        self._guard.close()
        self._wire.close()
        for dialog in self._dialogs.values():
            if dialog.call.rtp is not None:
                await asyncio.to_thread(dialog.call.rtp.join)
        self._dialogs.clear()


def _only_what_it_can(trunk: TrunkSettings) -> None:
    if trunk.transport != "udp":
        raise SettingsError(
            f"telephony.driver = pyvoip speaks UDP only, not {trunk.transport}",
            hint="set trunk.transport = udp, or telephony.driver = baresip",
        )
    if trunk.media_encryption != "none":
        raise SettingsError(
            f"telephony.driver = pyvoip cannot encrypt sound (trunk.media_encryption = {trunk.media_encryption})",
            hint="set trunk.media_encryption = none, or telephony.driver = baresip",
        )


def _host_and_port(server: str) -> tuple[str, int]:
    host, colon, port = server.rpartition(":")
    return (host, int(port)) if colon and port.isdigit() else (server, 5060)


def _reachable(address: str, peer: Address) -> str:
    """Our address as the trunk reaches it: where we listen on all, the one that the way to the trunk begins with."""
    if not ipaddress.ip_address(address).is_unspecified:
        return address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(peer)
        return str(probe.getsockname()[0])
