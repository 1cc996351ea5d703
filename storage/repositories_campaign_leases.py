"""Who works on which job: taken in one transaction, given back, and freed when their process is gone (owners.py).

A lease is a row of `jobs` in the state leased with the process's mark. `tries` is counted in the transaction that opens
the attempt, before the INVITE: a lease with `tries` = `lease_tries` has dialled nobody.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from storage import repositories_campaign as campaigns
from storage.codec import iso
from storage.connection import Connection, Row
from storage.repositories_campaign_payments import day_of, job_is_paid
from voicebot.errors import CampaignError, StorageError
from voicebot.model.campaign import ClosedTry, Job, JobState, Method, Settle, Settled
from voicebot.model.outcome import AnsweredBy, Disposition

#: Why nothing more is done by itself: the process died between the row and the outcome, and it may have rung.
UNKNOWN = "unknown"
LATE = "its time was over"
PAID = "paid"
#: Dispositions of a call that reached nobody: the job may be tried again.
_NOT_REACHED = frozenset({Disposition.NO_ANSWER, Disposition.BUSY, Disposition.FAILED, Disposition.VOICEMAIL})


def lease(
    db: Connection, limit: int, at: datetime, owner: str, methods: Sequence[Method], room: Mapping[str, int] | None
) -> tuple[Job, ...]:
    """The due jobs with the highest priority, one per customer and nobody's who is being called right now."""
    db.run(
        """UPDATE jobs SET state = 'cancelled', state_reason = ?, changed_at = ?
           WHERE id IN (SELECT id FROM jobs WHERE state = 'pending' AND not_after <= ? LIMIT ?)""",
        *(LATE, iso(at), iso(at), campaigns.BATCH),
    )
    left = dict.fromkeys(_running(db), limit) if room is None else {c: room.get(c, 0) for c in _running(db)}
    queues = [_due(db, name, method, iso(at), left) for name in left for method in methods]
    taken: dict[str, Job] = {}
    for row in heapq.merge(*queues, key=lambda row: (-row["priority"], row["not_before"], row["id"])):
        if len(taken) >= limit:
            break
        job = campaigns.to_job(row)
        if left[job.plan.campaign_id] <= 0 or job.plan.customer_id in taken:
            continue
        if not wanted(db, job.id):
            change(db, job.id, JobState.CANCELLED, PAID, at)
            continue
        taken[job.plan.customer_id] = _take(db, row, owner, at)
        left[job.plan.campaign_id] -= 1
    return tuple(taken.values())


def _running(db: Connection) -> list[str]:
    return [
        row["id"]
        for row in db.rows("SELECT id FROM campaigns WHERE state = 'running' AND kind IS NOT NULL ORDER BY id")
    ]


def _take(db: Connection, row: Row, owner: str, at: datetime) -> Job:
    db.run(
        "UPDATE jobs SET state = 'leased', leased_by = ?, lease_tries = tries, changed_at = ? WHERE id = ?",
        *(owner, iso(at), row["id"]),
    )
    return campaigns.to_job({**row, "state": "leased"})


def _due(db: Connection, campaign_id: str, method: Method, now: str, left: Mapping[str, int]) -> Iterator[Row]:
    """The due jobs of one campaign and method, priority by priority: what is not due yet is not read."""
    for priority in _priorities(db, campaign_id, method):
        after: tuple[str, int] = ("", 0)
        while left[campaign_id] > 0 and (
            rows := db.rows(
                """SELECT * FROM jobs j WHERE state = 'pending' AND campaign_id = ? AND method = ? AND priority = ?
                     AND not_before <= ? AND (not_before, id) > (?, ?) AND (not_after IS NULL OR not_after > ?)
                     AND NOT EXISTS (SELECT 1 FROM jobs o WHERE o.customer_id = j.customer_id AND o.state = 'leased')
                     AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.customer_id = j.customer_id AND a.state = 'open')
                   ORDER BY not_before, id LIMIT 64""",
                [campaign_id, method.value, priority, now, *after, now],
            )
        ):
            yield from rows
            after = (rows[-1]["not_before"], rows[-1]["id"])


def _priorities(db: Connection, campaign_id: str, method: Method) -> Iterator[int]:
    """Those that pending jobs have, the highest first."""
    below: int = 2**62
    while row := db.row(
        """SELECT priority FROM jobs WHERE state = 'pending' AND campaign_id = ? AND method = ? AND priority < ?
           ORDER BY priority DESC LIMIT 1""",
        *(campaign_id, method.value, below),
    ):
        below = int(row["priority"])
        yield below


