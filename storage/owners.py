"""Which process runs an attempt, and whether it still lives.

Every open store holds an exclusive flock(2) on a file of its own beside the database. The kernel frees the lock when
the process ends, however it ends, so a second process that starts can tell an interrupted attempt from one that another
living process is in the middle of; a process id alone could not (ids are used again).
"""

from __future__ import annotations

import fcntl
import os
import uuid
from contextlib import suppress
from pathlib import Path

from voicebot.errors import StorageError


class Owner:
    """This store's own mark. `id` is stored with the attempts it opens."""

    def __init__(self, database: Path) -> None:
        self.id = uuid.uuid4().hex
        self._folder = database.with_name(database.name + ".owners")
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._fd: int | None = self._lock()
        except OSError as error:
            raise StorageError(
                f"{self._folder}: {error.strerror}", hint="the process must be able to write beside the database"
            ) from None

    def _lock(self) -> int:
        path = self._folder / self.id
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            if path.exists() and path.stat().st_ino == os.fstat(fd).st_ino:
                return fd
            os.close(fd)  # swept between the two lines above

    def lives(self, owner: str) -> bool:
        """True where another store that is still open has this id. Call inside a write transaction (one at a time)."""
        return owner != self.id and self._held(self._folder / Path(owner).name, remove=False)

    def sweep(self) -> None:
        """Remove the marks of processes that are gone. Call inside a write transaction."""
        for file in self._folder.iterdir():
            if file.name != self.id:
                self._held(file, remove=True)

    @staticmethod
    def _held(file: Path, *, remove: bool) -> bool:
        try:
            fd = os.open(file, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if remove:
                file.unlink(missing_ok=True)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def release(self) -> None:
        """This store is closed. Harmless where it was."""
        if self._fd is None:
            return
        with suppress(OSError):
            (self._folder / self.id).unlink()
        os.close(self._fd)
        self._fd = None
