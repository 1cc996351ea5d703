"""The port between campaigns and their tables. Blocking, any thread; writes are committed when a method returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Protocol

from voicebot.model.campaign import (
    CampaignRow,
    CampaignState,
    Candidate,
    GateDecision,
    GateFacts,
    Job,
    JobState,
    NewJob,
    PaymentEffects,
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

    def lease(self, limit: int, at: datetime) -> tuple[Job, ...]:
        """Take due jobs of running campaigns, the highest priority first, at most one per customer at a time;
        committed, so that no other process takes them."""
        ...

    def finish_job(
        self, job_id: int, state: JobState, reason: str, at: datetime, not_before: datetime | None = None
    ) -> None:
        """Give a leased job back: done for good, or pending again from `not_before`."""
        ...

    def start_try(self, job_id: int, attempt_id: int) -> None:
        """The job's next attempt, counted; called in the transaction that opens the attempt where possible."""
        ...

    def release_leases(self, at: datetime) -> int:
        """At start: jobs leased by processes that are gone. Without an attempt for that try: pending again. With one:
        as its outcome says; one that may have rung is never dialled again by itself (human)."""
        ...

    def add_decision(self, job_id: int | None, decision: GateDecision, facts: GateFacts) -> int:
        """Store a decision with its inputs; returns its id."""
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
