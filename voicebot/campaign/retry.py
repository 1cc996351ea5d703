"""What comes next after an attempt: again (and when), done, a person, or never again (rules.md, section 3).

Pure: the outcome, the tries so far and the moment decide. The gate is asked again when a try falls due, so a moment
outside the call hours is moved there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from voicebot.model.campaign import ClosedTry, Job, JobState, Settled
from voicebot.model.outcome import AnsweredBy, Disposition
from voicebot.model.sip_status import Feedback, network_result
from voicebot.settings import CampaignSettings


class Ending(StrEnum):
    """What an attempt came to, for the choice of the next try."""

    REACHED = "reached"
    MACHINE = "machine"
    BUSY = "busy"
    NO_ANSWER = "no answer"
    REJECTED = "rejected"
    INVALID = "invalid number"
    FAILED = "failure"
    CALLBACK = "callback"
    REFUSED = "refused"
    THIRD_PARTY = "third party"
    NEVER = "never again"
    HUMAN = "for a person"
    CUT_SHORT = "unknown"


@dataclass(frozen=True, slots=True)
class RetryRules:
    """See [campaign] in the settings. `bands`: hours at which the parts of a local day begin; the last ends the day."""

    busy: timedelta = timedelta(minutes=15)
    no_answer: timedelta = timedelta(hours=4)
    bands: tuple[int, ...] = (8, 12, 17, 21)
    failure: timedelta = timedelta(minutes=10)
    failure_tries: int = 3
    max_auto_attempts: int = 3


#: What some dispositions are, whatever the network said.
_SAID = {
    Disposition.DO_NOT_CALL: Ending.NEVER,
    Disposition.WRONG_PARTY: Ending.NEVER,
    Disposition.DISPUTE: Ending.HUMAN,
    Disposition.HARDSHIP: Ending.HUMAN,
    Disposition.VOICE_MISMATCH: Ending.HUMAN,
    Disposition.RPC_NOT_VERIFIED: Ending.HUMAN,
    Disposition.REFUSED: Ending.REFUSED,
    Disposition.CALLBACK: Ending.CALLBACK,
}
_MACHINES = frozenset({AnsweredBy.VOICEMAIL, AnsweredBy.IVR, AnsweredBy.SCREENING})
#: Endings that did not reach anybody: they count towards max_auto_attempts.
UNANSWERED = frozenset({Ending.MACHINE, Ending.BUSY, Ending.NO_ANSWER, Ending.REJECTED})


def ending(tried: ClosedTry) -> Ending:
    """What an outcome is, for retries."""
    if tried.error == "interrupted":
        return Ending.CUT_SHORT
    said = _SAID.get(tried.disposition)
    if tried.third_party and tried.disposition is Disposition.RPC_NOT_VERIFIED:
        return Ending.THIRD_PARTY
    if said is not None:
        return said
    if tried.disposition is Disposition.TECHNICAL_FAILURE:
        return Ending.FAILED
    return _of_answer(tried) if tried.answered else _of_network(tried)


def _of_answer(tried: ClosedTry) -> Ending:
    if tried.disposition is Disposition.VOICEMAIL or tried.answered_by in _MACHINES:
        return Ending.MACHINE
    # Who hangs up on the greeting has not said no, and does not want to be called today.
    if tried.disposition is Disposition.HUNG_UP:
        return Ending.REJECTED
    return Ending.NO_ANSWER if tried.disposition is Disposition.NO_ANSWER else Ending.REACHED


_UNREACHED = {
    Disposition.BUSY: Ending.BUSY,
    Disposition.NO_ANSWER: Ending.NO_ANSWER,
    Disposition.HUNG_UP: Ending.REJECTED,
    Disposition.VOICEMAIL: Ending.MACHINE,
    Disposition.FAILED: Ending.FAILED,
}


def _of_network(tried: ClosedTry) -> Ending:
    """The network's word where it is nearer to what happened than the disposition."""
    feedback = network_result(tried.sip_status, tried.sip_cause).feedback
    if feedback in (Feedback.INVALID_NUMBER, Feedback.SUSPENDED):
        return Ending.INVALID
    return _UNREACHED.get(tried.disposition, Ending.REACHED)


#: Endings after which nothing is dialled: the job's state, and the reason ("": the disposition).
_FINAL = {
    Ending.CUT_SHORT: (JobState.HUMAN, Ending.CUT_SHORT.value),  # it may have rung: never dialled again by itself
    Ending.HUMAN: (JobState.HUMAN, ""),
    Ending.REFUSED: (JobState.HUMAN, Ending.REFUSED.value),
    Ending.NEVER: (JobState.CANCELLED, ""),
    Ending.INVALID: (JobState.FAILED, Ending.INVALID.value),
    Ending.REACHED: (JobState.DONE, ""),
}


