"""Voiceprints under lock: what is in the files, what a destroyed key takes with it, and who may open what."""

from __future__ import annotations

import stat
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from storage.codec import encode_embeddings
from storage.db import open_reader, open_store
from storage.secret import key_file
from storage.vault import Vault, vault_path
from voicebot.commands.voiceprint import voiceprint as command
from voicebot.errors import StorageError
from voicebot.model.records import Consent
from voicebot.model.voice import (
    VoiceComparison,
    VoiceDecision,
    Voiceprint,
    VoiceQuality,
    VoiceReason,
    VoiceState,
)
from voicebot.settings import PathSettings, Settings

AT = "2026-11-22T12:00:00+00:00"
EMBEDDING = tuple(0.0625 + i / 4096 for i in range(192))
#: How the numbers would look in a file: any eight of them in a row are enough to know them by.
KEYS = (".key", ".master")
PLAIN = struct.pack("<8d", *EMBEDDING[40:48])


def voiceprint(customer: str = "C-1", embedding: tuple[float, ...] = EMBEDDING) -> Voiceprint:
    return Voiceprint(customer, "ecapa:0575cb64", (embedding,), 21.5, VoiceQuality(snr_db=24.0), AT)


def all_bytes(folder: Path) -> bytes:
    """Everything that lies beside the database, but for the two key files."""
    return b"".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix not in KEYS)


def test_no_file_holds_the_numbers_of_a_voice(store, path):
    assert PLAIN in encode_embeddings((EMBEDDING,))  # the search finds what is not sealed
    store.save_voiceprint(voiceprint())
    store.db.empty_log()
    assert PLAIN not in all_bytes(path.parent)
    assert store.voiceprint("C-1") == voiceprint()


def test_with_the_consent_goes_the_key_and_with_the_key_the_voice(store, path):
    store.save_voiceprint(voiceprint())
    sealed_key = bytes(store.db.row("SELECT sealed FROM voice_keys")["sealed"])
    sealed_voice = bytes(store.db.row("SELECT embeddings FROM voiceprints")["embeddings"])
    backup = all_bytes(path.parent)
    assert sealed_key in backup
    assert sealed_voice in backup
    store.add_consent(None, Consent("C-1", "voiceprint", "spoken", "v1", granted=False, at=AT))
    after = all_bytes(path.parent)
    assert sealed_key not in after
    assert sealed_voice not in after
    assert store.voiceprint("C-1") is None
    assert store.db.row("SELECT count(*) AS n FROM voice_keys") == {"n": 0}
    (record,) = store.voiceprints("C-1")
    assert record.revoked_at is not None
    assert record.net_speech_s == 21.5


def test_a_new_voiceprint_leaves_nothing_of_the_old_one(store, path):
    store.save_voiceprint(voiceprint())
    old = bytes(store.db.row("SELECT embeddings FROM voiceprints")["embeddings"])
    second = voiceprint(embedding=tuple(reversed(EMBEDDING)))
    store.save_voiceprint(second)
    store.db.empty_log()
    assert old not in all_bytes(path.parent)
    assert store.voiceprint("C-1") == second
    assert [bool(r.replaced_at) for r in store.voiceprints("C-1")] == [False, True]


def test_a_voiceprint_put_in_another_customers_row_does_not_open(store):
    store.save_voiceprint(voiceprint("C-1"))
    store.save_voiceprint(voiceprint("C-2", tuple(reversed(EMBEDDING))))
    with store.db.write():
        store.db.run(
            """UPDATE voiceprints SET embeddings = (SELECT embeddings FROM voiceprints WHERE customer_id = 'C-1')
               WHERE customer_id = 'C-2'"""
        )
    with pytest.raises(StorageError, match="cannot be opened"):
        store.voiceprint("C-2")
    with store.db.write():  # and with the key moved too, it still is another's
        store.db.run(
            """UPDATE voice_keys SET sealed = (SELECT sealed FROM voice_keys WHERE customer_id = 'C-1')
               WHERE customer_id = 'C-2'"""
        )
    with pytest.raises(StorageError, match="cannot be opened"):
        store.voiceprint("C-2")


def test_a_lost_or_wrong_master_key_is_an_error_and_not_a_new_key(store, path):
    store.save_voiceprint(voiceprint())
    store.close()
    master = vault_path(path)
    assert stat.S_IMODE(master.stat().st_mode) == 0o600
    kept = master.read_text()
    master.unlink()
    with open_store(path) as again, pytest.raises(StorageError, match="missing"):
        again.voiceprint("C-1")
    master.write_text("00" * 32)
    with open_store(path) as again, pytest.raises(StorageError, match="another key"):
        again.voiceprint("C-1")
    master.write_text(kept)
    with open_store(path) as again:
        assert again.voiceprint("C-1") == voiceprint()


def test_the_master_key_can_be_changed(store, path, tmp_path):
    store.save_voiceprint(voiceprint())
    new = tmp_path / "elsewhere" / "master"
    new.parent.mkdir()
    assert store.change_master_key(new) == 1
    assert store.voiceprint("C-1") == voiceprint()
    store.close()
    with open_store(path) as again, pytest.raises(StorageError, match="another key"):
        again.voiceprint("C-1")
    with open_store(path, master_key=new) as again:
        assert again.voiceprint("C-1") == voiceprint()


@given(st.binary(max_size=200), st.integers(0, 10_000), st.integers(1, 255))
def test_a_spoiled_byte_is_found_out(value, at, change):
    vault = Vault(bytes(range(32)))
    key = vault.new_key("C-1")
    blob = bytearray(vault.seal(key, "C-1", "m", value))
    assert vault.open(key, "C-1", "m", bytes(blob)) == value
    blob[at % len(blob)] ^= change
    with pytest.raises(StorageError):
        vault.open(key, "C-1", "m", bytes(blob))


def test_a_master_key_of_another_length_is_refused():
    with pytest.raises(StorageError, match="32 bytes"):
        Vault(b"short")


def test_two_programs_that_make_the_key_file_agree(tmp_path):
    path = tmp_path / "master"
    assert key_file(path) == key_file(path)


def test_every_comparison_is_on_record(store, start):
    attempt = store.open_attempt(start("A-1"))
    first = VoiceDecision(
        VoiceState.INCONCLUSIVE, VoiceReason.BETWEEN_LIMITS, 0.61, 2.5, 2.0, 4.6, -4.6, "ecapa:0575cb64", "default"
    )
    second = VoiceDecision(VoiceState.MATCH, None, 0.72, 6.1, 4.0, 4.6, -4.6, "ecapa:0575cb64", "default")
    rows = (VoiceComparison(7.5, first, 0.61), VoiceComparison(12.25, second, 0.8))
    for row in rows:
        store.add_comparison(attempt, row)
    with open_reader(store.db.path) as reader:
        assert reader.comparisons(attempt) == rows
        assert reader.comparisons(attempt + 1) == ()


def test_commands_show_and_destroy(store, path):
    settings = Settings(paths=PathSettings(database=path))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(command, list(arguments), obj=settings)
        assert result.exit_code == 0, result.output
        return result.output

    store.save_voiceprint(voiceprint())
    store.close()
    assert "active, enrolled 2026-11-22, 21.5 s" in run("show", "A-1")
    assert "destroyed" in run("revoke", "A-1")
    assert "revoked" in run("show", "A-1")
    assert "there was no voiceprint" in run("revoke", "A-1")
    assert '"revoked_at": "20' in run("show", "A-1", "--json")
