"""Scores, the warnings of scoring, and tags."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from storage.codec import from_json, iso, to_json
from storage.connection import Connection, Row, Value
from storage.records_scores import ScoringWarningRow
from voicebot.errors import StorageError
from voicebot.scoring.ports import Stored
from voicebot.scoring.result import Result
from voicebot.scoring.tags import Tag
from voicebot.scoring.warnings import VERSION, Alert

T = TypeVar("T")
#: Rows written in one transaction: some hundredths of a second.
BATCH = 500
#: Inputs that move every day and decide nothing: a change of theirs alone is no new result.
_MOVING = frozenset({"overdue_d"})


def put_scores(db: Connection, kind: str, results: Iterable[tuple[str, Result]], now: datetime) -> int:
    """Append what changed, mark the rest as checked; returns how many changed. In small transactions of its own."""
    known = {
        row["subject"]: (row["seq"], row["digest"])
        for row in db.rows("SELECT subject, seq, digest FROM scores WHERE kind = ? AND newest = 1", [kind])
    }
    at, changed = iso(now), 0
    for some in batches(results):
        rows = [_score_row(kind, subject, result, at) for subject, result in some]
        with db.write():
            for row in rows:
                old = known.get(str(row["subject"]))
                if old is not None and old[1] == row["digest"]:
                    db.run("UPDATE scores SET checked_at = ? WHERE seq = ?", at, old[0])
                    continue
                if old is not None:
                    db.run("UPDATE scores SET newest = 0 WHERE seq = ?", old[0])
                db.insert("scores", row)
                changed += 1
    return changed


def put_score(db: Connection, kind: str, subject: str, result: Result, now: datetime) -> None:
    """Append one, in the caller's transaction: it is the newest of its subject from now on."""
    db.run("UPDATE scores SET newest = 0 WHERE kind = ? AND subject = ? AND newest = 1", kind, subject)
    db.insert("scores", _score_row(kind, subject, result, iso(now)))


def _score_row(kind: str, subject: str, result: Result, at: str) -> dict[str, Value]:
    inputs, values = to_json(result.inputs), to_json(result.values)
    compared = to_json({k: v for k, v in result.inputs.items() if k not in _MOVING})
    digest = hashlib.sha256("\n".join((result.version, compared, values)).encode()).digest()[:16]
    return {
        "kind": kind,
        "subject": subject,
        "at": at,
        "checked_at": at,
        "version": result.version,
        "inputs": inputs,
        "result": values,
        "reasons": to_json(list(result.reasons)),
        "digest": digest,
        "newest": 1,
    }


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Pieces of a long run, one transaction each: a call that wants to write beside it never waits for all of it."""
    left = iter(items)
    while some := list(islice(left, BATCH)):
        yield some


def newest(db: Connection, kind: str) -> dict[str, Stored]:
    """The newest of every subject."""
    rows = db.rows("SELECT * FROM scores WHERE kind = ? AND newest = 1 ORDER BY subject", [kind])
    return {row["subject"]: _stored(row) for row in rows}


def before(db: Connection, kind: str, moment: datetime) -> dict[str, Stored]:
    """The newest of every subject that was there at `moment`."""
    sql = """SELECT * FROM scores WHERE seq IN
      (SELECT max(seq) FROM scores WHERE kind = ? AND at <= ? GROUP BY subject) ORDER BY subject"""
    return {row["subject"]: _stored(row) for row in db.rows(sql, [kind, iso(moment)])}


def history(db: Connection, kind: str, subject: str) -> list[Stored]:
    """All of one subject, newest first."""
    sql = "SELECT * FROM scores WHERE kind = ? AND subject = ? ORDER BY seq DESC"
    return [_stored(row) for row in db.rows(sql, [kind, subject])]


def communications_of(db: Connection, account_id: str) -> list[Stored]:
    """Of one account, newest first."""
    sql = """SELECT s.* FROM scores s JOIN v_contacts v ON v.id = s.subject
      WHERE s.kind = 'communication' AND s.newest = 1 AND v.account_id = ? ORDER BY v.at DESC"""
    return [_stored(row) for row in db.rows(sql, [account_id])]


def _stored(row: Row) -> Stored:
    return Stored(
        kind=row["kind"],
        subject=row["subject"],
        at=row["at"],
        checked_at=row["checked_at"],
        version=row["version"],
        inputs=from_json(row["inputs"]),
        result=from_json(row["result"]),
        reasons=tuple(_texts(row["reasons"])),
    )


def _texts(text: str) -> list[str]:
    listed = from_json(f'{{"it": {text}}}')["it"]
    return [str(item) for item in listed] if isinstance(listed, list) else []


def put_warnings(db: Connection, alerts: Iterable[Alert], now: datetime) -> int:
    """One per (code, customer or subject, UTC day); returns how many are new. In small transactions of its own."""
    new = 0
    for some in batches(alerts):
        with db.write():
            number = (db.row("SELECT coalesce(max(seq), 0) AS n FROM warnings") or {"n": 0})["n"]
            for alert in some:
                if db.insert("warnings", _warning_row(alert, number + 1, now), "ON CONFLICT DO NOTHING") is not None:
                    number += 1
                    new += 1
    return new


def _warning_row(alert: Alert, number: int, now: datetime) -> dict[str, Value]:
    return {
        "seq": number,
        "id": f"W-{number}",
        "code": alert.code,
        "customer_id": alert.customer_id,
        "attempt_id": alert.attempt_id,
        "subject": alert.subject,
        "day": iso(now)[:10],
        "reason": alert.reason,
        "rule": alert.rule,
        "rule_version": VERSION,
        "severity": alert.severity,
        "owner": alert.owner,
        "raised_at": iso(now),
        "due_at": iso(now + alert.due),
        "evidence": to_json(alert.evidence),
    }


def warnings(db: Connection, *, open_only: bool, limit: int) -> list[ScoringWarningRow]:
    """The newest first, the voice's too."""
    where = "WHERE state <> 'closed'" if open_only else ""
    sql = f"""SELECT id, code, customer_id, subject, attempt_id, reason, rule, rule_version, severity, owner, raised_at,
      due_at, state, state_reason, evidence FROM warnings {where} ORDER BY seq DESC LIMIT ?"""  # noqa: S608
    return [
        ScoringWarningRow(**{**row, "evidence": from_json(row["evidence"] or "{}")}) for row in db.rows(sql, [limit])
    ]


