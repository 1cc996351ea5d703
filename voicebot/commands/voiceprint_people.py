"""People's recordings for `voicebot voiceprint`: one folder per speaker, the longest file enrols, the others are
tested."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voicebot.commands.voice_files import BETWEEN_S, SUFFIXES, RecordingError, frames_of, net_windows, read_recording
from voicebot.errors import SettingsError, VoicebotError
from voicebot.model.audio import AudioFrame
from voicebot.model.ports import VoiceActivity
from voicebot.model.voice import Embedding
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint.arousal import Manner, manner
from voicebot.voiceprint.enrolment import Enrolment, EnrolmentSample, enrol
from voicebot.voiceprint.net_speech import NetSpeech, NetSpeechSettings, NetWindow
from voicebot.voiceprint.trials import Speaker, TestWindow

#: What recordings must have here: more forgiving than an enrolment, since callers in doubt belong into the figures.
LENIENT = {"enrol_min_net_s": 3.0, "enrol_min_utterances": 1, "enrol_min_speech_share": 0.0}
#: Net speech that enrols, and windows of one speaker's test speech that are used, at most: more adds only computing.
ENROL_S = 60.0
MAX_WINDOWS = 24
#: Sound read of one recording at most: MAX_WINDOWS are long found by then.
MOST_S = 900.0
_HINT = "FOLDER/<speaker>/*.wav or *.flac, two or more of each: the longest enrols, the others are tested"


class ManyEncoder(Protocol):
    """A speaker encoder that takes several pieces at once."""

    @property
    def model_id(self) -> str:
        """As SpeakerEncoder's."""
        ...

    def embed_many(self, pieces: Sequence[AudioFrame]) -> list[Embedding]:
        """As SpeakerEncoder.embed, each by itself."""
        ...


@dataclass(frozen=True, slots=True)
class Person:
    """One speaker as recorded. `tests`: the recordings that are tested; `windows`: their net speech; `skipped`: files
    that could not be used, and why."""

    name: str
    enrolment: Enrolment
    tests: tuple[AudioFrame, ...]
    windows: tuple[NetWindow, ...]
    skipped: tuple[str, ...] = ()

    @property
    def speech(self) -> NDArray[np.float64]:
        """The net speech of the tests as samples in [-1, 1]."""
        pcm16 = b"".join(w.audio.pcm16 for w in self.windows)
        return np.frombuffer(pcm16, dtype=np.int16).astype(np.float64) / 32768.0


def find_speakers(folder: Path) -> dict[str, list[Path]]:
    """Speaker -> recordings, of every folder that holds files, in it or below; hidden ones do not count. A speaker may
    be left with none. Raises SettingsError where no speaker has two."""
    if not folder.is_dir():
        raise SettingsError(f"{folder}: no such folder", hint=_HINT)
    try:
        people = {each.name: _recordings(each) for each in sorted(folder.iterdir()) if each.is_dir() and _shown(each)}
        loose = [f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and _shown(f)]
    except OSError as error:
        raise SettingsError(f"{folder}: cannot be read ({error.strerror})", hint=_HINT) from None
    some = [name for name, files in people.items() if files]
    if len(some) == 1 and len({f.parent for f in people[some[0]]}) > 1:
        raise SettingsError(
            f"{folder}: holds one speaker only", hint=f"the folder of the speakers: {folder / some[0]}?"
        )
    if not any(len(files) > 1 for files in people.values()):
        where = f"; {len(loose)} recordings lie in no speaker's folder" if loose else ""
        raise SettingsError(f"{folder}: no speaker with two recordings{where}", hint=_HINT)
    return people


def _recordings(folder: Path) -> list[Path]:
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file())
    return [f for f in files if all(_shown(Path(part)) for part in f.relative_to(folder).parts)]


def _shown(path: Path) -> bool:
    """No file of a desktop's own: ".DS_Store", "._1.wav", "__MACOSX"."""
    return not path.name.startswith((".", "__"))


