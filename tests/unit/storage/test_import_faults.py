"""Import on a full disk, beside a lock, of files that are not there: nothing half-imported."""

from __future__ import annotations

import pytest

from storage import connection
from storage.db import open_store
from storage.portfolio import ImportOptions, import_files
from storage.portfolio_example_whole import write_whole
from storage.portfolio_kinds import KINDS
from tests.support.portfolio_rows import (
    AGENT,
    TODAY,
    counts,
)
from voicebot.errors import PortfolioError, StorageError


def test_a_full_disk_leaves_nothing_half_imported(bank, tmp_path):
    write_whole(tmp_path, today=TODAY, loans=300)
    files = {name: tmp_path / f"{name}.csv" for name in KINDS}
    pages = bank.db.row("PRAGMA page_count")["page_count"]
    for more in (1, 20, 60):
        bank.db.rows(f"PRAGMA max_page_count = {pages + more}")
        with pytest.raises(StorageError, match="full"):
            import_files(bank.db, files, bank.number_hash, ImportOptions(today=TODAY))
        assert not any(counts(bank).values())
    bank.db.rows("PRAGMA max_page_count = 1000000")
    assert import_files(bank.db, files, bank.number_hash, ImportOptions(today=TODAY)).problem_count == 0
    assert counts(bank)["accounts"] == 300
    assert bank.db.row("PRAGMA integrity_check") == {"integrity_check": "ok"}


def test_a_locked_database_is_said_and_the_import_may_be_tried_again(path, tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_MS", 100)
    write_whole(tmp_path, today=TODAY, loans=20)
    files = {name: tmp_path / f"{name}.csv" for name in KINDS}
    with open_store(path) as holder, open_store(path) as other:
        with holder.db.write(), pytest.raises(StorageError, match="locked") as caught:
            import_files(other.db, files, other.number_hash, ImportOptions(today=TODAY))
        assert caught.value.retryable
        assert not any(counts(other).values())
        assert import_files(other.db, files, other.number_hash, ImportOptions(today=TODAY)).written


def test_the_check_holds_up_nobody_else(path, tmp_path):
    write_whole(tmp_path, today=TODAY, loans=20)
    files = {name: tmp_path / f"{name}.csv" for name in KINDS}
    wrote: list[str] = []
    with open_store(path) as store, open_store(path) as other:

        def meanwhile(kind: str, rows: int, done: int, size: int) -> None:
            other.add_campaign(kind, "name", "reminder")
            wrote.append(kind)

        import_files(store.db, files, store.number_hash, ImportOptions(today=TODAY), meanwhile)
    assert wrote == list(KINDS)


def test_files_that_are_not_there(put, bank, tmp_path):
    with pytest.raises(PortfolioError, match="No such file"):
        import_files(bank.db, {"agents": tmp_path / "none.csv"}, bank.number_hash)
    put(agents=[AGENT])  # the private database is gone, and another import can have it