def next_try(tried: ClosedTry, tries: int, at: datetime, rules: RetryRules) -> Settled:
    """The job's next state, why, and for `pending` from when. `tries`: attempts of this job so far, this one included;
    `at`: now, with an offset."""
    what = ending(tried)
    if what in _FINAL:
        state, reason = _FINAL[what]
        return state, reason or tried.disposition.value, None
    if what is Ending.CALLBACK:
        return _callback(tried, at)
    if what is Ending.FAILED:
        return _failure(tries, at, rules)
    unanswered = max(tries, tried.unanswered)
    if unanswered >= rules.max_auto_attempts:
        return JobState.HUMAN, f"{unanswered} tries reached nobody", None
    return JobState.PENDING, what.value, _later(what, at, _zone(tried.timezone), rules)


def _failure(tries: int, at: datetime, rules: RetryRules) -> Settled:
    if tries >= rules.failure_tries:
        return JobState.FAILED, f"failure, {tries} tries", None
    return JobState.PENDING, Ending.FAILED.value, at + rules.failure * 2 ** max(0, tries - 1)


def _callback(tried: ClosedTry, at: datetime) -> Settled:
    """At the time asked for; without one, or where it has passed, a person calls back."""
    when = tried.callback_at
    if when is None or when <= at:
        return JobState.HUMAN, "callback without a time", None
    return JobState.PENDING, "callback", when


def _later(what: Ending, at: datetime, zone: ZoneInfo, rules: RetryRules) -> datetime:
    if what is Ending.BUSY:
        return at + rules.busy
    if what is Ending.NO_ANSWER:
        return another_band(at, zone, rules)
    if what is Ending.THIRD_PARTY:
        return another_day(at, zone, rules)
    return next_morning(at, zone, rules.bands[0])


def another_band(at: datetime, zone: ZoneInfo, rules: RetryRules) -> datetime:
    """The first moment at least `rules.no_answer` later in another part of the day than `at`'s."""
    moment = at + rules.no_answer
    now, then = _band(at.astimezone(zone), rules.bands), _band(moment.astimezone(zone), rules.bands)
    local = moment.astimezone(zone)
    if then is None:
        begin = rules.bands[0]
        if local.hour >= rules.bands[-1]:
            return _on_the_way(next_morning(moment, zone, begin), now, 0, zone, rules)
        return _on_the_way(_at_hour(local, begin, zone), now, 0, zone, rules)
    return _on_the_way(moment, now, then, zone, rules)


def _on_the_way(moment: datetime, now: int | None, then: int, zone: ZoneInfo, rules: RetryRules) -> datetime:
    """`moment` lies in the band `then`; where that is the band of the last try, the beginning of the next one."""
    if then != now:
        return moment
    local = moment.astimezone(zone)
    if then + 1 < len(rules.bands) - 1:
        return _at_hour(local, rules.bands[then + 1], zone)
    return next_morning(moment, zone, rules.bands[0])


def _band(local: datetime, bands: tuple[int, ...]) -> int | None:
    if not bands[0] <= local.hour < bands[-1]:
        return None
    return sum(local.hour >= hour for hour in bands) - 1


def another_day(at: datetime, zone: ZoneInfo, rules: RetryRules) -> datetime:
    """The next local day, in the part of the day after `at`'s: who is at work at ten is at ten tomorrow too."""
    now = _band(at.astimezone(zone), rules.bands)
    starts = rules.bands[:-1]
    return next_morning(at, zone, starts[0 if now is None else (now + 1) % len(starts)])


def next_morning(at: datetime, zone: ZoneInfo, hour: int) -> datetime:
    """The next local day at this hour."""
    return _at_hour(at.astimezone(zone) + timedelta(days=1), hour, zone)


def _at_hour(local: datetime, hour: int, zone: ZoneInfo) -> datetime:
    naive = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0) + timedelta(hours=hour)
    return naive.replace(tzinfo=zone).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


class Policy:
    """The rules as the `Settle` that the store asks about the jobs of dead processes."""

    def __init__(self, rules: RetryRules) -> None:
        self.rules = rules

    def __call__(self, job: Job, tried: ClosedTry, at: datetime) -> Settled:
        """See `next_try`."""
        return next_try(tried, job.tries, at, self.rules)


def retry_rules(settings: CampaignSettings) -> RetryRules:
    """From the section [campaign]."""
    return RetryRules(
        busy=timedelta(minutes=settings.busy_min),
        no_answer=timedelta(hours=settings.no_answer_h),
        bands=settings.bands,
        failure=timedelta(minutes=settings.failure_min),
        failure_tries=settings.failure_tries,
        max_auto_attempts=settings.max_auto_attempts,
    )
