"""The check of the speaker, kept current all through the call: each new window of net speech is embedded in the
voice pool as soon as it is complete, and any step may ask for the decision."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from voicebot.call.workers import run
from voicebot.errors import EngineError
from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.ports import SpeakerEncoder
from voicebot.model.voice import VoiceComparison, VoiceDecision, VoiceReason, VoiceState
from voicebot.voiceprint.net_speech import NetWindow
from voicebot.voiceprint.tracker import VoiceTracker

logger = logging.getLogger(__name__)

#: Where there is nothing to compare with, or it may not be, no comparison was made.
NOT_COMPARED = frozenset({VoiceReason.NOT_ENROLLED, VoiceReason.OPTED_OUT, VoiceReason.EXPIRED})


class VoiceWatch:
    """One per call. Gives up quietly where the encoder fails: the decision stays inconclusive."""

    def __init__(
        self,
        tracker: VoiceTracker,
        encoder: SpeakerEncoder,
        pool: ThreadPoolExecutor,
        on_comparison: Callable[[VoiceComparison], None] = lambda _: None,
    ) -> None:
        """`on_comparison`: told of every window that was compared with the voiceprint."""
        self._tracker = tracker
        self._on_comparison = on_comparison
        self._encoder = encoder
        self._pool = pool
        self._busy: asyncio.Task[None] | None = None
        self._matched = False
        self._comparisons: list[VoiceComparison] = []

    @property
    def comparisons(self) -> tuple[VoiceComparison, ...]:
        """Every comparison of the call so far."""
        return tuple(self._comparisons)

    @property
    def tracker(self) -> VoiceTracker:
        """The evidence itself."""
        return self._tracker

    def on_chunks(self, frame: AudioFrame, chunks: tuple[SpeechChunk, ...]) -> None:
        """Take the caller's sound (called by the listener, in the line's clock)."""
        self._tracker.add_audio(frame, chunks)
        if self._busy is None or self._busy.done():
            window = self._tracker.pending_window()
            if window is not None:
                self._busy = asyncio.create_task(self._embed(window))

    async def _embed(self, window: NetWindow) -> None:
        try:
            embedding = await run(self._pool, self._encoder.embed, window.audio)
        except EngineError as error:
            logger.warning("a window of the voice could not be embedded: %s", error.code)
            return
        await self._examine()
        decision = self._tracker.add_embedding(embedding, window)
        if decision.reason not in NOT_COMPARED:
            last = self._tracker.history[-1].last_score
            comparison = VoiceComparison(window.t_end, decision, last)
            self._comparisons.append(comparison)
            self._on_comparison(comparison)

    async def _examine(self) -> None:
        """Was what came since said before, in an earlier call?"""
        spoof = self._tracker.spoof
        while spoof is not None and (stretch := spoof.pending_stretch()) is not None:
            spoof.add_stretch(await run(self._pool, spoof.examine, stretch))

    async def now(self) -> VoiceDecision:
        """The decision a step waits for: with all that has come so far, where there is a voiceprint to compare with."""
        if self.decision().reason in NOT_COMPARED:
            return self.decision()
        return await self.settle()

    async def settle(self) -> VoiceDecision:
        """Embed what has come so far, also an unfinished window, and decide."""
        if self._busy is not None:
            await self._busy
        await self._examine()
        while (window := self._tracker.pending_window(now=True)) is not None:
            await self._embed(window)
        return self.decision()

    def decision(self) -> VoiceDecision:
        """The decision in force."""
        decision = self._tracker.decision()
        self._matched = self._matched or decision.state is VoiceState.MATCH
        return decision

    def lost(self) -> str | None:
        """After a match: why the voice is no longer the one that was accepted; None while it is."""
        decision = self.decision()
        if not self._matched or decision.state is VoiceState.MATCH:
            return None
        if decision.state is VoiceState.MISMATCH:
            return VoiceState.MISMATCH.value
        return decision.reason.value if decision.reason is not None else decision.state.value

    async def restart(self) -> None:
        """Forget what was heard: another speaker came on."""
        await self.close()
        self._tracker.restart()
        self._matched = False

    async def close(self) -> None:
        """Wait for the window that is being embedded."""
        if self._busy is not None:
            await self._busy
