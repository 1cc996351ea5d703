"""The SQLite driver: the one sqlite-utils takes (pysqlite3 where it is installed, which brings its own SQLite)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voicebot.errors import StorageError

if TYPE_CHECKING:
    import sqlite3
else:
    from sqlite_utils.utils import sqlite3

__all__ = ["MIN_SQLITE", "check_version", "sqlite3"]

#: Before this, a checkpoint beside a writer could reset the WAL wrongly and corrupt the file (sqlite.org/wal.html).
MIN_SQLITE = (3, 51, 3)


def check_version(version: str = sqlite3.sqlite_version) -> None:
    """Raises StorageError where the SQLite library is inside the WAL-reset corruption bug."""
    if tuple(int(part) for part in version.split(".")[:3]) < MIN_SQLITE:
        wanted = ".".join(map(str, MIN_SQLITE))
        raise StorageError(
            f"SQLite {version} is too old: before {wanted} it can corrupt a database in WAL mode",
            hint="pip install pysqlite3 (it brings its own SQLite)",
        )
