"""Sets of thresholds: who proposed, who approved, which is in force. Writing functions open their own transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from storage.codec import iso
from storage.connection import Connection, Row, Value
from voicebot.errors import ScoringError
from voicebot.scoring.config import ScoringSettings, read

HINT = "voicebot score threshold-sets"


@dataclass(frozen=True, slots=True)
class ThresholdSet:
    """One proposal and what became of it. `state`: proposed, approved, rejected."""

    id: int
    digest: str
    text: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None


def propose(db: Connection, digest: str, text: str, reason: str, by: str, at: datetime) -> int:
    """Store a set that waits for a second person; returns its number. Raises ScoringError where it waits already, or is
    the one in force."""
    with db.write():
        force = in_force(db)
        if force is not None and force.digest == digest:
            raise ScoringError("these are the thresholds in force", hint=HINT)
        if any(one.digest == digest and one.state == "proposed" for one in sets(db)):
            raise ScoringError("these thresholds wait for a second person already", hint=HINT)
        row: dict[str, Value] = {
            "digest": digest,
            "text": text,
            "reason": reason,
            "proposed_by": by,
            "proposed_at": iso(at),
        }
        number = db.insert("threshold_sets", row)
    if number is None:
        raise ScoringError("the thresholds were not stored")
    return number


def decide(db: Connection, number: int, state: str, decision: str, by: str, at: datetime) -> ThresholdSet:
    """Approve or reject. Raises ScoringError where it is decided, unknown, or `by` is who proposed it (four eyes)."""
    with db.write():
        found = next((one for one in sets(db) if one.id == number), None)
        if found is None:
            raise ScoringError(f"there is no set of thresholds {number}", hint=HINT)
        if found.state != "proposed":
            raise ScoringError(f"the thresholds {number} are {found.state} already", hint=HINT)
        if found.proposed_by.lower() == by.lower():
            raise ScoringError("who proposed thresholds does not decide on them", hint="another person decides (--by)")
        db.run(
            "UPDATE threshold_sets SET state = ?, decided_by = ?, decided_at = ?, decision = ? WHERE seq = ?",
            *(state, by, iso(at), decision, number),
        )
    return found


def sets(db: Connection) -> tuple[ThresholdSet, ...]:
    """All, the newest first."""
    return tuple(map(_set, db.rows("SELECT * FROM threshold_sets ORDER BY seq DESC")))


def in_force(db: Connection) -> ThresholdSet | None:
    """The one approved last; None: nobody ever approved one, and the defaults hold."""
    row = db.row("SELECT * FROM threshold_sets WHERE state = 'approved' ORDER BY decided_at DESC, seq DESC LIMIT 1")
    return _set(row) if row is not None else None


def thresholds(db: Connection) -> ScoringSettings:
    """Those in force. Raises SettingsError where they were approved for another version of the program."""
    force = in_force(db)
    return read(force.text, f"threshold set {force.id}") if force is not None else ScoringSettings()


def _set(row: Row) -> ThresholdSet:
    return ThresholdSet(
        id=row["seq"],
        digest=row["digest"],
        text=row["text"],
        reason=row["reason"],
        proposed_by=row["proposed_by"],
        proposed_at=datetime.fromisoformat(row["proposed_at"]),
        state=row["state"],
        decided_by=row["decided_by"],
        decided_at=datetime.fromisoformat(row["decided_at"]) if row["decided_at"] else None,
        decision=row["decision"],
    )
