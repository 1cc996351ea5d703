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
from voicebot.model.campaign import CampaignRow, CampaignState, Job, JobState, LinesTaken, Method, Room, TrunkTries
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
        self._desk, self._settings, self._busy = replace(desk, dial=self._dial, note=self._note), settings, busy
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

    def _now(self) -> float:
        return self._desk.clock().timestamp()

    def wake(self) -> None:
        """Look again now: jobs or campaigns have changed."""
        self._wake.set()

    def _tell(self) -> None:
        own = dict(Counter(job.plan.campaign_id for job in self._tasks.values()))
        state = DialerState(self._caps.lines, self._busy(), self.breaker.state(self._now()).value, own)
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
            self.breaker = self.breaker.knowing(store.trunk_tries(), now.timestamp())
            effects = store.apply_payments(now)
            if effects.cancelled:
                logger.info("payments cancelled %d job(s)", effects.cancelled)

        await run(self._desk.pool, keep)

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
        ours = max(0, self._busy() - self._talking)
        if Method.PHONE not in self._methods or ours + len(self._tasks) - self._messages() >= self._caps.lines:
            return
        own = {name: cap for name, row in rows.items() if (cap := self._own_cap(row)) is not None}
        caps, now = replace(self._caps, own=own), self._desk.clock()

        def pace(taken: LinesTaken) -> Room:
            self.breaker = self.breaker.knowing(taken.trunk, now.timestamp())
            free = room(caps, InUse(ours + taken.others, taken.campaigns), set(rows))
            probe = self.breaker.allows(now.timestamp())
            limit = free.together if probe is None else min(free.together, probe)
            return Room(limit, {name: min(limit, n) for name, n in free.each.items()}, probe is not None)

        await self._take((Method.PHONE,), lambda: self._desk.store.lease_calls(now, pace))

    def _messages(self) -> int:
        return sum(job.plan.method in _MESSAGES for job in self._tasks.values())

    async def _start_messages(self, rows: dict[str, CampaignRow]) -> None:
        methods = tuple(method for method in _MESSAGES if method in self._methods)
        limit, now = MESSAGES - self._messages(), self._desk.clock()
        if methods and limit > 0:
            await self._take(methods, lambda: self._desk.store.lease(limit, now, methods, dict.fromkeys(rows, limit)))

    async def _take(self, methods: tuple[Method, ...], lease: Callable[[], tuple[Job, ...]]) -> None:
        """Lease jobs where any is due, and start on them."""
        if self._stopping:
            return

        def due() -> tuple[Job, ...]:
            first = self._desk.store.next_due(methods)
            return lease() if first is not None and first <= self._desk.clock() else ()

        for job in await run(self._desk.pool, due):
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
        self._report(await work(self._desk, job))

    def _note(self, what: Ending) -> None:
        """What a call says about the trunk; stored, so that no process and no next start dials into a dead one."""
        if what is Ending.CUT_SHORT:
            return
        now = self._now()

        def change(tries: TrunkTries) -> TrunkTries:
            known = self.breaker.knowing(tries, now)
            return (known.failed(now) if what is Ending.FAILED else known.worked()).tries()

        try:
            before = self.breaker.knowing(self._desk.store.note_trunk(change), now)
        except VoicebotError as error:  # the job is settled all the same
            logger.error("the breaker could not be stored: %s", error.code)
            return
        self.breaker = before.failed(now) if what is Ending.FAILED else before.worked()
        if (after := self.breaker.state(now)) is not before.state(now):
            until = timedelta(seconds=round(max(0.0, self.breaker.until() - now)) if self.breaker.opened_at else 0)
            logger.warning("the trunk's breaker is %s (next try in %s)", after.value, until)
