"""What the gate decides from, and what it decided. Only keyed hashes of numbers are stored with a decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

from storage.codec import from_json, iso, to_json
from storage.connection import Connection, Row, Value
from voicebot.campaign.facts import facts_from_json, facts_to_json
from voicebot.errors import CampaignError, StorageError
from voicebot.model.campaign import ConsentFact, GateDecision, GateFacts, PastContact
from voicebot.model.no_call import NoCallWindow
from voicebot.model.outcome import AnsweredBy, Disposition

#: How far back contacts are looked at: the longest cap is 30 days.
LOOK_BACK = timedelta(days=35)
#: Time zones that are no place: where the callee is, is unknown.
_NOWHERE = ("UTC", "GMT", "Etc/", "UCT", "Zulu", "Universal")


def facts(db: Connection, account_id: str, purpose: str, at: datetime, hash_of: Callable[[str], str]) -> GateFacts:
    """All that is known at that moment. Raises StorageError where the account is unknown."""
    with db.snapshot():
        row = db.row(
            """SELECT a.id AS account_id, c.* FROM accounts a JOIN customers c ON c.id = a.customer_id
               WHERE a.id = ?""",
            account_id,
        )
        if row is None:
            raise StorageError("there is no such account", hint="voicebot portfolio import")
        customer, number = str(row["id"]), hash_of(row["number"])
        return GateFacts(
            customer_id=customer,
            account_id=account_id,
            number_hash=number,
            purpose=purpose,
            zones=() if row["timezone"].startswith(_NOWHERE) else (row["timezone"],),
            region=row["region"],
            line_type=row["line_type"],
            consents=_consents(db, customer),
            do_not_call=_do_not_call(db, customer, number),
            lists=_lists(db, number),
            wrong_party=_wrong_party(db, customer, number),
            stopped_by=_stopped_by(db, account_id),
            no_call_windows=_windows(db, customer),
            contacts=_contacts(db, customer, number, at),
        )


def _consents(db: Connection, customer: str) -> dict[str, ConsentFact]:
    rows = db.rows("SELECT purpose, granted, basis, at FROM consents WHERE customer_id = ? ORDER BY seq", [customer])
    return {
        row["purpose"]: ConsentFact(
            None if row["granted"] is None else bool(row["granted"]),
            row["basis"],
            datetime.fromisoformat(row["at"]),
        )
        for row in rows
    }


def _do_not_call(db: Connection, customer: str, number: str) -> bool:
    sql = "SELECT 1 AS found FROM do_not_call WHERE customer_id = ? OR number_hash = ? LIMIT 1"
    return db.row(sql, customer, number) is not None


def _lists(db: Connection, number: str) -> tuple[str, ...]:
    rows = db.rows("SELECT list FROM do_not_call_lists WHERE number_hash = ? ORDER BY list", [number])
    return tuple(row["list"] for row in rows)


def _wrong_party(db: Connection, customer: str, number: str) -> bool:
    """The last who could be told at this number was somebody else."""
    row = db.row(
        """SELECT o.disposition FROM attempts a JOIN outcomes o ON o.attempt_id = a.id
           WHERE a.number_hash = ? AND a.customer_id = ? AND (o.disposition = 'WRONG_PARTY' OR o.right_party = 1)
           ORDER BY a.started_at DESC, a.id DESC LIMIT 1""",
        *(number, customer),
    )
    return row is not None and row["disposition"] == Disposition.WRONG_PARTY


def _stopped_by(db: Connection, account_id: str) -> str | None:
    """A dispute, hardship or complaint ends automation until a person has closed the task about that call; a task or a
    job that a person has, while it is open."""
    row = db.row(
        """SELECT o.dispute = 1 OR o.disposition = 'DISPUTE' AS dispute,
             o.hardship = 1 OR o.disposition = 'HARDSHIP' AS hardship
           FROM attempts a JOIN outcomes o ON o.attempt_id = a.id
           WHERE a.account_id = ? AND (o.dispute = 1 OR o.hardship = 1 OR o.disposition IN ('DISPUTE', 'HARDSHIP')
               OR EXISTS (SELECT 1 FROM json_each(o.intents) WHERE value = 'complaint'))
             AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.attempt_id = a.id AND t.state = 'closed')
           ORDER BY a.started_at DESC, a.id DESC LIMIT 1""",
        account_id,
    )
    if row is not None:
        return "dispute" if row["dispute"] else "hardship" if row["hardship"] else "complaint"
    kinds = "SELECT kind FROM tasks WHERE account_id = ? AND state <> 'closed' AND kind IN ('complaint', 'takeover')"
    task = db.row(f"{kinds} ORDER BY kind LIMIT 1", account_id)
    if task is None:
        return None
    return "complaint" if task["kind"] == "complaint" else "human"


def _windows(db: Connection, customer: str) -> tuple[NoCallWindow, ...]:
    rows = db.rows("SELECT weekdays, from_time, to_time FROM personal_windows WHERE customer_id = ?", [customer])
    return tuple(map(to_window, rows))


def to_window(row: Row) -> NoCallWindow:
    """A window that cannot be read is the whole day, every day."""
    try:
        days = tuple(int(day) for day in row["weekdays"])
        if not days or not all(1 <= day <= 7 for day in days):
            return NoCallWindow(time(), time())
        return NoCallWindow(time.fromisoformat(row["from_time"]), time.fromisoformat(row["to_time"]), days)
    except ValueError:
        return NoCallWindow(time(), time())


def add_window(db: Connection, customer_id: str, window: NoCallWindow, at: datetime, attempt_id: int | None) -> None:
    """Insert. Raises CampaignError."""
    days = sorted(set(window.weekdays))
    if not days or not all(1 <= day <= 7 for day in days):
        raise CampaignError("a window needs ISO weekdays, 1 (Monday) to 7")
    row: dict[str, Value] = {
        "customer_id": customer_id,
        "weekdays": "".join(map(str, days)),
        "from_time": window.since.isoformat("minutes"),
        "to_time": window.until.isoformat("minutes"),
        "attempt_id": attempt_id,
        "since": iso(at),
    }
    db.insert("personal_windows", row)


def _contacts(db: Connection, customer: str, number: str, at: datetime) -> tuple[PastContact, ...]:
    since = iso(at - LOOK_BACK)
    calls = db.rows(
        """SELECT a.started_at AS at, a.customer_id, a.account_id, a.number_hash, a.direction = 'inbound' AS inbound,
             a.answered_at IS NOT NULL AS answered, a.answered_by, o.disposition, o.right_party
           FROM attempts a LEFT JOIN outcomes o ON o.attempt_id = a.id
           WHERE a.id IN (SELECT id FROM attempts WHERE customer_id = ?1 AND started_at >= ?3
                          UNION SELECT id FROM attempts WHERE number_hash = ?2 AND started_at >= ?3)
           ORDER BY a.started_at, a.id""",
        [customer, number, since],
    )
    people = db.rows(
        """SELECT c.at, a.customer_id, c.account_id, ? AS number_hash, 0 AS inbound, NULL AS answered_by,
             (c.answered = 1 OR c.right_party = 1 OR c.feedback IN ('wrong_party', 'third_party')) IS TRUE AS answered,
             NULL AS disposition, c.right_party
           FROM contacts c JOIN accounts a ON a.id = c.account_id
           WHERE a.customer_id = ? AND c.method = 'phone' AND c.at >= ?""",
        [number, customer, since],
    )
    return tuple(sorted(map(_contact, [*calls, *people]), key=lambda contact: contact.at))


def _contact(row: Row) -> PastContact:
    by = AnsweredBy(row["answered_by"]) if row["answered_by"] else None
    machine = by in (AnsweredBy.VOICEMAIL, AnsweredBy.IVR, AnsweredBy.SCREENING)
    return PastContact(
        at=datetime.fromisoformat(row["at"]),
        customer_id=row["customer_id"],
        account_id=row["account_id"],
        number_hash=row["number_hash"],
        inbound=bool(row["inbound"]),
        effective=bool(row["answered"]) and not machine,
        conversation=row["right_party"] == 1,
        disposition=Disposition(row["disposition"]) if row["disposition"] else None,
        answered_by=by,
    )


# --- rules and decisions

#: Rules of calling that were decided by are in `meta`: "calling_rules NAME VERSION" -> their text.
_RULES = "calling_rules"


def keep_rules(db: Connection, profile: str, version: str, text: str) -> None:
    """Once each version."""
    db.insert("meta", {"key": f"{_RULES} {profile} {version}", "value": text}, "ON CONFLICT (key) DO NOTHING")


def kept_rules(db: Connection) -> tuple[tuple[str, str, str], ...]:
    """Profile, version and text of each."""
    rows = db.rows("SELECT key, value FROM meta WHERE key LIKE ? ORDER BY key", [f"{_RULES} %"])
    found = ((*row["key"].split(" ", 2)[1:], row["value"]) for row in rows)
    return tuple((profile, version, text) for profile, version, text in found)


def add_decision(db: Connection, job_id: int | None, decision: GateDecision, given: GateFacts) -> int:
    """Store a decision with all it was decided from; returns its id."""
    row: dict[str, Value] = {
        "at": iso(decision.at),
        "job_id": job_id,
        "account_id": given.account_id,
        "customer_id": given.customer_id,
        "allowed": decision.allowed,
        "rule": decision.rule,
        "reason": decision.reason,
        "profile": decision.profile,
        "version": decision.version,
        "retry_at": iso(decision.retry_at) if decision.retry_at else None,
        "inputs": to_json({**decision.inputs, "facts": facts_to_json(given)}),
    }
    decision_id = db.insert("gate_decisions", row)
    if decision_id is None:
        raise StorageError("the decision was not stored")
    return decision_id


def decisions(db: Connection, since: datetime, limit: int) -> tuple[tuple[int, GateDecision, GateFacts], ...]:
    """Since that moment, the oldest first."""
    rows = db.rows("SELECT * FROM gate_decisions WHERE at >= ? ORDER BY at, id LIMIT ?", [iso(since), limit])
    return tuple(map(_decision, rows))


def _decision(row: Row) -> tuple[int, GateDecision, GateFacts]:
    inputs = from_json(row["inputs"])
    given = inputs.get("facts")
    if not isinstance(given, dict):
        raise StorageError(f"decision {row['id']} of the gate is spoiled", hint="restore a backup of the database")
    decision = GateDecision(
        allowed=bool(row["allowed"]),
        rule=row["rule"],
        reason=row["reason"],
        profile=row["profile"],
        version=row["version"],
        at=datetime.fromisoformat(row["at"]),
        retry_at=datetime.fromisoformat(row["retry_at"]) if row["retry_at"] else None,
        inputs=inputs,
    )
    return row["id"], decision, facts_from_json(given)
