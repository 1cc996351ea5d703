"""What the network's answer to a call means for the business: disposition, and feedback of specification section 3.

One table for SIP statuses (RFC 3261 section 21) and one for Q.850 causes, which come in the Reason header (RFC 3326)
and are nearer to what happened, so they go first. `storage/views.sql` says the same in SQL; a test compares them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from voicebot.model.outcome import Disposition


class Feedback(StrEnum):
    """Feedback types that the network alone can tell (specification, section 3). The others need the conversation."""

    INVALID_NUMBER = "invalid_number"
    SUSPENDED = "suspended"
    REJECTED = "rejected"
    POWERED_OFF = "powered_off"
    NO_ANSWER = "no_answer"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class NetworkResult:
    """An attempt that was never answered. `feedback` None: the network failed, it says nothing about the customer."""

    disposition: Disposition
    feedback: Feedback | None


_OF = {
    Feedback.INVALID_NUMBER: NetworkResult(Disposition.FAILED, Feedback.INVALID_NUMBER),
    # "Hang-up = rejected while ringing": it is no refusal, nobody has heard yet what the call is about.
    Feedback.REJECTED: NetworkResult(Disposition.HUNG_UP, Feedback.REJECTED),
    Feedback.POWERED_OFF: NetworkResult(Disposition.NO_ANSWER, Feedback.POWERED_OFF),
    Feedback.NO_ANSWER: NetworkResult(Disposition.NO_ANSWER, Feedback.NO_ANSWER),
    Feedback.BUSY: NetworkResult(Disposition.BUSY, Feedback.BUSY),
}
_FAILED = NetworkResult(Disposition.FAILED, None)

_STATUSES = {
    **dict.fromkeys((404, 410, 484, 604), Feedback.INVALID_NUMBER),
    **dict.fromkeys((603, 607, 608), Feedback.REJECTED),
    **dict.fromkeys((408, 480, 487), Feedback.NO_ANSWER),
    **dict.fromkeys((486, 600), Feedback.BUSY),
}
#: Q.850: unallocated, number changed, invalid format; subscriber absent; user busy; no user responding, no answer.
_CAUSES = {
    **dict.fromkeys((1, 22, 28), Feedback.INVALID_NUMBER),
    20: Feedback.POWERED_OFF,
    **dict.fromkeys((18, 19), Feedback.NO_ANSWER),
    17: Feedback.BUSY,
}
#: Q.850: no circuit, network out of order, temporary failure, switching congestion.
_NETWORK_CAUSES = frozenset({34, 38, 41, 42})

_CAUSE = re.compile(r"\bQ\.850\b[^,]*?;\s*cause\s*=\s*(\d{1,3})\b", re.IGNORECASE)


def network_result(status: int | None, cause: int | None = None) -> NetworkResult:
    """Of a call that ended before it was answered. `status` None: no final answer; `cause` None: no Q.850 told."""
    if cause in _NETWORK_CAUSES:
        return _FAILED
    feedback = _CAUSES.get(cause) if cause is not None else None
    if feedback is None:
        feedback = _STATUSES.get(status) if status is not None else None
    return _OF[feedback] if feedback is not None else _FAILED


def q850_cause(reason: str) -> int | None:
    """The Q.850 cause in a Reason header, or in a text that holds one ("Busy Here,Q.850;cause=17"); None without."""
    found = _CAUSE.search(reason)
    return int(found[1]) if found and int(found[1]) <= 127 else None


def about_the_network(cause: int) -> bool:
    """Whether a Q.850 cause tells of the network, not of the customer: no route, resources, services (classes 2 on)."""
    return cause in {2, 3} or cause >= 32
