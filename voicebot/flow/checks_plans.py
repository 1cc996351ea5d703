"""Plans the customer makes: a promise to pay, an appointment, a call at another time."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

from voicebot.flow.checks import PASSED, CheckInput, CheckResult, amount_of, check, day_of, time_of

SUNDAY = 6


@check("promise_full", (PASSED, "no_date"))
def promise_full(given: CheckInput) -> CheckResult:
    """"Yes, I can": the promise is the amount due, on the day it is due (or, where that has passed, a day to ask)."""
    if given.account is None:
        return CheckResult("no_date")
    loan = given.account.loan
    facts: dict[str, object] = {"promise_amount": amount_of(given, "promise_amount") or loan.due}
    day = day_of(given, "promise_date")
    if day is None and loan.due_on >= given.today:
        day = loan.due_on
    facts["promise_date"] = day
    return CheckResult(PASSED if day else "no_date", facts)


@check(
    "promise_complete",
    (PASSED, "no_amount", "no_date", "amount_invalid", "amount_too_high", "date_past", "date_too_far"),
)
def promise_complete(given: CheckInput) -> CheckResult:
    """Is there an amount (above nothing, at most what is outstanding) and a day (from today, within
    `promise_max_days`)? A value that cannot be is forgotten, so that it is asked again."""
    amount, day = amount_of(given, "promise_amount"), day_of(given, "promise_date")
    forget_amount, forget_day = {"promise_amount": None}, {"promise_date": None}
    if amount is not None and amount <= 0:
        return CheckResult("amount_invalid", forget_amount)
    if amount is not None and given.account is not None and amount > _most(given):
        return CheckResult("amount_too_high", forget_amount)
    if day is not None and day < given.today:
        return CheckResult("date_past", forget_day)
    if day is not None and day > given.today + timedelta(days=given.limits.promise_max_days):
        return CheckResult("date_too_far", forget_day)
    if amount is None:
        return CheckResult("no_amount")
    if day is None:
        return CheckResult("no_date")
    return CheckResult(PASSED)


@check(
    "appointment_complete",
    (PASSED, "no_date", "no_time", "date_past", "date_too_far", "outside_hours", "closed_day"),
)
def appointment_complete(given: CheckInput) -> CheckResult:
    """Is there a day (from today, within `appointment_max_days`, no Sunday) and a time within the office hours?"""
    day, at = day_of(given, "appointment_date"), time_of(given, "appointment_time")
    forget_day, forget_time = {"appointment_date": None}, {"appointment_time": None}
    if day is not None and (problem := _day_problem(given, day, given.limits.appointment_max_days)):
        return CheckResult(problem, forget_day)
    if day is not None and day.weekday() == SUNDAY:
        return CheckResult("closed_day", forget_day)
    if at is not None and not _within(at, given.limits.office_hours):
        return CheckResult("outside_hours", forget_time)
    if day is None:
        return CheckResult("no_date")
    if at is None:
        return CheckResult("no_time")
    when = datetime.combine(day, at, given.now.tzinfo)
    if when <= given.now:
        return CheckResult("date_past", {**forget_day, **forget_time})
    return CheckResult(PASSED, {"appointment_at": when})


@check("callback_complete", (PASSED, "no_time", "date_past", "date_too_far", "outside_hours"))
def callback_complete(given: CheckInput) -> CheckResult:
    """When may we call again? A time alone is the next such time; a day alone is kept without a time."""
    day, at = day_of(given, "callback_date"), time_of(given, "callback_time")
    forget = {"callback_date": None, "callback_time": None}
    if day is None and at is None:
        return CheckResult("no_time")
    if day is not None and (problem := _day_problem(given, day, given.limits.callback_max_days)):
        return CheckResult(problem, forget)
    if at is not None and not _within(at, given.limits.call_hours):
        return CheckResult("outside_hours", {"callback_time": None})
    if at is None:
        return CheckResult(PASSED, {"callback_at": None})
    if day is None:
        day = given.today if at > given.now.time() else given.today + timedelta(days=1)
    when = datetime.combine(day, at, given.now.tzinfo)
    if when <= given.now:
        return CheckResult("date_past", forget)
    return CheckResult(PASSED, {"callback_date": day, "callback_at": when})


def _most(given: CheckInput) -> Decimal:
    return given.account.loan.outstanding if given.account else Decimal(0)


def _day_problem(given: CheckInput, day: date, most_days: int) -> str:
    if day < given.today:
        return "date_past"
    return "date_too_far" if day > given.today + timedelta(days=most_days) else ""


def _within(at: time, hours: tuple[int, int]) -> bool:
    return hours[0] <= at.hour < hours[1]
