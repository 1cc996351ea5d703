"""What a SIP status means for the business (specification section 3, feedback types; RFC 3261 section 21)."""

from __future__ import annotations

from voicebot.model.outcome import Disposition

_BUSY = frozenset({486, 600})
#: Rang and was not taken: request timeout, unavailable, cancelled by us, declined (603), screened (607, 608).
_NO_ANSWER = frozenset({408, 480, 487, 603, 607, 608})


def disposition_of(status: int | None) -> Disposition:
    """The disposition of an attempt that was never answered; None = the network itself failed."""
    if status in _BUSY:
        return Disposition.BUSY
    if status in _NO_ANSWER:
        return Disposition.NO_ANSWER
    return Disposition.FAILED
