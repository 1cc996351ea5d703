"""What the runs of scoring need from the store (storage/scoring.py implements it), and from a judge of emotion."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from voicebot.scoring.assignment import Assigned
from voicebot.scoring.collection_numbers import NumberCall, Place
from voicebot.scoring.contact_anomaly import ContactCounts
from voicebot.scoring.early_warning import CustomerFacts
from voicebot.scoring.performance import PerformanceRow
from voicebot.scoring.result import Result
from voicebot.scoring.saturation import Activity
from voicebot.scoring.tags import Tag, TagFacts
from voicebot.scoring.unpaid import DueGroup
from voicebot.scoring.warnings import Alert


class EmotionJudge(Protocol):
    """The emotion of a text (S12b); a network, or its baseline."""

    @property
    def version(self) -> str:
        """Stored with what it says."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """Languages it knows; it is asked about no other."""
        ...

    def p_negative(self, texts: Sequence[str]) -> float | None:
        """Probability in [0, 1] of a negative emotion in a debtor's turns of one communication; None: no words."""
        ...


@dataclass(frozen=True, slots=True)
class CaseRow:
    """An account that may be a case. `overdue_d`: days the oldest unpaid instalment is overdue, 0: none is."""

    account_id: str
    customer_id: str
    overdue_d: int


@dataclass(frozen=True, slots=True)
class CommunicationRow:
    """A conversation with the right party. `id`: attempt:N or contact:N;
    `facts`: what the outcome and the understanding say (see signals.SIGNALS); `texts`: the debtor's turns, None where
    no words are kept; `emotion_consent`: the customer's newest answer to the purpose `emotion` is yes; `emotion_told`:
    the customer had been told by the end of this conversation, and has not said no since."""

    id: str
    account_id: str
    at: datetime
    language: str
    facts: frozenset[str]
    texts: tuple[str, ...] | None
    emotion_consent: bool = False
    emotion_told: bool = False


@dataclass(frozen=True, slots=True)
class CollectorRow:
    """A collector. `today`: cases approved or proposed for today; `classes`: open cases by class."""

    id: str
    name: str
    kind: str
    cap: int | None
    today: int
    classes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored score. `result`, `inputs`: as Result's."""

    kind: str
    subject: str
    at: str
    checked_at: str
    version: str
    inputs: Mapping[str, object]
    result: Mapping[str, object]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A number of the library's source. `label`: None: not known."""

    number: str
    company: str | None
    place: Place | None
    label: bool | None


@dataclass(frozen=True, slots=True)
class ApplicantFacts:
    """An applicant's calls with numbers of the library. `days`: since the last one (None: there is none);
    `library`: the numbers used."""

    applicant_id: str
    numbers: int
    calls: int
    answered: int
    days: float | None
    companies: int
    library: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FollowUpFault:
    """An item that a follow-up call found wrong (Q2)."""

    attempt_id: int
    customer_id: str | None
    account_id: str | None
    item: str
    result: str


class ScoringStore(Protocol):
    """Reads facts, writes results. Times are UTC."""

    def newest(self, kind: str) -> dict[str, Stored]:
        """The newest result of every subject of a kind."""
        ...

    def before(self, kind: str, moment: datetime) -> dict[str, Stored]:
        """The newest result of every subject that was there at `moment`."""
        ...

    def put_scores(self, kind: str, results: Iterable[tuple[str, Result]], now: datetime) -> int:
        """Store results by subject; returns how many differ from what was there."""
        ...

    def put_warnings(self, alerts: Iterable[Alert], now: datetime) -> int:
        """Store warnings, one per (code, customer or subject, UTC day); returns how many are new."""
        ...

    def cases(self, day: date, called_since: datetime | None) -> list[CaseRow]:
        """Accounts overdue on `day`, and those called since (None: not these)."""
        ...

    def contact_counts(self, since: datetime, recent: datetime) -> dict[str, ContactCounts]:
        """S24's counts by account; `recent`: start of the recent window of other contacts."""
        ...

    def communications(self, since: datetime) -> list[CommunicationRow]:
        """Conversations with the right party and a substantive answer."""
        ...

    def collectors(self, day: date) -> list[CollectorRow]:
        """Those in service."""
        ...

    def activities(self, since: datetime) -> dict[str, Activity]:
        """S13's figures by collector."""
        ...

    def taken(self) -> frozenset[str]:
        """Accounts with an approved collector."""
        ...

    def propose(self, batch: Sequence[Assigned], version: str, now: datetime) -> None:
        """Replace the proposals nobody has decided on by these."""
        ...

    def end_cases(self, still: frozenset[str], now: datetime) -> int:
        """End the approved cases of accounts that are not in `still` (no longer overdue); returns how many."""
        ...

    def customers(self, since: datetime, day: date) -> dict[str, CustomerFacts]:
        """Early warning's facts by customer."""
        ...

    def contact_days(self, since: datetime) -> dict[str, list[bool]]:
        """By account, newest day first, one entry a day with attempts: was the right party reached?"""
        ...

    def due_groups(self, first: date, last: date) -> list[DueGroup]:
        """Instalments due in the days, by product, channel and funding source."""
        ...

    def follow_up_faults(self, flows: Sequence[str], items: Sequence[str], since: datetime) -> list[FollowUpFault]:
        """Wrong items of follow-up calls."""
        ...

    def tag_facts(self, since: datetime) -> list[TagFacts]:
        """What the calls say about each customer that had one."""
        ...

    def tags(self, customer_id: str | None = None) -> list[Tag]:
        """All tags (of one customer)."""
        ...

    def put_tags(self, tags: Sequence[Tag]) -> None:
        """Append."""
        ...

    def performance(self, first: date, last: date) -> list[PerformanceRow]:
        """Rows of these days."""
        ...

    def numbers(self) -> list[NumberRow]:
        """All numbers with calls or a label."""
        ...

    def number_calls(self) -> dict[str, list[NumberCall]]:
        """By number."""
        ...

    def cells(self) -> dict[str, Place]:
        """Base stations by id."""
        ...

    def put_library(self, p: Mapping[str, float], limit: float, model: str, own: Collection[str]) -> int:
        """Store each number's probability; those that reach `limit`, and the labelled ones, are the library, without
        `own` (the bank's). Returns its size."""
        ...

    def applicants(self, now: datetime, window_d: int) -> list[ApplicantFacts]:
        """Everybody with imported call records."""
        ...