def load_person(
    name: str,
    files: Sequence[Path],
    encoder: ManyEncoder,
    activity: VoiceActivity,
    settings: VoiceprintSettings,
    channel: str | None = None,
) -> Person | str:
    """One speaker's enrolment and net test speech; or why the recordings cannot be used."""
    if len(files) < 2:
        return "one recording only: one enrols, another is tested" if files else f"no recording ({', '.join(SUFFIXES)})"
    recordings, skipped = read_some(files, channel)
    if len(recordings) < 2:
        return f"{len(recordings)} of {len(files)} recordings can be used, two are the least; {skipped[0]}"
    try:
        longest = max(range(len(recordings)), key=lambda i: recordings[i].duration)
        tests = tuple(r for i, r in enumerate(recordings) if i != longest)
        enrolled = net_windows([recordings[longest]], activity, most_s=ENROL_S)
        embeddings = encoder.embed_many([w.audio for w in enrolled])
        samples = [
            EnrolmentSample(e, w.net_s, w.quality, tuple(str(u) for u in w.utterances), "recording", _manner(w))
            for e, w in zip(embeddings, enrolled, strict=True)
        ]
        enrolment = enrol(samples, settings.model_copy(update=LENIENT))
        if not enrolment.accepted:
            return f"enrolment refused: {enrolment.refusal()}"
        windows = whole_windows(tests, activity, settings)
    except VoicebotError as error:
        return error.message
    if not windows:
        return f"less than {settings.min_net_s:g} s of speech to test"
    return Person(name, enrolment, tests, windows, skipped)


def read_some(files: Sequence[Path], channel: str | None) -> tuple[list[AudioFrame], tuple[str, ...]]:
    """Those recordings that can be read and are not empty, and what is wrong with the others."""
    found, skipped = [], []
    for file in files:
        try:
            recording = read_recording(file, channel, most_s=MOST_S)
        except RecordingError as error:
            skipped.append(f"{error.message} ({error.hint})")
            continue
        if recording.duration > 0:
            found.append(recording)
        else:
            skipped.append(f"{file}: holds no sound")
    return found, tuple(skipped)


def whole_windows(
    recordings: Sequence[AudioFrame], activity: VoiceActivity, settings: VoiceprintSettings, most: int = MAX_WINDOWS
) -> tuple[NetWindow, ...]:
    """At most `most` windows of recordings played one after the other, taken as soon as each is complete, as in a call.
    A shorter one only where there is nothing else and a decision may rest on it."""
    stream = activity.start()
    speech = NetSpeech(NetSpeechSettings(window_s=settings.window_s))
    found: list[NetWindow] = []
    begin = 0.0
    for recording in recordings:
        for frame in frames_of(recording, begin):
            speech.add(frame, stream.accept(frame))
            if (window := speech.pop_window()) is not None:
                found.append(window)
            if len(found) >= most:
                return tuple(found)
        begin += recording.duration + BETWEEN_S
    if not found and (rest := speech.pop_remainder(settings.min_net_s)) is not None:
        found.append(rest)
    return tuple(found)


def as_speaker(person: Person, windows: Sequence[NetWindow], encoder: ManyEncoder, parts_s: Iterable[float]) -> Speaker:
    """The person with windows (the own, or the same speech after a condition) embedded, and their beginnings too."""
    pieces = [w.audio for w in windows]
    beginnings = [
        (number, s, AudioFrame(w.audio.pcm16[: 2 * round(s * w.audio.rate)], w.audio.rate))
        for number, w in enumerate(windows)
        for s in parts_s
        if s < w.net_s - 0.05
    ]
    embedded = encoder.embed_many([*pieces, *(piece for _, _, piece in beginnings)])
    parts: dict[int, list[tuple[float, Embedding]]] = {}
    for (number, seconds, _), embedding in zip(beginnings, embedded[len(pieces) :], strict=True):
        parts.setdefault(number, []).append((seconds, embedding))
    tested = tuple(
        TestWindow(embedded[number], w.net_s, w.quality, tuple(parts.get(number, ())), _manner(w))
        for number, w in enumerate(windows)
    )
    return Speaker(person.name, person.enrolment.voiceprint(person.name, encoder.model_id, ""), tested)


def _manner(window: NetWindow) -> Manner | None:
    return manner(window.audio.pcm16, window.audio.rate)


def hash_files(folder: Path, files: Sequence[Path]) -> str:
    """sha256 over the files' names and contents: says later which recordings were used."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(os.fsencode(file.relative_to(folder)) + b"\0")
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()
