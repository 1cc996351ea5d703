"""What may be removed when its time is over, what is still needed, and how each kind of record is removed. Writing
functions run inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from storage import repositories_voice as voice
from storage.codec import iso
from storage.connection import Connection, Row, Value
from voicebot.campaign.retention import Record
from voicebot.errors import StorageError

#: Why a call is still needed although its time is over: {a} is its row.
_IN_FORCE = """CASE
  WHEN {a}.state = 'open' THEN 'the call is running'
  WHEN EXISTS (SELECT 1 FROM warning_evidence e JOIN warnings w ON w.id = e.warning_id
               WHERE e.attempt_id = {a}.id AND w.state <> 'closed') THEN 'a warning rests on it'
  WHEN EXISTS (SELECT 1 FROM tasks t WHERE t.attempt_id = {a}.id AND t.state <> 'closed') THEN 'a task rests on it'
  WHEN EXISTS (SELECT 1 FROM promises p WHERE p.attempt_id = {a}.id AND p.kept IS NULL) THEN 'a promise is open'
END"""

#: Calls that still forbid to call: whoever is a wrong party, a dispute that nobody has closed.
_FORBIDS = """CASE
  WHEN {a}.number_hash <> '' AND EXISTS (SELECT 1 FROM outcomes o WHERE o.attempt_id = {a}.id
      AND o.disposition = 'WRONG_PARTY')
    AND NOT EXISTS (SELECT 1 FROM attempts b JOIN outcomes o ON o.attempt_id = b.id
      WHERE b.customer_id = {a}.customer_id AND b.number_hash = {a}.number_hash AND b.id > {a}.id
        AND (o.disposition = 'WRONG_PARTY' OR o.right_party = 1)) THEN 'it forbids the number (wrong party)'
  WHEN EXISTS (SELECT 1 FROM outcomes o WHERE o.attempt_id = {a}.id AND (o.dispute = 1 OR o.hardship = 1
      OR o.disposition IN ('DISPUTE', 'HARDSHIP')
      OR EXISTS (SELECT 1 FROM json_each(o.intents) WHERE value = 'complaint')))
    AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.attempt_id = {a}.id AND t.state = 'closed')
    THEN 'it ends automatic calls (dispute, hardship or complaint)'
