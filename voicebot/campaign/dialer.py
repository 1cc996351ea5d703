"""The dialer: takes due jobs as lines are free, works on them, and sees within a second what people decide.

All that it knows is in the database: killed at any moment, the next start frees what it held and calls nobody twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from time import monotonic

from voicebot.call.workers import run
from voicebot.campaign.breaker import Breaker
from voicebot.campaign.dialer_job import Desk, Done, work
from voicebot.campaign.dialer_state import DialerState
from voicebot.campaign.pacing import Caps, InUse, room
from voicebot.campaign.retry import Ending
from voicebot.errors import VoicebotError
from voicebot.model.campaign import CampaignRow, CampaignState, Job, JobState, Method
from voicebot.settings import CampaignSettings

logger = logging.getLogger(__name__)

#: Messages on their way at a time.
MESSAGES = 4
_MESSAGES = (Method.EMAIL, Method.SMS)


class Dialer:
    """Runs campaigns until stopped. `busy`: lines of this process that are taken, by whatever call; `own_cap`: a
    campaign's own number of lines; `settle`: closes attempts of dead processes (Store.recover); `methods`: what can be
    done here; `report` is told what became of each job, `publish` where the dialer stands whenever that changes."""

    def __init__(
        self,
        desk: Desk,
        settings: CampaignSettings,
        lines: int,
        busy: Callable[[], int],
        *,
        own_cap: Callable[[CampaignRow], int | None] = lambda _: None,
        settle: Callable[[], object] = lambda: None,
        methods: frozenset[Method] = frozenset(Method),
        report: Callable[[Done], None] = lambda _: None,
        publish: Callable[[DialerState], None] = lambda _: None,
    ) -> None:
        self._desk, self._settings, self._busy = replace(desk, dial=self._dial), settings, busy
        self._call = desk.dial
        self._own_cap, self._settle, self._methods = own_cap, settle, methods
        self._report, self._publish = report, publish
        self._state: DialerState | None = None
        together = settings.max_lines or None
        self._caps = Caps(lines, settings.reserve_lines, together, settings.max_lines_each or None)
        self.breaker = Breaker(settings.breaker_failures, settings.breaker_s)
        self._tasks: dict[asyncio.Task[None], Job] = {}
        #: Calls of ours among those that `busy` counts.
        self._talking = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._housekeeping_at = 0.0

    def wake(self) -> None:
        """Look again now: jobs or campaigns have changed."""
        self._wake.set()

    def _tell(self) -> None:
        own = dict(Counter(job.plan.campaign_id for job in self._tasks.values()))
        state = DialerState(self._caps.lines, self._busy(), self.breaker.state(monotonic()).value, own)
        if state != self._state:
            self._state = state
            self._publish(state)

    def stop(self) -> None:
        """Take no more jobs; those that run may end."""
        self._stopping = True
        self._wake.set()

    @property
    def running(self) -> int:
        """Jobs that are worked on now."""
        return len(self._tasks)

    async def run(self, only: frozenset[str] | None = None, *, until_done: bool = False) -> None:
        """Work until `stop`. `only`: these campaigns (None: all that run); `until_done`: or until none of them has a
        job left. Running calls are waited for (`drain` ends them)."""
        while not self._stopping:
            self._wake.clear()
            try:
                if not await self._step(only) and until_done:
                    break
            except VoicebotError as error:  # a full disk, a locked database: nobody is called, and it may pass
                logger.error("campaigns wait: %s", error.code)
            except Exception as error:  # noqa: BLE001 - inbound calls and the calls that run must not end by it
                logger.critical("campaigns wait: %s", type(error).__name__)
            self._tell()
            await self._pause()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def drain(self, longest_s: float) -> None:
        """Take no more jobs; after `longest_s` the calls that still run are ended politely and their jobs settled."""
        self.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=longest_s)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._settings.look_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _step(self, only: frozenset[str] | None) -> bool:
        """Start what can be started; False where nothing is left to do."""
        await self._housekeep()
        store, pool = self._desk.store, self._desk.pool
        campaigns = [row for row in await run(pool, store.campaigns) if only is None or row.id in only]
        rows = {row.id: row for row in campaigns if row.state is CampaignState.RUNNING}
        if rows:
            await self._start_calls(rows)
            await self._start_messages(rows)
        paused = only is not None and any(row.state is CampaignState.PAUSED for row in campaigns)
        if self._tasks or paused:
            return True
        return await run(pool, self._any_left, list(rows))

    def _any_left(self, campaign_ids: list[str]) -> bool:
        """Jobs that this process can do, now or later."""
        if self._desk.store.next_due(tuple(self._methods)) is None:
            return False
        standings = (self._desk.store.standing(campaign_id).jobs for campaign_id in campaign_ids)
        return any(jobs.get(JobState.PENDING, 0) for jobs in standings)

    async def _housekeep(self) -> None:
        """Now and then: payments cancel what is pending, and the jobs of processes that died are freed."""
        if monotonic() < self._housekeeping_at:
            return
        self._housekeeping_at = monotonic() + self._settings.housekeeping_s
        store, now = self._desk.store, self._desk.clock()

        def keep() -> None:
            self._settle()
            store.release_leases(now, self._desk.policy)
            effects = store.apply_payments(now)
            if effects.cancelled:
                logger.info("payments cancelled %d job(s)", effects.cancelled)

        await run(self._desk.pool, keep)

    def _in_use(self) -> InUse:
        own = Counter(job.plan.campaign_id for job in self._tasks.values() if job.plan.method is Method.PHONE)
        return InUse(max(0, self._busy() - self._talking), own)

    async def _dial(
        self,
        account_id: str,
        flow: str,
        *,
        campaign_id: str | None = None,
        job_id: int | None = None,
        by_person: bool = False,
    ) -> None:
        self._talking += 1
        try:
            await self._call(account_id, flow, campaign_id=campaign_id, job_id=job_id, by_person=by_person)
        finally:
            self._talking -= 1

    async def _start_calls(self, rows: dict[str, CampaignRow]) -> None:
        if Method.PHONE not in self._methods:
            return
        own = {name: cap for name, row in rows.items() if (cap := self._own_cap(row)) is not None}
        caps = Caps(self._caps.lines, self._caps.reserve, self._caps.together, self._caps.each, own)
        free = room(caps, self._in_use(), set(rows))
        probe = self.breaker.allows(monotonic())
        limit = free.together if probe is None else min(free.together, probe)
        await self._take(limit, (Method.PHONE,), {name: min(limit, n) for name, n in free.each.items()})

    async def _start_messages(self, rows: dict[str, CampaignRow]) -> None:
        methods = tuple(method for method in _MESSAGES if method in self._methods)
        out = sum(job.plan.method in _MESSAGES for job in self._tasks.values())
        if methods:
            await self._take(MESSAGES - out, methods, dict.fromkeys(rows, MESSAGES - out))

    async def _take(self, limit: int, methods: tuple[Method, ...], each: dict[str, int]) -> None:
        """Lease at most `limit` jobs and start on them."""
        if limit <= 0 or self._stopping:
            return
        store, now = self._desk.store, self._desk.clock()

        def lease() -> tuple[Job, ...]:
            due = store.next_due(methods)
            return store.lease(limit, now, methods, each) if due is not None and due <= now else ()

        for job in await run(self._desk.pool, lease):
            task = asyncio.create_task(self._work(job))
            self._tasks[task] = job
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            code = error.code if isinstance(error, VoicebotError) else type(error).__name__
            logger.error("a job was left as it was: %s", code)

    async def _work(self, job: Job) -> None:
        calls = job.plan.method is Method.PHONE
        if calls:
            self.breaker = self.breaker.started(monotonic())
        ended: Ending | None = None
        try:
            done = await work(self._desk, job)
            ended = done.ending
            self._report(done)
        finally:
            if calls:
                self._note(ended)

    def _note(self, what: Ending | None) -> None:
        """What a call says about the trunk."""
        before = self.breaker.state(monotonic())
        if what is None or what is Ending.CUT_SHORT:
            self.breaker = self.breaker.given_up()
        elif what is Ending.FAILED:
            self.breaker = self.breaker.failed(monotonic())
        else:
            self.breaker = self.breaker.worked()
        after = self.breaker.state(monotonic())
        if after is not before:
            until = timedelta(
                seconds=round(max(0.0, self.breaker.until() - monotonic())) if self.breaker.opened_at else 0
            )
            logger.warning("the trunk's breaker is %s (next try in %s)", after.value, until)