def next_due(db: Connection, methods: Sequence[Method]) -> datetime | None:
    """The earliest time of a pending job of a running campaign."""
    first = [
        row["at"]
        for name in _running(db)
        for method in methods
        for priority in _priorities(db, name, method)
        if (
            row := db.row(
                """SELECT min(not_before) AS at FROM jobs
               WHERE state = 'pending' AND campaign_id = ? AND method = ? AND priority = ?""",
                *(name, method.value, priority),
            )
        )
    ]
    return datetime.fromisoformat(min(first)) if first else None


def lease_job(db: Connection, job_id: int, at: datetime, owner: str) -> Job:
    """This one, pending or a person's, due or not. Raises CampaignError."""
    sql = "SELECT j.*, c.state AS campaign FROM jobs j JOIN campaigns c ON c.id = j.campaign_id WHERE j.id = ?"
    row = db.row(sql, job_id)
    if row is None:
        raise CampaignError(f"there is no job {job_id}", hint="voicebot campaign status lists them")
    if row["state"] not in ("pending", "human") or row["campaign"] in ("stopped", "done"):
        raise CampaignError(f"job {job_id} is {row['state']}, its campaign {row['campaign']}", hint="nobody was called")
    busy = db.row(
        """SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM jobs WHERE customer_id = ?1 AND state = 'leased')
             OR EXISTS (SELECT 1 FROM attempts WHERE customer_id = ?1 AND state = 'open')""",
        row["customer_id"],
    )
    if busy:
        raise CampaignError(f"the customer of job {job_id} is being called", hint="wait until the call ends")
    return _take(db, row, owner, at)


def wanted(db: Connection, job_id: int) -> bool:
    """Is there still something to be paid of what a reminder is about? (Other jobs: always.)"""
    row = db.row(
        """SELECT j.account_id, j.key FROM jobs j JOIN campaigns c ON c.id = j.campaign_id
           WHERE j.id = ? AND c.kind = 'reminder'""",
        job_id,
    )
    return row is None or not job_is_paid(db, row["account_id"], row["key"])


def change(
    db: Connection, job_id: int, state: JobState, reason: str, at: datetime, not_before: datetime | None = None
) -> None:
    """Set the state, whatever it was; no process has the job any more."""
    db.run(
        """UPDATE jobs SET state = ?, state_reason = ?, changed_at = ?, leased_by = NULL, lease_tries = NULL,
             not_before = coalesce(?, not_before) WHERE id = ?""",
        *(state.value, reason, iso(at), iso(not_before) if not_before else None, job_id),
    )


def finish(
    db: Connection,
    job_id: int,
    owner: str,
    state: JobState,
    reason: str,
    at: datetime,
    not_before: datetime | None,
) -> None:
    """Give a leased job back. Where its time is over before `not_before`, or its campaign was stopped meanwhile, it is
    cancelled. Raises StorageError where this process does not have it."""
    row = leased(db, job_id, owner)
    if state is JobState.LEASED:
        raise CampaignError("a finished job is not leased")
    if state is JobState.PENDING:
        if row["campaign"] in ("stopped", "done"):
            state, reason = JobState.CANCELLED, f"campaign {row['campaign']}"
        elif row["not_after"] is not None and iso(not_before or at) >= row["not_after"]:
            state, reason = JobState.CANCELLED, f"{LATE} ({reason})"
    change(db, job_id, state, reason, at, not_before)


def leased(db: Connection, job_id: int, owner: str) -> Row:
    """The job with its campaign's state. Raises StorageError where this process has not leased it: nobody is called."""
    sql = "SELECT j.*, c.state AS campaign FROM jobs j JOIN campaigns c ON c.id = j.campaign_id WHERE j.id = ?"
    row = db.row(sql, job_id)
    if row is None or row["state"] != "leased" or row["leased_by"] != owner:
        raise StorageError(f"job {job_id} is not leased by this process", hint="lease it first")
    return row


def start_try(db: Connection, job_id: int, attempt_id: int) -> None:
    """Count the job's attempt (once, however often this is called) and note which decision of the gate allowed it."""
    known = "SELECT 1 AS found FROM jobs WHERE id = ? AND attempt_id = ?"
    if db.row(known, job_id, attempt_id) is not None:
        return
    if db.run("UPDATE jobs SET tries = tries + 1, attempt_id = ? WHERE id = ?", attempt_id, job_id) != 1:
        raise CampaignError(f"there is no job {job_id}")
    db.run("UPDATE attempts SET job_id = ? WHERE id = ? AND job_id IS NULL", job_id, attempt_id)
    db.run(
        """UPDATE gate_decisions SET attempt_id = ? WHERE attempt_id IS NULL AND allowed = 1 AND id =
             (SELECT max(id) FROM gate_decisions WHERE job_id = ?)""",
        *(attempt_id, job_id),
    )


