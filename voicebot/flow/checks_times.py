"""Times and places at which a customer does not want to be called (rules of calling; Reg F 1006.6 and its like)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from voicebot.flow.checks import PASSED, CheckInput, CheckResult, check
from voicebot.model.no_call import NoCallWindow, read_windows

#: Facts: what was said last, as windows; what the customer confirmed; the slot as it was heard.
SAID, KEPT, HEARD = "no_call_said", "no_call_kept", "no_call_windows"
_STEP = timedelta(minutes=15)
_WEEK_D, _QUARTERS = 7, 96


@check("no_call_complete", (PASSED, "no_window", "never"))
def no_call_complete(given: CheckInput) -> CheckResult:
    """Is it known when not to call? `never`: with all that was said before no hour of calling is left; that is
    a customer who wants no calls at all."""
    windows = _heard(given)
    if not windows:
        return CheckResult("no_window", {SAID: None})
    covered = not any(_open(given, (*_kept(given), *windows)))
    return CheckResult("never" if covered else PASSED, {SAID: windows}, {"windows": len(windows)})


@check("no_call_now", (PASSED, "not_now"))
def no_call_now(given: CheckInput) -> CheckResult:
    """The customer confirmed it: it is kept. `passed` where it is such a time just now; the next moment that is none is
    the time of the call-back."""
    said = given.facts.get(SAID)
    kept = (*_kept(given), *(said if isinstance(said, tuple) else ()))
    facts: dict[str, object] = {KEPT: kept, SAID: None, HEARD: None}
    if not any(window.holds(given.now) for window in kept):
        return CheckResult("not_now", facts)
    return CheckResult(PASSED, {**facts, "callback_at": next(_open(given, kept), None)})


def _open(given: CheckInput, windows: tuple[NoCallWindow, ...]) -> Iterator[datetime]:
    """Quarters of an hour of the coming week, in the hours of calling, in which the customer may be called."""
    first, last = given.limits.call_hours
    moment = given.now.replace(minute=given.now.minute // 15 * 15, second=0, microsecond=0)
    for _ in range(_WEEK_D * _QUARTERS):
        moment += _STEP
        if first <= moment.hour < last and not any(window.holds(moment) for window in windows):
            yield moment


def _heard(given: CheckInput) -> tuple[NoCallWindow, ...]:
    text = given.facts.get(HEARD)
    try:
        return read_windows(text) if isinstance(text, str) else ()
    except ValueError:
        return ()


def _kept(given: CheckInput) -> tuple[NoCallWindow, ...]:
    kept = given.facts.get(KEPT)
    return kept if isinstance(kept, tuple) else ()
