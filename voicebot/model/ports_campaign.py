"""The port between campaigns and their tables. Blocking, any thread; writes are committed when a method returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from voicebot.model.campaign import (
    Answered,
    CampaignRow,
    CampaignState,
    Candidate,
    ClosedTry,
    GateDecision,
    GateFacts,
    Job,
    JobState,
    Method,
    NewJob,
    Pace,
    PaymentEffects,
    Settle,
    Standing,
    TrunkTries,
)


class CampaignStore(Protocol):
    """Campaigns, their jobs, and the decisions of the gate."""

    def add_campaign(self, row: CampaignRow) -> None:
        """Insert. Raises CampaignError where the id is taken by another definition."""
        ...

    def campaign(self, campaign_id: str) -> CampaignRow:
        """One campaign. Raises CampaignError where unknown."""
        ...

    def campaigns(self) -> tuple[CampaignRow, ...]:
        """All, the newest first."""
        ...

    def set_campaign_state(self, campaign_id: str, state: CampaignState, reason: str, at: datetime) -> None:
        """Change the state. Raises CampaignError for a way there is not (a stopped one does not start again)."""
        ...

    def candidates(self, day: date) -> Iterator[Candidate]:
        """Every account with what is known on that day; rows are streamed, by account id."""
        ...

    def gate_facts(self, account_id: str, purpose: str, at: datetime) -> GateFacts:
        """What the gate decides from. Raises StorageError where the account is unknown."""
        ...

    def add_jobs(self, jobs: Sequence[NewJob], at: datetime) -> int:
        """Insert those whose (campaign, account, method, key) is new; returns how many were."""
        ...

    def jobs(self, campaign_id: str | None = None, state: JobState | None = None, limit: int = 1000) -> tuple[Job, ...]:
        """Jobs by priority, then time."""
        ...

    def lease(
        self,
        limit: int,
        at: datetime,
        methods: Sequence[Method] = tuple(Method),
        room: Mapping[str, int] | None = None,
    ) -> tuple[Job, ...]:
        """Take due jobs of running campaigns, the highest priority first, at most one per customer at a time;
        committed, so that no other process takes them. `room`: of each of these campaigns at most so many, of others
        none (None: of every campaign)."""
        ...

    def lease_calls(self, at: datetime, pace: Pace) -> tuple[Job, ...]:
        """As `lease`, of calls, and at most what `pace` says of the lines that all processes of this database have
        taken; nobody else leases meanwhile. The call that `pace` makes a probe is noted as such."""
        ...

    def trunk_tries(self) -> TrunkTries:
        """What is known of the trunk, by whichever process."""
        ...

    def note_trunk(self, change: Callable[[TrunkTries], TrunkTries]) -> TrunkTries:
        """Change that, alone; returns it as it was."""
        ...

    def lease_job(self, job_id: int, at: datetime) -> Job:
        """Take this one, pending or given to a person, due or not: an agent said so. Raises CampaignError where it is
        done, its campaign has ended, or its customer is being called."""
        ...

    def next_due(self, methods: Sequence[Method] = tuple(Method)) -> datetime | None:
        """The earliest `not_before` of the pending jobs of running campaigns."""
        ...

    def wanted(self, job_id: int) -> bool:
        """False where a payment has meanwhile settled what the job is about. Asked right before each contact."""
        ...

    def closed_try(self, job_id: int) -> ClosedTry:
        """How the job's last attempt ended. Raises CampaignError where it has none, or that one is open."""
        ...

    def standing(self, campaign_id: str) -> Standing:
        """Counts for people to look at."""
        ...

    def finish_job(
        self, job_id: int, state: JobState, reason: str, at: datetime, not_before: datetime | None = None
    ) -> None:
        """Give a leased job back: done for good, or pending again from `not_before`."""
        ...

    def start_try(self, job_id: int, attempt_id: int) -> None:
        """The job's next attempt, counted; called in the transaction that opens the attempt where possible."""
        ...

    def release_leases(self, at: datetime, settle: Settle) -> int:
        """At start (after Store.recover), and now and then: jobs leased by processes that are gone. Without an attempt
        for that try: pending again. With one: as `settle` says of its outcome; one that may have rung is never dialled
        again by itself (human, with a task), nor is a message sent again that may have left."""
        ...

    def keep_rules(self, profile: str, version: str, text: str) -> None:
        """Rules of calling as they are decided by; harmless where this version is there."""
        ...

    def kept_rules(self) -> tuple[tuple[str, str, str], ...]:
        """All that were ever decided by: profile, version, text."""
        ...

    def answered(self, campaign_id: str, since: datetime, within_s: float) -> Answered:
        """How a campaign's answered calls went since then: see Answered. `within_s`: what is in time."""
        ...

    def add_decision(self, job_id: int | None, decision: GateDecision, facts: GateFacts) -> int:
        """Store a decision with its inputs; returns its id."""
        ...

    def link_decision(self, decision_id: int, attempt_id: int) -> None:
        """The attempt that a decision allowed."""
        ...

    def decisions(self, since: datetime, limit: int = 1000) -> tuple[tuple[int, GateDecision, GateFacts], ...]:
        """Stored decisions, to be decided again."""
        ...

    def apply_payments(self, at: datetime) -> PaymentEffects:
        """Cancel what is pending for paid instalments; promises become kept, or broken once their day is over."""
        ...

    def add_task(
        self,
        kind: str,
        reason: str,
        key: str,
        at: datetime,
        *,
        account_id: str | None = None,
        attempt_id: int | None = None,
        owner_id: str | None = None,
        due_at: datetime | None = None,
    ) -> bool:
        """Something a person has to do; False where `key` is there already."""
        ...

    def email(self, customer_id: str) -> str | None:
        """The customer's address; None where there is none."""
        ...

    def open_message(self, job_id: int, method: Method, address: str, text: str) -> int:
        """A message in the state `sending`, with a keyed hash of the address; committed before it leaves."""
        ...

    def close_message(self, message_id: int, sent: bool, answer: str, at: datetime) -> None:
        """What became of it: `sent` or `failed`, and what the server said."""
        ...


class EmailSender(Protocol):
    """A mail server."""

    async def send(self, address: str, subject: str, text: str, message_id: str) -> str:
        """Send one; returns what the server said. `message_id` is the same whenever this message is sent. Raises
        MessageError, which says whether it may have left."""
        ...


class SmsSender(Protocol):
    """A gateway for short messages."""

    async def send(self, number: str, text: str, message_id: str) -> str:
        """As EmailSender.send."""
        ...
