"""Voice recordings as the voiceprint wants them: read from files, in the telephone's band, net speech cut out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr

from voicebot.errors import VoicebotError
from voicebot.model.audio import FRAME_S, MEDIA_RATE, AudioFrame
from voicebot.model.ports import SpeakerEncoder, VoiceActivity
from voicebot.voiceprint.arousal import manner
from voicebot.voiceprint.enrolment import EnrolmentSample
from voicebot.voiceprint.net_speech import NetSpeech, NetWindow

SUFFIXES = (".wav", ".flac")
CHANNELS = ("left", "right", "mix")
#: Leftovers of a recording shorter than this are not embedded.
REMAINDER_S = 1.0
#: Recordings played one after the other are this far apart: the next one is another utterance.
BETWEEN_S = 2.0
#: Net speech used of one recording at most: more adds seconds of computing and no safety.
MAX_NET_S = 120.0


class RecordingError(VoicebotError):
    """A recording cannot be used: not there, no sound file, or with two channels of which none was chosen."""

    code = "recording"


def read_recording(path: Path, channel: str | None = None) -> AudioFrame:
    """A sound file of any rate as 8 kHz mono: a voiceprint of a wider band would not fit what a telephone lets pass.

    `channel`: "left", "right" or "mix" of a file with two; a mono file needs none. Raises RecordingError.
    """
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise RecordingError(f"{path}: cannot be read ({error})", hint="give a WAV or FLAC file") from None
    if samples.shape[1] > 1 and channel is None:
        raise RecordingError(
            f"{path}: has {samples.shape[1]} channels", hint="say which is the customer: --channel left, right or mix"
        )
    mono = samples.mean(axis=1) if channel in (None, "mix") else samples[:, 0 if channel == "left" else 1]
    if rate != MEDIA_RATE:
        mono = soxr.resample(mono, rate, MEDIA_RATE)
    pcm16 = np.clip(np.rint(mono * 32767.0), -32768, 32767).astype(np.int16).tobytes()
    return AudioFrame(pcm16, MEDIA_RATE)


def net_windows(
    recordings: Sequence[AudioFrame], activity: VoiceActivity, *, remainder_s: float = REMAINDER_S
) -> list[NetWindow]:
    """The net speech of recordings, one after the other as in one call, in windows; the last one is shorter where at
    least `remainder_s` is left."""
    stream = activity.start()
    speech = NetSpeech()
    begin = 0.0
    for recording in recordings:
        size = 2 * round(FRAME_S * recording.rate)
        for at in range(0, len(recording.pcm16) - size + 1, size):
            frame = AudioFrame(recording.pcm16[at : at + size], recording.rate, begin + at / 2 / recording.rate)
            speech.add(frame, stream.accept(frame))
            if speech.pending_s >= MAX_NET_S:
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