END"""

_OF_CALL = """SELECT a.id AS ref, a.account_id, a.customer_id, a.started_at AS made, c.profile, {path} AS path,
    {needed} AS needed
  FROM attempts a LEFT JOIN campaigns c ON c.id = a.campaign_id WHERE {where}"""


def _of_call(where: str, path: str = "NULL", needed: str = _IN_FORCE) -> str:
    return _OF_CALL.format(where=where, path=path, needed=needed.format(a="a"))


#: ref, account_id, customer_id, made, profile (of the campaign; NULL: the bank's), path, needed (why it must stay).
_FOUND: dict[Record, str] = {
    "recording": _of_call("a.recording IS NOT NULL", path="a.recording"),
    "transcript": _of_call(
        "EXISTS (SELECT 1 FROM turns t WHERE t.attempt_id = a.id)"
        " OR EXISTS (SELECT 1 FROM checks k WHERE k.attempt_id = a.id AND k.detail <> '{}')"
    ),
    "call": _of_call("1", path="a.recording", needed=f"coalesce({_IN_FORCE}, {_FORBIDS})"),
    "decision": """SELECT d.id AS ref, d.account_id, d.customer_id, d.at AS made, d.profile, NULL AS path,
        NULL AS needed FROM gate_decisions d""",
    "message": """SELECT m.id AS ref, j.account_id, j.customer_id, coalesce(m.sent_at, j.changed_at) AS made, c.profile,
        NULL AS path, CASE WHEN m.state = 'sending' THEN 'it is not known whether it left' END AS needed
      FROM messages m JOIN jobs j ON j.id = m.job_id JOIN campaigns c ON c.id = j.campaign_id""",
    "contact": """SELECT k.seq AS ref, k.account_id, a.customer_id, k.at AS made, NULL AS profile, NULL AS path,
        NULL AS needed FROM contacts k JOIN accounts a ON a.id = k.account_id""",
    "consent": """SELECT s.seq AS ref, NULL AS account_id, s.customer_id, s.at AS made, NULL AS profile, NULL AS path,
        CASE WHEN EXISTS (SELECT 1 FROM voiceprints v WHERE v.consent_id = s.id AND v.revoked_at IS NULL
                          AND v.replaced_at IS NULL) THEN 'a voiceprint rests on it'
             WHEN s.granted = 0 AND NOT EXISTS (SELECT 1 FROM consents n WHERE n.customer_id = s.customer_id
                          AND n.purpose = s.purpose AND n.seq > s.seq) THEN 'the refusal is in force' END AS needed
      FROM consents s""",
    "voiceprint": """SELECT v.seq AS ref, NULL AS account_id, v.customer_id, v.enrolled_at AS made, NULL AS profile,
        NULL AS path, NULL AS needed FROM voiceprints v WHERE v.replaced_at IS NULL AND v.revoked_at IS NULL""",
    "warning": """SELECT w.seq AS ref, NULL AS account_id, w.customer_id, w.raised_at AS made, NULL AS profile,
        NULL AS path, CASE WHEN w.state <> 'closed' THEN 'it is not closed' END AS needed FROM warnings w""",
    "score": """SELECT s.seq AS ref, CASE WHEN s.kind = 'case' THEN s.subject END AS account_id,
        CASE WHEN s.kind = 'customer' THEN s.subject END AS customer_id, s.checked_at AS made, NULL AS profile,
        NULL AS path, NULL AS needed FROM scores s""",
    "call_record": """SELECT 'number ' || seq AS ref, NULL AS account_id, NULL AS customer_id, at AS made,
        NULL AS profile, NULL AS path, NULL AS needed FROM number_calls
      UNION ALL SELECT 'applicant ' || seq, NULL, NULL, at, NULL, NULL, NULL FROM applicant_calls""",
}


def found(db: Connection, record: Record) -> Iterator[Row]:
    """Every record of a kind, for the decision whether it goes."""
    return db.stream(_FOUND[record]) if record in _FOUND else iter(())


def activity(db: Connection) -> tuple[dict[str, str], dict[str, str]]:
    """The last activity of each account (call, contact of people, message, payment) and the last contact with each
    customer (the same without payments), as ISO times."""
    accounts: dict[str, str] = {}
    customers: dict[str, str] = {}
    queries = (
        ("SELECT account_id, customer_id, max(started_at) AS at FROM attempts GROUP BY 1, 2", True),
        (
            """SELECT k.account_id, a.customer_id, max(k.at) AS at
               FROM contacts k JOIN accounts a ON a.id = k.account_id GROUP BY 1, 2""",
            True,
        ),
        (
            """SELECT j.account_id, j.customer_id, max(m.sent_at) AS at FROM messages m JOIN jobs j ON j.id = m.job_id
               GROUP BY 1, 2""",
            True,
        ),
        ("SELECT account_id, NULL AS customer_id, max(paid_at) AS at FROM payments GROUP BY 1", False),
    )
    for sql, contact in queries:
        for row in db.stream(sql):
            if row["at"] and row["account_id"]:
                accounts[row["account_id"]] = max(accounts.get(row["account_id"], ""), row["at"])
            if row["at"] and contact and row["customer_id"]:
                customers[row["customer_id"]] = max(customers.get(row["customer_id"], ""), row["at"])
    return accounts, customers


def purpose_ended(db: Connection) -> dict[str, str]:
    """Customers who owe nothing any more on any loan, and since when at the latest that is known."""
    rows = db.rows(
        """SELECT c.id, max(a.updated_at) AS at FROM customers c JOIN accounts a ON a.customer_id = c.id
           WHERE c.id IN (SELECT customer_id FROM voiceprints WHERE replaced_at IS NULL AND revoked_at IS NULL)
           GROUP BY c.id HAVING max(CAST(a.outstanding AS REAL)) <= 0"""
    )
    return {row["id"]: row["at"] for row in rows}


# --- legal holds


def held(db: Connection) -> dict[str, str]:
    """Customers whose records are all kept, and why."""
    rows = db.rows("SELECT customer_id, reason FROM legal_holds WHERE lifted_at IS NULL")
    return {row["customer_id"]: row["reason"] for row in rows}


def hold(db: Connection, customer_id: str, reason: str, by: str, at: datetime) -> None:
    """Keep everything of a customer. Raises StorageError where there is a hold already."""
    row: dict[str, Value] = {"customer_id": customer_id, "reason": reason, "by_whom": by, "since": iso(at)}
    if customer_id in held(db):
        raise StorageError("this customer's records are held already", hint="voicebot retention holds")
    db.insert("legal_holds", row)


def lift(db: Connection, customer_id: str, reason: str, by: str, at: datetime) -> None:
    """End a hold. Raises StorageError where there is none."""
    changed = db.run(
        """UPDATE legal_holds SET lifted_at = ?, lifted_by = ?, lift_reason = ?
           WHERE customer_id = ? AND lifted_at IS NULL""",
        *(iso(at), by, reason, customer_id),
    )
    if not changed:
        raise StorageError("this customer's records are not held", hint="voicebot retention holds")


def holds(db: Connection) -> list[Row]:
    """All that ever were, the newest first."""
    return db.rows("SELECT * FROM legal_holds ORDER BY seq DESC")


# --- removing

#: Of tables that name a call: those whose rows stay without it, and those whose rows are part of it.
UNLINKED = ("consents", "warnings", "do_not_call", "personal_windows", "jobs", "gate_decisions", "tasks")
PARTS = ("turns", "checks", "voice_comparisons", "warning_evidence", "item_results", "promises", "outcomes")


def _call(db: Connection, ref: str, at: datetime) -> None:
    del at
    for table in UNLINKED:
        db.run(f"UPDATE {table} SET attempt_id = NULL WHERE attempt_id = ?", ref)  # noqa: S608 - our own names
    for table in PARTS:
        db.run(f"DELETE FROM {table} WHERE attempt_id = ?", ref)  # noqa: S608 - our own names
    db.run("DELETE FROM attempts WHERE id = ?", ref)


def _transcript(db: Connection, ref: str, at: datetime) -> None:
    del at
    db.run("DELETE FROM turns WHERE attempt_id = ?", ref)
    db.run("UPDATE checks SET detail = '{}' WHERE attempt_id = ?", ref)


def _recording(db: Connection, ref: str, at: datetime) -> None:
    del at
    db.run("UPDATE attempts SET recording = NULL WHERE id = ?", ref)


def _consent(db: Connection, ref: str, at: datetime) -> None:
    del at
    db.run("UPDATE voiceprints SET consent_id = NULL WHERE consent_id = (SELECT id FROM consents WHERE seq = ?)", ref)
    db.run("DELETE FROM consents WHERE seq = ?", ref)


def _voiceprint(db: Connection, ref: str, at: datetime) -> None:
    row = db.row("SELECT customer_id FROM voiceprints WHERE seq = ?", ref)
    if row is not None:
        voice.revoke(db, row["customer_id"], at)


def _warning(db: Connection, ref: str, at: datetime) -> None:
    del at
    db.run("DELETE FROM warning_evidence WHERE warning_id = (SELECT id FROM warnings WHERE seq = ?)", ref)
    db.run("DELETE FROM warnings WHERE seq = ?", ref)


def _call_record(db: Connection, ref: str, at: datetime) -> None:
    del at
    kind, _, seq = ref.partition(" ")
    table = "number_calls" if kind == "number" else "applicant_calls"
    db.run(f"DELETE FROM {table} WHERE seq = ?", seq)  # noqa: S608 - our own names


def _rows_of(table: str, key: str) -> Callable[[Connection, str, datetime], None]:
    def remove(db: Connection, ref: str, at: datetime) -> None:
        del at
        db.run(f"DELETE FROM {table} WHERE {key} = ?", ref)  # noqa: S608 - our own names

    return remove


_REMOVE: dict[Record, Callable[[Connection, str, datetime], None]] = {
    "recording": _recording,
    "transcript": _transcript,
    "call": _call,
    "decision": _rows_of("gate_decisions", "id"),
    "message": _rows_of("messages", "id"),
    "contact": _rows_of("contacts", "seq"),
    "consent": _consent,
    "voiceprint": _voiceprint,
    "warning": _warning,
    "score": _rows_of("scores", "seq"),
    "call_record": _call_record,
}


def remove(db: Connection, record: Record, ref: str, at: datetime) -> None:
    """Take one record out of the tables; a kind that is only a file has nothing there."""
    if record in _REMOVE:
        _REMOVE[record](db, ref, at)


def add_line(db: Connection, row: dict[str, Value]) -> None:
    """The line that stays."""
    db.insert("deletions", row)


def lines(db: Connection, limit: int) -> list[Row]:
    """What was removed, the newest first."""
    return db.rows("SELECT * FROM deletions ORDER BY seq DESC LIMIT ?", [limit])
