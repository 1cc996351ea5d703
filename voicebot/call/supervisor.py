"""Which calls run: admission (the cap), inbound and outbound, drain. The only place that starts a call's task."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from voicebot.call.attempt import AttemptResult, run_inbound, run_outbound
from voicebot.call.kit import Kit
from voicebot.errors import AdmissionError, StorageError
from voicebot.model.ports import CallLeg, Signaling

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Supervisor:
    """Owns all calls of a process."""

    def __init__(self, kit: Kit, signaling: Signaling, inbound_flow: str = "inbound") -> None:
        self._kit = kit
        self._signaling = signaling
        self._inbound_flow = inbound_flow
        self._calls: set[asyncio.Task[Any]] = set()
        self._refusals: set[asyncio.Task[None]] = set()
        self._draining = False
        #: Inbound calls refused since the start: over the cap, or draining. They got 503, and when to call again.
        self.refused = 0
        signaling.on_incoming(self._incoming)

    @property
    def live(self) -> int:
        """Calls that run now."""
        return len(self._calls)

    async def dial(
        self,
        account_id: str,
        flow: str,
        *,
        campaign_id: str | None = None,
        job_id: int | None = None,
        by_person: bool = False,
    ) -> AttemptResult:
        """Call one customer, for a campaign's job where one is given; returns when the attempt has its outcome. Raises
        AdmissionError over the cap (it says when to try again), DialForbidden where a rule of calling says no,
        StorageError where the attempt cannot be recorded (nobody is called then). `by_person`: see run_outbound."""
        self._admit()
        call = run_outbound(
            *(self._kit, self._signaling, account_id, flow), campaign_id=campaign_id, job_id=job_id, by_person=by_person
        )
        return await self._start(call)

    def _admit(self) -> None:
        telephony = self._kit.settings.telephony
        again_s = telephony.retry_after_s
        if self._draining:
            raise AdmissionError("the server is draining: no new calls", retry_after_s=again_s)
        if self.live >= telephony.max_calls:
            hint = "or raise telephony.max_calls"
            raise AdmissionError(f"all {self.live} lines are busy", hint=hint, retry_after_s=again_s)

    def _start(self, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return task

    def _incoming(self, leg: CallLeg) -> None:
        try:
            self._admit()
        except AdmissionError as error:
            self.refused += 1
            logger.warning("an inbound call was refused: %s", error.code, extra={"refused": self.refused})
            task = asyncio.create_task(leg.reject(503))
            self._refusals.add(task)
            task.add_done_callback(self._refusals.discard)
            return
        self._start(self._take(leg))

    async def _take(self, leg: CallLeg) -> AttemptResult | None:
        """Serve a caller; busy where the call cannot be recorded (the customer is being called right now)."""
        try:
            return await run_inbound(self._kit, self._signaling, leg, self._inbound_flow)
        except StorageError as error:
            logger.warning("an inbound call was refused: %s", error.code)
            await leg.reject(486)
            return None

    async def drain(self, longest_s: float) -> None:
        """Take no more calls, let the running ones end by themselves; after `longest_s` they are ended politely."""
        self._draining = True
        if self._calls:
            await asyncio.wait(self._calls, timeout=longest_s)
        for task in list(self._calls):
            task.cancel()
        ending = self._calls | self._refusals
        if ending:
            await asyncio.wait(ending)
