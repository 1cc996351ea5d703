"""Speech without a model: each phrase is a tone of its own, heard by its pitch. What is said goes through the whole of
a call as words do: sound, the end of the answer, meaning, flow, record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from voicebot import app
from voicebot.model.audio import MEDIA_RATE, AudioFrame, SpeechChunk
from voicebot.model.speech import Utterance

#: What can be said, and heard.
PHRASES = (
    "no I will not pay this",
    "I dispute this debt, it is not mine",
    "I have already paid",
    "I lost my job and I cannot pay",
)
_LOWEST, _STEP = 500, 250
_LOUD = 2000.0
_SAID_S = 0.6
_CHUNK = 256


def tone(phrase: str) -> NDArray[np.int16]:
    """A phrase, as it is said into a telephone (8 kHz)."""
    hertz = _LOWEST + _STEP * PHRASES.index(phrase)
    t = np.arange(int(_SAID_S * MEDIA_RATE)) / MEDIA_RATE
    return (8000 * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


def heard(pcm: bytes) -> str:
    """The phrase whose tone it is; "" where nothing loud is in it."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float64)
    if samples.size < _CHUNK or np.abs(samples).max() < _LOUD:
        return ""
    hertz = np.abs(np.fft.rfft(samples)).argmax() * MEDIA_RATE / samples.size
    return PHRASES[min(len(PHRASES) - 1, max(0, round((hertz - _LOWEST) / _STEP)))]


class Ear:
    """A recogniser and a detector of speech."""

    name = "tones"
    streaming = False

    def start(self, phrases: Sequence[str] | None = None) -> Hearing:
        """One utterance, or one call."""
        return Hearing()


class Hearing:
    """RecognizerStream."""

    def __init__(self) -> None:
        self._pcm = b""

    def accept(self, frame: AudioFrame) -> str | None:
        """Nothing is told before the end."""
        self._pcm += frame.pcm16
        return None

    def snapshot(self) -> Utterance:
        """What it is so far."""
        return Utterance(heard(self._pcm))

    finish = snapshot


class Activity:
    """A detector: what is loud is speech."""

    def start(self) -> ActivityStream:
        """State of one call."""
        return ActivityStream()


class ActivityStream:
    """VoiceActivityStream."""

    def __init__(self) -> None:
        self._pcm, self._t = b"", 0.0

    def accept(self, frame: AudioFrame) -> tuple[SpeechChunk, ...]:
        """32 ms a decision."""
        if not self._pcm:
            self._t = frame.t
        self._pcm += frame.pcm16
        found = []
        while len(self._pcm) >= 2 * _CHUNK:
            part, self._pcm = self._pcm[: 2 * _CHUNK], self._pcm[2 * _CHUNK :]
            loud = np.abs(np.frombuffer(part, np.int16)).max() > _LOUD
            found.append(SpeechChunk(self._t, self._t + _CHUNK / MEDIA_RATE, 0.99 if loud else 0.01))
            self._t += _CHUNK / MEDIA_RATE
        return tuple(found)


class Mouth:
    """A synthesizer whose prompts are all short and quiet."""

    name = "short"

    def synthesize(self, text: str) -> AudioFrame:
        """A fifth of a second."""
        return AudioFrame(b"\x40\x00" * 1600, 8000)


def talk_in_tones(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Application` hears and speaks without models."""
    monkeypatch.setattr(app, "choose_recognizer", lambda *_: Ear())
    monkeypatch.setattr(app, "choose_synthesizer", lambda *_: Mouth())
    monkeypatch.setattr(app, "choose_activity", Activity)
