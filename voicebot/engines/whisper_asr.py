"""Whisper on CTranslate2, on whole utterances: no partial results, but a snapshot may be taken while silence runs.

The encoder gets a context cut to the utterance (12 s as a rule) instead of always 30 s: measured 0.1 s instead of 0.3
per utterance, and more digit strings right. Beam search gives the other hypotheses.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicebot.engines import whisper_text
from voicebot.engines.sound import Samples, frame_at, level_dbfs
from voicebot.engines.whisper_model import WhisperModel
from voicebot.model.audio import AudioFrame
from voicebot.model.speech import Utterance

#: Under this level (10 ms blocks, dB below full scale) nobody speaks: not worth the engine's time, and it would invent.
_SILENCE_DBFS = -55.0
_MIN_S = 0.1


class WhisperRecognizer:
    """Recognizer. Loaded once; streams of all calls share the model, which queues them itself."""

    def __init__(self, model_dir: Path, threads: int = 1, language: str = "en", workers: int = 1) -> None:
        """`threads`: of one recognition; `workers`: recognitions at a time. Raises ModelError."""
        self._model = WhisperModel(model_dir, threads, language, workers)
        self._language = language
        self._name = f"whisper:{model_dir.name.removeprefix('whisper-')}"

    @property
    def name(self) -> str:
        """Engine and model."""
        return self._name

    @property
    def streaming(self) -> bool:
        """False: only whole utterances."""
        return False

    def start(self, phrases: Sequence[str] | None = None) -> WhisperStream:
        """Begin an utterance. `phrases` that are number words only add a pass that may write nothing but numbers."""
        return WhisperStream(self._model, whisper_text.expects_digits(phrases, self._language))


@dataclass(frozen=True, slots=True)
class _Result:
    samples: int
    utterance: Utterance


class WhisperStream:
    """RecognizerStream: collects the sound and recognises it at `snapshot` or `finish`."""

    def __init__(self, model: WhisperModel, digits: bool) -> None:
        self._model = model
        self._digits = digits
        self._frames: list[AudioFrame] = []
        self._lock = threading.Lock()  # one recognition of this stream at a time; `accept` never waits for it
        self._last: _Result | None = None

    def accept(self, frame: AudioFrame) -> str | None:
        """Take sound; never a partial text."""
        if frame.pcm16:
            self._frames.append(frame)
        return None

    def snapshot(self) -> Utterance:
        """Recognise what has come so far; sound may go on arriving meanwhile."""
        with self._lock:
            frames = tuple(self._frames)
            count = sum(frame.samples for frame in frames)
            if self._last is None or self._last.samples != count:
                self._last = _Result(count, self._recognise(frames))
            return self._last.utterance

    def finish(self) -> Utterance:
        """The result; free where nothing came since the last snapshot."""
        return self.snapshot()

    def _recognise(self, frames: tuple[AudioFrame, ...]) -> Utterance:
        if not frames:
            return Utterance("", confidence=0.0)
        t0, t1 = frames[0].t, frames[-1].t_end
        samples = _join(frames, self._model.rate)
        if samples.size < _MIN_S * self._model.rate or _loudest(samples, self._model.rate) < _SILENCE_DBFS:
            return Utterance("", confidence=0.0, t0=t0, t1=t1)
        found = self._model.recognise(samples, digits=self._digits)
        if not found:
            return Utterance("", confidence=0.0, t0=t0, t1=t1)
        return Utterance(
            text=found[0].text,
            confidence=found[0].confidence,
            t0=t0,
            t1=t1,
            alternatives=tuple(h.text for h in found[1:]),
        )


def _join(frames: tuple[AudioFrame, ...], rate: int) -> Samples:
    """The frames as one array at `rate`; frames of one rate are joined before they are resampled."""
    parts: list[Samples] = []
    pcm: list[bytes] = []
    for i, frame in enumerate(frames):
        pcm.append(frame.pcm16)
        if i + 1 == len(frames) or frames[i + 1].rate != frame.rate:
            parts.append(frame_at(AudioFrame(b"".join(pcm), frame.rate), rate))
            pcm = []
    return np.concatenate(parts)


def _loudest(samples: Samples, rate: int) -> float:
    block = rate // 50
    return max((level_dbfs(samples[i : i + block]) for i in range(0, samples.size, block)), default=-120.0)
