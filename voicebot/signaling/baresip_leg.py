"""One call on the baresip stack (C, its own 20 ms clock; docs/design.md says why it is the default)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import time
from collections.abc import Awaitable, Callable

import baresip

from voicebot.errors import CallEnded, CallError, CallNotAnswered, CallRefused
from voicebot.model.audio import FRAME_S, MEDIA_RATE
from voicebot.model.ports import CallLeg, LegEnd, MediaStats
from voicebot.signaling.baresip_keys import KeyPresses

logger = logging.getLogger(__name__)

#: The far end's jitter buffer: how long the last packet may wait there before it is heard (peers.md, lesson 1).
FAR_BUFFER_S = 0.2
_RTP_LOST = "rtp stream error"
#: What shows that the INVITE arrived: 180 and 183.
_RINGING = frozenset({baresip.Event.CALL_RINGING, baresip.Event.CALL_PROGRESS})
#: Our own clock ends the wait, so that it is known who hung up; the stack's comes after it.
_STACK_MARGIN_S = 60.0
#: The far end wants a longer session timer (RFC 4028 section 6).
_INTERVAL_TOO_SMALL = 422
#: A hold or resume waits so long for a re-INVITE that is on its way; an answer so long for a PRACK (64 T1, RFC 3262).
_BUSY_S, _PRACK_S = 3.0, 32.0
_LOOK_S = 0.05

Redial = Callable[[], Awaitable[baresip.Call]]
#: Refuses a call with a status and its reason; False where the call is gone.
Refuse = Callable[[baresip.Call, int, str], Awaitable[bool]]
_REASONS = {403: "Forbidden", 404: "Not Found", 480: "Temporarily Unavailable", 486: "Busy Here",
            503: "Service Unavailable", 603: "Decline"}  # fmt: skip


class BaresipLeg:
    """A `CallLeg` (voicebot.model.ports) over one baresip call. `again`: places the call once more, with the session
    timer that the far end asked for."""

    def __init__(self, call: baresip.Call, uri: str, again: Redial | None = None, refuse: Refuse | None = None) -> None:
        self._call = call
        self._uri = uri
        self._again = again
        self._refuse = refuse
        self._hanging_up = False
        self._cut = ""
        self._rang = False
        self._end: LegEnd | None = None
        self._holds = False
        self._sound_at: float | None = None
        #: Without received sound for so long the call is ended; 0: never. The stack's own timer takes RTCP for a sign
        #: of life: a far end that only reports would be kept for ever.
        self.rtp_timeout_s = 0.0
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
        if status == _INTERVAL_TOO_SMALL and self._again is not None:
            return  # wait_answered dials again
        if self._cut:
            by, reason = "network", self._cut
        elif self._hanging_up:
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
                await self._established(timeout_s)
        except TimeoutError:
            await self.hang_up()
            if self._rang:
                raise CallNotAnswered(f"not answered within {timeout_s:g} s") from None
            raise CallRefused("no sign from the far end", status=None, reason=f"silent for {timeout_s:g} s") from None
        except baresip.CallFailed as error:
            raise CallRefused("the call was refused", status=error.status, reason=error.reason) from None

    async def _established(self, timeout_s: float) -> None:
        try:
            await self._call.wait_established(timeout_s + _STACK_MARGIN_S)
        except baresip.CallFailed as error:
            again, self._again = self._again, None
            if error.status != _INTERVAL_TOO_SMALL or again is None:
                raise
            self._call = await again()
            self._call.on(self._on_event)
            await self._call.wait_established(timeout_s + _STACK_MARGIN_S)

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
            await self._after_prack(answered)
            async with asyncio.timeout(10):
                await answered
        except TimeoutError:
            raise CallEnded("no ACK came for our answer") from None
        except baresip.BaresipError as error:
            raise CallEnded("the call was gone before the answer") from error
        finally:
            self._call.off(listener)

    async def _after_prack(self, answered: asyncio.Future[None]) -> None:
        """Answer as soon as the far end has acknowledged our 180, where it wants that (RFC 3262 section 3): until then
        the stack refuses, and tells no event."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _PRACK_S
        while not answered.done():
            try:
                await self._call.answer()
                return
            except baresip.BaresipError as error:
                if os.strerror(errno.EAGAIN) not in str(error) or loop.time() > until:
                    raise
            await asyncio.sleep(FRAME_S)

    async def reject(self, status: int = 486) -> None:
        """See CallLeg. The library refuses with 486 only; `refuse` does with any status."""
        self._hanging_up = True
        reason = _REASONS.get(status, "Refused")
        try:
            if self._refuse is None or not await self._refuse(self._call, status, reason):
                await self._call.reject()
        except baresip.StaleHandleError:
            logger.debug("rejected a call that was gone", extra={"status": status})

    def read(self, max_bytes: int) -> bytes:
        """See CallLeg. A call without any sound for `rtp_timeout_s` ends here: the line reads 50 times a second."""
        pcm16 = b""
        try:
            pcm16 = bytes(self._call.audio.read(max_bytes))
        except baresip.AudioRestarted:
            pass  # a re-INVITE replaced the streams; the next read binds to the new ones
        except baresip.AudioNotActive:
            self._raise_if_ended()
        self._watch_sound(bool(pcm16))
        return pcm16

    def _watch_sound(self, came: bool) -> None:
        now = time.monotonic()
        if came or self._sound_at is None or self.held or self._holds:
            self._sound_at = now
        elif self.rtp_timeout_s and now - self._sound_at > self.rtp_timeout_s and not self._hanging_up:
            self.cut_off(_RTP_LOST)

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
        keys = KeyPresses()

        def on_event(event: baresip.StackEvent) -> None:
            now, key = time.monotonic(), None
            if event.event is baresip.Event.CALL_DTMF_START and event.text:
                key = keys.began(event.text, now)
            elif event.event is baresip.Event.CALL_DTMF_END:
                key = keys.ended(now)
            if key:
                callback(key)

        self._call.on(on_event)

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
        taken = False
        try:
            await self.hold()
            await agent.hold()
            await self._call.attended_transfer(agent._call)
            taken = True
        except baresip.TransferFailed as error:
            logger.info("the transfer failed", extra={"status": error.status})
        except baresip.BaresipError as error:
            raise CallError("the transfer could not be sent") from error
        finally:
            if not taken:  # the customer comes back
                with contextlib.suppress(CallError):
                    await self.resume()
        return taken

    @property
    def held(self) -> bool:
        """See CallLeg."""
        return bool(self._call.remote_on_hold)

    async def hold(self) -> None:
        """See CallLeg."""
        self._holds = True
        await self._renegotiate(self._call.hold)

    async def resume(self) -> None:
        """See CallLeg."""
        await self._renegotiate(self._call.resume)
        self._holds = False

    async def _renegotiate(self, send: Callable[[], Awaitable[None]]) -> None:
        """The stack refuses while another re-INVITE is on its way: its own after an answer, a session timer's."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _BUSY_S
        while True:
            try:
                return await send()
            except baresip.StaleHandleError:
                raise CallEnded("the call is over") from None
            except baresip.BaresipError as error:
                self._raise_if_ended()
                if loop.time() > until:
                    raise CallError("the far end could not be put on hold, or taken back") from error
            await asyncio.sleep(_LOOK_S)

    def cut_off(self, reason: str) -> None:
        """The far end is gone without a word: send BYE all the same; it ends "by network"."""
        self._cut = reason
        self._ending = asyncio.ensure_future(self.hang_up())

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
