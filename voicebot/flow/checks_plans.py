"""Plans the customer makes: a promise to pay, an appointment, a call at another time."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from voicebot.flow.checks import PASSED, CheckInput, CheckResult, amount_of, check, day_of, time_of

SUNDAY = 6
_CENT = Decimal("0.01")


@check("promise_full", (PASSED, "no_date"))
def promise_full(given: CheckInput) -> CheckResult:
    """ "Yes, I can": the promise is the amount due, on the day it is due (or, where that has passed, a day to ask)."""
    if given.account is None:
        return CheckResult("no_date")
    loan = given.account.loan
    day = day_of(given, "promise_date")
    if day is None and loan.due_on >= given.today:
        day = loan.due_on
    facts = {"promise_amount": _promised(given) or loan.due, "promise_date": day, "promise_share": None}
    return CheckResult(PASSED if day else "no_date", facts)


@check(
    "promise_complete",
    (PASSED, "no_amount", "no_date", "amount_invalid", "amount_too_high", "date_past", "date_too_far"),
)
def promise_complete(given: CheckInput) -> CheckResult:
    """Is there an amount (above nothing, at most what is outstanding; or a share of what is due) and a day (from today,
    within `promise_max_days`)? A value that cannot be is forgotten, so that it is asked again."""
    amount, day = _promised(given), day_of(given, "promise_date")
    if amount is not None and (problem := _amount_problem(given, amount)):
        return CheckResult(problem, {"promise_amount": None, "promise_share": None})
    if day is not None and (problem := _day_problem(given, day, given.limits.promise_max_days)):
        return CheckResult(problem, {"promise_amount": amount, "promise_share": None, "promise_date": None})
    facts = {"promise_amount": amount, "promise_share": None}
    if amount is None or day is None:
        return CheckResult("no_amount" if amount is None else "no_date", facts)
    return CheckResult(PASSED, facts)


@check(
    "appointment_complete",
    (PASSED, "no_date", "no_time", "date_past", "date_too_far", "outside_hours", "closed_day"),
)
def appointment_complete(given: CheckInput) -> CheckResult:
    """Is there a day (from today, within `appointment_max_days`, no Sunday) and a time within the office hours?"""
    hours = given.limits.office_hours
    day, at = day_of(given, "appointment_date"), _in_hours(time_of(given, "appointment_time"), hours)
    if day is not None:
        problem = _day_problem(given, day, given.limits.appointment_max_days)
        if problem or day.weekday() == SUNDAY:
            return CheckResult(problem or "closed_day", {"appointment_date": None})
    if at is not None and not _within(at, hours):
        return CheckResult("outside_hours", {"appointment_time": None})
    if day is None or at is None:
        return CheckResult("no_date" if day is None else "no_time", {"appointment_time": at})
    when = datetime.combine(day, at, given.now.tzinfo)
    if when <= given.now:
        return CheckResult("date_past", {"appointment_date": None, "appointment_time": None})
    return CheckResult(PASSED, {"appointment_time": at, "appointment_at": when})


@check("callback_complete", (PASSED, "no_time", "date_past", "date_too_far", "outside_hours"))
def callback_complete(given: CheckInput) -> CheckResult:
    """When may we call again? A time alone is the next such time; a day alone is kept without a time."""
    hours = given.limits.call_hours
    day, at = day_of(given, "callback_date"), _in_hours(time_of(given, "callback_time"), hours)
    forget = {"callback_date": None, "callback_time": None}
    if day is None and at is None:
        return CheckResult("no_time")
    if day is not None and (problem := _day_problem(given, day, given.limits.callback_max_days)):
        return CheckResult(problem, forget)
    if at is not None and not _within(at, hours):
        return CheckResult("outside_hours", {"callback_time": None})
    if at is None:
        return CheckResult(PASSED, {"callback_at": None})
    if day is None:
        day = given.today if at > given.now.time() else given.today + timedelta(days=1)
    when = datetime.combine(day, at, given.now.tzinfo)
    if when <= given.now:
        return CheckResult("date_past", forget)
    return CheckResult(PASSED, {"callback_date": day, "callback_time": at, "callback_at": when})


def _promised(given: CheckInput) -> Decimal | None:
    """The amount said, or the share said ("half of it") of what is due."""
    amount, share = amount_of(given, "promise_amount"), amount_of(given, "promise_share")
    if amount is None and share is not None and given.account is not None:
        return (given.account.loan.due * share).quantize(_CENT)
    return amount


def _amount_problem(given: CheckInput, amount: Decimal) -> str:
    if amount <= 0:
        return "amount_invalid"
    most = given.account.loan.outstanding if given.account else Decimal(0)
    return "amount_too_high" if amount > most else ""


def _day_problem(given: CheckInput, day: date, most_days: int) -> str:
    if day < given.today:
        return "date_past"
    return "date_too_far" if day > given.today + timedelta(days=most_days) else ""


def _in_hours(at: time | None, hours: tuple[int, int]) -> time | None:
    """ "At three" is three in the afternoon where three in the morning cannot be meant (it is read back)."""
    if at is not None and not _within(at, hours) and at.hour < 12:
        later = at.replace(hour=at.hour + 12)
        return later if _within(later, hours) else at
    return at


def _within(at: time, hours: tuple[int, int]) -> bool:
    return hours[0] <= at.hour < hours[1]
