"""One job from its lease to its end: is it still wanted, what does the gate say, the call, and what comes next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from voicebot.call.workers import run
from voicebot.campaign.retry import Ending, Policy, ending
from voicebot.errors import AdmissionError, CampaignError, DialForbidden, VoicebotError
from voicebot.model.campaign import CampaignState, Job, JobState, Method, Settled
from voicebot.model.ports_campaign import CampaignStore

logger = logging.getLogger(__name__)

PAID = "paid"
#: Where the account cannot be called just now (it has an open attempt): again after this.
BUSY_HERE = timedelta(minutes=1)


class Dial(Protocol):
    """Supervisor.dial: asks the gate, and returns when the attempt has its outcome. Raises AdmissionError,
    DialForbidden, CampaignError, StorageError: nobody was called then."""

    def __call__(
        self,
        account_id: str,
        flow: str,
        *,
        campaign_id: str | None = None,
        job_id: int | None = None,
        by_person: bool = False,
    ) -> Awaitable[object]:
        """Call one customer."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What the work on a job needs. `pool`: the thread that the database is asked in; `send`: of email and SMS jobs,
    the gate asked first; `note`: is told in `pool` how a call ended, before its job is given back;
    `clock`: now, UTC."""

    store: CampaignStore
    pool: ThreadPoolExecutor
    dial: Dial
    policy: Policy
    send: Callable[[Job], Awaitable[Settled]] | None = None
    note: Callable[[Ending], None] = lambda _: None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a job this time. `ending` None: nobody was dialled."""

    job: Job
    state: JobState
    reason: str
    again: datetime | None
    ending: Ending | None = None


async def work(desk: Desk, job: Job, *, by_person: bool = False) -> Done:
    """Do a leased job and give it back. `by_person`: an agent wants it now, so neither a pause nor that the case is a
    person's keeps it back. Cancelled, it still gives the job back."""
    try:
        settled = await run(desk.pool, _not_wanted, desk, job, by_person)
        if settled is None:
            settled = await (_call(desk, job, by_person) if job.plan.method is Method.PHONE else _message(desk, job))
        return await run(desk.pool, _settle if settled is None else _finish, desk, job, settled)
    except asyncio.CancelledError:
        await asyncio.shield(run(desk.pool, _give_back, desk, job))
        raise


def _not_wanted(desk: Desk, job: Job, by_person: bool) -> Settled | None:
    """Right before the contact: why it is not made, for reasons that the gate does not know."""
    state = desk.store.campaign(job.plan.campaign_id).state
    if state is not CampaignState.RUNNING and not by_person:
        return JobState.PENDING, f"campaign {state.value}", None
    return None if desk.store.wanted(job.id) else (JobState.CANCELLED, PAID, None)


def refused(job: Job, rule: str, again: datetime | None) -> Settled:
    """The gate said no: later, or not at all."""
    last = job.plan.not_after
    if again is None or (last is not None and again > last):
        return JobState.CANCELLED, rule, None
    return JobState.PENDING, rule, again


async def _call(desk: Desk, job: Job, by_person: bool) -> Settled | None:
    """None: there was an attempt, and it has its outcome."""
    plan = job.plan
    try:
        await desk.dial(plan.account_id, plan.flow, campaign_id=plan.campaign_id, job_id=job.id, by_person=by_person)
    except AdmissionError as error:
        return JobState.PENDING, error.code, desk.clock() + timedelta(seconds=error.retry_after_s or 1)
    except DialForbidden as error:
        return refused(job, error.rule or error.code, error.retry_at)
    except VoicebotError as error:
        logger.warning("a job was put off: %s", error.code, extra={"job": job.id})
        return JobState.PENDING, error.code, desk.clock() + BUSY_HERE
    return None


async def _message(desk: Desk, job: Job) -> Settled:
    if desk.send is None:
        return JobState.PENDING, "no way to send it is set", desk.clock() + timedelta(hours=1)
    return await desk.send(job)


def _settle(desk: Desk, job: Job, _: Settled | None = None) -> Done:
    """What comes next, by the attempt's stored outcome: the same answer as after a crash."""
    now, tried = desk.clock(), desk.store.closed_try(job.id)
    state, reason, again = desk.policy(replace(job, tries=job.tries + 1), tried, now)
    desk.note(ending(tried))
    desk.store.finish_job(job.id, state, reason, now, again)
    return Done(job, state, reason, again, ending(tried))


def _finish(desk: Desk, job: Job, settled: Settled | None) -> Done:
    assert settled is not None
    state, reason, again = settled
    desk.store.finish_job(job.id, state, reason, desk.clock(), again)
    return Done(job, state, reason, again)


def _give_back(desk: Desk, job: Job) -> None:
    """We were stopped in the middle. Was there an attempt, its outcome is stored by now; was there none, nobody was
    called. (A message on its way is neither: its row says `sending`, and the next start asks a person.)"""
    mine = [row for row in desk.store.jobs(job.plan.campaign_id, JobState.LEASED) if row.id == job.id]
    if not mine or job.plan.method is not Method.PHONE:
        return
    if mine[0].tries == job.tries:
        _finish(desk, job, (JobState.PENDING, "stopped before it was done", None))
        return
    try:
        _settle(desk, job)
    except CampaignError:  # its attempt is open: the outcome could not be stored
        _finish(desk, job, (JobState.HUMAN, Ending.CUT_SHORT.value, None))
