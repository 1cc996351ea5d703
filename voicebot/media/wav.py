"""WAV files that say of themselves that a machine speaks in them (RIFF, a LIST chunk of INFO before the sound).

China's rules for labelling synthetic content want a label in the metadata of stored synthetic sound (measures of
2025-03, GB 45438-2025: a field `AIGC`, JSON); the EU AI Act, article 50(2), wants it machine-readable. 16-bit PCM.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

#: INFO chunks: what made the file, and the label.
SOFTWARE, COMMENT, NAME = "ISFT", "ICMT", "INAM"
_RIFF_SIZE_AT = 4
_SAMPLE = 2


def ai_label(producer: str, what: str, ident: str = "") -> dict[str, str]:
    """INFO of a file with synthetic speech. `producer`: which voice made it; `what`: in words, for people; `ident`: of
    the file, where it has one."""
    label = {"AIGC": {"Label": "1", "ContentProducer": producer, "ProduceID": ident}}
    return {SOFTWARE: "voicebot", NAME: f"AI-generated speech: {what}", COMMENT: json.dumps(label)}


class WavFile:
    """A WAV that grows: the sizes in its head are right after every `write`, and what is written can be silenced.
    Every method may raise OSError."""

    def __init__(self, path: Path, channels: int, rate: int, info: Mapping[str, str] | None = None) -> None:
        self._width = channels * _SAMPLE
        self._channels = channels
        self._file: BinaryIO = path.open("w+b")
        chunk = _info(info or {})
        fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * self._width, self._width, 8 * _SAMPLE)
        head = fmt + chunk + b"data" + struct.pack("<I", 0)
        self._file.write(b"RIFF" + struct.pack("<I", 4 + len(head)) + b"WAVE" + head)
        self._begin = 12 + len(head)
        self._bytes = 0
        self._file.flush()

    @property
    def samples(self) -> int:
        """Written so far, of each channel."""
        return self._bytes // self._width

    def write(self, pcm16: bytes) -> None:
        """Append interleaved samples, and put the new sizes into the head."""
        self._file.seek(self._begin + self._bytes)
        self._file.write(pcm16)
        self._bytes += len(pcm16)
        self._file.seek(self._begin - 4)
        self._file.write(struct.pack("<I", self._bytes))
        self._file.seek(_RIFF_SIZE_AT)
        self._file.write(struct.pack("<I", self._begin - 8 + self._bytes))
        self._file.flush()

    def silence(self, start: int, end: int, channel: int) -> None:
        """Overwrite the samples `start`..`end` of one channel with silence, in the file itself."""
        start, end = max(0, start), min(end, self.samples)
        if start >= end:
            return
        at = self._begin + start * self._width
        self._file.seek(at)
        sound = bytearray(self._file.read((end - start) * self._width))
        for byte in range(_SAMPLE):
            first = channel * _SAMPLE + byte
            sound[first :: self._width] = bytes(len(sound[first :: self._width]))
        self._file.seek(at)
        self._file.write(sound)
        self._file.flush()

    def close(self) -> None:
        """Harmless where it is closed."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def parse(data: bytes) -> tuple[dict[str, str], bytes]:
    """A whole WAV file as its INFO chunks by their names ({} where there are none) and its samples. Raises ValueError
    for what is no WAV."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("no WAV file")
    info: dict[str, str] = {}
    sound = b""
    for name, body in _chunks(data[12:]):
        if name == b"LIST" and body[:4] == b"INFO":
            info = {key.decode("ascii"): text.rstrip(b"\0").decode("utf-8") for key, text in _chunks(body[4:])}
        elif name == b"data":
            sound = body
    return info, sound


def read_info(path: Path) -> dict[str, str]:
    """The INFO chunks of a WAV file. Raises OSError, ValueError for what is no WAV."""
    return parse(path.read_bytes())[0]


def label_of(info: Mapping[str, str]) -> dict[str, str]:
    """The label `AIGC` of a file with synthetic speech; {} where it says nothing of the kind."""
    try:
        label = json.loads(info.get(COMMENT, "{}"))["AIGC"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {str(key): str(value) for key, value in label.items()} if isinstance(label, dict) else {}


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def _info(info: Mapping[str, str]) -> bytes:
    if not info:
        return b""
    body = b"INFO"
    for key, text in info.items():
        value = text.encode("utf-8") + b"\0"
        body += key.encode("ascii") + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
    return b"LIST" + struct.pack("<I", len(body)) + body
