"""Sketches of calls, by which a recording of one is recognised: sealed with the customer's voice key, kept for days.
Writing functions run inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from storage.codec import iso
from storage.connection import Connection, Row
from storage.vault import Vault
from voicebot.model.voice import VoiceSketch

_ACTIVE = """SELECT k.sealed FROM voice_keys k JOIN voiceprints v ON v.customer_id = k.customer_id
  WHERE k.customer_id = ? AND v.replaced_at IS NULL AND v.revoked_at IS NULL"""


def save(db: Connection, vault: Vault, sketch: VoiceSketch, now: datetime, *, days: int, most: int) -> bool:
    """Seal and store; False where the customer has no voiceprint (any more): without one there is no consent to it.
    Sketches of anybody older than `days`, and the customer's oldest over `most`, go."""
    key = _key(db, sketch.customer_id)
    if key is not None:
        sealed = vault.seal(key, sketch.customer_id, _about(sketch.made_at), sketch.peaks)
        db.insert("voice_sketches", {"customer_id": sketch.customer_id, "made_at": sketch.made_at, "sealed": sealed})
    db.run("DELETE FROM voice_sketches WHERE made_at < ?", iso(now - timedelta(days=days)))
    db.run(
        """DELETE FROM voice_sketches WHERE customer_id = ? AND seq NOT IN
           (SELECT seq FROM voice_sketches WHERE customer_id = ? ORDER BY made_at DESC, seq DESC LIMIT ?)""",
        *(sketch.customer_id, sketch.customer_id, most),
    )
    return key is not None


def of_customer(db: Connection, vault: Vault, customer_id: str, since: datetime) -> tuple[VoiceSketch, ...]:
    """Made at `since` or later, the newest first. Raises StorageError where one is spoiled."""
    key = _key(db, customer_id)
    if key is None:
        return ()
    rows: list[Row] = db.rows(
        """SELECT made_at, sealed FROM voice_sketches WHERE customer_id = ? AND made_at >= ?
           ORDER BY made_at DESC, seq DESC""",
        [customer_id, iso(since)],
    )
    return tuple(
        VoiceSketch(customer_id, row["made_at"], vault.open(key, customer_id, _about(row["made_at"]), row["sealed"]))
        for row in rows
    )


def destroy(db: Connection, customer_id: str) -> None:
    """All of a customer, overwritten (PRAGMA secure_delete)."""
    db.run("DELETE FROM voice_sketches WHERE customer_id = ?", customer_id)


def _about(made_at: str) -> str:
    return f"sketch {made_at}"


def _key(db: Connection, customer_id: str) -> bytes | None:
    row = db.row(_ACTIVE, customer_id)
    return bytes(row["sealed"]) if row else None
