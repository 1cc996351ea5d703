"""What people have to do, who has it, and how it is given out and moved (document Q, Q2c to Q2e).

Work is a task, or a job of a follow-up campaign that is planned for a person (`assignee_id`), who looks at it and sends
the robot to dial. What the robot gave up (human) is a task. Functions run in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from storage.codec import iso
from storage.connection import Connection, Row, Value
from storage.records_campaign import AgentLoad, Given, TaskRow
from voicebot.errors import CampaignError

#: Planned contacts that somebody has. One that became a person's (human) is a task instead.
_OPEN_JOBS = "state IN ('pending', 'leased')"
_LOADS = """
SELECT a.*, (SELECT count(*) FROM tasks t WHERE t.owner_id = a.id AND t.state <> 'closed')
  + (SELECT count(*) FROM jobs j WHERE j.assignee_id = a.id AND state IN ('pending', 'leased')) AS open
FROM agents a
"""


def add(
    db: Connection,
    kind: str,
    reason: str,
    key: str,
    at: datetime,
    account_id: str | None,
    attempt_id: int | None,
    owner_id: str | None,
    due_at: datetime | None,
) -> bool:
    """Insert; False where `key` is there. Without an owner it goes to the account's agent, where one is in service."""
    account = db.row(
        """SELECT a.customer_id, g.id AS agent FROM accounts a
           LEFT JOIN agents g ON g.id = a.agent_id AND g.in_service = 1 WHERE a.id = ?""",
        account_id,
    )
    row: dict[str, Value] = {
        "kind": kind,
        "account_id": account_id,
        "customer_id": account["customer_id"] if account else None,
        "attempt_id": attempt_id,
        "reason": reason,
        "owner_id": owner_id or (account["agent"] if account else None),
        "due_at": iso(due_at) if due_at else None,
        "created_at": iso(at),
        "key": key,
    }
    return db.insert("tasks", row, "ON CONFLICT (key) DO NOTHING") is not None


def tasks(db: Connection, owner_id: str | None, open_only: bool, limit: int) -> tuple[TaskRow, ...]:
    """The most urgent first; those without a time last."""
    rows = db.rows(
        """SELECT * FROM tasks WHERE (? IS NULL OR owner_id = ?) AND (NOT ? OR state <> 'closed')
           ORDER BY due_at IS NULL, due_at, id LIMIT ?""",
        [owner_id, owner_id, open_only, limit],
    )
    return tuple(map(_task, rows))


def _task(row: Row) -> TaskRow:
    return TaskRow(
        id=row["id"],
        kind=row["kind"],
        account_id=row["account_id"],
        customer_id=row["customer_id"],
        attempt_id=row["attempt_id"],
        reason=row["reason"],
        owner_id=row["owner_id"],
        due_at=datetime.fromisoformat(row["due_at"]) if row["due_at"] else None,
        state=row["state"],
        created_at=datetime.fromisoformat(row["created_at"]),
    )


def close(db: Connection, task_id: int, state: str, reason: str) -> None:
    """Acknowledge ("ack") or close a task. Raises CampaignError."""
    if state not in ("ack", "closed"):
        raise CampaignError("a task becomes ack or closed")
    changed = db.run(
        "UPDATE tasks SET state = ?, state_reason = ? WHERE id = ? AND state <> 'closed'", state, reason, task_id
    )
    if not changed:
        raise CampaignError(f"there is no open task {task_id}", hint="voicebot campaign tasks lists them")


def team(db: Connection, supervisor_id: str) -> tuple[AgentLoad, ...]:
    """The supervisor and everybody below, whoever is in service, with what each has open. Raises CampaignError."""
    _agent(db, supervisor_id)
    rows = db.rows(
        f"""WITH RECURSIVE below (id) AS (
             SELECT ? UNION SELECT a.id FROM agents a JOIN below b ON a.supervisor_id = b.id)
           {_LOADS} WHERE a.in_service = 1 AND a.id IN (SELECT id FROM below) ORDER BY a.id""",  # noqa: S608 - our own text
        [supervisor_id],
    )
    return tuple(map(_load, rows))


def agents(db: Connection) -> tuple[AgentLoad, ...]:
    """All of the bank's people, by id."""
    return tuple(map(_load, db.rows(f"{_LOADS} ORDER BY a.id")))


def _load(row: Row) -> AgentLoad:
    return AgentLoad(row["id"], row["name"], row["role"], row["supervisor_id"], bool(row["in_service"]), row["open"])


def _agent(db: Connection, agent_id: str) -> Row:
    row = db.row("SELECT * FROM agents WHERE id = ?", agent_id)
    if row is None:
        raise CampaignError(f"there is no agent {agent_id}", hint="import agents.csv (docs/database.md)")
    return row


def assign(db: Connection, supervisor_id: str, kinds: Sequence[str], at: datetime) -> Given:
    """Give what nobody has to the team, piece by piece to who has the fewest open (round robin where they have as
    many): tasks of these kinds (none given: all), and the jobs of follow-up campaigns."""
    people = team(db, supervisor_id)
    if not people:
        raise CampaignError(f"nobody of the team of {supervisor_id} is in service", hint="import agents.csv again")
    loads = {person.id: person.open for person in people}
    given = dict.fromkeys(loads, 0)
    free = db.rows(
        "SELECT id, kind FROM tasks WHERE owner_id IS NULL AND state <> 'closed' ORDER BY due_at IS NULL, due_at, id"
    )
    wanted = [row["id"] for row in free if not kinds or row["kind"] in kinds]
    jobs = [
        row["id"]
        for row in db.rows(
            """SELECT j.id FROM jobs j JOIN campaigns c ON c.id = j.campaign_id WHERE j.assignee_id IS NULL
               AND c.kind = 'follow_up' AND j.state = 'pending'
               ORDER BY j.priority DESC, j.not_before, j.id"""
        )
    ]
    for table, column, rows in (("tasks", "owner_id", wanted), ("jobs", "assignee_id", jobs)):
        for row_id in rows:
            agent = min(loads, key=lambda name: (loads[name], name))
            loads[agent] += 1
            given[agent] += 1
            db.run(f"UPDATE {table} SET {column} = ? WHERE id = ?", agent, row_id)  # noqa: S608 - names are ours
    _touch(db, jobs, at)
    return Given(len(wanted), len(jobs), tuple(sorted(given.items())))


def transfer(db: Connection, source: str, target: str, at: datetime) -> Given:
    """Move all that one person has open to another who is in service. Raises CampaignError."""
    _agent(db, source)
    if not _agent(db, target)["in_service"] or source == target:
        raise CampaignError(f"{target} cannot take over: not in service, or the same", hint="name another agent")
    jobs = [
        row["id"]
        for row in db.rows(f"SELECT id FROM jobs WHERE assignee_id = ? AND {_OPEN_JOBS}", [source])  # noqa: S608
    ]
    moved = db.run("UPDATE tasks SET owner_id = ? WHERE owner_id = ? AND state <> 'closed'", target, source)
    for job_id in jobs:
        db.run("UPDATE jobs SET assignee_id = ? WHERE id = ?", target, job_id)
    _touch(db, jobs, at)
    return Given(moved, len(jobs), ((target, moved + len(jobs)),))


def _touch(db: Connection, jobs: Sequence[int], at: datetime) -> None:
    for job_id in jobs:
        db.run("UPDATE jobs SET changed_at = ? WHERE id = ?", iso(at), job_id)
