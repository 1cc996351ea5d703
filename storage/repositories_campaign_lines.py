"""The lines that all processes of a database have taken, and what is known of the trunk. Calls are leased with both in
view, in one transaction: two processes never both take the last line. Functions run in the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from storage import repositories_campaign_leases as leases
from storage.codec import from_json, iso, to_json
from storage.connection import Connection
from voicebot.model.campaign import Job, LinesTaken, Method, Pace, TrunkTries

#: In `meta`.
_TRUNK = "trunk_tries"


def lease(db: Connection, at: datetime, owner: str, lives: Callable[[str], bool], pace: Pace) -> tuple[Job, ...]:
    """Lease due calls, as many as `pace` allows."""
    room = pace(_taken(db, owner, lives))
    if room.together <= 0:
        return ()
    jobs = leases.lease(db, room.together, at, owner, (Method.PHONE,), room.each)
    if room.probe and jobs:
        tries = trunk_tries(db)
        _keep(db, TrunkTries(tries.in_a_row, tries.opened_at, tries.reopened, jobs[0].id))
    return jobs


def _taken(db: Connection, owner: str, lives: Callable[[str], bool]) -> LinesTaken:
    """What a process holds that is gone is free: the next housekeeping gives it back."""
    there: dict[str, bool] = {owner: True}

    def living(mark: str) -> bool:
        if mark not in there:
            there[mark] = lives(mark)
        return there[mark]

    campaigns = Counter[str]()
    sql = "SELECT id, campaign_id, leased_by FROM jobs WHERE state = 'leased' AND method = 'phone'"
    held = [row for row in db.rows(sql) if living(row["leased_by"])]
    campaigns.update(row["campaign_id"] for row in held)
    rows = db.rows("SELECT owner FROM attempts WHERE state = 'open' AND job_id IS NULL AND owner <> ?", [owner])
    tries = trunk_tries(db)
    if tries.probe not in {row["id"] for row in held}:  # over, or its process is gone
        tries = TrunkTries(tries.in_a_row, tries.opened_at, tries.reopened)
    return LinesTaken(sum(living(row["owner"]) for row in rows), campaigns, tries)


def trunk_tries(db: Connection) -> TrunkTries:
    """As they are stored."""
    row = db.row("SELECT value FROM meta WHERE key = ?", _TRUNK)
    kept = from_json(row["value"]) if row else {}
    opened_at, probe = kept.get("opened_at"), kept.get("probe")
    return TrunkTries(
        int(str(kept.get("in_a_row", 0))),
        datetime.fromisoformat(str(opened_at)) if opened_at else None,
        int(str(kept.get("reopened", 0))),
        int(str(probe)) if probe is not None else None,
    )


def note_trunk(db: Connection, change: Callable[[TrunkTries], TrunkTries]) -> TrunkTries:
    """Store what `change` makes of it; returns what it was."""
    before = trunk_tries(db)
    if (after := change(before)) != before:
        _keep(db, after)
    return before


def _keep(db: Connection, tries: TrunkTries) -> None:
    opened_at = iso(tries.opened_at) if tries.opened_at else None
    kept = {"in_a_row": tries.in_a_row, "opened_at": opened_at, "reopened": tries.reopened, "probe": tries.probe}
    sql = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    db.run(sql, _TRUNK, to_json(kept))
