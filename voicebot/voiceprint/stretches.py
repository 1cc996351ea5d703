"""Stretches of the caller's speech as they were heard, pauses and all: what a recording played again is recognised by.

Net speech (net_speech.py) has its pauses cut out, so its times fit no second hearing; these stretches keep theirs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.voiceprint.quality import SPEECH_FROM

#: A longer silence ends a stretch; so does its length.
PAUSE_S = 0.5
LONGEST_S = 2.5
#: Shorter ones say too little.
SHORTEST_S = 1.0
#: How long after the bot its echo may still arrive.
ECHO_TAIL_S = 0.2
#: Of the sound before a stretch so much is held: the VAD's decisions come after the sound.
_BEFORE_S = 0.3
#: More than this waiting is more than anybody takes: the oldest goes.
_WAITING = 8


@dataclass(slots=True)
class _Open:
    t0: float
    end: float  # of the newest speech in it


class Stretches:
    """Collects one call's. Not shared between threads."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._t = 0.0  # of the first sample held
        self._rate = 0
        self._open: _Open | None = None
        self._bot_until = 0.0
        self._done: deque[AudioFrame] = deque(maxlen=_WAITING)

    def add(self, frame: AudioFrame, chunks: Sequence[SpeechChunk]) -> None:
        """Take sound and the VAD's decisions that became due with it."""
        held_until = self._t + len(self._pcm) / 2 / (self._rate or 1)
        if frame.rate != self._rate or abs(frame.t - held_until) > 0.01:  # a gap: nothing goes across it
            self._close()
            self._pcm, self._t, self._rate = bytearray(), frame.t, frame.rate
        self._pcm += frame.pcm16
        for chunk in chunks:
            self._decide(chunk)
        if self._open is None:
            self._forget(frame.t + frame.duration - _BEFORE_S)

    def bot_spoke(self, t0: float, t1: float) -> None:
        """The bot was heard in [t0, t1): what came meanwhile is its echo, or the two at once."""
        self._bot_until = max(self._bot_until, t1 + ECHO_TAIL_S)
        if self._open is not None and t0 < self._open.end:
            self._open.end = max(self._open.t0, t0)
            self._close()

    def pop(self) -> AudioFrame | None:
        """The oldest stretch that is complete and was not taken; None where there is none."""
        return self._done.popleft() if self._done else None

    def _decide(self, chunk: SpeechChunk) -> None:
        speech = chunk.probability >= SPEECH_FROM and chunk.t0 >= self._bot_until
        if speech and self._open is None:
            self._open = _Open(chunk.t0, chunk.t1)
        elif speech and self._open is not None:
            self._open.end = chunk.t1
        if self._open is None:
            return
        if chunk.t1 - self._open.end >= PAUSE_S or self._open.end - self._open.t0 >= LONGEST_S:
            self._close()

    def _close(self) -> None:
        stretch, self._open = self._open, None
        if stretch is None or stretch.end - stretch.t0 < SHORTEST_S:
            return
        a, b = (2 * max(0, round((t - self._t) * self._rate)) for t in (stretch.t0, stretch.end))
        self._done.append(AudioFrame(bytes(self._pcm[a:b]), self._rate, stretch.t0))
        self._forget(stretch.end)

    def _forget(self, until: float) -> None:
        spare = round((until - self._t) * self._rate)
        if spare > self._rate:  # cut seldom: each cut copies
            del self._pcm[: 2 * spare]
            self._t += spare / self._rate
