"""Emails and SMS of campaigns: the gate, the words, the row before it leaves, and what the server said.

A crash between sending and storing the answer leaves the row `sending`: a person looks, it is never sent again by
itself.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from voicebot.call.workers import run
from voicebot.campaign.dialer_job import refused
from voicebot.campaign.notify_texts import Texts, Words
from voicebot.errors import MessageError, PromptError
from voicebot.model.campaign import GateDecision, Job, JobState, Method, Settled
from voicebot.model.portfolio import Account
from voicebot.model.ports_campaign import CampaignStore, EmailSender, SmsSender

logger = logging.getLogger(__name__)

_FAILURE = re.compile(r"failure (\d+)\b")


@dataclass(frozen=True, slots=True)
class MessageRules:
    """Failures before anything left are tried again after `again`, at most `tries` times."""

    again: timedelta = timedelta(minutes=10)
    tries: int = 3


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the gate says about a message, and whether its text may name the loan."""

    decision: GateDecision
    detail: bool


@dataclass(frozen=True, slots=True)
class _Ready:
    """A message with its row: (row, address, words)."""

    row: int
    address: str
    words: Words


class Notifier:
    """Does the email and SMS jobs of a process. `ask`: the gate, which keeps its decision; `texts`: of a language."""

    def __init__(
        self,
        store: CampaignStore,
        pool: ThreadPoolExecutor,
        account: Callable[[str], Account],
        ask: Callable[[Job], Allowed],
        texts: Callable[[str], Texts],
        *,
        email: EmailSender | None,
        sms: SmsSender | None,
        rules: MessageRules = MessageRules(),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._pool, self._account, self._ask, self._texts = store, pool, account, ask, texts
        self._email, self._sms, self._rules, self._clock = email, sms, rules, clock

    @property
    def methods(self) -> frozenset[Method]:
        """What can be sent."""
        ways = {Method.EMAIL: self._email, Method.SMS: self._sms}
        return frozenset(method for method, way in ways.items() if way is not None)

    async def send(self, job: Job) -> Settled:
        """Ask, write, send; what comes next for the job."""
        ready = await run(self._pool, self._prepare, job)
        if not isinstance(ready, _Ready):
            return ready
        try:
            answer = await self._leave(job, ready)
        except MessageError as error:
            return await run(self._pool, self._failed, job, ready.row, error)
        await run(self._pool, self._store.close_message, ready.row, True, answer, self._clock())
        return JobState.DONE, "sent", None

    def _prepare(self, job: Job) -> _Ready | Settled:
        """Blocking. The row is committed when this returns."""
        allowed = self._ask(job)
        if not allowed.decision.allowed:
            return refused(job, allowed.decision.rule, allowed.decision.retry_at)
        plan, account = job.plan, self._account(job.plan.account_id)
        address = account.customer.number if plan.method is Method.SMS else self._store.email(plan.customer_id)
        if not address:
            return JobState.FAILED, f"no {plan.method.value} address", None
        today = self._clock().astimezone(ZoneInfo(account.customer.timezone)).date()
        try:
            words = self._texts(account.customer.language).write(
                plan.flow, plan.method, account, today, detail=allowed.detail
            )
        except PromptError:
            logger.error("a message cannot be written: %s of %s", plan.method.value, plan.flow)
            return JobState.FAILED, "its text cannot be written", None
        return _Ready(self._store.open_message(job.id, plan.method, address, words.text), address, words)

    async def _leave(self, job: Job, ready: _Ready) -> str:
        message_id = f"{job.plan.campaign_id}.{job.id}"
        if job.plan.method is Method.SMS and self._sms is not None:
            return await self._sms.send(ready.address, ready.words.text, message_id)
        if job.plan.method is Method.EMAIL and self._email is not None:
            return await self._email.send(ready.address, ready.words.subject, ready.words.text, message_id)
        raise MessageError(f"{job.plan.method.value} cannot be sent here", hint="docs/campaigns.md, Messages")

    def _failed(self, job: Job, row: int, error: MessageError) -> Settled:
        now = self._clock()
        logger.warning("a message did not leave: %s", error.message, extra={"job": job.id})
        if error.unknown:  # the row stays `sending`
            self._store.add_task(
                "review", "a message may have left", f"message:{row}", now, account_id=job.plan.account_id
            )
            return JobState.FAILED, "unknown", None
        self._store.close_message(row, False, error.message, now)
        before = _FAILURE.match(job.state_reason or "")
        count = int(before[1]) + 1 if before else 1
        if not error.again or count >= self._rules.tries:
            return JobState.FAILED, f"failure {count}", None
        return JobState.PENDING, f"failure {count}", now + self._rules.again * 2 ** (count - 1)
