"""Prompts as sound, rendered once: a cache by content, in memory and on disk.

A file's name is a hash of engine, voice, rate and text, so that no name or amount stands in a folder listing; files and
folder are the owner's alone. Each is a WAV that says it is synthetic speech and holds its checksum (media/wav.py); one
whose checksum is wrong is rendered anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import threading
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path

from voicebot.engines.sound import frame_at, to_pcm16
from voicebot.media.wav import WavFile, ai_label, label_of, parse
from voicebot.model.audio import MEDIA_RATE, AudioFrame
from voicebot.model.ports import Synthesizer

logger = logging.getLogger(__name__)

_SUFFIX = ".wav"
#: Bytes kept in memory (an hour of prompts is 58 MB) and on disk.
_MEMORY_BYTES = 64 * 2**20
_DISK_BYTES = 1024 * 2**20


class PromptCache:
    """Thread-safe; a text that several ask for at once is rendered once."""

    def __init__(
        self, synthesizer: Synthesizer, folder: Path, rate: int = MEDIA_RATE, disk_bytes: int = _DISK_BYTES
    ) -> None:
        """`folder` is made; its oldest files are removed where they are together larger than `disk_bytes`."""
        self._synthesizer = synthesizer
        self._folder = folder
        self._rate = rate
        self._lock = threading.Lock()
        self._memory: OrderedDict[str, AudioFrame] = OrderedDict()
        self._bytes = 0
        self._running: dict[str, Future[AudioFrame]] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _trim(folder, disk_bytes)

    def get(self, text: str) -> AudioFrame:
        """`text` as mono sound at the cache's rate; renders where it must (blocking). Raises EngineError."""
        key = self._key(text)
        with self._lock:
            if (found := self._memory.get(key)) is not None:
                self._memory.move_to_end(key)
                return found
            running = self._running.get(key)
            mine = running is None
            if running is None:
                running = self._running[key] = Future()
        if mine:
            self._render(key, text, running)
        return running.result()

    def is_ready(self, text: str) -> bool:
        """True where `get` would not have to render."""
        key = self._key(text)
        with self._lock:
            if key in self._memory:
                return True
        return self._path(key).is_file()

    def _render(self, key: str, text: str, promise: Future[AudioFrame]) -> None:
        try:
            frame = self._load(key)
            if frame is None:
                spoken = self._synthesizer.synthesize(text)
                frame = AudioFrame(to_pcm16(frame_at(spoken, self._rate)), self._rate)
                self._save(key, frame)
        except BaseException as error:
            with self._lock:
                self._running.pop(key, None)
            promise.set_exception(error)
            raise
        with self._lock:
            self._running.pop(key, None)
            self._remember(key, frame)
        promise.set_result(frame)

    def _remember(self, key: str, frame: AudioFrame) -> None:
        self._memory[key] = frame
        self._bytes += len(frame.pcm16)
        while self._bytes > _MEMORY_BYTES and len(self._memory) > 1:
            _, oldest = self._memory.popitem(last=False)
            self._bytes -= len(oldest.pcm16)

    def _load(self, key: str) -> AudioFrame | None:
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        try:
            info, pcm16 = parse(data)
        except ValueError:
            info, pcm16 = {}, b""
        if not pcm16 or label_of(info).get("ProduceID") != hashlib.sha256(pcm16).hexdigest():
            logger.warning("the cached prompt %s is spoiled: rendering it anew", path.name)
            return None
        return AudioFrame(pcm16, self._rate)

    def _save(self, key: str, frame: AudioFrame) -> None:
        """Whole or not at all; a full disk costs the cache, not the call."""
        try:
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
            try:
                os.close(handle)
                label = ai_label(self._synthesizer.name, "a prompt", hashlib.sha256(frame.pcm16).hexdigest())
                with WavFile(Path(name), 1, frame.rate, label) as file:
                    file.write(frame.pcm16)
                Path(name).replace(self._path(key))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            logger.warning("a prompt cannot be cached on disk: %s", error.strerror)

    def _path(self, key: str) -> Path:
        return self._folder / (key + _SUFFIX)

    def _key(self, text: str) -> str:
        content = json.dumps([self._synthesizer.name, self._rate, text])
        return hashlib.sha256(content.encode()).hexdigest()


def _trim(folder: Path, limit: int) -> None:
    for path in folder.glob("*.prompt"):  # as older versions wrote them: without a label
        path.unlink(missing_ok=True)
    files = sorted(((p.stat().st_mtime, p.stat().st_size, p) for p in folder.glob(f"*{_SUFFIX}")), reverse=True)
    total = 0
    for _, size, path in files:
        total += size
        if total > limit:
            path.unlink(missing_ok=True)
