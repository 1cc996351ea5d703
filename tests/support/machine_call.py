"""An outbound call in audio time that a machine answers: line, leg and flow do as they are told; the detector,
the recognition of the first speech and the decisions are the real ones."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from voicebot.call.answered import Answered
from voicebot.call.line import Played
from voicebot.call.machine import MachineParts, OutboundCall
from voicebot.errors import CallEnded
from voicebot.model.audio import MEDIA_RATE, AudioFrame, SpeechChunk
from voicebot.model.outcome import Disposition, Outcome
from voicebot.model.ports import LegEnd
from voicebot.model.speech import Utterance
from voicebot.nlu.language import load_language
from voicebot.settings import PROJECT

PHRASES = load_language(PROJECT / "scripts_templates", PROJECT / "callflows", "en").answering
MESSAGE_S = 4.0


class AtOnce(ThreadPoolExecutor):
    """Does what it is given before it returns: no test waits for a thread."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class FakeLeg:
    def __init__(self):
        self.ended = None
        self._on_end = []

    def on_end(self, callback):
        self._on_end.append(callback)

    async def drain(self): ...

    async def hang_up(self):
        self.end("bot")

    def end(self, by):
        if self.ended is None:
            self.ended = LegEnd(by)
            for callback in self._on_end:
                callback(self.ended)


class FakeLine:
    """Prompts take their time; `said` is what was begun, and how much of it was heard."""

    def __init__(self, leg):
        self.t = 0.0
        self.leg = leg
        self.playing = False
        self.said = []
        self._end = 0.0
        self._done = None

    async def play(self, sound):
        self._t0, self._end, self.playing = self.t, self.t + MESSAGE_S, True
        self._done = asyncio.get_running_loop().create_future()
        whole = await self._done
        if self.leg.ended is not None and not whole:
            raise CallEnded("over")
        return Played(self._t0, self.t, self.t - self._t0, whole)

    def stop(self):
        self._finish(False)

    def tick(self):
        self.t = round(self.t + 0.02, 4)
        if self.playing and (self.t >= self._end or self.leg.ended is not None):
            self._finish(self.leg.ended is None)

    def _finish(self, whole):
        self.playing = False
        if self._done is not None and not self._done.done():
            self._done.set_result(whole)


class FakeReporter:
    def __init__(self):
        self.who = []
        self.turns = []

    def answered_by(self, who, cause):
        self.who.append(who)

    def step(self, name): ...
    def said(self, text, t): ...

    def turn(self, turn):
        self.turns.append(turn)


class FakePrompter:
    async def prepare(self, state, say):
        assert not state.verified
        return say.prompt, AudioFrame(b"", MEDIA_RATE)


class FakeConversation:
    """Talks until the call ends, or is broken off."""

    def __init__(self, test):
        self.test = test

    async def run(self):
        self.test.begun += 1
        await self.test.flow_over.wait()
        return Outcome(Disposition.RPC_VERIFIED)


class Stream:
    def __init__(self, words):
        self.words = words

    def accept(self, frame):
        return None

    def snapshot(self):
        return Utterance(self.words[0])

    finish = snapshot


@dataclass
class Call:
    """One outbound call and its far end."""

    pool: ThreadPoolExecutor
    streaming = False
    words: list[str] = field(default_factory=lambda: [""])
    begun: int = 0
    restarted: int = 0

    def __post_init__(self):
        self.leg = FakeLeg()
        self.line = FakeLine(self.leg)
        self.reporter = FakeReporter()
        self.flow_over = asyncio.Event()
        self.answered = Answered(self.line, self, self.pool, PHRASES, self.reporter.answered_by)
        parts = MachineParts(self.leg, self.line, FakePrompter(), self.reporter, self.answered, self.restart)
        self.outbound = OutboundCall(parts, lambda: FakeConversation(self))
        self.task = asyncio.create_task(self.outbound.run())

    def start(self, phrases=None):
        return Stream(self.words)

    async def restart(self):
        self.restarted += 1

    async def hear(self, seconds, *, text="", hz=0.0):
        """So many seconds of speech (with `text`), of a tone, or of silence."""
        self.words[0] = text or self.words[0]
        for _ in range(round(seconds / 0.02)):
            if self.leg.ended is not None:
                break
            t = self.line.t + np.arange(160) / MEDIA_RATE
            pcm = (9000 * np.sin(2 * np.pi * hz * t)).astype(np.int16).tobytes()
            chunk = SpeechChunk(self.line.t, self.line.t + 0.02, 0.95 if text else 0.02)
            self.answered.on_chunks(AudioFrame(pcm, MEDIA_RATE, self.line.t), (chunk,))
            self.line.tick()
            for _ in range(4):
                await asyncio.sleep(0)

    async def outcome(self):
        return await asyncio.wait_for(self.task, 5)

    @property
    def heard(self):
        """What the machine heard of us: block and whether whole."""
        return [(turn.prompt.removeprefix("announcements."), turn.heard_s is None) for turn in self.reporter.turns]
