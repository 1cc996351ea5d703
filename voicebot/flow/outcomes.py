"""From the state of a conversation to the one outcome of its attempt. What was never asked stays None."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from voicebot.flow.book import FlowBook
from voicebot.flow.checks_times import KEPT, SAID
from voicebot.flow.state import FlowState
from voicebot.flow.walk import so_far
from voicebot.model.no_call import NoCallWindow
from voicebot.model.outcome import Disposition, ItemResult, Outcome, Promise, WarningRaised

_ITEMS = "items."
#: The meaning that statistics and the gate know a complaint by.
COMPLAINT = "complaint"
#: Somebody else answered at the customer's number: views and retries know it by this name among the intents.
THIRD_PARTY = "third_party"
#: The best rating.
MOST = 5


def outcome(book: FlowBook, state: FlowState, *, hung_up_by: str | None = None, error: str | None = None) -> Outcome:
    """The outcome now. `hung_up_by`: "caller" | "bot"; `error`: a code. A call that broke off keeps what was reached
    (a confirmed promise, a wrong party); one that failed is TECHNICAL_FAILURE only where nothing was."""
    del book  # the state carries what the flows declared; the parameter keeps the three calls alike
    disposition = _disposition(state, hung_up_by, error)
    facts = state.facts
    complaint = _flag(facts, "complaint")
    return Outcome(
        disposition=disposition,
        right_party=_right_party(facts, disposition),
        promise=_promise(facts),
        appointment=_moment(facts, "appointment_at") if facts.get("appointment_confirmed") is True else None,
        callback_at=_moment(facts, "callback_at") if disposition is Disposition.CALLBACK else None,
        items=_items(state),
        intents=_intents(state),
        refusal=_flag(facts, "refusal"),
        dispute=_flag(facts, "dispute"),
        hardship=_flag(facts, "hardship"),
        opt_out=True if disposition is Disposition.DO_NOT_CALL else None,
        transferred=_flag(facts, "transferred"),
        hung_up_by=hung_up_by,
        last_step=state.at,
        warnings=_warnings(facts),
        error=error,
        complaint=complaint,
        needs_human=_word(facts, "needs_human"),
        rating=_rating(facts),
        no_call=no_call_windows(facts),
    )


def no_call_windows(facts: Mapping[str, object]) -> tuple[NoCallWindow, ...]:
    """When the customer does not want to be called: what was confirmed, and what was said and not taken back (whoever
    hangs up at the question whether it was understood is not called then)."""
    kept, said = facts.get(KEPT), facts.get(SAID)
    found = [*(kept if isinstance(kept, tuple) else ()), *(said if isinstance(said, tuple) else ())]
    return tuple(dict.fromkeys(window for window in found if isinstance(window, NoCallWindow)))


def _intents(state: FlowState) -> tuple[str, ...]:
    """A complaint is one, whether it was said in these words or as a yes to the question for it; a third party too."""
    known = (name for name in (COMPLAINT, THIRD_PARTY) if state.facts.get(name) is True and name not in state.intents)
    return (*state.intents, *known)


def _word(facts: Mapping[str, object], name: str) -> str | None:
    value = facts.get(name)
    return value if isinstance(value, str) and value else None


def _rating(facts: Mapping[str, object]) -> int | None:
    value = facts.get("service_rating")
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST else None


def _disposition(state: FlowState, hung_up_by: str | None, error: str | None) -> Disposition:
    if state.ended is not None:
        return state.ended
    if state.reached is not None and state.reached is not Disposition.HUNG_UP:
        return state.reached
    if error is not None:
        return Disposition.TECHNICAL_FAILURE
    if state.hung_up or hung_up_by == "caller":
        return Disposition.HUNG_UP
    return so_far(state)


def _right_party(facts: Mapping[str, object], disposition: Disposition) -> bool | None:
    if disposition in (Disposition.WRONG_PARTY, Disposition.VOICE_MISMATCH) or facts.get(THIRD_PARTY) is True:
        return False
    return _flag(facts, "right_party")


def _promise(facts: Mapping[str, object]) -> Promise | None:
    """Only a promise that was read back and confirmed; it stands whatever the call came to afterwards."""
    amount, day = facts.get("promise_amount"), facts.get("promise_date")
    if facts.get("promise_confirmed") is not True:
        return None
    if isinstance(amount, Decimal) and isinstance(day, date):
        return Promise(amount, day)
    return None


def _moment(facts: Mapping[str, object], name: str) -> datetime | None:
    value = facts.get(name)
    return value if isinstance(value, datetime) else None


def _flag(facts: Mapping[str, object], name: str) -> bool | None:
    value = facts.get(name)
    return value if isinstance(value, bool) else None


def _items(state: FlowState) -> dict[str, ItemResult]:
    found: dict[str, ItemResult] = {}
    for item in state.items:
        value = state.facts.get(f"{_ITEMS}{item}")
        found[item] = next((r for r in ItemResult if r.value == value), ItemResult.NOT_ASKED)
    return found


def _warnings(facts: Mapping[str, object]) -> tuple[WarningRaised, ...]:
    """One warning of each code, the last (it rests on the most speech)."""
    value = facts.get("warnings")
    raised = value if isinstance(value, tuple) else ()
    latest = {w.code: w for w in raised if isinstance(w, WarningRaised)}
    return tuple(latest.values())