def decide_warning(db: Connection, warning_id: str, state: str, reason: str, by: str, now: datetime) -> None:
    """Acknowledge or close. Raises StorageError where it is unknown or closed already. Inside a transaction."""
    row = db.row("SELECT state FROM warnings WHERE id = ?", warning_id)
    if row is None:
        raise StorageError(f"there is no warning {warning_id}", hint="voicebot score warnings")
    if row["state"] == "closed":
        raise StorageError(f"warning {warning_id} is closed", hint="a closed warning stays as it was decided")
    sql = "UPDATE warnings SET state = ?, state_reason = ?, decided_by = ?, decided_at = ? WHERE id = ?"
    db.run(sql, state, reason, by, iso(now), warning_id)


def put_tags(db: Connection, tags: Sequence[Tag]) -> None:
    """Append. Raises StorageError where a customer is unknown. In small transactions of its own."""
    for some in batches(tags):
        with db.write():
            for tag in some:
                if db.row("SELECT 1 FROM customers WHERE id = ?", tag.customer_id) is None:
                    raise StorageError(f"there is no customer {tag.customer_id}", hint="voicebot portfolio import")
                row: dict[str, Value] = {
                    "customer_id": tag.customer_id,
                    "name": tag.name,
                    "value": tag.value,
                    "source": tag.source,
                    "confidence": tag.confidence,
                    "valid_from": iso(tag.valid_from),
                    "valid_to": iso(tag.valid_to) if tag.valid_to else None,
                    "evidence": tag.evidence,
                    "given_by": tag.given_by,
                }
                db.insert("tags", row)


def tags(db: Connection, customer_id: str | None) -> list[Tag]:
    """In the order they were given."""
    where = "" if customer_id is None else "WHERE customer_id = ?"
    rows = db.rows(f"SELECT * FROM tags {where} ORDER BY seq", [] if customer_id is None else [customer_id])  # noqa: S608
    return [
        Tag(
            customer_id=row["customer_id"],
            name=row["name"],
            value=row["value"],
            source=row["source"],
            confidence=row["confidence"],
            valid_from=datetime.fromisoformat(row["valid_from"]),
            valid_to=datetime.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
            evidence=row["evidence"],
            given_by=row["given_by"],
        )
        for row in rows
    ]
