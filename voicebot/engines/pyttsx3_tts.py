"""pyttsx3 with espeak-ng, in a process of its own: speaks any language, always works, sounds like a machine.

The system's espeak-ng is used where there is one, else the library and data of the wheel espeakng-loader.
"""

from __future__ import annotations

import ctypes.util
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import wave
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from voicebot.engines.sound import finish_prompt, has_words, to_float, to_pcm16
from voicebot.errors import EngineError, ModelError
from voicebot.model.audio import AudioFrame

logger = logging.getLogger(__name__)

#: espeak-ng's normal speed, words a minute, a little slower for the telephone.
_WORDS_PER_MINUTE = 165
#: espeak-ng's voice for a language, where it is not simply called by the language's code.
_VOICES = {"en": "en-us"}
#: Longest wait for one text, seconds (a page of text takes 0.2 s).
_TIMEOUT_S = 30.0
_WORKER = Path(__file__).with_name("pyttsx3_worker.py")
_HINT = "run `make setup`, or set tts.engine = hibari"


class Pyttsx3Synthesizer:
    """Synthesizer. Thread-safe (texts wait for each other); the process starts with the first text, ends with ours."""

    def __init__(self, voice: str = "", speed: float = 1.0, language: str = "en") -> None:
        """`voice`: an espeak-ng voice, e.g. "en-us+f3"; empty: the language's. Raises ModelError."""
        self._voice = voice or _VOICES.get(language, language)
        self._speed = speed
        self._environment = _environment()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        try:
            self._version = version("pyttsx3")
        except PackageNotFoundError as error:
            raise ModelError("pyttsx3 is not installed", hint=_HINT) from error

    @property
    def name(self) -> str:
        """Engine, voice, version and speed."""
        return f"pyttsx3:{self._voice}:{self._version}:x{self._speed:g}"

    def synthesize(self, text: str) -> AudioFrame:
        """Speak `text` at 22.05 kHz. Raises EngineError."""
        if not has_words(text):
            raise EngineError("there is nothing to speak", hint="a prompt needs at least one word")
        with tempfile.TemporaryDirectory(prefix="voicebot-tts-") as folder, self._lock:
            path = Path(folder) / "speech.wav"
            self._ask(
                {"text": text, "voice": self._voice, "rate": round(_WORDS_PER_MINUTE * self._speed), "path": str(path)}
            )
            frame = _read(path)
        finished = finish_prompt(to_float(frame.pcm16), frame.rate)
        if not finished.size:
            raise EngineError("espeak-ng made no sound of the text", hint="is there a word in the prompt?")
        return AudioFrame(to_pcm16(finished), frame.rate)

    def close(self) -> None:
        """End the process; the next text starts another."""
        with self._lock:
            self._stop()

    def _ask(self, request: dict[str, object]) -> None:
        """One request; a worker that died is started anew, once."""
        for last in (False, True):
            process = self._running()
            watchdog = threading.Timer(_TIMEOUT_S, process.kill)
            watchdog.daemon = True
            watchdog.start()
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except OSError:
                line = ""
            finally:
                watchdog.cancel()
            if line:
                error = json.loads(line)["error"]
                if error:
                    raise EngineError(f"espeak-ng failed: {error}", hint="is tts.voice a voice of espeak-ng?")
                return
            self._stop()
            if last:
                raise EngineError("espeak-ng's process died", hint=_HINT)
            logger.warning("espeak-ng's process died: starting another")

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env=self._environment,
            )
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    logger.debug("the pipe to espeak-ng was broken")
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __del__(self) -> None:
        """The child must not outlive its owner."""
        if getattr(self, "_process", None) is not None:
            self._stop()


def _environment() -> dict[str, str]:
    """The child's environment: where it finds espeak-ng. Raises ModelError."""
    environment = dict(os.environ)
    if ctypes.util.find_library("espeak-ng") or ctypes.util.find_library("espeak"):
        return environment
    spec = find_spec("espeakng_loader")
    if spec is None or spec.origin is None:
        raise ModelError("espeak-ng is not on this machine", hint="install espeak-ng or espeakng-loader")
    folder = Path(spec.origin).parent
    known = environment.get("LD_LIBRARY_PATH")
    environment["LD_LIBRARY_PATH"] = f"{folder}:{known}" if known else str(folder)
    environment["ESPEAK_DATA_PATH"] = str(folder / "espeak-ng-data")
    return environment


def _read(path: Path) -> AudioFrame:
    try:
        with wave.open(str(path), "rb") as stream:
            return AudioFrame(stream.readframes(stream.getnframes()), stream.getframerate())
    except (OSError, wave.Error, EOFError) as error:
        raise EngineError("espeak-ng wrote no sound") from error
