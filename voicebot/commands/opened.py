"""The bank's database for commands that need one: they make none where there is none."""

from __future__ import annotations

from storage.db import SqliteStore, open_store
from voicebot.errors import SettingsError
from voicebot.settings import Settings


def opened(settings: Settings) -> SqliteStore:
    """The database of the settings, open, with the key of the voiceprints; the caller closes it. Raises SettingsError
    where there is none."""
    path = settings.paths.database
    if not path.is_file():
        raise SettingsError(f"{path}: there is no database yet", hint="import a portfolio: `voicebot portfolio --help`")
    return open_store(path, master_key=settings.paths.voice_master_key)
