"""How values are written in a column: one function pair per kind, shared by SqliteStore and MemoryStore."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from voicebot.errors import StorageError
from voicebot.model.voice import Embedding, SpoofKind, SpoofSignal, Voiceprint

#: First bytes of a template before it is sealed (vault.py). Format 1: embeddings; 2: with the calm voice, and how many
#: of the embeddings calls have added.
_PLAIN, _PLAIN_2 = b"VE1\0", b"VE2\0"
_HEADER, _HEADER_2 = struct.Struct("<4sHH"), struct.Struct("<4sHHHH")


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


def encode_template(voiceprint: Voiceprint) -> bytes:
    """All of a voiceprint that is made of the voice, as `encode_embeddings` does. Raises StorageError."""
    calm = voiceprint.calm
    if not all(math.isfinite(x) for x in calm):
        raise StorageError("a voiceprint's calm voice holds a number that is not finite")
    if not 0 <= voiceprint.added <= len(voiceprint.embeddings):
        raise StorageError("a voiceprint cannot have more added embeddings than it has")
    body = encode_embeddings(voiceprint.embeddings)
    _, count, dim = _HEADER.unpack_from(body)
    head = _HEADER_2.pack(_PLAIN_2, count, dim, len(calm), voiceprint.added)
    return head + struct.pack(f"<{len(calm)}d", *calm) + body[_HEADER.size :]


def decode_template(blob: bytes) -> tuple[tuple[Embedding, ...], tuple[float, ...], int]:
    """Embeddings, calm voice, number of added embeddings; format 1 knows the embeddings only. Raises StorageError."""
    if not blob.startswith(_PLAIN_2):
        return decode_embeddings(blob), (), 0
    if len(blob) < _HEADER_2.size:
        raise StorageError("a stored voiceprint is spoiled", hint="enrol the customer again")
    _, count, dim, size, added = _HEADER_2.unpack_from(blob)
    start = _HEADER_2.size + 8 * size
    if start > len(blob) or added > count:
        raise StorageError("a stored voiceprint is spoiled", hint="enrol the customer again")
    calm = struct.unpack_from(f"<{size}d", blob, _HEADER_2.size)
    return decode_embeddings(_HEADER.pack(_PLAIN, count, dim) + blob[start:]), tuple(calm), added


def to_json(value: object) -> str:
    """Plain JSON, keys sorted. A number that is not finite becomes null, another kind of value its text."""
    try:
        return _JSON.encode(value)
    except (TypeError, ValueError):  # a number that is not finite, a key that is no text
        return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, default=str)


def _other(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


_JSON = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False, default=_other)


def from_json(text: str) -> dict[str, object]:
    """A JSON object."""
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def encode_signs(signs: tuple[SpoofSignal, ...]) -> str:
    """A JSON list of sign, value, limit and whether it acts."""
    return to_json([[s.kind.value, s.value, s.limit, s.acts] for s in signs])


def decode_signs(text: str | None) -> tuple[SpoofSignal, ...]:
    """Inverse of `encode_signs`."""
    return tuple(SpoofSignal(SpoofKind(k), value, limit, acts) for k, value, limit, acts in json.loads(text or "[]"))


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
