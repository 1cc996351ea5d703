"""The line: one call's sound, 20 ms at a time (voicebot.call.clock), both ways; nothing in it waits for a model.

Each tick reads what the caller sent, hands it to the listeners, and tops up the stack's short send queue from the
player. A short queue makes stopping quick; what was queued and not sent is known, so "heard" is exact.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from voicebot.call.clock import every_frame
from voicebot.call.hold import Hold
from voicebot.errors import CallEnded
from voicebot.media.arrivals import Arrivals
from voicebot.media.echo import EchoCanceller
from voicebot.media.player import Player
from voicebot.media.recorder import Recorder
from voicebot.model.audio import FRAME_S, MEDIA_RATE, AudioFrame
from voicebot.model.ports import CallLeg

logger = logging.getLogger(__name__)

#: Sound kept in the stack's send queue: enough to live through a busy moment of the process. It delays no interruption:
#: what is queued is flushed, to a frame.
AHEAD_S = 0.5

#: How long another thread may hold the interpreter while the clock waits for it (Python's own: 5 ms). Each decision of
#: the voice activity detector lets it go and wants it back; measured beside one busy thread, a tick of four calls took
#: 9.7 ms at 5 ms and 1.0 ms at 1 ms.
SWITCH_S = 0.001

FrameListener = Callable[[AudioFrame], None]


def keep_steady() -> None:
    """For the process of the lines, once its models are loaded: other threads let the clock in soon, numpy's helper
    threads do not spin for work after each small product (a fifth of a call's CPU), and the collector does not walk
    through all that the models' libraries made (0.2 to 0.8 s each time, every thread stands still)."""
    sys.setswitchinterval(SWITCH_S)
    threadpool_limits(1, user_api="blas")
    gc.collect()
    gc.freeze()


@dataclass(frozen=True, slots=True)
class Played:
    """How a prompt went: from `t0` to `t1`, seconds from the answer; `heard_s` of it was heard."""

    t0: float
    t1: float
    heard_s: float
    completed: bool


class Line:
    """Runs one leg's media until the leg ends. `echo` takes the bot's own voice out of what the listeners get; the
    recording keeps what was on the line. While the far end holds us nothing is said, and the listeners get silence, not
    its music; after `max_hold_s` of it (None: for ever) the call is ended."""

    def __init__(
        self,
        leg: CallLeg,
        recorder: Recorder | None,
        echo: EchoCanceller | None = None,
        max_hold_s: float | None = None,
    ) -> None:
        self._leg = leg
        self._hold = Hold(leg, max_hold_s)
        self._recorder = recorder
        self._echo = echo
        self._player = Player()
        self._listeners: list[FrameListener] = []
        self._done: asyncio.Future[bool] | None = None
        self._started = 0.0
        self._sent_until = 0.0
        self._arrivals = Arrivals()
        self._ticks = 0
        self._heard = 0.0
        self._over = False
        self._spoken_listeners: list[Callable[[float, float], None]] = []

    def add_listener(self, listener: FrameListener) -> None:
        """Call `listener` with every frame of the caller's sound; it must return at once."""
        self._listeners.append(listener)

    def add_spoken_listener(self, listener: Callable[[float, float], None]) -> None:
        """Call `listener` with each interval in which the bot is heard (its echo is cut out of the voiceprint)."""
        self._spoken_listeners.append(listener)

    @property
    def t(self) -> float:
        """Seconds since the answer, in ticks of the line's clock."""
        return self._ticks * FRAME_S

    @property
    def playing(self) -> bool:
        """True while a prompt is going out (or paused)."""
        return self._done is not None

    @property
    def held(self) -> bool:
        """True while the far end holds us."""
        return self._hold.on

    @property
    def paused(self) -> bool:
        """True while a prompt is held back by a barge-in that is not decided."""
        return self.playing and self._player.paused

    async def run(self) -> None:
        """One tick each 20 ms from now until the leg ends."""
        self._started = asyncio.get_running_loop().time()
        try:
            if self._leg.ended is None:
                await every_frame(self._tick)
        except CallEnded:
            logger.debug("the leg ended under the clock")
        finally:
            self._over = True
            self._finish(completed=False)
            if self._recorder is not None:
                self._recorder.close(self.t)

    def _tick(self) -> bool:
        self._ticks += 1
        if self._hold.look(self.t):
            self._take_back(self._leg.queued_s or self._hold.queued_s)
        self._receive(self._leg.read(MEDIA_RATE * 2))
        self._send()
        if self._recorder is not None and self._ticks % 50 == 0:
            self._recorder.advance(self.t)
        return self._leg.ended is None

    def _receive(self, pcm16: bytes) -> None:
        frame = self._arrivals.frame(pcm16, self.t, self._now())
        if frame is None:
            return
        if self._recorder is not None:
            self._recorder.caller(frame)
        if self._hold.on:
            frame = AudioFrame(bytes(len(frame.pcm16)), MEDIA_RATE, frame.t)
        elif self._echo is not None:
            frame = self._echo.clean(frame)
        for listener in self._listeners:
            listener(frame)

    def _send(self) -> None:
        if self._done is None or self._hold.on:
            return
        queued = self._leg.queued_s
        self._hold.queued_s = queued
        pcm16 = self._player.take(AHEAD_S - queued)
        if pcm16:
            at = self._leaves_at(queued)
            taken = self._leg.write(pcm16)
            if taken < len(pcm16):  # the streams were just replaced: nothing is lost of what is said
                self._player.pause((len(pcm16) - taken) / (2 * MEDIA_RATE))
                self._player.resume()
                pcm16 = pcm16[:taken]
                if not taken:
                    return
            self._hold.queued_s += len(pcm16) / (2 * MEDIA_RATE)
            frame = AudioFrame(pcm16, MEDIA_RATE, at)
            self._sent_until = frame.t_end
            if self._echo is not None:
                self._echo.sent(frame)
            for listener in self._spoken_listeners:
                listener(at, frame.t_end)
            if self._recorder is not None:
                self._recorder.bot(frame)
        elif not self._player.paused and queued <= FRAME_S:
            self._finish(completed=True)

    def _leaves_at(self, queued: float) -> float:
        """When sound written now leaves: behind what is queued, without a gap; else now (ticks may be late)."""
        if queued > 0 and self._sent_until > 0:
            return self._sent_until
        return max(self.t, self._now())

    def _now(self) -> float:
        """Seconds since the answer by the wall: ahead of `t` after a stall, until the ticks are made up for."""
        return asyncio.get_running_loop().time() - self._started

    async def play(self, prompt: AudioFrame) -> Played:
        """Say a prompt (at MEDIA_RATE); returns when its last packet has left, or it was stopped."""
        if self._leg.ended is not None:
            raise CallEnded("the call is over")
        self._player.load(prompt.pcm16)
        t0 = self.t
        self._done = asyncio.get_running_loop().create_future()
        completed = await self._done
        heard = prompt.duration if completed else self._heard
        if not completed and self._over:
            raise CallEnded("the call ended under a prompt")
        return Played(t0, self.t, heard, completed)

    def pause(self) -> None:
        """Hold the prompt back at once (a barge-in that is not decided yet)."""
        if self._done is None or self._player.paused:
            return
        unsent = self._leg.queued_s
        self._leg.flush()
        self._sent_until = 0.0
        self._player.pause(unsent)
        if self._echo is not None:
            self._echo.cut(self.t)
        if self._recorder is not None:
            self._recorder.cut(self.t)

    def _take_back(self, unsent_s: float) -> None:
        """The far end holds us: what was not sent is said when it is back."""
        if self._done is None or self._player.paused:
            return
        self._leg.flush()
        self._sent_until = 0.0
        self._player.pause(unsent_s)
        self._player.resume()  # nothing is taken while the hold lasts
        if self._echo is not None:
            self._echo.cut(self.t)
        if self._recorder is not None:
            self._recorder.cut(self.t)

    def resume(self) -> None:
        """It was no interruption: go on where the prompt stopped."""
        self._player.resume()

    def stop(self) -> None:
        """The caller has the word: drop the rest of the prompt."""
        if self._done is None:
            return
        if not self._player.paused:
            self.pause()
        self._finish(completed=False)

    def _finish(self, *, completed: bool) -> None:
        self._heard = self._player.cancel()
        done, self._done = self._done, None
        if done is not None and not done.done():
            done.set_result(completed)
