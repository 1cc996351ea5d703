"""Reading, resampling and shaping of sound for the simulator."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sip_sim.errors import VoiceError
from sip_sim.g711 import RATE, Samples
from sip_sim.hearing import speech_spans

Floats = NDArray[np.float32]


def to_phone(sound: Floats, rate: float, *, level_db: float = -23.0) -> Samples:
    """Mono floats at `rate` -> 16 bit at 8 kHz, its speech at `level_db` dBFS (RMS), never clipped."""
    import soxr

    resampled = sound.astype(np.float32) if rate == RATE else soxr.resample(sound.astype(np.float32), rate, RATE, "HQ")
    loud = resampled[np.abs(resampled) > 0.01]
    rms = float(np.sqrt(np.mean(loud**2))) if loud.size else 0.0
    gain = 10 ** (level_db / 20) / rms if rms > 0 else 1.0
    peak = float(np.abs(resampled).max()) * gain if resampled.size else 0.0
    if peak > 0.95:
        gain *= 0.95 / peak
    return np.asarray(np.round(resampled * gain * 32767), dtype=np.int16)


def read_sound(path: Path) -> Samples:
    """A WAV or FLAC file of any rate and channels -> phone samples."""
    import soundfile

    try:
        sound, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise VoiceError(f"{path}: cannot be read as sound ({error})", hint="give a WAV or FLAC file") from None
    return to_phone(sound.mean(axis=1), rate)


def write_wav(path: Path, samples: Samples) -> None:
    """Mono, 8 kHz, 16 bit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.astype("<i2").tobytes())


def read_wav(path: Path) -> Samples:
    """What `write_wav` wrote."""
    with wave.open(str(path), "rb") as source:
        return np.frombuffer(source.readframes(source.getnframes()), dtype="<i2").astype(np.int16)


def trim(samples: Samples, margin_s: float = 0.04) -> Samples:
    """Without the silence before and after the speech; all of it where no speech is found."""
    spans = speech_spans(samples)
    if not spans:
        return samples
    start = max(0, round((spans[0][0] - margin_s) * RATE))
    return samples[start : round((spans[-1][1] + margin_s) * RATE)]


def net_speech_s(samples: Samples) -> float:
    """Seconds of speech, pauses over 0.3 s left out."""
    return sum(end - start for start, end in speech_spans(samples, join_s=0.3))
