"""One attempt from its row in the database to its one outcome: dial (or take) a call, talk, store what came of it.

The row is committed before the INVITE leaves. Whatever happens after that, the attempt gets exactly one disposition:
here, or after a crash from `Store.recover` at the next start.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from voicebot.call.journal import Journal
from voicebot.call.kit import Kit
from voicebot.call.prompter import Prompter
from voicebot.call.recording import may_record
from voicebot.call.talk import Scene, talk
from voicebot.call.workers import run
from voicebot.errors import (
    CallEnded,
    CallNotAnswered,
    CallRefused,
    StorageError,
    TrunkError,
    VoicebotError,
)
from voicebot.model.outcome import AnsweredBy, Disposition, Outcome
from voicebot.model.portfolio import Account
from voicebot.model.ports import CallLeg, MediaStats, Signaling
from voicebot.model.records import AttemptProgress, AttemptStart
from voicebot.model.sip_status import network_result, q850_cause
from voicebot.model.trunk import CarriedLeg

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The attempt and what it left."""

    attempt_id: int
    outcome: Outcome


async def run_outbound(
    kit: Kit,
    signaling: Signaling,
    account_id: str,
    flow: str,
    *,
    campaign_id: str | None = None,
    job_id: int | None = None,
    by_person: bool = False,
) -> AttemptResult:
    """Dial an account's customer and run a flow; `job_id`: the job of a campaign this is a try of; `by_person`:
    somebody of the bank wants it now. Raises DialForbidden where a rule of calling says no, CampaignError where there
    are none, StorageError where the attempt cannot be recorded: then nobody is called."""
    account = await run(kit.workers.storage, kit.store.account, account_id)
    attempt_id = await _open(kit, account, flow, "outbound", account.customer.number, campaign_id, job_id, by_person)
    return await _Attempt(kit, signaling, attempt_id, account, flow, "outbound").run(None)


async def run_inbound(kit: Kit, signaling: Signaling, leg: CallLeg, flow: str) -> AttemptResult:
    """Answer a caller and run a flow; who is calling is looked up by the number and proved in the flow."""
    number = _user_part(leg.remote)
    account = await run(kit.workers.storage, kit.store.account_by_number, number)
    attempt_id = await _open(kit, account, flow, "inbound", number)
    return await _Attempt(kit, signaling, attempt_id, account, flow, "inbound").run(leg)


async def _open(
    kit: Kit,
    account: Account | None,
    flow: str,
    direction: str,
    number: str,
    campaign_id: str | None = None,
    job_id: int | None = None,
    by_person: bool = False,
) -> int:
    now = datetime.now(UTC)
    zone = account.customer.timezone if account is not None else "UTC"
    row = AttemptStart(
        account_id=account.id if account is not None else None,
        customer_id=account.customer.id if account is not None else None,
        flow=flow,
        script_version=kit.script_version,
        direction=direction,
        number_hash=kit.store.number_hash(number),
        driver=kit.settings.telephony.driver,
        planned_at=now.isoformat(),
        campaign_id=campaign_id,
        local_time=now.astimezone(ZoneInfo(zone)).isoformat(),
        timezone=zone,
        job_id=job_id,
    )
    attempt_id = await run(kit.workers.storage, _opened, kit, row, by_person)
    kit.observer.attempt_started(attempt_id, row.account_id, flow, direction)
    return attempt_id


def _opened(kit: Kit, row: AttemptStart, by_person: bool) -> int:
    """The attempt's row; an outbound one only where the rules of calling allow it."""
    if row.direction == "inbound" or row.account_id is None:
        return kit.store.open_attempt(row)
    return kit.gate.admitted(
        row.account_id,
        row.flow,
        lambda: kit.store.open_attempt(row),
        campaign_id=row.campaign_id,
        job_id=row.job_id,
        by_person=by_person,
    )


