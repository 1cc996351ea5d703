"""What both sides say now, for whoever watches. A watcher that does not keep up is dropped; a call never waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from voicebot.model.outcome import Outcome
from voicebot.model.voice import VoiceDecision

#: Events a watcher may be behind before it is dropped, events kept of a running call, watchers at once.
QUEUE, BACKLOG, WATCHERS = 200, 60, 20


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """`kind`: started | bot | caller | voice | ended; `t`: seconds from the answer, None before and after the call."""

    kind: str
    attempt_id: int
    text: str
    t: float | None = None
    direction: str | None = None
    account_id: str | None = None
    state: str | None = None  # voice: the decision's state


class Watcher:
    """One reader of the feed."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[LiveEvent | None] = asyncio.Queue(QUEUE)

    async def next(self) -> LiveEvent | None:
        """The next event; None where the feed ended or this watcher was too slow."""
        return await self._queue.get()

    def offer(self, event: LiveEvent) -> bool:
        """False where the watcher is too far behind."""
        with suppress(asyncio.QueueFull):
            self._queue.put_nowait(event)
            return True
        return False

    def end(self) -> None:
        """Forget what waits and end."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)


class LiveFeed:
    """A CallObserver that hands on what it sees. All of it runs on the event loop and none of it waits."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._running: dict[int, deque[LiveEvent]] = {}

    @property
    def calls(self) -> int:
        """Attempts that run now."""
        return len(self._running)

    @property
    def watchers(self) -> int:
        """Readers now."""
        return len(self._watchers)

    @contextmanager
    def watch(self) -> Iterator[Watcher | None]:
        """Follow the feed; first comes what was said so far in the calls that run. None: too many watch already."""
        if len(self._watchers) >= WATCHERS:
            yield None
            return
        watcher = Watcher()
        self._watchers.add(watcher)
        recent = [event for events in self._running.values() for event in events]
        for event in recent[-QUEUE // 2 :]:
            watcher.offer(event)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)

    def close(self) -> None:
        """End every watcher (the server stops)."""
        for watcher in self._watchers:
            watcher.end()
        self._watchers.clear()

    # -- CallObserver

    def attempt_started(self, attempt_id: int, account_id: str | None, flow: str, direction: str) -> None:
        """An attempt begins."""
        self._running[attempt_id] = deque(maxlen=BACKLOG)
        self._publish(LiveEvent("started", attempt_id, flow, direction=direction, account_id=account_id))

    def bot_says(self, attempt_id: int, text: str, t: float) -> None:
        """A prompt begins."""
        self._publish(LiveEvent("bot", attempt_id, text, t))

    def caller_says(self, attempt_id: int, text: str, t: float) -> None:
        """An answer was recognised."""
        self._publish(LiveEvent("caller", attempt_id, text, t))

    def voice_decided(self, attempt_id: int, decision: VoiceDecision) -> None:
        """A check of the voice was made."""
        score = "no score yet" if decision.score is None else f"score {decision.score:.2f}"
        text = f"{score}, {decision.net_speech_s:.1f} s of speech"
        if decision.reason is not None:
            text = f"{decision.reason.value.replace('_', ' ')}; {text}"
        self._publish(LiveEvent("voice", attempt_id, text, state=decision.state.value))

    def attempt_ended(self, attempt_id: int, outcome: Outcome) -> None:
        """The outcome is stored."""
        self._publish(LiveEvent("ended", attempt_id, outcome.disposition.value))
        self._running.pop(attempt_id, None)

    def _publish(self, event: LiveEvent) -> None:
        if event.attempt_id in self._running:
            self._running[event.attempt_id].append(event)
        for watcher in [w for w in self._watchers if not w.offer(event)]:
            self._watchers.discard(watcher)
            watcher.end()
