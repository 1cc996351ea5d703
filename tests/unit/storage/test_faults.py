"""Migrations, and what goes wrong outside: versions, disks, locks, files that are something else."""

from __future__ import annotations

import threading

import pytest
import sqlite_utils

from storage import connection
from storage.connection import Connection
from storage.db import open_reader, open_store
from storage.driver import check_version, sqlite3
from storage.migrations import migrations
from voicebot.errors import StorageError
from voicebot.model.outcome import Disposition, Outcome
from voicebot.model.records import Turn

TABLES = {
    *("meta", "imports", "customers", "accounts", "campaigns", "attempts", "turns", "checks", "outcomes"),
    *("item_results", "promises", "consents", "voiceprints", "warnings", "warning_evidence", "do_not_call"),
    # 002_campaign
    *("products", "channels", "funding_sources", "agents", "schedules", "payments", "do_not_call_lists"),
    *("personal_windows", "jobs", "gate_decisions", "messages", "tasks"),
    # 003_scoring
    *("scores", "collectors", "case_collectors", "contacts", "tags", "data_imports", "collection_numbers"),
    *("base_stations", "number_calls", "applicant_calls", "devices"),
    *("voice_keys", "voice_comparisons"),  # 005_voice
    "import_files",  # 006_campaign_data
    *("legal_holds", "deletions"),  # 007_retention
    "threshold_sets",  # 010_thresholds
    "voice_sketches",  # 009_spoof
}
VIEWS = {
    *("v_attempts", "v_case_contacts", "v_promises", "v_voiceprint", "v_daily"),
    *("v_contacts", "v_dues", "v_performance", "v_performance_money", "v_follow_ups"),
}


def names(db: Connection, kind: str) -> set[str]:
    rows = db.rows("SELECT name FROM sqlite_master WHERE type = ? AND name NOT GLOB '*sqlite_*'", [kind])
    return {row["name"] for row in rows}


def test_from_empty_and_again(store, path):
    assert names(store.db, "table") == TABLES
    assert names(store.db, "view") == VIEWS
    applied = store.db.rows("SELECT * FROM _sqlite_migrations")
    store.close()
    with open_store(path) as again:
        assert again.db.rows("SELECT * FROM _sqlite_migrations") == applied
        assert again.account("A-1").id == "A-1"
        assert again.db.row("PRAGMA integrity_check") == {"integrity_check": "ok"}


def test_pragmas_are_what_the_design_asks_for(store):
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    for name, value in wanted.items():
        assert store.db.row(f"PRAGMA {name}") == {name: value}
    assert store.db.row("PRAGMA busy_timeout") == {"timeout": 5000}


def test_changed_views_are_made_again(store, path):
    with store.db.write():
        store.db.run("DROP VIEW v_daily")
        store.db.run("UPDATE _sqlite_migrations SET name = 'views_of_before' WHERE name LIKE 'views%'")
    store.close()
    with pytest.raises(StorageError, match="not a database of this version"):
        open_reader(path)
    with open_store(path) as again:
        assert names(again.db, "view") == VIEWS
        assert len(again.db.rows("SELECT * FROM _sqlite_migrations WHERE name LIKE 'views%'")) == 1


def test_a_newer_database_is_not_touched(store, path):
    with store.db.write():
        store.db.run("UPDATE _sqlite_migrations SET name = '999_future' WHERE name LIKE '001%'")
    store.close()
    for opener in (open_store, open_reader):
        with pytest.raises(StorageError, match="newer version"):
            opener(path)


def test_many_first_opens_at_once(path):
    errors: list[Exception] = []

    def first() -> None:
        try:
            open_store(path).close()
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=first) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_an_old_sqlite_is_refused():
    check_version("3.51.3")
    check_version("4.0.0")
    for old in ("3.40.1", "3.51.2"):
        with pytest.raises(StorageError, match="too old") as caught:
            check_version(old)
        assert "pysqlite3" in caught.value.hint
    check_version(sqlite3.sqlite_version)


def test_a_full_disk_is_said_and_nothing_is_half_written(store, start):
    attempt = store.open_attempt(start())
    pages = store.db.row("PRAGMA page_count")["page_count"]
    store.db.rows(f"PRAGMA max_page_count = {pages}")
    turn = Turn("greet", "greet", "x" * 2_000_000, 0.0, 1.0)
    with pytest.raises(StorageError, match="full") as caught:
        store.add_turn(attempt, turn)
    assert "free space" in caught.value.hint
    assert not caught.value.retryable
    store.db.rows(f"PRAGMA max_page_count = {pages + 1000}")
    assert store.call(attempt).turns == ()
    assert store.close_attempt(attempt, Outcome(Disposition.TECHNICAL_FAILURE, error="storage"))
    assert store.db.row("PRAGMA integrity_check") == {"integrity_check": "ok"}


def test_a_locked_database_is_said_and_may_be_tried_again(path, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_MS", 100)
    with open_store(path) as holder, open_store(path) as other:
        with holder.db.write(), pytest.raises(StorageError, match="locked") as caught:
            other.add_campaign("c", "name", "reminder")
        assert caught.value.retryable
        other.add_campaign("c", "name", "reminder")


def test_a_file_that_is_no_database(path):
    path.parent.mkdir()
    path.write_text("this is a letter to my grandmother " * 100)
    with pytest.raises(StorageError, match="not a SQLite database"):
        open_store(path)
    assert path.read_text().startswith("this is a letter")


def test_a_foreign_sqlite_database_has_not_our_tables(path):
    path.parent.mkdir()
    sqlite_utils.Database(path)["notes"].insert({"a": 1})
    with pytest.raises(StorageError, match="not a database of this version"):
        open_reader(path)


def test_a_missing_database_and_a_folder_in_its_place(path, tmp_path):
    with pytest.raises(StorageError, match="there is no database"):
        open_reader(path)
    assert not path.exists()
    with pytest.raises(StorageError):
        open_store(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        open_store(tmp_path / "file" / "voicebot.db")


def test_a_read_only_file_is_said(store, start):
    store.db._db.execute("PRAGMA query_only = 1")
    with pytest.raises(StorageError, match="cannot be written") as caught:
        store.open_attempt(start())
    assert "owner and mode" in caught.value.hint


def test_values_the_file_cannot_hold_are_our_error(store, start):
    attempt = store.open_attempt(start())
    with pytest.raises(StorageError, match="cannot be stored"):
        store.add_turn(attempt, Turn("s", "p", "\ud800", 0.0, 1.0))
    with pytest.raises(StorageError):
        store.add_turn(attempt, Turn("s", "p", "text", float("nan"), 1.0))
    assert store.call(attempt).turns == ()


def test_a_closed_store_says_so(store, start):
    store.close()
    with pytest.raises(StorageError):
        store.open_attempt(start())


def test_every_migration_is_known_to_the_check_of_newer_databases(store):
    applied = {m.name for m in migrations().applied(sqlite_utils.Database(store.db.path))}
    from storage.migrations import TABLES as KNOWN
    from storage.migrations import VIEWS as PREFIX

    assert {n for n in applied if not n.startswith(PREFIX)} == KNOWN
