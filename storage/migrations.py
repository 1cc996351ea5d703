"""The database's versions, as sqlite-utils migrations: tables first, then the views as their files say today."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import resources

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from storage.driver import sqlite3

SET = "voicebot"
#: The migrations of the tables that this version knows.
TABLES = frozenset(
    {
        "001_tables",
        "002_campaign",
        "003_scoring",
        "004_trunk",
        "005_voice",
        "006_campaign_data",
        "007_retention",
        "008_dialing",
        "009_spoof",
        "010_thresholds",
    }
)
#: The files the views are in, in this order.
VIEW_FILES = ("views.sql", "views_scoring.sql")
#: The views' migrations begin so.
VIEWS = "views_"

#: Which trunk carried the call (its name), and the Q.850 cause of the Reason header (RFC 3326).
_TRUNK = """
ALTER TABLE attempts ADD COLUMN trunk TEXT;
ALTER TABLE attempts ADD COLUMN sip_cause INTEGER CHECK (sip_cause BETWEEN 0 AND 127);
"""


def migrations() -> Migrations:
    """All in order. The last one's name holds the hash of the views' files, so a changed file is a new migration."""
    steps = Migrations(SET)

    @steps(name="001_tables")
    def tables(db: Database) -> None:
        run_script(db, _read("schema.sql"))

    @steps(name="002_campaign")
    def campaign(db: Database) -> None:
        run_script(db, _read("schema_campaign.sql"))

    @steps(name="003_scoring")
    def scoring(db: Database) -> None:
        run_script(db, _read("schema_scoring.sql"))

    @steps(name="004_trunk")
    def trunk(db: Database) -> None:
        run_script(db, _TRUNK)

    @steps(name="005_voice")
    def voice(db: Database) -> None:
        run_script(db, _read("schema_voice.sql"))

    @steps(name="006_campaign_data")
    def campaign_data(db: Database) -> None:
        run_script(db, _read("schema_campaign_data.sql"))

    @steps(name="007_retention")
    def retention(db: Database) -> None:
        run_script(db, _read("schema_retention.sql"))

    @steps(name="008_dialing")
    def dialing(db: Database) -> None:
        run_script(db, _read("schema_dialing.sql"))

    @steps(name="009_spoof")
    def spoof(db: Database) -> None:
        run_script(db, _read("schema_spoof.sql"))

    @steps(name="010_thresholds")
    def thresholds(db: Database) -> None:
        run_script(db, _read("schema_thresholds.sql"))

    views = "\n".join(map(_read, VIEW_FILES))

    @steps(name=f"{VIEWS}{hashlib.sha256(views.encode()).hexdigest()[:12]}")
    def recreate_views(db: Database) -> None:
        for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall():
            db.execute(f'DROP VIEW "{row[0]}"')
        # A return to older views must run again as well.
        db.execute(
            "DELETE FROM _sqlite_migrations WHERE migration_set = ? AND name LIKE 'views\\_%' ESCAPE '\\'", [SET]
        )
        run_script(db, views)

    return steps


def run_script(db: Database, script: str) -> None:
    """Run statement by statement. (The driver's executescript would commit the migration's transaction first.)"""
    for statement in _statements(script):
        db.execute(statement)


def _statements(script: str) -> Iterator[str]:
    part = ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            yield part
            part = ""


def _read(name: str) -> str:
    return resources.files("storage").joinpath(name).read_text(encoding="utf-8")
