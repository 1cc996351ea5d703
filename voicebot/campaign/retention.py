"""How long records are kept, as data (calling_rules/retention/*.yaml): one schedule a jurisdiction, one rule a kind of
record. A schedule that has a mistake removes nothing. Read docs/retention.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from voicebot.campaign.yaml_model import Model, Texts, raise_problems, read_model, where
from voicebot.errors import CampaignError
from voicebot.flow.findings import Finding, finding

#: Kinds of records that are kept for a time and then removed, in this order: what hangs on another one comes first.
Record = Literal[
    "recording",
    "transcript",
    "call",
    "decision",
    "message",
    "contact",
    "voiceprint",
    "consent",
    "warning",
    "score",
    "call_record",
    "prompt",
]
RECORDS: tuple[Record, ...] = get_args(Record)
HINT = "correct these places; docs/retention.md shows every key of a schedule"
#: What the gate counts by must outlive its longest cap, with room.
SHORTEST_CALL = timedelta(days=40)
_SPAN = re.compile(r"([1-9]\d{0,4})([dy])\Z")
FOLDER = "retention"


@dataclass(frozen=True, slots=True)
class Times:
    """When a record's time may begin, UTC: it was made; the last activity of its account (call, message, contact,
    payment) and the last contact with its customer (call, message, contact), None where there was none;
    `purpose_ended`: when what it is for was over, None where it is not."""

    made: datetime
    last_activity: datetime | None = None
    last_contact: datetime | None = None
    purpose_ended: datetime | None = None


class Keep(Model):
    """One kind of record is kept for `keep` (`180d` days, `3y` calendar years) after a moment."""

    record: Record
    keep: str
    after: Literal["made", "last_activity", "last_contact"]
    #: Removed as soon as its purpose has ended, where that comes first.
    ends_with_purpose: bool = False

    @model_validator(mode="after")
    def _is_a_rule(self) -> Self:
        if not _SPAN.match(self.keep):
            raise ValueError(f"`keep: {self.keep}` is no time: write 180d or 3y")
        if self.ends_with_purpose and self.record != "voiceprint":
            raise ValueError("`ends_with_purpose` is only known of a voiceprint")
        begin = datetime(2026, 1, 1, tzinfo=UTC)
        if self.record in ("call", "contact") and _later(begin, self.keep) < begin + SHORTEST_CALL:
            raise ValueError(f"`{self.record}` must be kept {SHORTEST_CALL.days} days: the caps count by it")
        return self

    def ends(self, times: Times) -> datetime:
        """The moment from which the record may not be kept any more. A record without the activity or contact that its
        time begins with is counted from when it was made, and never from before."""
        begin = max(times.made, (getattr(times, self.after) if self.after != "made" else None) or times.made)
        end = _later(begin, self.keep)
        if self.ends_with_purpose and times.purpose_ended is not None:
            return min(end, times.purpose_ended)
        return end


class Schedule(Model):
    """The rules of one jurisdiction. A kind of record that has none is kept for ever."""

    retention: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: str
    title: str
    sources: Texts = ()
    records: tuple[Keep, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [rule.record for rule in self.records]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"more than one rule for: {', '.join(twice)}")
        if "call" in names and not {"recording", "transcript"} <= set(names):
            raise ValueError("a rule for `call` needs one for `recording` and one for `transcript`: they go before it")
        return self

    def rule(self, record: Record) -> Keep | None:
        """The rule of a kind of record."""
        return next((rule for rule in self.records if rule.record == record), None)


def load_schedules(calling_rules: Path) -> dict[str, Schedule]:
    """Every schedule of the rules of calling, by name. Raises CampaignError with every mistake (file:line)."""
    folder = calling_rules / FOLDER
    problems: list[Finding] = []
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise CampaignError(f"{folder}: no schedules (*.yaml) there", hint="set paths.calling_rules")
    found: dict[str, Schedule] = {}
    for path in files:
        schedule, table = read_model(path, Schedule, "retention: NAME", problems)
        if schedule is None or table is None:
            continue
        if schedule.retention != path.stem:
            message = f"the schedule `{schedule.retention}` must be in its own file"
            problems.append(finding(where(table, ["retention"]), message))
        found[schedule.retention] = schedule
    raise_problems(problems, HINT)
    return found


def chosen(schedules: Mapping[str, Schedule], name: str | None) -> Schedule:
    """The schedule for what belongs to no campaign. Raises CampaignError where none is chosen, or it is not there."""
    if name is None:
        raise CampaignError(
            "no rules of calling are chosen, so no schedule of retention is: nothing is removed",
            hint="set campaign.profile, or give --schedule",
        )
    if name not in schedules:
        raise CampaignError(
            f"there is no schedule of retention named `{name}`", hint=f"there are: {', '.join(sorted(schedules))}"
        )
    return schedules[name]


def _later(begin: datetime, span: str) -> datetime:
    """Days are 24 hours; a year is the same day and time of another year, 29 February then 1 March."""
    found = _SPAN.match(span)
    if found is None:
        raise CampaignError(f"`{span}` is no time", hint="write 180d or 3y")
    count = int(found[1])
    if found[2] == "d":
        return begin + timedelta(days=count)
    try:
        return begin.replace(year=begin.year + count)
    except ValueError:
        return begin.replace(year=begin.year + count, month=3, day=1)
