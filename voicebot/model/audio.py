"""Sound as it flows: 16-bit signed mono PCM, native byte order, with its place in the call's time."""

from __future__ import annotations

from dataclasses import dataclass

#: The media path's sampling rate, Hz (G.711, RFC 3551 section 4.5.14).
MEDIA_RATE = 8000
#: One packet of audio, seconds (RFC 3551 section 4.2).
FRAME_S = 0.02


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """Some sound. `pcm16`: bytes, 2 per sample; `rate`: Hz; `t`: seconds from the answer to the first sample."""

    pcm16: bytes
    rate: int
    t: float = 0.0

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.pcm16) // 2

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.samples / self.rate

    @property
    def t_end(self) -> float:
        """Seconds from the answer to the end of the last sample."""
        return self.t + self.duration


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """One decision of the voice activity detector: probability of speech in [t0, t1), seconds from the answer."""

    t0: float
    t1: float
    probability: float
