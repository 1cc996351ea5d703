"""Campaigns and what is planned for whom. Writing functions run inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from storage.codec import from_json, iso, to_json
from storage.connection import Connection, Row, Value
from voicebot.errors import CampaignError
from voicebot.model.campaign import CampaignKind, CampaignRow, CampaignState, Job, JobState, Method, NewJob, Standing

#: From each state of a campaign, those it may change to.
WAYS: dict[CampaignState, frozenset[CampaignState]] = {
    CampaignState.DRAFT: frozenset({CampaignState.RUNNING, CampaignState.STOPPED}),
    CampaignState.RUNNING: frozenset({CampaignState.PAUSED, CampaignState.STOPPED, CampaignState.DONE}),
    CampaignState.PAUSED: frozenset({CampaignState.RUNNING, CampaignState.STOPPED, CampaignState.DONE}),
    CampaignState.STOPPED: frozenset(),
    CampaignState.DONE: frozenset(),
}


#: Jobs that one transaction changes: calls that run meanwhile wait for it to end.
BATCH = 2000


def add_campaign(db: Connection, row: CampaignRow) -> None:
    """Insert; harmless where the same definition is there."""
    values: dict[str, Value] = {
        "id": row.id,
        "name": row.name,
        "flow": row.flow,
        "created_at": iso(row.created_at),
        "ratio": row.ratio,
        "seed": row.seed,
        "list_sha": row.list_sha,
        "population": row.population,
        "drawn": row.drawn,
        "kind": row.kind.value,
        "profile": row.profile,
        "definition": row.definition,
        "definition_sha": row.definition_sha,
        "strata": to_json(row.strata),
        "state": row.state.value,
        "state_reason": row.state_reason,
        "state_at": iso(row.created_at),
    }
    if db.insert("campaigns", values, "ON CONFLICT (id) DO NOTHING") is not None:
        return
    there = db.row("SELECT definition_sha FROM campaigns WHERE id = ?", row.id)
    if there is None or there["definition_sha"] != row.definition_sha:
        raise CampaignError(
            f"campaign {row.id}: there is one of this name with another definition",
            hint="give the changed campaign another name; what was planned by the old one stays as it was planned",
        )


def campaign(db: Connection, campaign_id: str) -> CampaignRow:
    """Raises CampaignError where unknown."""
    row = db.row("SELECT * FROM campaigns WHERE id = ? AND kind IS NOT NULL", campaign_id)
    if row is None:
        raise CampaignError(f"there is no campaign {campaign_id}", hint="voicebot campaign status lists them")
    return _to_campaign(row)


def campaigns(db: Connection) -> tuple[CampaignRow, ...]:
    """The newest first."""
    rows = db.rows("SELECT * FROM campaigns WHERE kind IS NOT NULL ORDER BY created_at DESC, id")
    return tuple(map(_to_campaign, rows))


def _to_campaign(row: Row) -> CampaignRow:
    return CampaignRow(
        id=row["id"],
        name=row["name"],
        kind=CampaignKind(row["kind"]),
        flow=row["flow"],
        profile=row["profile"],
        definition=row["definition"],
        definition_sha=row["definition_sha"],
        created_at=datetime.fromisoformat(row["created_at"]),
        state=CampaignState(row["state"]),
        state_reason=row["state_reason"],
        ratio=row["ratio"],
        seed=row["seed"],
        list_sha=row["list_sha"],
        population=row["population"],
        drawn=row["drawn"],
        strata=_strata(row["strata"]),
    )


def _strata(text: str | None) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for name, sizes in from_json(text or "{}").items():
        if isinstance(sizes, list) and len(sizes) == 2:
            found[name] = (int(sizes[0]), int(sizes[1]))
    return found


def set_state(db: Connection, campaign_id: str, state: CampaignState, reason: str, at: datetime) -> None:
    """Change the state. Raises CampaignError."""
    old = campaign(db, campaign_id).state
    if state is not old and state not in WAYS[old]:
        raise CampaignError(
            f"campaign {campaign_id} is {old}: it cannot become {state}",
            hint="plan a new campaign" if not WAYS[old] else f"it can become {', '.join(sorted(WAYS[old]))}",
        )
    db.run(
        "UPDATE campaigns SET state = ?, state_reason = ?, state_at = ? WHERE id = ?",
        *(state.value, reason, iso(at), campaign_id),
    )


def cancel_pending(db: Connection, campaign_id: str, at: datetime) -> int:
    """Cancel a batch of a stopped campaign's pending jobs; returns how many, 0 when there are no more."""
    return db.run(
        """UPDATE jobs SET state = 'cancelled', state_reason = 'campaign stopped', changed_at = ?
           WHERE id IN (SELECT id FROM jobs WHERE campaign_id = ? AND state = 'pending' LIMIT ?)""",
        *(iso(at), campaign_id, BATCH),
    )


