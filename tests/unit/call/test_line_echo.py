"""The line takes the bot's own voice out of what it hears: a leg that sends back what it gets, a tenth as loud."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.support.fake_leg import FakeLeg
from voicebot.call.line import Line
from voicebot.media.echo import EchoCanceller
from voicebot.model.audio import MEDIA_RATE, AudioFrame

DELAY = round(0.12 * MEDIA_RATE)


class EchoLeg(FakeLeg):
    """Everything that left comes back 0.12 s later, 20 dB down."""

    def __init__(self) -> None:
        super().__init__()
        self._back = np.zeros(20 * MEDIA_RATE, dtype=np.int16)
        self._echoed = 0
        self._end = 0

    def _advance(self) -> None:
        before = len(self.sent)
        super()._advance()
        new = np.frombuffer(self.sent[before:], dtype=np.int16)
        begin = int((self._sent_at - (self._start or 0.0)) * MEDIA_RATE) + DELAY - new.size
        if abs(begin - self._end) < MEDIA_RATE // 50:  # what leaves in a row comes back in a row
            begin = self._end
        self._end = begin + new.size
        self._back[begin : self._end] = new // 10

    def read(self, max_bytes: int) -> bytes:
        self._advance()
        due = int(self._now() * MEDIA_RATE)
        piece = self._back[self._echoed : due]
        self._echoed = due
        return piece.tobytes()


async def heard_level(echo: EchoCanceller | None) -> float:
    """dBFS of what the listeners get while the bot talks, its first 0.8 s left out."""
    leg = EchoLeg()
    line = Line(leg, None, echo)
    frames: list[AudioFrame] = []
    line.add_listener(frames.append)
    clock = asyncio.create_task(line.run())
    prompt = np.random.default_rng(1).normal(0, 3000, round(1.8 * MEDIA_RATE)).astype(np.int16).tobytes()
    played = await line.play(AudioFrame(prompt, MEDIA_RATE))
    leg.end("caller")
    await clock
    pcm = b"".join(f.pcm16 for f in frames if played.t0 + 0.8 <= f.t)
    return float(10 * np.log10(np.mean(np.frombuffer(pcm, dtype=np.int16).astype(float) ** 2) / 32768**2 + 1e-12))


async def test_the_bots_own_voice_is_taken_out() -> None:
    raw, clean = await asyncio.gather(heard_level(None), heard_level(EchoCanceller()))
    assert raw == pytest.approx(-41, abs=3)
    assert clean < raw - 15
