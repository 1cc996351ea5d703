"""One SQLite connection with what this product asks of it, and its errors as ours."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlite_utils

from storage.driver import check_version, sqlite3
from storage.migrations import TABLES, VIEWS, migrations
from voicebot.errors import StorageError

BUSY_MS = 5000
#: The page cache of a connection, as SQLite has it by itself (negative: KiB).
_CACHE = -2000

#: A row by column name, inside this package only; it leaves the package as a dataclass.
Row = dict[str, Any]
Value = str | int | float | bytes | None

_HINTS = {
    "SQLITE_FULL": ("the database or its disk is full", "free space on the disk of the database, then start again"),
    "SQLITE_READONLY": ("the database cannot be written", "check the owner and mode of the file and its folder"),
    "SQLITE_BUSY": ("the database is locked by another process", "end the program that holds it, or try again"),
    "SQLITE_LOCKED": ("the database is locked by another process", "end the program that holds it, or try again"),
    "SQLITE_CANTOPEN": ("the database cannot be opened", "check that its folder exists and can be written"),
    "SQLITE_NOTADB": ("the file is not a SQLite database", "give another path in [paths] database"),
    "SQLITE_CORRUPT": ("the database is spoiled", "restore a backup; `sqlite3 FILE .recover` saves what can be saved"),
    "SQLITE_IOERR": ("reading or writing the database failed", "check the disk (dmesg) and its free space"),
}


def translate(error: Exception, path: Path) -> StorageError:
    """The driver's error as StorageError: which file, what is wrong, what to do. Holds no value of any row."""
    name = getattr(error, "sqlite_errorname", None) or ""
    for prefix, (what, hint) in _HINTS.items():
        if name.startswith(prefix):
            result = StorageError(f"{path}: {what}", hint=hint)
            result.retryable = prefix in ("SQLITE_BUSY", "SQLITE_LOCKED")
            return result
    return StorageError(f"{path}: {error}" if isinstance(error, sqlite3.Error) else f"{path}: a value cannot be stored")