def release(
    db: Connection, owner: str, lives: Callable[[str], bool], at: datetime, settle: Settle
) -> tuple[list[Job], int]:
    """Free the jobs of processes that are gone: (those a person has to look at, how many were freed)."""
    rows = db.rows("SELECT * FROM jobs WHERE state = 'leased' AND leased_by <> ? ORDER BY id", [owner])
    gone = {mark: not lives(mark) for mark in {row["leased_by"] for row in rows}}
    human: list[Job] = []
    freed = [row for row in rows if gone[row["leased_by"]]]
    for row in freed:
        job = campaigns.to_job(row)
        state, reason, again = _next(db, row, job, at, settle)
        if state is JobState.PENDING and job.plan.not_after is not None and (again or at) >= job.plan.not_after:
            state, reason = JobState.CANCELLED, LATE
        change(db, job.id, state, reason, at, again)
        if state is JobState.HUMAN or reason == UNKNOWN:
            human.append(job)
    return human, len(freed)


def _next(db: Connection, row: Row, job: Job, at: datetime, settle: Settle) -> Settled:
    if job.plan.method is not Method.PHONE:
        return _message(db, job)
    if row["tries"] == row["lease_tries"]:
        return JobState.PENDING, "its process ended before it called", None
    found = db.row(
        "SELECT a.state, o.error FROM attempts a LEFT JOIN outcomes o ON o.attempt_id = a.id WHERE a.id = ?",
        row["attempt_id"],
    )
    # An attempt that `recover` closed says nothing about what the customer heard.
    if found is None or found["state"] == "open" or found["error"] == "interrupted":
        return JobState.HUMAN, UNKNOWN, None
    return settle(job, closed_try(db, job.id), at)


def closed_try(db: Connection, job_id: int) -> ClosedTry:
    """How the job's last attempt ended. Raises CampaignError where it has none, or that one is open."""
    row = db.row(
        """SELECT a.sip_status, a.sip_cause, a.answered_at, a.answered_by, o.disposition, o.callback_at, o.error,
             o.refusal, j.customer_id, j.key, c.timezone,
             EXISTS (SELECT 1 FROM json_each(o.intents) WHERE value = 'third_party') AS third_party
           FROM jobs j JOIN attempts a ON a.id = j.attempt_id JOIN outcomes o ON o.attempt_id = a.id
           JOIN customers c ON c.id = j.customer_id WHERE j.id = ?""",
        job_id,
    )
    if row is None:
        raise CampaignError(f"job {job_id} has no attempt that has ended")
    return ClosedTry(
        disposition=Disposition(row["disposition"]),
        sip_status=row["sip_status"],
        sip_cause=row["sip_cause"],
        answered=row["answered_at"] is not None,
        answered_by=AnsweredBy(row["answered_by"]) if row["answered_by"] else None,
        callback_at=datetime.fromisoformat(row["callback_at"]) if row["callback_at"] else None,
        error=row["error"],
        refusal=row["refusal"] == 1,
        unanswered=_unanswered(db, row["customer_id"], row["key"]),
        timezone=row["timezone"],
        third_party=row["third_party"] == 1,
    )


def _unanswered(db: Connection, customer_id: str, key: str) -> int:
    """Calls of the customer's jobs about the same day (of their key) that reached nobody; the network's own failures
    are none of them."""
    same = [
        row["id"]
        for row in db.rows("SELECT id, key FROM jobs WHERE customer_id = ?", [customer_id])
        if day_of(row["key"]) == day_of(key)
    ]
    row = db.row(
        """SELECT count(*) AS n FROM v_attempts WHERE counts = 1 AND right_party IS NOT 1
             AND (answered_at IS NULL OR answered_by IN ('voicemail', 'ivr', 'screening'))
             AND attempt_id IN (SELECT id FROM attempts WHERE job_id IN (SELECT value FROM json_each(?)))""",
        json.dumps(same),
    )
    return int(row["n"]) if row else 0


def _message(db: Connection, job: Job) -> Settled:
    row = db.row("SELECT state FROM messages WHERE job_id = ? ORDER BY id DESC LIMIT 1", job.id)
    if row is None or row["state"] == "failed":
        return JobState.PENDING, "its process ended before it was sent", None
    if row["state"] == "sent":
        return JobState.DONE, "sent", None
    return JobState.FAILED, UNKNOWN, None  # it may have left: nobody gets it twice
