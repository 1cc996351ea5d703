"""Key files: of the keyed hash of telephone numbers (next to the database) and the master key of the voiceprints.

Readable by their owner only."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from storage.codec import number_key
from voicebot.errors import StorageError

log = logging.getLogger(__name__)


def secret_path(database: Path) -> Path:
    """`var/voicebot.db` -> `var/voicebot.db.key`."""
    return database.with_name(database.name + ".key")


def load_or_create(database: Path) -> bytes:
    """The key of a database's number hashes. Raises StorageError where it cannot be read or written."""
    return key_file(secret_path(database))


def key_file(path: Path) -> bytes:
    """32 random bytes, the same at every open. Created with mode 0600; written elsewhere and linked into place, so that
    another process never sees half a file. Raises StorageError where it cannot be read or written."""
    try:
        if not path.exists():
            _create(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            log.warning("%s can be read by others than its owner: chmod 600 it", path)
        value = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", hint="the process must be able to read and write it") from None
    except ValueError:
        raise StorageError(f"{path}: is not the key file it should be", hint="restore it from a backup") from None
    if len(value) < 16:
        raise StorageError(f"{path}: the key is too short", hint="restore it from a backup")
    return value


def _create(path: Path) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its key counts
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


def hash_number(secret: bytes, number: str) -> str:
    """Keyed hash (HMAC-SHA256, RFC 2104) of a number in its compared form: 64 hex digits."""
    return hmac.new(secret, number_key(number).encode(), hashlib.sha256).hexdigest()


def fingerprint(secret: bytes) -> str:
    """Tells one key from another without telling the key; kept in the database."""
    return hmac.new(secret, b"voicebot key fingerprint", hashlib.sha256).hexdigest()[:16]
