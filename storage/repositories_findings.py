"""What a call leaves beside its outcome: times not to call, a task for a person, the customer's rating of the service.

Written in the transaction of the outcome: there is no attempt that is closed without them."""

from __future__ import annotations

from datetime import datetime, timedelta

from storage.codec import iso
from storage.connection import Connection, Row, Value
from storage.repositories_campaign_gate import add_window, to_window
from storage.repositories_scores import put_score
from voicebot.model.no_call import NoCallWindow
from voicebot.model.outcome import Outcome
from voicebot.scoring.result import Result

#: The kind of score that v_performance averages (specification, Q4).
RATING = "service-rating"
#: What `Outcome.needs_human` may be (kinds of `tasks`), and until when somebody is to look at it.
KINDS = frozenset({"complaint", "review"})
DUE = timedelta(days=1)


def add_findings(db: Connection, attempt: Row, outcome: Outcome, now: datetime) -> None:
    """Insert all three, as far as they are there. A customer who is not known leaves no times."""
    if attempt["customer_id"] is not None:
        for window in outcome.no_call:
            add_window(db, attempt["customer_id"], window, now, attempt["id"])
    if outcome.needs_human in KINDS:
        _task(db, attempt, outcome, now)
    if outcome.rating is not None:
        result = Result(RATING, "said/1", {"by": "customer"}, {"rating": outcome.rating}, ("asked in the call",))
        put_score(db, RATING, f"attempt:{attempt['id']}", result, now)


def _task(db: Connection, attempt: Row, outcome: Outcome, now: datetime) -> None:
    """For the supervisor of the account's agent: never for the agent, whose own work it may be about."""
    boss = db.row(
        """SELECT s.id FROM accounts a JOIN agents g ON g.id = a.agent_id
           JOIN agents s ON s.id = g.supervisor_id AND s.in_service = 1 WHERE a.id = ?""",
        attempt["account_id"],
    )
    wrong = sorted(item for item, result in outcome.items.items() if result == "mismatch")
    about = f"{', '.join(wrong)} found wrong" if wrong else "said in the call"
    row: dict[str, Value] = {
        "kind": outcome.needs_human,
        "account_id": attempt["account_id"],
        "customer_id": attempt["customer_id"],
        "attempt_id": attempt["id"],
        "reason": f"{attempt['flow']}: {'complaint, ' if outcome.complaint else ''}{about}",
        "owner_id": boss["id"] if boss else None,
        "due_at": iso(now + DUE),
        "created_at": iso(now),
        "key": f"attempt:{attempt['id']}",
    }
    db.insert("tasks", row, "ON CONFLICT (key) DO NOTHING")


def no_call(db: Connection, attempt_id: int) -> tuple[NoCallWindow, ...]:
    """Times not to call that this attempt left."""
    sql = "SELECT weekdays, from_time, to_time FROM personal_windows WHERE attempt_id = ? ORDER BY seq"
    return tuple(map(to_window, db.rows(sql, [attempt_id])))


def needs_human(db: Connection, attempt_id: int) -> str | None:
    """The kind of task that this attempt left."""
    row = db.row("SELECT kind FROM tasks WHERE key = ?", f"attempt:{attempt_id}")
    return str(row["kind"]) if row else None


def rating(db: Connection, attempt_id: int) -> int | None:
    """The customer's rating of this call's service."""
    row = db.row(
        """SELECT json_extract(result, '$.rating') AS rating FROM scores
           WHERE kind = ? AND subject = ? AND newest = 1 AND version LIKE 'said/%'""",
        *(RATING, f"attempt:{attempt_id}"),
    )
    return int(row["rating"]) if row else None
