"""The caller's own speech told from the crowd around him, and soft decisions mended by loudness. Pure; audio time only.

A voice activity detector knows speech, not whose: between other people it never falls silent (measured: silero calls
0.95 of a crowd 18 dB under the caller speech), and of a very deep voice it doubts a short word (0.1 to 0.5 on a "no" at
-18 dBFS). Energy lies where the line is noisy or echoes (peers.md, lesson 4), so it decides nothing alone: it is
compared with this line's own quiet, and only mends what the detector doubts or what it calls speech all the time.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from voicebot.model.audio import AudioFrame, SpeechChunk


@dataclass(frozen=True, slots=True)
class ForegroundOptions:
    """Seconds of sound, dB, dBFS and probabilities."""

    memory_s: float = 12.0  # sound the line's quiet is taken from
    known_s: float = 1.0  # less says nothing about it
    #: A crowd: over so long the quietest moments are loud, and speech all the same.
    crowd_after_s: float = 3.0
    crowd_dbfs: float = -56.0
    crowd_probability: float = 0.5
    crowd_over_db: float = 13.0  # over the quiet: in a crowd only what is so much louder is the caller
    #: Loud and far over the quiet: a doubtful sound is speech.
    doubt: float = 0.06  # of tones, hiss and slammed doors silero says 0.05 at most
    loud_dbfs: float = -40.0
    loud_over_db: float = 25.0
    certain: float = 0.8  # probability given to it
    #: So little over the quiet there is nothing to hear, whatever the detector says (it goes on 0.1 s after the end).
    nothing_over_db: float = 4.0
    #: Loud sound so shortly before speech belongs to it ("no, ... you have the wrong number"), so far back.
    joined_s: float = 0.4
    back_s: float = 1.2


@dataclass(frozen=True, slots=True)
class _Heard:
    level: float  # dBFS
    probability: float


#: Share of the quietest sound that is the line's quiet, and that is asked whether it is speech.
_QUIET, _ASKED = 0.1, 0.2
_SILENT_DBFS = -96.0
#: The quiet is measured anew each so many decisions (a third of a second).
_EACH = 10


class Foreground:
    """One call's. `accept` gives the detector's decisions back, mended."""

    def __init__(self, options: ForegroundOptions | None = None) -> None:
        self._options = options or ForegroundOptions()
        self._heard: deque[_Heard] = deque()
        self._heard_s = 0.0
        self._pcm = b""
        self._t = 0.0
        self._before = 0.0
        self._count = 0
        self._quiet: float | None = None
        self._loud: deque[SpeechChunk] = deque()
        self._now = _SILENT_DBFS
        self.crowd = False
        #: Of each decision that `accept` gave back last: was there no sound in it? Then an answer may end with it.
        self.nothing: tuple[bool, ...] = ()

    def accept(
        self, frame: AudioFrame, chunks: tuple[SpeechChunk, ...], *, eager: bool = True
    ) -> tuple[SpeechChunk, ...]:
        """A frame and the decisions that became due with it. `eager`: it is the caller's turn, so that what is doubtful
        is rather speech (while the bot talks a cough is not to stop it)."""
        if not self._pcm or abs(frame.t - self._t - len(self._pcm) / 2 / frame.rate) > frame.duration + 0.02:
            self._t, self._pcm = frame.t, b""
        self._pcm += frame.pcm16
        mended, nothing = [], []
        for chunk in chunks:
            mended.append(self._mended(chunk, frame.rate, eager))
            nothing.append(self._quiet is not None and self._now <= self._quiet + self._options.nothing_over_db)
        self.nothing = tuple(nothing)
        return tuple(mended)

    def reach_back(self, t: float) -> float:
        """Where speech that was noticed at `t` (s) begins: at the loud sound shortly before, which the detector may
        have missed; `t` where there was none."""
        begin = t
        for chunk in reversed(self._loud):
            if chunk.t1 < begin - self._options.joined_s or chunk.t0 < t - self._options.back_s:
                break
            begin = min(begin, chunk.t0)
        return begin

    @property
    def quiet_dbfs(self) -> float | None:
        """Level of the line's quiet; None before it is known."""
        return self._quiet

    def _mended(self, chunk: SpeechChunk, rate: int, eager: bool) -> SpeechChunk:
        level, options = self._level(chunk, rate), self._options
        self._note(chunk, level)
        if self._quiet is None:
            return chunk
        over = level - self._quiet
        if self.crowd and over < options.crowd_over_db:
            return replace(chunk, probability=0.0)
        loud = level >= options.loud_dbfs and over >= options.loud_over_db
        if loud:
            self._loud.append(chunk)
            while self._loud[0].t1 < chunk.t0 - 2 * options.back_s:
                self._loud.popleft()
        if eager and loud and options.doubt <= chunk.probability < options.certain:
            return replace(chunk, probability=options.certain)
        return chunk

    def _level(self, chunk: SpeechChunk, rate: int) -> float:
        """Of this decision's sound and that of the one before it: a crowd's peaks are short. `_now`: of it alone."""
        a, b = (max(0, round((t - self._t) * rate)) * 2 for t in (chunk.t0, chunk.t1))
        samples = np.frombuffer(self._pcm[a:b], dtype=np.int16).astype(np.float64)
        self._pcm = self._pcm[b:]
        self._t += b / 2 / rate
        power = float(np.dot(samples, samples)) / samples.size if samples.size else 0.0
        both, self._before = (power + self._before) / 2, power
        self._now = _dbfs(power)
        return _dbfs(both)

    def _note(self, chunk: SpeechChunk, level: float) -> None:
        options, step = self._options, chunk.t1 - chunk.t0
        self._heard.append(_Heard(level, chunk.probability))
        self._heard_s += step
        if self._heard_s > options.memory_s:
            self._heard.popleft()
            self._heard_s -= step
        self._count += 1
        if self._heard_s < options.known_s or self._count % _EACH:
            return
        ordered = sorted(self._heard, key=lambda heard: heard.level)
        self._quiet = ordered[int(len(ordered) * _QUIET)].level
        asked = ordered[: max(1, int(len(ordered) * _ASKED))]
        self.crowd = (
            self._heard_s >= options.crowd_after_s
            and self._quiet >= options.crowd_dbfs
            and sum(heard.probability for heard in asked) / len(asked) >= options.crowd_probability
        )


def _dbfs(power: float) -> float:
    return max(_SILENT_DBFS, 10 * math.log10(max(power, 1e-9) / 32768**2))
