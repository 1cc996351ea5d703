"""A call we place: by the first trunk that takes it. One leg, one attempt; the customer is rung once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from time import monotonic

import baresip
from baresip.errors import split_status

from voicebot.errors import CallNotAnswered, CallRefused, TrunkError
from voicebot.model.ports import LegEnd
from voicebot.model.sip_status import q850_cause
from voicebot.signaling.baresip_abandoned import REACHED, Abandoned
from voicebot.signaling.baresip_answers import Answers
from voicebot.signaling.baresip_leg import BaresipLeg
from voicebot.signaling.baresip_trunk import Placed, Trunk
from voicebot.signaling.trunk_rules import MOST_REDIRECTIONS, may_try_another, redirected_to

logger = logging.getLogger(__name__)

#: A call that is hung up waits so long after its INVITE for a first answer: before that nothing can be cancelled.
_FIRST_ANSWER_S = 2.0


class Route:
    """The trunks one call may go by."""

    def __init__(self, number: str, trunks: Sequence[Trunk], answers: Answers) -> None:
        self.number = number
        self.answers = answers
        self._trunks = list(trunks)
        self._place = -1
        self._redirections = 0

    @property
    def trunk(self) -> Trunk:
        """The one that has the call now."""
        return self._trunks[self._place]

    @property
    def several(self) -> bool:
        """More than one trunk was tried."""
        return self._place > 0

    @property
    def more(self) -> bool:
        """Another trunk is left. Not after a redirection: the number it led to is the first trunk's."""
        return self._redirections == 0 and self._place + 1 < len(self._trunks)

    async def next(self) -> Placed:
        """Send the INVITE by the next trunk that can send it. Raises TrunkError, baresip.DrainingError."""
        while self.more:
            self._place += 1
            try:
                return await self.trunk.place_call(self.number)
            except baresip.DrainingError:
                raise
            except baresip.BaresipError as error:
                self.trunk.silent()
                logger.warning("trunk %s: the call could not be sent (%s)", self.trunk.name, type(error).__name__)
        raise TrunkError(
            f"the call could not be sent to {self.trunk.settings.server}"
            if not self.several
            else f"none of {len(self._trunks)} trunks took the call",
            hint="is the trunk's server right, and can it be reached from here? docs/trunks.md",
        )

    async def again(self) -> Placed:
        """Send the same INVITE by the same trunk. Raises TrunkError, baresip.BaresipError."""
        return await self.trunk.place_call(self.number)

    def redirection(self, contact: str) -> str | None:
        """The number at the same trunk that a 3xx sends us to; None where it is not followed."""
        user = redirected_to(contact, self.trunk.hosts)
        if user is None or user == self.number or self._redirections >= MOST_REDIRECTIONS:
            logger.warning("trunk %s: a redirection was refused", self.trunk.name)
            return None
        return user

    async def redirected(self, user: str) -> Placed:
        """Send the INVITE to another number at the same trunk. Raises TrunkError, baresip.BaresipError."""
        self._redirections += 1
        self.number = user
        return await self.trunk.place_call(user)


