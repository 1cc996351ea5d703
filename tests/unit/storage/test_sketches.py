"""Sketches of calls: sealed, kept for days, and gone with the voiceprint."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage.codec import iso
from tests.unit.storage.test_vault import AT, all_bytes, voiceprint
from voicebot.errors import StorageError
from voicebot.model.records import Consent
from voicebot.model.voice import VoiceSketch

PEAKS = b"SK1\0" + bytes(range(3, 240))


def sketch(store, days_ago: float = 0.0, customer: str = "C-1") -> VoiceSketch:
    return VoiceSketch(customer, iso(store._clock() - timedelta(days=days_ago)), PEAKS)


def test_no_sketch_without_a_voiceprint(store):
    assert store.save_sketch(sketch(store), 90, 10) is False
    assert store.sketches("C-1", 90) == ()


def test_no_file_holds_a_sketch_and_all_go_with_the_consent(store, path):
    store.save_voiceprint(voiceprint())
    assert store.save_sketch(sketch(store), 90, 10) is True
    store.db.empty_log()
    sealed = bytes(store.db.row("SELECT sealed FROM voice_sketches")["sealed"])
    assert PEAKS not in all_bytes(path.parent)
    assert sealed in all_bytes(path.parent)
    assert store.sketches("C-1", 90) == (sketch(store),)
    store.add_consent(None, Consent("C-1", "voiceprint", "spoken", "v1", granted=False, at=AT))
    assert sealed not in all_bytes(path.parent)
    assert store.sketches("C-1", 90) == ()


def test_the_old_and_the_many_go(store):
    store.save_voiceprint(voiceprint())
    store.save_voiceprint(voiceprint("C-2"))
    store.save_sketch(sketch(store, 20, "C-2"), 30, 10)
    for days in (5, 40, 3, 1, 2):
        store.save_sketch(sketch(store, days), 30, 3)
    assert [s.made_at for s in store.sketches("C-1", 30)] == [sketch(store, d).made_at for d in (1, 2, 3)]
    assert [s.made_at for s in store.sketches("C-1", 2)] == [sketch(store, d).made_at for d in (1, 2)]
    assert store.db.row("SELECT count(*) AS n FROM voice_sketches") == {"n": 4}
    store.save_sketch(sketch(store), 10, 3)  # of anybody: also of who is called no more
    assert store.sketches("C-2", 30) == ()


def test_a_sketch_put_in_another_customers_row_does_not_open(store):
    for customer in ("C-1", "C-2"):
        store.save_voiceprint(voiceprint(customer))
    store.save_sketch(sketch(store), 90, 10)
    with store.db.write():
        store.db.run("UPDATE voice_sketches SET customer_id = 'C-2'")
    with pytest.raises(StorageError, match="cannot be opened"):
        store.sketches("C-2", 90)
