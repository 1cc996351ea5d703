"""The neural voices of hibari-tts (Apache-2.0; "heart", US English, is in its wheel): 24 kHz, 70 times real time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.metadata import version
from typing import cast

import numpy as np

from voicebot.engines.sound import Samples, finish_prompt, has_words, to_pcm16
from voicebot.errors import EngineError, ModelError
from voicebot.model.audio import AudioFrame

DEFAULT_VOICE = "heart"
#: Fixes the noise component, so that the same text always is the same sound.
_SEED = 7


class HibariSynthesizer:
    """Synthesizer. One model for the process; texts of any length (the engine goes sentence by sentence)."""

    def __init__(self, voice: str = "", speed: float = 1.0) -> None:
        """`voice`: a name of hibari's; only voices that are on this machine load. Raises ModelError."""
        self._voice = voice or DEFAULT_VOICE
        self._speed = speed
        self._speak, self._rate = _load(self._voice)
        self._lock = threading.Lock()  # the text front end keeps caches

    @property
    def name(self) -> str:
        """Engine, voice, version and speed."""
        return f"hibari:{self._voice}:{version('hibari-tts')}:x{self._speed:g}"

    def synthesize(self, text: str) -> AudioFrame:
        """Speak `text` at 24 kHz. Raises EngineError where nothing can be spoken."""
        if not has_words(text):
            raise EngineError("there is nothing to speak", hint="a prompt needs at least one word")
        try:
            with self._lock:
                samples = self._speak(text, self._speed, _SEED)
        except (ValueError, KeyError, IndexError, RuntimeError) as error:
            raise EngineError(f"hibari cannot speak this text ({type(error).__name__})") from error
        finished = finish_prompt(np.asarray(samples, dtype=np.float32), self._rate)
        if not finished.size:
            raise EngineError("hibari made no sound of the text", hint="is there a word in the prompt?")
        return AudioFrame(to_pcm16(finished), self._rate)


def _load(voice: str) -> tuple[Callable[[str, float, int], Samples], int]:
    try:
        from hibari import Hibari
        from hibari.voices import voice_path

        model = voice_path(voice, download_missing=False)
        engine = Hibari(voice=voice, model=model)
        engine("Ready.")  # loads the text front end
    except ImportError as error:
        raise ModelError("hibari-tts is not installed", hint="run `make setup`, or set tts.engine = pyttsx3") from error
    except FileNotFoundError as error:
        raise ModelError(
            f"the hibari voice {voice} is not on this machine",
            hint=f"use the voice {DEFAULT_VOICE}, or put the file into HIBARI_HOME",
        ) from error
    except ValueError as error:
        raise ModelError(f"hibari has no voice {voice}", hint=f"the default is {DEFAULT_VOICE}") from error
    return cast(Callable[[str, float, int], Samples], engine), int(engine.sample_rate)
