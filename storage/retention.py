"""Removes what may not be kept any more: `Retention(db, schedules, default, folders).run(now)`.

Each record is removed in one transaction with the line that stays of it; a file goes before its row does, so that a run
that is killed is finished by the next one. What is deleted is overwritten (PRAGMA secure_delete).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from storage import repositories_retention as tables
from storage.codec import iso
from storage.connection import Connection, Row
from voicebot.campaign.retention import RECORDS, Keep, Record, Schedule, Times
from voicebot.errors import StorageError

#: What a call is not removed before.
_PARTS: tuple[Record, ...] = ("recording", "transcript")
#: Records removed in one transaction: a running bot waits no longer than that takes.
BATCH = 100


@dataclass(frozen=True, slots=True)
class Expired:
    """A record whose time is over. `ref`: its own id; `schedule`: name and version; `rule`: as `3y after made`;
    `kept`: why it stays all the same, None where it goes; `path`: its file, below its folder."""

    record: Record
    ref: str
    schedule: str
    rule: str
    made_at: datetime
    expired_at: datetime
    kept: str | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Folders:
    """Where records are that are files."""

    recordings: Path
    prompts: Path


class Retention:
    """One database and its folders, with the schedules of all jurisdictions."""

    def __init__(self, db: Connection, schedules: Mapping[str, Schedule], default: Schedule, folders: Folders) -> None:
        """`default`: of what belongs to no campaign; a campaign's calls and messages have that of its profile."""
        self._db, self._schedules, self._default, self._folders = db, schedules, default, folders

    def expired(self, at: datetime) -> Iterator[Expired]:
        """Everything whose time is over at that moment. What is still needed, or held, has `kept`."""
        look = _Look(self._db)
        for record in RECORDS:
            yield from self._of(record, look, at)

    def run(self, at: datetime) -> tuple[Expired, ...]:
        """Remove what is over; returns everything that `expired` names, each with what became of it. Raises
        StorageError: what was removed until then stays removed, each with its line."""
        look = _Look(self._db)
        done: list[Expired] = []
        for record in RECORDS:  # a call comes after its recording and transcript
            found = tuple(self._of(record, look, at))
            done += [one for one in found if one.kept]
            rest = iter(one for one in found if not one.kept)
            while batch := list(islice(rest, BATCH)):
                for one in batch:
                    if one.path is not None:
                        _unlink(one.path)
                with self._db.write():
                    for one in batch:
                        self._remove(one, at)
                done += batch
        self._db.empty_log()
        return tuple(done)

    def _of(self, record: Record, look: _Look, at: datetime) -> Iterator[Expired]:
        if record == "prompt":
            return self._prompts(at)
        if not any(schedule.rule(record) for schedule in (self._default, *self._schedules.values())):
            return iter(())
        judged = (self._judge(record, row, look, at) for row in tables.found(self._db, record))
        return (found for found in judged if found is not None)

    def _remove(self, one: Expired, at: datetime) -> None:
        tables.remove(self._db, one.record, one.ref, at)
        tables.add_line(
            self._db,
            {
                "record": one.record,
                "ref": one.ref,
                "schedule": one.schedule,
                "rule": one.rule,
                "made_at": iso(one.made_at),
                "expired_at": iso(one.expired_at),
                "deleted_at": iso(at),
            },
        )

    def _judge(self, record: Record, row: Row, look: _Look, at: datetime) -> Expired | None:
        # A campaign whose schedule is not there: nothing of it is removed.
        schedule = self._default if row["profile"] is None else self._schedules.get(row["profile"])
        rule = schedule.rule(record) if schedule is not None else None
        if schedule is None or rule is None:
            return None
        times = look.times(row)
        end = rule.ends(times)
        if record == "call":  # recording and transcript hang on it
            parts = [part for name in _PARTS if (part := schedule.rule(name))]
            end = max([end, *(part.ends(times) for part in parts)])
        if at < end:
            return None
        kept = look.held.get(row["customer_id"] or "")
        path = self._path(row["path"])
        needed = f"legal hold: {kept}" if kept else row["needed"]
        if row["path"] and path is None:
            needed = needed or "its file is not below the folder of recordings"
        return Expired(record, str(row["ref"]), _name(schedule), _told(rule), times.made, end, needed, path)

    def _path(self, stored: str | None) -> Path | None:
        if not stored:
            return None
        root = self._folders.recordings.resolve()
        path = (root / stored).resolve()
        return path if path.is_relative_to(root) and path != root else None

    def _prompts(self, at: datetime) -> Iterator[Expired]:
        """Prompts that were spoken may hold names and amounts."""
        rule = self._default.rule("prompt")
        if rule is None or not self._folders.prompts.is_dir():
            return
        for path in sorted(self._folders.prompts.glob("*.wav")):
            made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            end = rule.ends(Times(made))
            if at >= end:
                yield Expired("prompt", path.name, _name(self._default), _told(rule), made, end, None, path)


class _Look:
    """What the times of records are counted from, read once for a run."""

    def __init__(self, db: Connection) -> None:
        self.accounts, self.customers = tables.activity(db)
        self.ended = tables.purpose_ended(db)
        self.held = tables.held(db)

    def times(self, row: Row) -> Times:
        """Of one record. One without an account has its customer's times, one without either its own."""
        customer = self.customers.get(row["customer_id"] or "")
        return Times(
            made=_moment(row["made"]),
            last_activity=_maybe(self.accounts.get(row["account_id"] or "") or customer),
            last_contact=_maybe(customer),
            purpose_ended=_maybe(self.ended.get(row["customer_id"] or "")),
        )


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _maybe(text: str | None) -> datetime | None:
    return _moment(text) if text else None


def _name(schedule: Schedule) -> str:
    return f"{schedule.retention} {schedule.version}"


def _told(rule: Keep) -> str:
    ends = ", or when its purpose has ended" if rule.ends_with_purpose else ""
    return f"{rule.keep} after {rule.after}{ends}"


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path}: the file cannot be removed ({error.strerror})", hint="check its owner and mode"
        ) from error
