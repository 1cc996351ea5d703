"""Which engine is used, by settings and by what is installed, and a sentence that says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from voicebot.engines.models import require
from voicebot.errors import ModelError
from voicebot.model.ports import Recognizer, SpeakerEncoder, Synthesizer, VoiceActivity
from voicebot.settings import Settings

if TYPE_CHECKING:
    from voicebot.engines.speaker_encoder import JoinedEncoder, WaveEncoder

#: What hibari speaks, and what Whisper models hear whose names end like this.
HIBARI_LANGUAGE = "en"
#: voiceprint.models -> folder below paths.models, and what it is called.
SPEAKER_MODELS = {"ecapa": ("ecapa-voxceleb", "ECAPA-TDNN"), "campplus": ("campplus-zh-en", "CAM++")}
_ONE_LANGUAGE = re.compile(r"-([a-z]{2})$")


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine by name and what it loads; `reason`: one sentence for the person who starts the bot."""

    engine: str
    reason: str
    model: Path | None = None


def recognizer_choice(settings: Settings, language: str) -> Choice:
    """asr.engine, where `auto` is Vosk where a model of `language` is installed, else Whisper. Raises ModelError."""
    wanted = settings.asr.engine
    vosk = _vosk_model(settings, language)
    if wanted == "vosk" or (wanted == "auto" and vosk is not None):
        if vosk is None:
            raise ModelError(
                f"no Vosk model for {language} in {settings.paths.models}",
                hint=f"run `voicebot models fetch {settings.asr.vosk_model}`, or set asr.engine = auto",
            )
        why = "set in asr.engine" if wanted == "vosk" else f"a Vosk model for {language} is installed"
        return Choice(
            "vosk", f"Speech recognition: Vosk ({vosk}), because {why}.", require(settings.paths.models, vosk)
        )
    name = settings.asr.whisper_model
    only = _ONE_LANGUAGE.search(name)
    if only is not None and only[1] != language:
        raise ModelError(
            f"no speech recognition for {language}: {name} knows {only[1]} only",
            hint=f"put a Vosk model for {language} into {settings.paths.models} and name it in asr.vosk_model",
        )
    why = "set in asr.engine" if wanted == "whisper" else f"no Vosk model for {language} is installed"
    return Choice(
        "whisper", f"Speech recognition: Whisper ({name}), because {why}.", require(settings.paths.models, name)
    )


def choose_recognizer(settings: Settings, language: str) -> Recognizer:
    """Load the chosen recogniser. Raises ModelError."""
    choice = recognizer_choice(settings, language)
    assert choice.model is not None
    if choice.engine == "vosk":
        from voicebot.engines.vosk_asr import VoskRecognizer

        return VoskRecognizer(choice.model, language)
    from voicebot.engines.whisper_asr import WhisperRecognizer

    return WhisperRecognizer(choice.model, settings.asr.threads, language, settings.asr.workers)


def synthesizer_choice(settings: Settings, language: str = "en") -> Choice:
    """tts.engine, where `auto` is hibari where it is installed and speaks `language`, else pyttsx3."""
    wanted = settings.tts.engine
    if wanted != "auto":
        return Choice(wanted, f"Speech: {wanted}, because set in tts.engine.")
    if find_spec("hibari") is not None and language == HIBARI_LANGUAGE:
        return Choice("hibari", "Speech: hibari, because it is installed.")
    why = "hibari is not installed" if language == HIBARI_LANGUAGE else f"hibari does not speak {language}"
    return Choice("pyttsx3", f"Speech: pyttsx3 with espeak-ng, because {why}.")


def choose_synthesizer(settings: Settings, language: str = "en") -> Synthesizer:
    """Load the chosen synthesizer. Raises ModelError."""
    voice, speed = settings.tts.voice, settings.tts.speed
    engine = synthesizer_choice(settings, language).engine
    if engine == "hibari":
        from voicebot.engines.hibari_tts import HibariSynthesizer

        return HibariSynthesizer(voice, speed)
    if engine == "piper":
        from voicebot.engines.piper_tts import PiperSynthesizer

        return PiperSynthesizer(voice, speed)
    from voicebot.engines.pyttsx3_tts import Pyttsx3Synthesizer

    return Pyttsx3Synthesizer(voice, speed, language)


def encoder_choice(settings: Settings) -> Choice:
    """The voiceprint's models. Raises ModelError."""
    names = _speaker_models(settings)
    paths = [require(settings.paths.models, SPEAKER_MODELS[name][0]) for name in names]
    spoken = " and ".join(SPEAKER_MODELS[name][1] for name in names)
    return Choice("+".join(names), f"Voiceprint: {spoken}, because set in voiceprint.models.", paths[0])


def choose_encoder(settings: Settings) -> SpeakerEncoder:
    """Load the speaker models. Raises ModelError."""
    return joined_encoder(settings)


def joined_encoder(settings: Settings, *, threads: int = 1) -> WaveEncoder | JoinedEncoder:
    """As `choose_encoder`, able to embed many pieces at once. `threads`: more than one only where no call waits."""
    from voicebot.engines.campplus_speaker import CampPlusEncoder
    from voicebot.engines.ecapa_speaker import EcapaEncoder
    from voicebot.engines.speaker_encoder import JoinedEncoder

    makers: dict[str, Callable[[Path], WaveEncoder]] = {"ecapa": EcapaEncoder, "campplus": CampPlusEncoder}
    names = _speaker_models(settings)
    loaded = [makers[name](require(settings.paths.models, SPEAKER_MODELS[name][0])) for name in names]
    for encoder in loaded:
        encoder.use_threads(threads)
    return loaded[0] if len(loaded) == 1 else JoinedEncoder([(encoder, 1.0) for encoder in loaded])


def _speaker_models(settings: Settings) -> list[str]:
    """The chosen models, always in one order: a voiceprint's numbers stand in it."""
    return [name for name in SPEAKER_MODELS if name in settings.voiceprint.models]


def choose_activity() -> VoiceActivity:
    """Load the voice activity detector. Raises ModelError."""
    from voicebot.engines.silero_vad import SileroActivity

    return SileroActivity()


def _vosk_model(settings: Settings, language: str) -> str | None:
    """The installed Vosk model for `language`: the one of the settings, else the first by name."""
    pattern = re.compile(rf"vosk-model-(?:small-)?{re.escape(language)}(?:-|$)")
    folder = settings.paths.models
    here = sorted(p.name for p in folder.glob("vosk-model-*") if p.is_dir() and pattern.match(p.name))
    if settings.asr.vosk_model in here:
        return settings.asr.vosk_model
    return here[0] if here else None