class _Attempt:
    """Owns one attempt's progress and its end."""

    def __init__(
        self, kit: Kit, signaling: Signaling, attempt_id: int, account: Account | None, flow: str, direction: str
    ) -> None:
        self._kit = kit
        self._signaling = signaling
        self._id = attempt_id
        self._account = account
        self._flow = flow
        self._direction = direction
        self._journal = Journal(kit.workers.storage)
        self._answered_at: datetime | None = None
        self._records = False

    async def run(self, leg: CallLeg | None) -> AttemptResult:
        """Connect, talk, close. Cancelled from outside (Ctrl-C), it still hangs up and writes its outcome."""
        outcome = Outcome(Disposition.TECHNICAL_FAILURE, error="interrupted")
        try:
            self._records = await may_record(self._kit, self._account)
            if leg is None:
                assert self._account is not None
                prompter = Prompter(self._kit, self._account, self._today(), "outbound", recording=self._records)
                await prompter.warm()
                leg = await self._signaling.dial(self._account.customer.number)
            self._note(sip_call_id=leg.call_id)
            outcome = await self._connect_and_talk(leg)
        except TrunkError as error:
            logger.warning("attempt failed: no trunk took the call", extra={"attempt": self._id})
            self._note(sip_status=error.status, sip_reason=error.message, trunk=_trunk(leg))
            outcome = Outcome(Disposition.FAILED, error=error.code)
        except VoicebotError as error:
            logger.warning("attempt failed: %s", error.code, extra={"attempt": self._id})
            outcome = Outcome(Disposition.TECHNICAL_FAILURE, error=error.code)
        except Exception as error:  # noqa: BLE001 - whatever it is, the attempt gets its outcome and the next call runs
            # The type and the place only: a message may hold what a customer said.
            where = traceback.extract_tb(error.__traceback__)[-1]
            logger.critical("attempt failed: %s at %s:%d", type(error).__name__, where.filename, where.lineno or 0)
            outcome = Outcome(Disposition.TECHNICAL_FAILURE, error="bug")
        finally:
            await asyncio.shield(self._close(leg, outcome))
        return AttemptResult(self._id, outcome)

    async def _connect_and_talk(self, leg: CallLeg) -> Outcome:
        try:
            if self._direction == "outbound":
                await leg.wait_answered(self._kit.settings.telephony.ring_timeout_s)
            else:
                await leg.answer()
        except CallRefused as error:
            cause = q850_cause(error.reason)
            self._note(sip_status=error.status, sip_reason=error.reason, sip_cause=cause)
            self._note(sip_call_id=leg.call_id, trunk=_trunk(leg))
            return _not_answered(error.status, cause)
        except CallNotAnswered:
            self._note(sip_status=487, sip_reason="cancelled by us: not answered in time", trunk=_trunk(leg))
            return Outcome(Disposition.NO_ANSWER)
        except CallEnded:
            return Outcome(Disposition.HUNG_UP, hung_up_by="caller")
        self._answered_at = datetime.now(UTC)
        recording = self._recording()
        self._note(
            sip_call_id=leg.call_id,
            trunk=_trunk(leg),
            sip_status=200,
            sip_reason="OK",
            answered_at=self._answered_at.isoformat(),
            answered_by=AnsweredBy.UNKNOWN,
            recording=recording,
        )
        scene = Scene(self._id, self._account, self._flow, self._direction, recording)
        return await talk(self._kit, self._journal, self._signaling, leg, scene)

    def _today(self) -> date:
        zone = self._account.customer.timezone if self._account is not None else "UTC"
        return datetime.now(ZoneInfo(zone)).date()

    def _recording(self) -> str | None:
        if not self._records or self._answered_at is None:
            return None
        return f"{self._answered_at:%Y-%m-%d}/attempt-{self._id}.wav"

    def _note(self, **facts: object) -> None:
        self._journal.post(self._kit.store.progress, self._id, replace(AttemptProgress(), **facts))  # type: ignore[arg-type]

    async def _close(self, leg: CallLeg | None, outcome: Outcome) -> None:
        ended = datetime.now(UTC)
        if leg is not None:
            await leg.hang_up()
        stats = leg.stats() if leg is not None else MediaStats()
        talk_s = (ended - self._answered_at).total_seconds() if self._answered_at is not None else None
        self._note(ended_at=ended.isoformat(), talk_s=talk_s, media=_media(stats) if self._answered_at else None)
        await self._journal.flush()
        try:
            await run(self._kit.workers.storage, self._kit.store.close_attempt, self._id, outcome)
        except StorageError as error:
            # It stays open and is settled at the next start.
            logger.critical("the outcome could not be stored: %s", error.code, extra={"attempt": self._id})
        self._kit.observer.attempt_ended(self._id, outcome)


def _not_answered(status: int | None, cause: int | None) -> Outcome:
    disposition = network_result(status, cause).disposition
    by = "caller" if disposition is Disposition.HUNG_UP else None
    return Outcome(disposition, hung_up_by=by, error=None if status else "network")


def _trunk(leg: CallLeg | None) -> str | None:
    return leg.trunk if isinstance(leg, CarriedLeg) else None


def _media(stats: MediaStats) -> dict[str, float]:
    return {
        "tx_packets": stats.tx_packets,
        "rx_packets": stats.rx_packets,
        "rx_lost": stats.rx_lost,
        "tx_lost": stats.tx_lost,
        "rx_jitter_ms": stats.rx_jitter_ms,
        "rtt_ms": stats.rtt_ms,
        "mos": stats.mos,
    }


def _user_part(uri: str) -> str:
    """ "sip:15550101001@127.0.0.1:5070;x=y" -> "15550101001"."""
    return uri.removeprefix("sips:").removeprefix("sip:").partition("@")[0]
