"""One call on pyVoIP: the second driver (GPL-3, loaded only where it is chosen; docs/rfc_status.md lists its gaps)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from voicebot.errors import CallEnded, CallError, CallNotAnswered, CallRefused
from voicebot.model.audio import FRAME_S
from voicebot.model.ports import CallLeg, LegEnd, MediaStats
from voicebot.signaling.pyvoip_dialog import Dialog, Incoming
from voicebot.signaling.pyvoip_sound import mos
from voicebot.signaling.pyvoip_stack import Rtp

#: The far end's jitter buffer: how long the last packet may wait there before it is heard.
FAR_BUFFER_S = 0.2
#: Seconds an inbound caller gets to acknowledge our answer.
_ACK_S = 10.0
_REASONS = {486: "Busy Here", 503: "Service Unavailable", 603: "Decline", 404: "Not Found"}


class PyvoipLeg:
    """A `CallLeg` (voicebot.model.ports) over one dialog. `rtp_timeout_s`: see TelephonySettings."""

    def __init__(self, dialog: Dialog, uri: str, rtp_timeout_s: float) -> None:
        self._dialog = dialog
        self._uri = uri
        self._rtp_timeout_s = rtp_timeout_s
        self._up_at = time.monotonic()
        self._on_dtmf: list[Callable[[str], None]] = []
        self._leaving: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()

        def key(digit: str) -> None:  # pyVoIP's receiving thread calls this
            loop.call_soon_threadsafe(self._key, digit)

        dialog.call.on_key = key

    def _key(self, digit: str) -> None:
        for callback in self._on_dtmf:
            callback(digit)

    @property
    def call_id(self) -> str | None:
        """SIP Call-ID."""
        return self._dialog.call_id

    @property
    def remote(self) -> str:
        """The far end's URI."""
        return self._uri

    @property
    def ended(self) -> LegEnd | None:
        """How it ended; None while it lives."""
        return self._dialog.end

    async def wait_answered(self, timeout_s: float) -> None:
        """See CallLeg. A far end that gave no sign at all (neither 18x nor a final answer) was not reached:
        CallRefused without a status, not CallNotAnswered."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._dialog.changed.wait()
        except TimeoutError:
            await self.hang_up()
            if self._dialog.rang:
                raise CallNotAnswered(f"not answered within {timeout_s:g} s") from None
            raise CallRefused("no sign from the far end", status=None, reason=f"silent for {timeout_s:g} s") from None
        end = self._dialog.end
        if end is not None and not self._dialog.up:
            raise CallRefused("the call was refused", status=end.status, reason=end.reason)
        self._up_at = time.monotonic()

    async def answer(self) -> None:
        """See CallLeg."""
        dialog = self._dialog
        self._raise_if_ended()
        assert isinstance(dialog, Incoming)
        try:
            dialog.answer()
        except OSError as error:
            dialog.reject(500, "Server Internal Error")
            raise CallEnded("the RTP port cannot be bound") from error
        try:
            async with asyncio.timeout(_ACK_S):
                await dialog.changed.wait()
        except TimeoutError:
            await self.hang_up()
            raise CallEnded("no ACK came for our answer") from None
        self._raise_if_ended()
        self._up_at = time.monotonic()

    async def reject(self, status: int = 486) -> None:
        """See CallLeg."""
        if isinstance(self._dialog, Incoming):
            self._dialog.reject(status, _REASONS.get(status, "Refused"))

    @property
    def _rtp(self) -> Rtp | None:
        return self._dialog.call.rtp

    def read(self, max_bytes: int) -> bytes:
        """See CallLeg. A call without any RTP for `rtp_timeout_s` ends here: the line reads 50 times a second."""
        self._raise_if_ended()
        if self._rtp is None:
            return b""
        last = self._rtp.incoming.last_at or self._up_at
        if self._rtp_timeout_s and time.monotonic() - last > self._rtp_timeout_s and self._leaving is None:
            self._leaving = asyncio.create_task(self._dialog.hang_up("network", "rtp stream error"))
        return self._rtp.incoming.take(max_bytes)

    def write(self, pcm16: bytes) -> int:
        """See CallLeg."""
        self._raise_if_ended()
        return self._rtp.outgoing.put(pcm16) if self._rtp is not None and self._dialog.up else 0

    @property
    def queued_s(self) -> float:
        """See CallLeg."""
        return self._rtp.outgoing.queued_s if self._rtp is not None and self.ended is None else 0.0

    def flush(self) -> None:
        """See CallLeg."""
        if self._rtp is not None:
            self._rtp.outgoing.clear()

    async def drain(self) -> None:
        """See CallLeg. pyVoIP's thread tells nothing when it has sent, so the queue is looked at once a frame."""
        while self.ended is None and self.queued_s > 0:
            await asyncio.sleep(FRAME_S)
        if self.ended is None:
            await asyncio.sleep(FAR_BUFFER_S)

    async def send_dtmf(self, keys: str) -> None:
        """See CallLeg. pyVoIP has no way to send keys."""
        del keys
        self._raise_if_ended()
        raise CallError("the pyVoIP driver cannot send keys", hint="set telephony.driver = baresip")

    def on_dtmf(self, callback: Callable[[str], None]) -> None:
        """See CallLeg."""
        self._on_dtmf.append(callback)

    def on_end(self, callback: Callable[[LegEnd], None]) -> None:
        """See CallLeg."""
        if self._dialog.end is not None:
            callback(self._dialog.end)
        else:
            self._dialog.on_end.append(callback)

    @property
    def held(self) -> bool:
        """See CallLeg."""
        return self._dialog.held

    async def hold(self) -> None:
        """See CallLeg. pyVoIP has no re-INVITE of its own."""
        self._raise_if_ended()
        raise CallError("the pyVoIP driver cannot hold a call", hint="set telephony.driver = baresip")

    async def resume(self) -> None:
        """See CallLeg: there is nothing to resume."""
        self._raise_if_ended()

    async def transfer(self, target: str) -> bool:
        """See CallLeg. pyVoIP has no REFER: nobody takes the call, the customer stays with the bot."""
        del target
        self._raise_if_ended()
        return False

    async def transfer_to(self, agent: CallLeg) -> bool:
        """See CallLeg: as `transfer`."""
        return await self.transfer(agent.remote)

    async def hang_up(self) -> None:
        """See CallLeg."""
        await self._dialog.hang_up()

    def stats(self) -> MediaStats:
        """See CallLeg. pyVoIP has no RTCP: what the far end lost, and the round trip, are not known."""
        if self._rtp is None:
            return MediaStats()
        queue = self._rtp.incoming
        share = queue.lost / max(1, queue.lost + queue.received)
        return MediaStats(
            tx_packets=self._rtp.outgoing.sent,
            rx_packets=queue.received,
            rx_lost=queue.lost,
            rx_jitter_ms=queue.jitter_s * 1000,
            mos=mos(share),
        )

    def _raise_if_ended(self) -> None:
        if self._dialog.end is not None:
            raise CallEnded("the call is over")
