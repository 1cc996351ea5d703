"""Voiceprints, their keys, and every comparison with them. Writing functions run inside the caller's transaction."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from storage import repositories_sketches as sketches
from storage.codec import decode_signs, decode_template, encode_signs, encode_template, iso
from storage.connection import Connection, Row, Value
from storage.vault import Vault
from voicebot.model.voice import (
    VoiceComparison,
    VoiceDecision,
    Voiceprint,
    VoiceprintRecord,
    VoiceQuality,
    VoiceReason,
    VoiceState,
)

_ACTIVE = "SELECT * FROM voiceprints WHERE customer_id = ? AND replaced_at IS NULL AND revoked_at IS NULL"


def save(db: Connection, vault: Vault, value: Voiceprint, now: datetime) -> None:
    """Seal, store and make active. Of the one before, the record stays and the embeddings go."""
    db.run(
        """UPDATE voiceprints SET replaced_at = ?, embeddings = x''
           WHERE customer_id = ? AND replaced_at IS NULL AND revoked_at IS NULL""",
        iso(now),
        value.customer_id,
    )
    key = _key(db, value.customer_id)
    if key is None:
        key = vault.new_key(value.customer_id)
        db.insert("voice_keys", {"customer_id": value.customer_id, "sealed": key, "created_at": iso(now)})
    plain = encode_template(value)
    row: dict[str, Value] = {
        "customer_id": value.customer_id,
        "consent_id": value.consent_id,
        "model_id": value.model_id,
        "embeddings": vault.seal(key, value.customer_id, value.model_id, plain),
        "net_speech_s": value.net_speech_s,
        **dataclasses.asdict(value.quality),
        "enrolled_at": value.enrolled_at,
    }
    db.insert("voiceprints", row)


def active(db: Connection, vault: Vault, customer_id: str) -> Voiceprint | None:
    """The one in force, opened. Raises StorageError where it is spoiled or the master key is another one."""
    row, key = db.row(_ACTIVE, customer_id), _key(db, customer_id)
    if row is None or key is None:
        return None
    plain = vault.open(key, customer_id, row["model_id"], row["embeddings"])
    embeddings, calm, added = decode_template(plain)
    return Voiceprint(
        customer_id=row["customer_id"],
        model_id=row["model_id"],
        embeddings=embeddings,
        net_speech_s=row["net_speech_s"],
        quality=_quality(row),
        enrolled_at=row["enrolled_at"],
        consent_id=row["consent_id"],
        added=added,
        calm=calm,
    )


def revoke(db: Connection, customer_id: str, now: datetime) -> bool:
    """Destroy the customer's voiceprint and the sketches of calls: embeddings and key are overwritten (PRAGMA
    secure_delete), records of when there was one stay. True where there was one. The caller empties the write-ahead log
    afterwards."""
    there = db.row(_ACTIVE, customer_id) is not None
    db.run(
        "UPDATE voiceprints SET revoked_at = ?, embeddings = x'' WHERE customer_id = ? AND revoked_at IS NULL",
        iso(now),
        customer_id,
    )
    sketches.destroy(db, customer_id)
    db.run("DELETE FROM voice_keys WHERE customer_id = ?", customer_id)
    return there


def records(db: Connection, customer_id: str) -> tuple[VoiceprintRecord, ...]:
    """Every voiceprint the customer ever had, the newest first, without what is in it."""
    rows = db.rows("SELECT * FROM voiceprints WHERE customer_id = ? ORDER BY seq DESC", [customer_id])
    return tuple(
        VoiceprintRecord(
            model_id=row["model_id"],
            net_speech_s=row["net_speech_s"],
            quality=_quality(row),
            enrolled_at=row["enrolled_at"],
            consent_id=row["consent_id"],
            replaced_at=row["replaced_at"],
            revoked_at=row["revoked_at"],
        )
        for row in rows
    )


def reseal_all(db: Connection, old: Vault, new: Vault) -> int:
    """Every customer's key under a new master key; returns how many."""
    rows = db.rows("SELECT customer_id, sealed FROM voice_keys")
    for row in rows:
        sealed = old.reseal(row["sealed"], row["customer_id"], new)
        db.run("UPDATE voice_keys SET sealed = ? WHERE customer_id = ?", sealed, row["customer_id"])
    return len(rows)


def add_comparison(db: Connection, attempt_id: int, value: VoiceComparison) -> None:
    """Append to the record of the attempt."""
    n = db.row("SELECT count(*) + 1 AS n FROM voice_comparisons WHERE attempt_id = ?", attempt_id) or {"n": 1}
    decision = value.decision
    row: dict[str, Value] = {
        "attempt_id": attempt_id,
        "n": n["n"],
        "t": value.t,
        "net_s": decision.net_speech_s,
        "score": decision.score,
        "last_score": value.last_score,
        "llr": decision.llr,
        "state": decision.state.value,
        "reason": decision.reason.value if decision.reason else None,
        "accept_limit": decision.accept_limit,
        "reject_limit": decision.reject_limit,
        "model_id": decision.model_id,
        "calibration_id": decision.calibration_id,
        "spoof": encode_signs(decision.spoof),
    }
    db.insert("voice_comparisons", row)


def comparisons(db: Connection, attempt_id: int) -> tuple[VoiceComparison, ...]:
    """All of an attempt, in order."""
    rows = db.rows("SELECT * FROM voice_comparisons WHERE attempt_id = ? ORDER BY n", [attempt_id])
    return tuple(VoiceComparison(row["t"], _decision(row), row["last_score"]) for row in rows)


def _decision(row: Row) -> VoiceDecision:
    return VoiceDecision(
        state=VoiceState(row["state"]),
        reason=VoiceReason(row["reason"]) if row["reason"] else None,
        score=row["score"],
        llr=row["llr"],
        net_speech_s=row["net_s"],
        accept_limit=row["accept_limit"],
        reject_limit=row["reject_limit"],
        model_id=row["model_id"],
        calibration_id=row["calibration_id"],
        spoof=decode_signs(row["spoof"]),
    )


def _quality(row: Row) -> VoiceQuality:
    return VoiceQuality(row["snr_db"], row["clipping"], row["speech_share"], row["lost_frames"])


def _key(db: Connection, customer_id: str) -> bytes | None:
    row = db.row("SELECT sealed FROM voice_keys WHERE customer_id = ?", customer_id)
    return bytes(row["sealed"]) if row else None
