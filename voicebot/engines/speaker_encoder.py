"""What every speaker encoder does around its network: sound to 16 kHz, one thread at a time, unit vectors; and the
encoder that joins several."""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from voicebot.engines.sound import Samples, frame_at
from voicebot.errors import EngineError
from voicebot.model.audio import AudioFrame
from voicebot.model.voice import Embedding

RATE = 16000
MIN_S = 0.3
#: Pieces of one length embedded in one go: more gains nothing, and a batch must not hold the lock for long.
BATCH = 16


class WaveEncoder(ABC):
    """SpeakerEncoder over a network. Thread-safe: one embedding at a time, on one thread (the process has calls)."""

    def __init__(self, model_id: str) -> None:
        self._model_id = model_id
        self._lock = threading.Lock()
        self._workers: ThreadPoolExecutor | None = None

    def use_threads(self, count: int) -> None:
        """Let `embed_many` work on so many batches at a time: where no call waits for the processor."""
        if count > 1:
            self._workers = ThreadPoolExecutor(count, "voiceprint", initializer=_one_thread_each)

    @property
    def model_id(self) -> str:
        """Model name and the first 8 digits of the checkpoint's sha256."""
        return self._model_id

    def embed(self, speech: AudioFrame) -> Embedding:
        """Net speech of one speaker (any rate) to 192 numbers, L2-normalised. Raises EngineError under 0.3 s."""
        return self.embed_many([speech])[0]

    def embed_many(self, pieces: Sequence[AudioFrame]) -> list[Embedding]:
        """As `embed`, each by itself; pieces of one length share a pass, which is about twice as fast."""
        short = next((p.duration for p in pieces if p.duration < MIN_S), None)
        if short is not None:
            raise EngineError(f"{short:.2f} s of speech is too short for an embedding (least {MIN_S} s)")
        waves = [frame_at(piece, RATE) for piece in pieces]
        by_length: dict[int, list[int]] = {}
        for number, wave in enumerate(waves):
            by_length.setdefault(wave.size, []).append(number)
        size = BATCH if self._workers is None else BATCH // 4
        batches = [n[i : i + size] for n in by_length.values() for i in range(0, len(n), size)]
        found: dict[int, Embedding] = {}
        for batch, vectors in zip(batches, self._run([np.stack([waves[n] for n in b]) for b in batches]), strict=True):
            found.update({n: _unit(vector) for n, vector in zip(batch, vectors, strict=True)})
        return [found[number] for number in range(len(waves))]

    def _run(self, batches: list[Samples]) -> list[Samples]:
        if self._workers is not None:
            return list(self._workers.map(self._vectors, batches))
        found = []
        for batch in batches:
            with self._lock:
                found.append(self._vectors(batch))
        return found

    @abstractmethod
    def _vectors(self, waves: Samples) -> Samples:
        """(n, samples at 16 kHz) to (n, dimension), not normalised."""


def _one_thread_each() -> None:
    """Threads of threads would only fight for the same cores."""
    import torch

    torch.set_num_threads(1)


class JoinedEncoder:
    """SpeakerEncoder of several: their unit vectors side by side, each scaled by the root of its weight, so that the
    cosine of two joined vectors is the weighted mean of the single models' cosines."""

    def __init__(self, encoders: Sequence[tuple[WaveEncoder, float]]) -> None:
        """`encoders` with their weights, which need not add up to 1."""
        total = sum(weight for _, weight in encoders)
        self._encoders = [(encoder, float(np.sqrt(weight / total))) for encoder, weight in encoders]

    @property
    def model_id(self) -> str:
        """The models' ids, joined by "+"."""
        return "+".join(encoder.model_id for encoder, _ in self._encoders)

    def embed(self, speech: AudioFrame) -> Embedding:
        """As WaveEncoder.embed."""
        return self.embed_many([speech])[0]

    def embed_many(self, pieces: Sequence[AudioFrame]) -> list[Embedding]:
        """As WaveEncoder.embed_many."""
        parts = [[_scaled(e, scale) for e in encoder.embed_many(pieces)] for encoder, scale in self._encoders]
        return [tuple(x for part in each for x in part) for each in zip(*parts, strict=True)]


def file_digits(path: Path) -> str:
    """The first 8 digits of a file's sha256: the mark of a checkpoint in a model id."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:8]


def _unit(vector: Samples) -> Embedding:
    norm = float(np.linalg.norm(vector))
    if not np.isfinite(norm) or norm == 0.0:
        raise EngineError("the speaker encoder gave no usable embedding")
    return tuple(float(x) for x in vector / norm)


def _scaled(embedding: Embedding, scale: float) -> Embedding:
    return tuple(scale * x for x in embedding)