def add_jobs(db: Connection, jobs: Sequence[NewJob], at: datetime) -> int:
    """Insert the new ones; returns how many they were."""
    return sum(db.insert("jobs", _job_row(job, at), "ON CONFLICT DO NOTHING") is not None for job in jobs)


def _job_row(job: NewJob, at: datetime) -> dict[str, Value]:
    return {
        "campaign_id": job.campaign_id,
        "account_id": job.account_id,
        "customer_id": job.customer_id,
        "method": job.method.value,
        "flow": job.flow,
        "rule": job.rule,
        "key": job.key,
        "priority": job.priority,
        "not_before": iso(job.not_before),
        "not_after": iso(job.not_after) if job.not_after else None,
        "assignee_id": job.assignee_id,
        "planned_at": iso(at),
        "changed_at": iso(at),
    }


def to_job(row: Row) -> Job:
    """A row of jobs."""
    plan = NewJob(
        campaign_id=row["campaign_id"],
        account_id=row["account_id"],
        customer_id=row["customer_id"],
        method=Method(row["method"]),
        flow=row["flow"],
        rule=row["rule"],
        key=row["key"],
        not_before=datetime.fromisoformat(row["not_before"]),
        not_after=datetime.fromisoformat(row["not_after"]) if row["not_after"] else None,
        priority=row["priority"],
        assignee_id=row["assignee_id"],
    )
    return Job(row["id"], plan, JobState(row["state"]), row["state_reason"], row["tries"], row["attempt_id"])


def jobs(db: Connection, campaign_id: str | None, state: JobState | None, limit: int) -> tuple[Job, ...]:
    """By priority, then time."""
    wanted = {"campaign_id": campaign_id, "state": state.value if state else None}
    given = {name: value for name, value in wanted.items() if value is not None}
    where = f"WHERE {' AND '.join(f'{name} = ?' for name in given)}" if given else ""
    sql = f"SELECT * FROM jobs {where} ORDER BY priority DESC, not_before, id LIMIT ?"  # noqa: S608 - names are ours
    return tuple(map(to_job, db.rows(sql, [*given.values(), limit])))


def standing(db: Connection, campaign_id: str) -> Standing:
    """Counts of jobs, attempts and messages. Raises CampaignError where the campaign is unknown."""
    campaign(db, campaign_id)
    jobs_by = db.rows("SELECT state AS name, count(*) AS n FROM jobs WHERE campaign_id = ? GROUP BY 1", [campaign_id])
    outcomes = db.rows(
        """SELECT coalesce(o.disposition, '') AS name, count(*) AS n FROM attempts a
           LEFT JOIN outcomes o ON o.attempt_id = a.id WHERE a.campaign_id = ? GROUP BY 1""",
        [campaign_id],
    )
    sent = db.rows(
        """SELECT m.state AS name, count(*) AS n FROM messages m JOIN jobs j ON j.id = m.job_id
           WHERE j.campaign_id = ? GROUP BY 1""",
        [campaign_id],
    )
    return Standing(
        jobs={JobState(row["name"]): row["n"] for row in jobs_by},
        outcomes={row["name"]: row["n"] for row in outcomes},
        messages={row["name"]: row["n"] for row in sent},
        next_due=_first_due(db, campaign_id),
    )


def _first_due(db: Connection, campaign_id: str) -> datetime | None:
    """The earliest time of a campaign's pending jobs."""
    row = db.row("SELECT min(not_before) AS at FROM jobs WHERE state = 'pending' AND campaign_id = ?", campaign_id)
    return datetime.fromisoformat(row["at"]) if row and row["at"] else None


# --- messages


def open_message(db: Connection, job_id: int, method: Method, address_hash: str, text: str) -> int:
    """Insert in the state sending; counted as a try of its job."""
    db.run("UPDATE jobs SET tries = tries + 1 WHERE id = ?", job_id)
    row: dict[str, Value] = {"job_id": job_id, "method": method.value, "address_hash": address_hash, "text": text}
    return db.insert("messages", {**row, "state": "sending"}) or 0


def close_message(db: Connection, message_id: int, sent: bool, answer: str, at: datetime) -> None:
    """What became of it. Raises CampaignError where it is not being sent."""
    values = ("sent" if sent else "failed", answer, iso(at) if sent else None, message_id)
    sql = "UPDATE messages SET state = ?, answer = ?, sent_at = ? WHERE id = ? AND state = 'sending'"
    if db.run(sql, *values) != 1:
        raise CampaignError(f"message {message_id} is not being sent")
