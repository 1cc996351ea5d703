"""One call on the baresip stack (C, its own 20 ms clock; docs/design.md says why it is the default)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import baresip

from voicebot.errors import CallEnded, CallError, CallNotAnswered, CallRefused
from voicebot.model.audio import FRAME_S, MEDIA_RATE
from voicebot.model.ports import CallLeg, LegEnd, MediaStats

logger = logging.getLogger(__name__)

#: The far end's jitter buffer: how long the last packet may wait there before it is heard (peers.md, lesson 1).
FAR_BUFFER_S = 0.2
_RTP_LOST = "rtp stream error"
#: What shows that the INVITE arrived: 180 and 183.
_RINGING = frozenset({baresip.Event.CALL_RINGING, baresip.Event.CALL_PROGRESS})
#: Our own clock ends the wait, so that it is known who hung up; the stack's comes after it.
_STACK_MARGIN_S = 60.0


class BaresipLeg:
    """A `CallLeg` (voicebot.model.ports) over one baresip call."""

    def __init__(self, call: baresip.Call, uri: str) -> None:
        self._call = call
        self._uri = uri
        self._hanging_up = False
        self._rang = False
        self._end: LegEnd | None = None
        self._on_end: list[Callable[[LegEnd], None]] = []
        call.on(self._on_event)

    @property
    def call_id(self) -> str | None:
        """SIP Call-ID."""
        return str(self._call.call_id) if self._call.call_id else None

    @property
    def remote(self) -> str:
        """The far end's URI."""
        return self._uri

    @property
    def ended(self) -> LegEnd | None:
        """How it ended; None while it lives."""
        return self._end

    def _on_event(self, event: baresip.StackEvent) -> None:
        if event.event in _RINGING:
            self._rang = True
        if event.event is not baresip.Event.CALL_CLOSED or self._end is not None:
            return
        status, reason = _split_status(event.text or "")
        if self._hanging_up:
            by = "bot"
        else:
            by = "network" if reason == _RTP_LOST else "caller"
        self._end = LegEnd(by=by, status=status, reason=reason)
        for callback in self._on_end:
            callback(self._end)

    async def wait_answered(self, timeout_s: float) -> None:
        """See CallLeg. A far end that gave no sign at all (neither 180 nor 183; the stack hides 100) was not reached:
        CallRefused without a status, not CallNotAnswered."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._call.wait_established(timeout_s + _STACK_MARGIN_S)
        except TimeoutError:
            await self.hang_up()
            if self._rang:
                raise CallNotAnswered(f"not answered within {timeout_s:g} s") from None
            raise CallRefused("no sign from the far end", status=None, reason=f"silent for {timeout_s:g} s") from None
        except baresip.CallFailed as error:
            raise CallRefused("the call was refused", status=error.status, reason=error.reason) from None

    async def answer(self) -> None:
        """See CallLeg."""
        answered = asyncio.get_running_loop().create_future()

        def listener(event: baresip.StackEvent) -> None:
            if answered.done():
                return
            if event.event is baresip.Event.CALL_ESTABLISHED:
                answered.set_result(None)
            elif event.event is baresip.Event.CALL_CLOSED:
                answered.set_exception(CallEnded("the caller gave up before the answer"))

        self._call.on(listener)
        try:
            await self._call.answer()
            async with asyncio.timeout(10):
                await answered
        except TimeoutError:
            raise CallEnded("no ACK came for our answer") from None
        except baresip.BaresipError as error:
            raise CallEnded("the call was gone before the answer") from error
        finally:
            self._call.off(listener)

    async def reject(self, status: int = 486) -> None:
        """See CallLeg. The stack refuses with 486 only."""
        self._hanging_up = True
        try:
            await self._call.reject()
        except baresip.StaleHandleError:
            logger.debug("rejected a call that was gone", extra={"status": status})

    def read(self, max_bytes: int) -> bytes:
        """See CallLeg."""
        try:
            return bytes(self._call.audio.read(max_bytes))
        except baresip.AudioRestarted:
            return b""  # a re-INVITE replaced the streams; the next read binds to the new ones
        except baresip.AudioNotActive:
            self._raise_if_ended()
            return b""

    def write(self, pcm16: bytes) -> int:
        """See CallLeg."""
        try:
            return int(self._call.audio.write(pcm16))
        except baresip.AudioRestarted:
            return 0
        except baresip.AudioNotActive:
            self._raise_if_ended()
            return 0

    @property
    def queued_s(self) -> float:
        """See CallLeg."""
        try:
            info = self._call.audio.info()
        except baresip.AudioNotActive:
            return 0.0
        return float(info.tx_buffered / (2 * (info.tx_sample_rate or MEDIA_RATE)))

    def flush(self) -> None:
        """See CallLeg."""
        try:
            self._call.audio.flush_tx()
        except (baresip.AudioNotActive, baresip.AudioRestarted):
            return  # nothing is queued on streams that are gone

    async def drain(self) -> None:
        """See CallLeg. The stack tells no event for "sent", so the queue is looked at once a frame."""
        while self._end is None and self.queued_s > 0:
            await asyncio.sleep(FRAME_S)
        if self._end is None:
            await asyncio.sleep(FAR_BUFFER_S)

    async def send_dtmf(self, keys: str) -> None:
        """See CallLeg."""
        try:
            await self._call.send_dtmf(keys)
        except baresip.StaleHandleError:
            raise CallEnded("the call is over") from None

    def on_dtmf(self, callback: Callable[[str], None]) -> None:
        """See CallLeg."""
        self._call.on_dtmf(lambda event: callback(event.digit))

    def on_end(self, callback: Callable[[LegEnd], None]) -> None:
        """See CallLeg."""
        if self._end is not None:
            callback(self._end)
        else:
            self._on_end.append(callback)

    async def transfer(self, target: str) -> bool:
        """See CallLeg."""
        try:
            await self._call.transfer(target)
        except baresip.TransferFailed:
            return False
        except baresip.BaresipError as error:
            raise CallError("the transfer could not be sent") from error
        return True

    async def transfer_to(self, agent: CallLeg) -> bool:
        """See CallLeg."""
        if not isinstance(agent, BaresipLeg):
            return False
        try:
            await self._call.attended_transfer(agent._call)
        except baresip.TransferFailed:
            await self._resume()
            return False
        except baresip.BaresipError as error:
            raise CallError("the transfer could not be sent") from error
        return True

    async def _resume(self) -> None:
        """A failed transfer leaves the call on hold."""
        with contextlib.suppress(baresip.BaresipError):
            await self._call.resume()

    async def hang_up(self) -> None:
        """See CallLeg."""
        if self._end is not None:
            return
        self._hanging_up = True
        try:
            await self._call.hangup()
        except baresip.StaleHandleError:
            logger.debug("hung up a call that was gone")

    def stats(self) -> MediaStats:
        """See CallLeg."""
        stats = self._call.final_stats
        if stats is None:
            return MediaStats()
        return MediaStats(
            tx_packets=stats.tx_packets,
            rx_packets=stats.rx_packets,
            rx_lost=stats.rx_lost,
            tx_lost=stats.tx_lost,
            rx_jitter_ms=stats.rx_jitter_ms,
            rtt_ms=stats.rtt_ms,
            mos=stats.mos_estimate,
        )

    def _raise_if_ended(self) -> None:
        if self._end is not None:
            raise CallEnded("the call is over")


def _split_status(text: str) -> tuple[int | None, str]:
    """ "486 Busy Here" -> (486, "Busy Here"); transport errors carry no status."""
    head, _, tail = text.partition(" ")
    return (int(head), tail) if len(head) == 3 and head.isdigit() else (None, text)
