"""How good the sound is: signal-to-noise ratio, clipping and share of speech, from PCM and the VAD's decisions.

JR/T 0164-2018 (6.5) names these three as the gates before a voice is enrolled; spec.md section 1 gives their defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from voicebot.model.audio import SpeechChunk
from voicebot.model.voice import VoiceQuality

#: Probability from which a chunk is speech, and below which it counts as noise. Between the two is neither: word ends.
SPEECH_FROM = 0.5
NOISE_BELOW = 0.3
#: |sample| from which it counts as clipped: the loudest code of G.711 is 32124 (mu-law) or 32256 (A-law).
CLIP_FROM = 32000
#: No line is better than this; a digital silence between words would give infinity.
MAX_SNR_DB = 60.0
MIN_SNR_DB = -10.0
#: Power (squared samples) under which there is no sound at all: less than one step of the coding.
DIGITAL_SILENCE = 1.0

Samples = NDArray[np.float64]


def samples_of(pcm16: bytes) -> Samples:
    """PCM to float samples in [-32768, 32767]; an odd last byte is dropped."""
    return np.frombuffer(pcm16[: len(pcm16) // 2 * 2], dtype=np.int16).astype(np.float64)


def power(samples: Samples) -> float:
    """Mean square about the mean (a line's DC offset is not noise); 0 for no samples."""
    if not samples.size:
        return 0.0
    swing = samples - samples.sum() / samples.size
    return float(np.dot(swing, swing)) / samples.size


def clipping_share(samples: Samples) -> float:
    """Share of samples at full scale, in [0, 1]."""
    return float(np.mean(np.abs(samples) >= CLIP_FROM)) if samples.size else 0.0


def snr_db(speech_power: float, noise_power: float) -> float:
    """SNR in dB, the noise taken off the speech's power; limited to [MIN_SNR_DB, MAX_SNR_DB]."""
    clean = speech_power - noise_power
    if clean <= 0:
        return MIN_SNR_DB
    if noise_power <= 0:
        return MAX_SNR_DB
    return float(np.clip(10 * np.log10(clean / noise_power), MIN_SNR_DB, MAX_SNR_DB))


def noise_power(quiet: Iterable[float]) -> float | None:
    """The line's noise from the powers of its silent pieces: the median, so that a door or a word's end counts little.

    Pieces of digital silence say nothing where others have sound (a sender that falls silent between words hides its
    noise there). None where there are no pieces.
    """
    pieces = list(quiet)
    heard = [p for p in pieces if p > DIGITAL_SILENCE] or pieces
    return float(np.median(heard)) if heard else None


def measure(pcm16: bytes, rate: int, speech: Sequence[SpeechChunk], *, t0: float = 0.0) -> VoiceQuality:
    """Measure one recording. `speech`: the VAD's chunks over it; `t0`: the time of the first sample.

    SNR: power of the speech chunks against `noise_power` of the silent ones; None where there is no speech or no
    silence. Clipping is counted in speech only. The share of speech is taken between the first and the last word.
    """
    samples = samples_of(pcm16)
    loud: list[Samples] = []
    quiet: list[float] = []
    times: list[tuple[float, float]] = []
    for chunk in speech:
        part = samples[max(0, round((chunk.t0 - t0) * rate)) : max(0, round((chunk.t1 - t0) * rate))]
        if part.size and chunk.probability >= SPEECH_FROM:
            loud.append(part)
            times.append((chunk.t0, chunk.t1))
        elif part.size and chunk.probability < NOISE_BELOW:
            quiet.append(power(part))
    if not loud:
        return VoiceQuality(snr_db=None, clipping=clipping_share(samples), speech_share=0.0)
    spoken = np.concatenate(loud)
    floor = noise_power(quiet)
    snr = None if floor is None else snr_db(power(spoken), floor)
    span = times[-1][1] - times[0][0]
    share = sum(b - a for a, b in times) / span if span > 0 else 0.0
    return VoiceQuality(snr, clipping_share(spoken), float(min(1.0, share)))


def merge(parts: Sequence[tuple[float, VoiceQuality]]) -> VoiceQuality:
    """Mean of qualities weighted by seconds; SNR over those parts that have one. No parts: the default quality."""
    total = sum(seconds for seconds, _ in parts)
    if total <= 0:
        return VoiceQuality()
    known = [(s, q.snr_db) for s, q in parts if q.snr_db is not None and s > 0]
    snr = sum(s * db for s, db in known) / sum(s for s, _ in known) if known else None

    def mean(values: list[float]) -> float:
        return sum(s * v for (s, _), v in zip(parts, values, strict=True)) / total

    return VoiceQuality(
        snr_db=snr,
        clipping=mean([q.clipping for _, q in parts]),
        speech_share=mean([q.speech_share for _, q in parts]),
        lost_frames=mean([q.lost_frames for _, q in parts]),
    )