class Connection:
    """A connection that any thread may use: one statement or one transaction at a time."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        check_version()
        self.path = path
        self._lock = threading.RLock()
        with self.translated():
            self._db = sqlite_utils.Database(_connect(path, read_only), recursive_triggers=False, execute_plugins=False)
            self._set_up(read_only)

    def _set_up(self, read_only: bool) -> None:
        for pragma in (f"busy_timeout = {BUSY_MS}", "foreign_keys = ON", "synchronous = FULL", "trusted_schema = OFF"):
            self._db.conn.execute(f"PRAGMA {pragma}")
        steps = migrations()
        if not {step.name for step in steps.applied(self._db) if not step.name.startswith(VIEWS)} <= TABLES:
            raise StorageError(f"{self.path}: made by a newer version", hint="update voicebot, or use another database")
        if read_only:
            self._db.conn.execute("PRAGMA query_only = ON")
            if steps.pending(self._db):
                raise StorageError(f"{self.path}: not a database of this version", hint="`voicebot serve` updates it")
            return
        # What is deleted is overwritten: a destroyed key must not be left in a free page.
        self._db.conn.execute("PRAGMA secure_delete = ON")
        if self._wal() != "wal":
            raise StorageError(f"{self.path}: its file system does not allow WAL", hint="put it on a local disk")
        if steps.pending(self._db):
            with self.write():  # a second process that opens now waits, and then finds nothing pending
                steps.apply(self._db)

    def _wal(self) -> str:
        """Turning WAL on needs the file alone, and SQLite does not wait for it (two first opens at once): try again."""
        until = time.monotonic() + BUSY_MS / 1000
        while True:
            try:
                return str(self._db.conn.execute("PRAGMA journal_mode = WAL").fetchone()[0])
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorname", "") != "SQLITE_BUSY" or time.monotonic() > until:
                    raise
                time.sleep(0.01)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Driver errors inside leave as StorageError."""
        try:
            yield
        except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
            raise translate(error, self.path) from error

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction, alone: all of it is on the disk when the block ends, or nothing of it."""
        with self._lock, self.translated():
            self._db.conn.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.conn.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.rollback()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several reads that see one state of the database. Blocks no writer."""
        with self._lock, self.translated():
            self._db.conn.execute("BEGIN")
            try:
                yield
            finally:
                with suppress(sqlite3.Error):
                    self._db.rollback()

    def run(self, sql: str, *values: Value) -> int:
        """Run one statement of a transaction; returns the number of rows changed."""
        return int(self._db.conn.execute(sql, values).rowcount)

    def insert(self, table: str, row: dict[str, Value], conflict: str = "") -> int | None:
        """Insert one row; returns its rowid, None where `conflict` (an ON CONFLICT clause) left it out."""
        columns, marks = ", ".join(row), ", ".join("?" * len(row))
        sql = f"INSERT INTO {table} ({columns}) VALUES ({marks}) {conflict}"  # noqa: S608 - names are this package's own
        cursor = self._db.conn.execute(sql, tuple(row.values()))
        return int(cursor.lastrowid or 0) if cursor.rowcount else None

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run one statement for each row, inside a transaction."""
        self._db.conn.executemany(sql, rows)

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """A private database `s` beside this one, in a file that nobody else sees and that is gone afterwards, whatever
        happens. The connection is the caller's alone until then; other processes are not held up."""
        with self._lock, self.translated():
            try:
                # SQLite's own temporary databases (ATTACH '') keep every page in memory; a file without a name: not.
                with _file_beside(self.path) as file:
                    self._db.conn.execute("ATTACH ? AS s", [file])
                    for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
                        self._db.conn.execute(f"PRAGMA s.{pragma}").fetchall()
                    self._db.conn.execute("PRAGMA s.cache_size = -65536")
                    # What does not fit is written to the log again and again by a large transaction.
                    self._db.conn.execute("PRAGMA main.cache_size = -65536")
                    self._db.conn.execute("PRAGMA s.user_version = 1")  # written to: the file is open and locked
                yield
            finally:
                with suppress(sqlite3.Error):
                    self._db.rollback()
                with suppress(sqlite3.Error):
                    self._db.conn.execute(f"PRAGMA main.cache_size = {_CACHE}")
                    self._db.conn.execute("DETACH s")

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """All rows of a query."""
        with self._lock, self.translated():
            return list(self._db.query(sql, list(values)))

    def stream(self, sql: str, values: Sequence[Value] = ()) -> Iterator[Row]:
        """The rows of a query one by one, for a result that memory cannot hold. On a connection of its own: nothing
        else may write on it until the last row is read."""
        with self.translated():
            yield from self._db.query(sql, list(values))

    def row(self, sql: str, *values: Value) -> Row | None:
        """The first row of a query."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def empty_log(self) -> None:
        """Move the write-ahead log into the file and empty it, so that nothing deleted is left in it. (While a reader
        holds an old state it stays; it is emptied again when the last connection closes.)"""
        with self._lock, self.translated():
            self._db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Harmless where it is closed."""
        with self._lock, self.translated():
            self._db.close()


@contextmanager
def _file_beside(path: Path) -> Iterator[str]:
    """An empty file for its owner only, whose name is gone at the end: it lives as long as somebody has it open."""
    try:
        handle, name = tempfile.mkstemp(prefix=f"{path.name}.import-", dir=path.parent)
    except OSError as error:
        raise StorageError(f"{path.parent}: {error.strerror}", hint="the folder must be writable") from None
    os.close(handle)
    try:
        yield name
    finally:
        Path(name).unlink(missing_ok=True)


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    if read_only:
        if not path.is_file():
            raise StorageError(
                f"{path}: there is no database", hint="make a call first, or give another path in [paths]"
            )
        name = f"{path.resolve().as_uri()}?mode=ro"
        return sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():  # personal data: for its owner only; the -wal and -shm files take the same mode
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", hint="check the folder's owner, mode and disk space") from None
    return sqlite3.connect(str(path), isolation_level=None, check_same_thread=False)
