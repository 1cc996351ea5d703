"""Voice recordings as the voiceprint wants them: read from files, in the telephone's band, net speech cut out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from voicebot.errors import VoicebotError
from voicebot.model.audio import FRAME_S, MEDIA_RATE, AudioFrame
from voicebot.model.ports import SpeakerEncoder, VoiceActivity
from voicebot.voiceprint.arousal import manner
from voicebot.voiceprint.enrolment import EnrolmentSample
from voicebot.voiceprint.net_speech import NetSpeech, NetWindow

Samples = NDArray[np.float32]
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")
CHANNELS = ("left", "right", "mix")
#: Leftovers of a recording shorter than this are not embedded.
REMAINDER_S = 1.0
#: Recordings played one after the other are this far apart: the next one is another utterance.
BETWEEN_S = 2.0
#: Net speech used of one recording at most: more adds seconds of computing and no safety.
MAX_NET_S = 120.0
#: A channel this much quieter than the other one is no second person, dB: nobody need say which is meant.
SILENT_DB = 40.0


class RecordingError(VoicebotError):
    """A recording cannot be used: not there, no sound file, or with two channels of which none was chosen."""

    code = "recording"


def read_recording(path: Path, channel: str | None = None, *, most_s: float | None = None) -> AudioFrame:
    """A sound file of any rate as 8 kHz mono: a voiceprint of a wider band would not fit what a telephone lets pass.

    `channel`: "left", "right" or "mix" of a file with two; a mono file needs none, and neither do two channels that
    hold the same, or nothing beside it. `most_s`: no more seconds of it are read. Raises RecordingError.
    """
    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            frames = -1 if most_s is None else round(most_s * rate)
            samples = file.read(frames, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        why = str(error).rpartition(": ")[2].rstrip(".")  # the library names the path once more
        raise RecordingError(f"{path}: cannot be read ({why})", hint=f"give one of {', '.join(SUFFIXES)}") from None
    mono = np.nan_to_num(_one_channel(path, samples, channel), nan=0.0, posinf=1.0, neginf=-1.0)
    if mono.size and rate != MEDIA_RATE:
        mono = soxr.resample(mono, rate, MEDIA_RATE)
    pcm16 = np.clip(np.rint(mono * 32767.0), -32768, 32767).astype(np.int16).tobytes()
    return AudioFrame(pcm16, MEDIA_RATE)


def _one_channel(path: Path, samples: Samples, channel: str | None) -> Samples:
    count = samples.shape[1]
    if count == 1:
        return samples[:, 0]
    if channel == "mix":
        return np.asarray(samples.mean(axis=1))
    if channel is not None and count == 2:
        return samples[:, 0 if channel == "left" else 1]
    powers = np.mean(np.square(samples), axis=0) if len(samples) else np.zeros(count)
    loudest = int(np.argmax(powers))
    same = np.abs(samples - samples[:, loudest : loudest + 1]).max(axis=0, initial=0.0) <= 1e-4
    silent = powers <= powers[loudest] / 10 ** (SILENT_DB / 10)
    if channel is None and np.all(same | silent):
        return samples[:, loudest]
    hint = "say which is the customer: --channel left, right or mix"
    raise RecordingError(
        f"{path}: has {count} channels", hint=hint if count == 2 else "--channel mix takes all of them"
    )


def frames_of(recording: AudioFrame, begin: float = 0.0) -> Iterator[AudioFrame]:
    """A recording in whole frames of FRAME_S, as a call brings it; the first one begins at `begin` (s)."""
    size = 2 * round(FRAME_S * recording.rate)
    for at in range(0, len(recording.pcm16) - size + 1, size):
        yield AudioFrame(recording.pcm16[at : at + size], recording.rate, begin + at / 2 / recording.rate)


def net_windows(
    recordings: Sequence[AudioFrame],
    activity: VoiceActivity,
    *,
    remainder_s: float = REMAINDER_S,
    most_s: float = MAX_NET_S,
) -> list[NetWindow]:
    """The net speech of recordings, `most_s` at most, one after the other as in one call, in windows; the last one is
    shorter where at least `remainder_s` is left."""
    stream = activity.start()
    speech = NetSpeech()
    begin = 0.0
    for recording in recordings:
        for frame in frames_of(recording, begin):
            speech.add(frame, stream.accept(frame))
            if speech.pending_s >= most_s:
                break
        begin += recording.duration + BETWEEN_S
    windows = []
    while (window := speech.pop_window() or speech.pop_remainder(remainder_s)) is not None:
        windows.append(window)
    return windows


def samples_of(
    recordings: Sequence[AudioFrame], encoder: SpeakerEncoder, activity: VoiceActivity
) -> list[EnrolmentSample]:
    """Each recording's net speech embedded, a source and utterances of its own for each. Raises EngineError."""
    found = []
    for number, recording in enumerate(recordings):
        for window in net_windows([recording], activity):
            names = tuple(f"{number}:{u}" for u in window.utterances)
            embedding = encoder.embed(window.audio)
            how = manner(window.audio.pcm16, window.audio.rate)
            found.append(EnrolmentSample(embedding, window.net_s, window.quality, names, f"recording {number}", how))
    return found
