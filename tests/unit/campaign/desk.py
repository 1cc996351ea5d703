"""A bank for the tests of dialer and messages: a real database, and calls that only their outcomes are known of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storage.campaign import SqliteCampaignStore, campaign_store
from storage.db import SqliteStore, open_store
from storage.portfolio import import_portfolio
from storage.portfolio_example import write_example
from tests.support.live_campaign import job, running
from voicebot.campaign.dialer_job import Desk
from voicebot.campaign.retry import Policy, RetryRules
from voicebot.model.campaign import CampaignKind, Job
from voicebot.model.outcome import Disposition, Outcome
from voicebot.model.records import AttemptProgress, AttemptStart


@dataclass(slots=True)
class Calls:
    """Stands for the supervisor: each call has a row and an outcome. `outcomes`: of an account's calls, one after the
    other, an exception is raised; `last_s`: how long a call lasts."""

    store: SqliteStore
    outcomes: dict[str, list[Outcome | Exception]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    last_s: float = 0.0
    live: int = 0
    most: int = 0
    #: Called when the attempt's row is there and the call begins.
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def dial(
        self,
        account_id: str,
        flow: str,
        *,
        campaign_id: str | None = None,
        job_id: int | None = None,
        by_person: bool = False,
    ) -> None:
        """As Supervisor.dial."""
        wanted = self.outcomes.get(account_id) or [Outcome(Disposition.BUSY)]
        outcome = wanted.pop(0) if len(wanted) > 1 else wanted[0]
        if isinstance(outcome, Exception):
            raise outcome
        self.made.append(account_id)
        now = datetime.now(UTC).isoformat()
        start = AttemptStart(account_id, None, flow, "v", "outbound", "h", "baresip", now, campaign_id, job_id=job_id)
        attempt = self.store.open_attempt(start)
        self.live += 1
        self.most = max(self.most, self.live)
        self.began.set()
        try:
            await asyncio.sleep(self.last_s)
        except asyncio.CancelledError:
            outcome = Outcome(Disposition.TECHNICAL_FAILURE, error="interrupted")
            raise
        finally:
            self.live -= 1
            if status := self.statuses.get(account_id):
                self.store.progress(attempt, AttemptProgress(sip_status=status))
            self.store.close_attempt(attempt, outcome)


@dataclass(slots=True)
class Bank:
    """All of it. `now`: what the desk's clock says (None: the time it is)."""

    store: SqliteStore
    campaigns: SqliteCampaignStore
    calls: Calls
    pool: ThreadPoolExecutor
    now: datetime | None = None

    def clock(self) -> datetime:
        """The desk's."""
        return self.now or datetime.now(UTC)

    def desk(self, **more: object) -> Desk:
        """With these rules of retries."""
        return Desk(self.campaigns, self.pool, self.calls.dial, Policy(RetryRules()), clock=self.clock, **more)  # type: ignore[arg-type]

    def leased(self, account: str = "A-1001", **more: object) -> Job:
        """A job of this account, leased."""
        self.campaigns.add_jobs([job(account, **more)], self.clock())
        (found,) = [row for row in self.campaigns.lease(10, self.clock()) if row.plan.account_id == account]
        return found

    def job(self, account: str = "A-1001") -> Job:
        """As it is now."""
        (found,) = [row for row in self.campaigns.jobs() if row.plan.account_id == account]
        return found


@contextmanager
def open_bank(folder: Path, kind: CampaignKind = CampaignKind.FOLLOW_UP) -> Iterator[Bank]:
    """With the example portfolio, and a campaign that runs."""
    with open_store(folder / "bank.db") as store, ThreadPoolExecutor(1) as pool:
        assert not import_portfolio(store.db, *write_example(folder / "p", today=datetime.now(UTC).date())).problems
        campaigns = campaign_store(store)
        running(campaigns, kind=kind)
        yield Bank(store, campaigns, Calls(store), pool)


HOUR = timedelta(hours=1)
