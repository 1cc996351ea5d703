"""The port ScoringStore (voicebot/scoring/ports.py) on SQLite, and what the commands and the report read beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime

from storage import repositories_cases as cases
from storage import repositories_customers as customers
from storage import repositories_numbers as numbers
from storage import repositories_scores as scores
from storage.connection import Connection
from storage.records_scores import AssignmentRow, ScoringWarningRow
from voicebot.scoring.assignment import Assigned
from voicebot.scoring.collection_numbers import NumberCall, Place
from voicebot.scoring.contact_anomaly import ContactCounts
from voicebot.scoring.early_warning import CustomerFacts
from voicebot.scoring.performance import PerformanceRow
from voicebot.scoring.ports import (
    ApplicantFacts,
    CaseRow,
    CollectorRow,
    CommunicationRow,
    FollowUpFault,
    NumberRow,
    Stored,
)
from voicebot.scoring.result import Result
from voicebot.scoring.saturation import Activity
from voicebot.scoring.tags import Tag, TagFacts
from voicebot.scoring.unpaid import DueGroup
from voicebot.scoring.warnings import Alert


class ScoringRepository:
    """`ScoringRepository(store.db)`: reads with a Reader's connection, writes with a SqliteStore's."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    # --- scores, warnings, tags

    def newest(self, kind: str) -> dict[str, Stored]:
        """See ScoringStore."""
        return scores.newest(self._db, kind)

    def before(self, kind: str, moment: datetime) -> dict[str, Stored]:
        """See ScoringStore."""
        return scores.before(self._db, kind, moment)

    def history(self, kind: str, subject: str) -> list[Stored]:
        """All results of one subject, newest first."""
        return scores.history(self._db, kind, subject)

    def put_scores(self, kind: str, results: Iterable[tuple[str, Result]], now: datetime) -> int:
        """See ScoringStore."""
        return scores.put_scores(self._db, kind, results, now)

    def put_warnings(self, alerts: Iterable[Alert], now: datetime) -> int:
        """See ScoringStore."""
        return scores.put_warnings(self._db, alerts, now)

    def warnings(self, *, open_only: bool = True, limit: int = 1000) -> list[ScoringWarningRow]:
        """The newest first."""
        return scores.warnings(self._db, open_only=open_only, limit=limit)

    def decide_warning(self, warning_id: str, state: str, reason: str, by: str, now: datetime) -> None:
        """Acknowledge or close a warning. Raises StorageError."""
        with self._db.write():
            scores.decide_warning(self._db, warning_id, state, reason, by, now)

    def tags(self, customer_id: str | None = None) -> list[Tag]:
        """See ScoringStore."""
        return scores.tags(self._db, customer_id)

    def put_tags(self, tags: Sequence[Tag]) -> None:
        """See ScoringStore."""
        scores.put_tags(self._db, tags)

    # --- document C

    def cases(self, day: date, called_since: datetime | None) -> list[CaseRow]:
        """See ScoringStore."""
        return cases.cases(self._db, day, called_since)

    def communications_of(self, account_id: str) -> list[Stored]:
        """Stored labels of an account's conversations, newest first."""
        return scores.communications_of(self._db, account_id)

    def contact_counts(self, since: datetime, recent: datetime) -> dict[str, ContactCounts]:
        """See ScoringStore."""
        return cases.contact_counts(self._db, since, recent)

    def communications(self, since: datetime) -> list[CommunicationRow]:
        """See ScoringStore."""
        return cases.communications(self._db, since)

    def collectors(self, day: date) -> list[CollectorRow]:
        """See ScoringStore."""
        return cases.collectors(self._db, day)

    def activities(self, since: datetime) -> dict[str, Activity]:
        """See ScoringStore."""
        return cases.activities(self._db, since)

    def taken(self) -> frozenset[str]:
        """See ScoringStore."""
        return cases.taken(self._db)

    def propose(self, batch: Sequence[Assigned], version: str, now: datetime) -> None:
        """See ScoringStore."""
        cases.propose(self._db, batch, version, now)

    def end_cases(self, still: frozenset[str], now: datetime) -> int:
        """See ScoringStore."""
        with self._db.write():
            return cases.end_cases(self._db, still, now)

    def approve(self, accounts: Sequence[str] | None, by: str, now: datetime) -> int:
        """Approve proposals (None: all). Raises StorageError."""
        with self._db.write():
            return cases.approve(self._db, accounts, by, now)

    def override(self, account_id: str, collector_id: str, by: str, reason: str, now: datetime) -> None:
        """Another collector than the formula's. Raises StorageError."""
        with self._db.write():
            cases.override(self._db, account_id, collector_id, by, reason, now)

    def assignments(
        self, states: Sequence[str] = ("proposed", "approved"), account_id: str | None = None
    ) -> list[AssignmentRow]:
        """By collector and account."""
        return cases.assignments(self._db, states, account_id)

    # --- document Q

    def customers(self, since: datetime, day: date) -> dict[str, CustomerFacts]:
        """See ScoringStore."""
        return customers.customers(self._db, since, day)

    def contact_days(self, since: datetime) -> dict[str, list[bool]]:
        """See ScoringStore."""
        return customers.contact_days(self._db, since)

    def due_groups(self, first: date, last: date) -> list[DueGroup]:
        """See ScoringStore."""
        return customers.due_groups(self._db, first, last)

    def follow_up_faults(self, flows: Sequence[str], items: Sequence[str], since: datetime) -> list[FollowUpFault]:
        """See ScoringStore."""
        return customers.follow_up_faults(self._db, flows, items, since)

    def tag_facts(self, since: datetime) -> list[TagFacts]:
        """See ScoringStore."""
        return customers.tag_facts(self._db, since)

    def performance(self, first: date, last: date) -> list[PerformanceRow]:
        """See ScoringStore."""
        return customers.performance(self._db, first, last)

    # --- document R

    def numbers(self) -> list[NumberRow]:
        """See ScoringStore."""
        return numbers.numbers(self._db)

    def number_calls(self) -> dict[str, list[NumberCall]]:
        """See ScoringStore."""
        return numbers.number_calls(self._db)

    def cells(self) -> dict[str, Place]:
        """See ScoringStore."""
        return numbers.cells(self._db)

    def put_library(self, p: Mapping[str, float], limit: float, model: str, own: Collection[str]) -> int:
        """See ScoringStore."""
        with self._db.write():
            return numbers.put_library(self._db, p, limit, model, own)

    def applicants(self, now: datetime, window_d: int) -> list[ApplicantFacts]:
        """See ScoringStore."""
        return numbers.applicants(self._db, now, window_d)