class DialedLeg(BaresipLeg):
    """A `CallLeg` (voicebot.model.ports) whose call is replaced by another trunk's until somebody is reached."""

    def __init__(self, placed: Placed, route: Route) -> None:
        self._route = route
        self._contact = ""
        #: Which trunk answers for which Call-ID.
        self._carried: dict[str, Trunk] = {}
        super().__init__(placed.call, placed.uri, self._same_again)
        self._placed(placed)

    def _placed(self, placed: Placed) -> None:
        self._sent_at = monotonic()
        placed.tell(self._on_event)
        if placed.call.call_id:
            self._carried[str(placed.call.call_id)] = self._route.trunk

    @property
    def trunk(self) -> str:
        """See CarriedLeg."""
        return self._route.trunk.name

    async def _same_again(self) -> baresip.Call:
        """Once more by the same trunk (BaresipLeg says when)."""
        placed = await self._route.again()
        self._placed(placed)
        return placed.call

    def _on_event(self, event: baresip.StackEvent) -> None:
        if event.event in REACHED:
            self._rang = True
            self._route.trunk.answered()
        elif event.event is baresip.Event.CALL_REDIRECT:
            self._contact = (event.text or "").partition(",")[2]
        elif event.event is baresip.Event.CALL_CLOSED and not self._hanging_up and self._goes_on(event.text or ""):
            return
        super()._on_event(event)

    def _goes_on(self, text: str) -> bool:
        """Whether the call that closed with this status is not the leg's end."""
        status, reason = split_status(text)
        if status is not None and 300 <= status < 400:
            return self._route.redirection(self._contact) is not None
        return self._route.more and may_try_another(rang=self._rang, status=status, cause=q850_cause(reason))

    async def wait_answered(self, timeout_s: float) -> None:
        """See CallLeg; TrunkError where several trunks were tried and none took the call."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await self._answered(timeout_s):
                    continue
        except TimeoutError:
            await self.hang_up()
            if self._rang:
                raise CallNotAnswered(f"not answered within {timeout_s:g} s") from None
            if not self._any_answer():
                self._route.trunk.silent()
            raise self._nobody(None, f"silent for {timeout_s:g} s") from None

    async def _answered(self, timeout_s: float) -> bool:
        """True where the call in hand is answered; False where another one has taken its place. Raises CallRefused,
        CallNotAnswered, TrunkError."""
        waiting = asyncio.ensure_future(self._established(timeout_s))
        try:
            if self._route.more:
                await asyncio.wait({waiting}, timeout=self._route.trunk.settings.no_answer_s)
                await self._route.trunk.settled()
                if not waiting.done() and not self._any_answer():
                    await self._leave_silent_trunk()
                    return False
            await waiting
        except baresip.CallFailed as error:
            await self._failed(error)
            return False
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return True

    def _any_answer(self) -> bool:
        """Whether the trunk answered anything, 100 included."""
        return self._rang or self._route.answers.any_to(self.call_id or "")

    async def _leave_silent_trunk(self) -> None:
        self._call.off(self._on_event)
        Abandoned(self._call, self._route.answers)
        self._route.trunk.silent()
        await self._another(None, "silent")

    async def _failed(self, error: baresip.CallFailed) -> None:
        """Put another call in place. Raises where the failure is final."""
        if error.status is not None:
            self._route.trunk.answered()
            if error.status >= 400 and not self._hanging_up:
                self._route.trunk.refused()
            rest = self._route.answers.rest_asked(self.call_id or "")
            if rest is not None:
                self._route.trunk.overloaded(rest)
        elif not self._hanging_up and not self._rang:
            self._route.trunk.silent()
        if self._end is not None or self._hanging_up:
            raise self._nobody(error.status, error.reason)
        if error.status is not None and error.status < 400:
            user = self._route.redirection(self._contact)
            assert user is not None  # else the leg had ended
            try:
                self._take(await self._route.redirected(user))
            except (baresip.BaresipError, TrunkError):
                self._over("network", error.status, error.reason)
                raise CallRefused("the call was refused", status=error.status, reason=error.reason) from None
            return
        await self._another(error.status, error.reason)

    async def _another(self, status: int | None, reason: str) -> None:
        failed = self._route.trunk.name
        try:
            placed = await self._route.next()
        except (TrunkError, baresip.DrainingError):
            self._over("network", status, reason)
            raise self._nobody(status, reason) from None
        logger.warning("trunk %s did not take a call (%s): it goes by %s", failed, status or "no answer", self.trunk)
        self._take(placed)

    def _take(self, placed: Placed) -> None:
        self._call, self._uri = placed.call, placed.uri
        self._contact = ""
        self._placed(placed)

    def _nobody(self, status: int | None, reason: str) -> CallRefused | TrunkError:
        """What a final failure is: the customer's or the network's answer, or all trunks down."""
        if self._route.several and may_try_another(rang=self._rang, status=status, cause=q850_cause(reason)):
            error = TrunkError(f"no trunk took the call; the last one: {status or ''} {reason}".replace(":  ", ": "))
            error.status = status
            return error
        return CallRefused("the call was refused", status=status, reason=reason)

    def overloaded(self, call_id: str, retry_after_s: float) -> None:
        """Some INVITE was answered 503 with Retry-After; perhaps one of this leg."""
        if call_id in self._carried:
            self._carried[call_id].overloaded(retry_after_s)

    def _over(self, by: str, status: int | None, reason: str) -> None:
        if self._end is None:
            self._end = LegEnd(by=by, status=status, reason=reason)
            for callback in self._on_end:
                callback(self._end)

    async def hang_up(self) -> None:
        """See CallLeg. A call that had failed and was not replaced yet ends here."""
        if self._end is None and not self._hanging_up:
            self._hanging_up = True
            await self._first_answer()
        await super().hang_up()
        if self._call.state is baresip.CallState.CLOSED:
            self._over("bot", None, "")

    async def _first_answer(self) -> None:
        left = self._sent_at + _FIRST_ANSWER_S - monotonic()
        if left <= 0 or self._any_answer() or self._call.state is not baresip.CallState.OUTGOING:
            return
        call_id, heard = self.call_id or "", asyncio.Event()
        self._route.answers.when_any(call_id, heard.set)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await heard.wait()
        self._route.answers.forget(call_id)
