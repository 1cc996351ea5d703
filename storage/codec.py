"""How values are written in a column: one function pair per kind, shared by SqliteStore and MemoryStore."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from voicebot.errors import StorageError
from voicebot.model.voice import Embedding

#: First bytes of embeddings before they are sealed (vault.py): format 1.
_PLAIN = b"VE1\0"
_HEADER = struct.Struct("<4sHH")


def encode_embeddings(embeddings: tuple[Embedding, ...]) -> bytes:
    """(n, dim) float64 little-endian after a mark and both sizes. Raises StorageError for an empty or uneven set, or a
    number that is not finite. Only repositories_voice.py stores them, sealed."""
    sizes = {len(e) for e in embeddings}
    if len(sizes) != 1 or 0 in sizes:
        raise StorageError("a voiceprint needs at least one embedding, all of one size")
    if not all(math.isfinite(x) for e in embeddings for x in e):
        raise StorageError("a voiceprint's embedding holds a number that is not finite")
    dim = sizes.pop()
    body = b"".join(struct.pack(f"<{dim}d", *e) for e in embeddings)
    return _HEADER.pack(_PLAIN, len(embeddings), dim) + body


def decode_embeddings(blob: bytes) -> tuple[Embedding, ...]:
    """Inverse of encode_embeddings. Raises StorageError where the column is spoiled."""
    if len(blob) < _HEADER.size:
        raise StorageError("a stored voiceprint is spoiled", hint="enrol the customer again")
    mark, count, dim = _HEADER.unpack_from(blob)
    if mark != _PLAIN or len(blob) != _HEADER.size + 8 * count * dim:
        raise StorageError("a stored voiceprint is spoiled", hint="enrol the customer again")
    row = struct.Struct(f"<{dim}d")
    return tuple(tuple(row.unpack_from(blob, _HEADER.size + i * row.size)) for i in range(count))


def to_json(value: object) -> str:
    """Plain JSON, keys sorted. A number that is not finite becomes null, another kind of value its text."""
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, default=str)


def from_json(text: str) -> dict[str, object]:
    """A JSON object."""
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def now_utc() -> datetime:
    """The clock, where none is given."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """UTC ISO 8601 with microseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def to_utc(moment: datetime | None, zone: str | None) -> datetime | None:
    """A moment in UTC; one without offset is the customer's local time in `zone` (an IANA name; None: UTC)."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone) if zone else UTC)
    return moment.astimezone(UTC)


def number_key(number: str) -> str:
    """How numbers are compared: the user of a SIP or tel URI, digits only; a user with letters in lower case."""
    user = number.strip().split(";", 1)[0]
    for scheme in ("sips:", "sip:", "tel:"):
        if user.lower().startswith(scheme):
            user = user[len(scheme) :]
    user = user.split("@", 1)[0].strip()
    digits = "".join(c for c in user if c.isascii() and c.isdigit())
    return digits if digits and not any(c.isalpha() for c in user) else user.lower()
