"""The port CampaignStore on SQLite: `campaign_store(open_store(path))`, on the store's own connection."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from storage import repositories_campaign as campaigns
from storage import repositories_campaign_gate as gate
from storage import repositories_campaign_leases as leases
from storage import repositories_campaign_lines as lines
from storage import repositories_campaign_payments as payments
from storage import repositories_campaign_tasks as people
from storage.campaign_candidates import candidates
from storage.db import SqliteStore
from storage.records_campaign import AgentLoad, Given, TaskRow
from storage.repositories_abandoned import answered
from storage.repositories_campaign_payments import PromiseRule
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
from voicebot.model.no_call import NoCallWindow
from voicebot.settings_campaign import CampaignSettings

if TYPE_CHECKING:
    from voicebot.model.ports_campaign import CampaignStore

    def _is_the_port(store: SqliteCampaignStore) -> CampaignStore:
        return store


log = logging.getLogger(__name__)


class SqliteCampaignStore:
    """Campaigns beside the attempts of a SqliteStore. Any thread may call; writes are on the disk at return."""

    def __init__(self, store: SqliteStore, promises: PromiseRule) -> None:
        self._db = store.db
        self._store = store
        self._promises = promises

    # --- campaigns and their jobs

    def add_campaign(self, row: CampaignRow) -> None:
        """See CampaignStore. Harmless where the same definition is there."""
        with self._db.write():
            campaigns.add_campaign(self._db, row)

    def campaign(self, campaign_id: str) -> CampaignRow:
        """See CampaignStore."""
        return campaigns.campaign(self._db, campaign_id)

    def campaigns(self) -> tuple[CampaignRow, ...]:
        """All, the newest first."""
        return campaigns.campaigns(self._db)

    def set_campaign_state(self, campaign_id: str, state: CampaignState, reason: str, at: datetime) -> None:
        """See CampaignStore. A stopped campaign's pending jobs are cancelled next; nobody can lease them by then."""
        with self._db.write():
            campaigns.set_state(self._db, campaign_id, state, reason, at)
        left = state is CampaignState.STOPPED
        while left:
            with self._db.write():
                left = campaigns.cancel_pending(self._db, campaign_id, at) > 0

    def candidates(self, day: date) -> Iterator[Candidate]:
        """By account id, streamed from a connection of its own; payments of that day count, wherever it is that day."""
        return candidates(self._db.path, day)

    def add_jobs(self, jobs: Sequence[NewJob], at: datetime) -> int:
        """Insert the new ones, in transactions of some thousand each (what is cut short is completed by planning
        again); returns how many were new. Raises CampaignError where a campaign is unknown, with nothing inserted."""
        for campaign_id in {job.campaign_id for job in jobs}:
            campaigns.campaign(self._db, campaign_id)
        count = 0
        for start in range(0, len(jobs), campaigns.BATCH):
            with self._db.write():
                count += campaigns.add_jobs(self._db, jobs[start : start + campaigns.BATCH], at)
        return count

    def jobs(self, campaign_id: str | None = None, state: JobState | None = None, limit: int = 1000) -> tuple[Job, ...]:
        """By priority, then time."""
        return campaigns.jobs(self._db, campaign_id, state, limit)

    def standing(self, campaign_id: str) -> Standing:
        """Counts for people to look at; `next_due` is this campaign's."""
        with self._db.snapshot():
            return campaigns.standing(self._db, campaign_id)

    def lease(
        self,
        limit: int,
        at: datetime,
        methods: Sequence[Method] = tuple(Method),
        room: Mapping[str, int] | None = None,
    ) -> tuple[Job, ...]:
        """See CampaignStore. Jobs whose time is over, and reminders of what is paid, are cancelled on the way; who is
        being called (or is on the line) is left out."""
        with self._db.write():
            return leases.lease(self._db, limit, at, self._store.owner.id, methods, room)

    def lease_calls(self, at: datetime, pace: Pace) -> tuple[Job, ...]:
        """See CampaignStore."""
        owner = self._store.owner
        with self._db.write():
            return lines.lease(self._db, at, owner.id, owner.lives, pace)

    def trunk_tries(self) -> TrunkTries:
        """See CampaignStore."""
        return lines.trunk_tries(self._db)

    def note_trunk(self, change: Callable[[TrunkTries], TrunkTries]) -> TrunkTries:
        """See CampaignStore."""
        with self._db.write():
            return lines.note_trunk(self._db, change)

    def lease_job(self, job_id: int, at: datetime) -> Job:
        """See CampaignStore."""
        with self._db.write():
            return leases.lease_job(self._db, job_id, at, self._store.owner.id)

    def next_due(self, methods: Sequence[Method] = tuple(Method)) -> datetime | None:
        """See CampaignStore."""
        with self._db.snapshot():
            return leases.next_due(self._db, methods)

    def wanted(self, job_id: int) -> bool:
        """See CampaignStore."""
        with self._db.snapshot():
            return leases.wanted(self._db, job_id)

    def closed_try(self, job_id: int) -> ClosedTry:
        """See CampaignStore. `unanswered` leaves out the network's own failures."""
        with self._db.snapshot():
            return leases.closed_try(self._db, job_id)

    def finish_job(
        self, job_id: int, state: JobState, reason: str, at: datetime, not_before: datetime | None = None
    ) -> None:
        """Give a leased job back; pending again where there is no time left, or its campaign was stopped, is cancelled.
        `human` makes the task for a person (key `job:N`, owner: the account's agent), unless the account has an open
        one. Raises StorageError where this process does not have the job."""
        with self._db.write():
            row = leases.leased(self._db, job_id, self._store.owner.id)
            leases.finish(self._db, job_id, self._store.owner.id, state, reason, at, not_before)
            if state is JobState.HUMAN:
                self._take_over(campaigns.to_job(row), reason, at)

    def _take_over(self, job: Job, reason: str, at: datetime) -> None:
        open_task = "SELECT 1 AS found FROM tasks WHERE account_id = ? AND kind = 'takeover' AND state <> 'closed'"
        if self._db.row(open_task, job.plan.account_id) is None:
            people.add(
                *(self._db, "takeover", reason, f"job:{job.id}", at, job.plan.account_id),
                *(job.attempt_id, job.plan.assignee_id, None),
            )

    def start_try(self, job_id: int, attempt_id: int) -> None:
        """Count a try. `SqliteStore.open_attempt` with `AttemptStart.job_id` has done it already, in the transaction
        that opens the attempt; then this changes nothing."""
        with self._db.write():
            leases.start_try(self._db, job_id, attempt_id)

    def release_leases(self, at: datetime, settle: Settle) -> int:
        """See CampaignStore; returns how many jobs were freed."""
        owner = self._store.owner
        with self._db.write():
            human, freed = leases.release(self._db, owner.id, owner.lives, at, settle)
            for job in human:
                if job.plan.method is Method.PHONE:
                    self._take_over(job, leases.UNKNOWN, at)
                else:  # no takeover: the account's calls go on
                    account, reason = job.plan.account_id, "a message may have left"
                    people.add(self._db, "review", reason, f"job:{job.id}", at, account, None, None, None)
        if freed:
            log.warning("%d job(s) of processes that are gone: %d may have rung, people have them", freed, len(human))
        return freed

    # --- the gate

    def gate_facts(self, account_id: str, purpose: str, at: datetime) -> GateFacts:
        """See CampaignStore."""
        return gate.facts(self._db, account_id, purpose, at, self._store.number_hash)

    def keep_rules(self, profile: str, version: str, text: str) -> None:
        """See CampaignStore."""
        with self._db.write():
            gate.keep_rules(self._db, profile, version, text)

    def kept_rules(self) -> tuple[tuple[str, str, str], ...]:
        """See CampaignStore."""
        return gate.kept_rules(self._db)

    def answered(self, campaign_id: str, since: datetime, within_s: float) -> Answered:
        """See CampaignStore."""
        return answered(self._db, campaign_id, since, within_s)

    def add_decision(self, job_id: int | None, decision: GateDecision, facts: GateFacts) -> int:
        """Store a decision with its inputs; returns its id."""
        with self._db.write():
            return gate.add_decision(self._db, job_id, decision, facts)

    def link_decision(self, decision_id: int, attempt_id: int) -> None:
        """See CampaignStore."""
        with self._db.write():
            self._db.run("UPDATE gate_decisions SET attempt_id = ? WHERE id = ?", attempt_id, decision_id)

    def decisions(self, since: datetime, limit: int = 1000) -> tuple[tuple[int, GateDecision, GateFacts], ...]:
        """The oldest first."""
        return gate.decisions(self._db, since, limit)

    def add_no_call_window(
        self, customer_id: str, window: NoCallWindow, at: datetime, attempt_id: int | None = None
    ) -> None:
        """When a customer does not want to be called, as said in a call or by hand. Raises CampaignError for a weekday
        that there is not."""
        with self._db.write():
            gate.add_window(self._db, customer_id, window, at, attempt_id)

    # --- payments

    def apply_payments(self, at: datetime) -> PaymentEffects:
        """See CampaignStore. Looks only at what was imported since the last time: every few seconds is fine."""
        return PaymentEffects(*payments.apply(self._db, at, self._promises))

    # --- messages

    def email(self, customer_id: str) -> str | None:
        """The customer's address; None where there is none."""
        row = self._db.row("SELECT email FROM customers WHERE id = ?", customer_id)
        return row["email"] if row else None

    def open_message(self, job_id: int, method: Method, address: str, text: str) -> int:
        """See CampaignStore. Raises StorageError where this process does not have the job: nothing is sent then."""
        with self._db.write():
            leases.leased(self._db, job_id, self._store.owner.id)
            # The hash is of numbers: of what stands before an @, where there is one.
            address_hash = self._store.number_hash(address.replace("@", " at "))
            return campaigns.open_message(self._db, job_id, method, address_hash, text)

    def close_message(self, message_id: int, sent: bool, answer: str, at: datetime) -> None:
        """See CampaignStore."""
        with self._db.write():
            campaigns.close_message(self._db, message_id, sent, answer, at)

    # --- people

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
        """See CampaignStore. Without an owner: the account's agent, where one is in service."""
        with self._db.write():
            return people.add(self._db, kind, reason, key, at, account_id, attempt_id, owner_id, due_at)

    def tasks(self, owner_id: str | None = None, *, open_only: bool = True, limit: int = 1000) -> tuple[TaskRow, ...]:
        """The most urgent first."""
        return people.tasks(self._db, owner_id, open_only, limit)

    def close_task(self, task_id: int, state: str, reason: str) -> None:
        """Acknowledge ("ack") or close a task: automation of a disputed case goes on once its task is closed. Raises
        CampaignError."""
        with self._db.write():
            people.close(self._db, task_id, state, reason)

    def agents(self) -> tuple[AgentLoad, ...]:
        """The bank's people with what each has open."""
        return people.agents(self._db)

    def team(self, supervisor_id: str) -> tuple[AgentLoad, ...]:
        """The supervisor and everybody below, whoever is in service. Raises CampaignError."""
        return people.team(self._db, supervisor_id)

    def assign(self, supervisor_id: str, at: datetime, kinds: Sequence[str] = ()) -> Given:
        """Give out what nobody has, to who has the fewest open. Raises CampaignError."""
        with self._db.write():
            return people.assign(self._db, supervisor_id, kinds, at)

    def transfer(self, source: str, target: str, at: datetime) -> Given:
        """Move all that one person has open to another. Raises CampaignError."""
        with self._db.write():
            return people.transfer(self._db, source, target, at)


def campaign_store(store: SqliteStore, settings: CampaignSettings | None = None) -> SqliteCampaignStore:
    """The campaigns of an open store. `settings`: when a promise counts as kept (None: as the settings have it when
    nothing is written)."""
    settings = settings or CampaignSettings()
    rule = PromiseRule(Decimal(str(settings.promise_share)), settings.promise_days)
    return SqliteCampaignStore(store, rule)
