"""What a line and a room do to a voice, for `voicebot voiceprint evaluate`: codecs, lost packets, noise.

Codecs are real ones, through libsndfile: G.711 mu-law, GSM 06.10 full rate, Opus. Lost packets are 20 ms of zeros, as a
receiver without concealment plays them. Noise is added at a signal-to-noise ratio over the caller's net speech.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

from voicebot.errors import SettingsError
from voicebot.model.audio import FRAME_S, MEDIA_RATE, AudioFrame

Sound = NDArray[np.float64]
#: libsndfile's Opus takes no bit rate but a level: 0 is 256 kbit/s a channel, 1 is 6 kbit/s, linear between (measured
#: on telephone speech, the container's pages included: 13.0 and 7.0 kbit/s for 12 and 6).
_OPUS_HIGH, _OPUS_LOW = 256_000, 6_000
#: People talking at once in the babble.
TALKERS = 6


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a condition may need besides the sound: power of the caller's net speech (samples in [-1, 1], squared), the
    babble of others as long as one likes, and a source of chance."""

    speech_power: float
    babble: Sound
    random: np.random.Generator


@dataclass(frozen=True, slots=True)
class Spoilt:
    """Sound after a condition; `lost`: share of its packets that never came, as the receiver counts them."""

    sound: Sound
    lost: float = 0.0


Condition = Callable[[Sound, Surroundings], Spoilt]


def spoil(condition: str, recording: AudioFrame, around: Surroundings) -> tuple[AudioFrame, float]:
    """The recording (8 kHz) through a condition of CONDITIONS, and the share of packets lost."""
    sound = np.frombuffer(recording.pcm16, dtype=np.int16).astype(np.float64) / 32768.0
    spoilt = CONDITIONS[condition](sound, around)
    pcm16 = np.clip(np.rint(spoilt.sound * 32768.0), -32768, 32767).astype(np.int16).tobytes()
    return AudioFrame(pcm16, recording.rate, recording.t), spoilt.lost


def babble_of(voices: list[Sound], random: np.random.Generator, seconds: float) -> Sound:
    """Up to TALKERS of the voices (net speech) talking at once, each as loud as the others; silence without voices."""
    size = round(seconds * MEDIA_RATE)
    total = np.zeros(size)
    order = random.permutation(len(voices))[:TALKERS]
    for number in order:
        voice = voices[int(number)]
        loud = float(np.sqrt(np.mean(np.square(voice)))) if voice.size else 0.0
        if loud > 0:
            start = int(random.integers(voice.size))
            total += np.resize(np.roll(voice, -start), size) / loud
    return total


def _through(*, container: str, subtype: str, level: float | None = None) -> Condition:
    """There and back through a codec of libsndfile."""

    def apply(sound: Sound, _around: Surroundings) -> Spoilt:
        file = io.BytesIO()
        try:
            soundfile.write(file, sound, MEDIA_RATE, format=container, subtype=subtype, compression_level=level)
            file.seek(0)
            back, _rate = soundfile.read(file, dtype="float64")
        except (soundfile.SoundFileError, TypeError, ValueError) as error:
            raise SettingsError(
                f"the sound library cannot do {subtype} ({error})",
                hint="soundfile 0.13 or later, whose libsndfile holds Opus and GSM, is in the requirements",
            ) from error
        return Spoilt(_as_long(back, sound.size))

    return apply


def _opus(rate: int) -> Condition:
    return _through(container="OGG", subtype="OPUS", level=(_OPUS_HIGH - rate) / (_OPUS_HIGH - _OPUS_LOW))


def _loss(share: float) -> Condition:
    def apply(sound: Sound, around: Surroundings) -> Spoilt:
        size = round(FRAME_S * MEDIA_RATE)
        lost = around.random.random(-(-sound.size // size)) < share
        kept = np.repeat(~lost, size)[: sound.size]
        return Spoilt(sound * kept, float(np.mean(lost)))

    return apply


def _white(snr_db: float) -> Condition:
    def apply(sound: Sound, around: Surroundings) -> Spoilt:
        return Spoilt(sound + around.random.standard_normal(sound.size) * _level(around.speech_power, snr_db))

    return apply


def _babble(snr_db: float) -> Condition:
    def apply(sound: Sound, around: Surroundings) -> Spoilt:
        noise = _as_long(around.babble, sound.size)
        loud = float(np.sqrt(np.mean(np.square(noise))))
        return Spoilt(sound + noise * (_level(around.speech_power, snr_db) / loud if loud > 0 else 0.0))

    return apply


def _level(speech_power: float, snr_db: float) -> float:
    """RMS of a noise that lies `snr_db` under the speech."""
    return float(np.sqrt(speech_power / 10 ** (snr_db / 10)))


def _as_long(sound: Sound, size: int) -> Sound:
    """Cut or repeated to `size` samples."""
    return np.resize(sound, size) if sound.size else np.zeros(size)


#: Name -> what is done; the names are the keys of the report's "stress".
CONDITIONS: Mapping[str, Condition] = {
    "mulaw2": _through(container="WAV", subtype="ULAW"),
    "gsm": _through(container="WAV", subtype="GSM610"),
    "opus12k": _opus(12_000),
    "opus6k": _opus(6_000),
    "loss5": _loss(0.05),
    "loss20": _loss(0.20),
    "white15": _white(15.0),
    "white5": _white(5.0),
    "babble15": _babble(15.0),
    "babble10": _babble(10.0),
    "babble5": _babble(5.0),
}
