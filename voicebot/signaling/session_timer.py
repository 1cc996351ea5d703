"""Session timers (RFC 4028), sans-IO: messages and the time go in, headers to send and what is due come out.

A call whose far end died without a BYE is found out: one side asks again (a re-INVITE or UPDATE) at half the agreed
interval, and who sees no such request in time ends the call.
"""

from __future__ import annotations

import enum
import re
from collections import OrderedDict
from dataclasses import dataclass, replace

from voicebot.signaling.sip_headers import cseq, header, names

_EXPIRES = re.compile(r"(\d{1,9})")
_REFRESHER = re.compile(r";\s*refresher\s*=\s*(uac|uas)", re.IGNORECASE)
_STATUS = re.compile(r"SIP/2\.0 (\d{3})")
#: The BYE leaves so long before the interval is over, or a third of it (section 10).
_BEFORE_END_S = 32.0
_TOO_SMALL = 422
#: Intervals that are taken (section 4 wants 90 s at least; tests want less).
_SHORTEST_S, _LONGEST_S = 2, 86_400
#: Requests that a refresh may be (section 7.4).
_REFRESHING = frozenset({"INVITE", "UPDATE"})
#: Dialogs remembered (one that ends is forgotten at its BYE), and requests of far ends until their answer: a flood of
#: these drives out no dialog.
_MOST, _MOST_ASKED = 4096, 1024


class Due(enum.Enum):
    """What has to be done for a dialog now."""

    REFRESH = "refresh"
    END = "end"


@dataclass(frozen=True, slots=True)
class _Dialog:
    """One dialog's timer. `interval_s` None: no timer is in force (yet: our INVITE is on its way). `retry_at`: when a
    refresh that failed is tried again."""

    interval_s: int | None = None
    ours: bool = False  # we refresh
    since: float = 0.0
    refreshing: bool = False
    retry_at: float | None = None

    def agreed(self, interval_s: int, now: float, *, ours: bool) -> _Dialog:
        """With a timer that was agreed on now."""
        return replace(self, interval_s=interval_s, ours=ours, since=now, refreshing=False, retry_at=None)

    @property
    def end(self) -> float:
        """When a BYE is due."""
        interval = float(self.interval_s or 0)
        return self.since + interval - min(_BEFORE_END_S, interval / 3)

    @property
    def next(self) -> tuple[float, Due] | None:
        """The next thing to do, and when."""
        if self.interval_s is None:
            return None
        if not self.ours or self.refreshing:
            return self.end, Due.END
        at = self.retry_at if self.retry_at is not None else self.since + self.interval_s / 2
        return (at, Due.REFRESH) if at < self.end else (self.end, Due.END)


class SessionTimer:
    """The timers of all dialogs of one user agent. Not thread-safe. `offer_s`: the interval offered, 0: none is."""

    def __init__(self, offer_s: int) -> None:
        self._offer_s = offer_s
        self._dialogs: OrderedDict[str, _Dialog] = OrderedDict()
        self._asked: OrderedDict[tuple[str, str], str] = OrderedDict()  # (Call-ID, CSeq): the request

    @property
    def offer_s(self) -> int:
        """The interval in our next INVITE: what was set, or more where a far end asked for more (422, section 7.3)."""
        return self._offer_s

    @property
    def dialogs(self) -> int:
        """How many dialogs, and requests of far ends, are remembered."""
        return len(self._dialogs) + len(self._asked)

    # -- messages ----------------------------------------------------------------------------------------------

    def received(self, call_id: str, message: str, now: float) -> None:
        """A message of the far end."""
        number, method = cseq(message)
        status = _STATUS.match(message)
        if status is not None:
            self._answered(call_id, method, int(status[1]), message, now)
        elif method == "BYE":
            self._dialogs.pop(call_id, None)
        elif method in _REFRESHING:
            self._asked[call_id, number] = message
            if len(self._asked) > _MOST_ASKED:
                self._asked.popitem(last=False)

    def _answered(self, call_id: str, method: str, status: int, message: str, now: float) -> None:
        """The far end answered a request of ours."""
        if method not in _REFRESHING or status < 200:
            return
        if status == _TOO_SMALL:
            self._offer_s = max(self._offer_s, _seconds(header(message, "Min-SE")) or 0)
        dialog = self._dialogs.get(call_id)
        if dialog is None:
            return
        if status >= 300:
            if dialog.interval_s is None:
                self._dialogs.pop(call_id)
            elif dialog.refreshing and status not in {401, 407, 491}:  # the stack asks again by itself after those
                wait = max(1.0, (dialog.end - now) / 2)
                self._keep(call_id, replace(dialog, refreshing=False, retry_at=now + wait))
            return
        agreed = header(message, "Session-Expires")
        interval = _seconds(agreed)
        if interval is None:  # no timer is in force (section 7.2)
            self._keep(call_id, replace(dialog, interval_s=None, refreshing=False, retry_at=None))
            return
        refresher = _REFRESHER.search(agreed or "")
        ours = refresher is None or refresher[1].lower() == "uac"
        self._keep(call_id, dialog.agreed(interval, now, ours=ours))

    def to_add(self, call_id: str, message: str) -> tuple[str, ...]:
        """Header lines for a message that we are about to send (say with `sent` whether they went out)."""
        if header(message, "Session-Expires") is not None:
            return ()  # it is sent again
        number, method = cseq(message)
        if method not in _REFRESHING:
            return ()
        status = _STATUS.match(message)
        if status is None:
            return self._request(self._dialogs.get(call_id), message, method)
        return self._answer(self._asked.get((call_id, number))) if 200 <= int(status[1]) < 300 else ()

    def _request(self, dialog: _Dialog | None, message: str, method: str) -> tuple[str, ...]:
        if dialog is not None and dialog.interval_s is not None:
            role = "uac" if dialog.ours else "uas"
            return (f"Session-Expires: {dialog.interval_s};refresher={role}", "Supported: timer")
        begins = method == "INVITE" and "tag=" not in (header(message, "To") or "").lower()
        if dialog is None and begins and self._offer_s:
            return (f"Session-Expires: {self._offer_s}", "Supported: timer")
        return ()

    def _answer(self, request: str | None) -> tuple[str, ...]:
        agreed = self._agree(request)
        if agreed is None:
            return ()
        interval, ours, known = agreed
        line = f"Session-Expires: {interval};refresher={'uas' if ours else 'uac'}"
        return (line, "Require: timer") if known and not ours else (line,)

    def _agree(self, request: str | None) -> tuple[int, bool, bool] | None:
        """The interval, whether we refresh, whether the far end knows timers (section 9, table 2); None: no timer."""
        if request is None or not self._offer_s:
            return None
        known = names(request, "Supported", "timer") or names(request, "Require", "timer")
        asked = header(request, "Session-Expires")
        interval = _seconds(asked)
        if interval is None:
            return (max(self._offer_s, _seconds(header(request, "Min-SE")) or 0), False, True) if known else None
        refresher = _REFRESHER.search(asked or "")
        if refresher is not None:  # who names a refresher knows timers, also where Supported is left out (aiosipua)
            return interval, refresher[1].lower() == "uas", True
        return interval, not known, known

    def sent(self, call_id: str, message: str, now: float, *, added: bool) -> None:
        """We sent a message; `added`: with the lines of `to_add`."""
        number, method = cseq(message)
        if method == "BYE":
            self._dialogs.pop(call_id, None)
            return
        if method not in _REFRESHING:
            return
        status = _STATUS.match(message)
        dialog = self._dialogs.get(call_id)
        if status is None:
            if added and dialog is None:
                self._keep(call_id, _Dialog())
            elif dialog is not None and dialog.interval_s is not None and method == "INVITE":
                self._keep(call_id, replace(dialog, refreshing=True))
        elif int(status[1]) >= 200:
            request = self._asked.pop((call_id, number), None)
            if request is not None and int(status[1]) < 300:  # else it is sent again, or changes nothing
                agreed = self._agree(request) if added else None
                if agreed is not None:
                    self._keep(call_id, (dialog or _Dialog()).agreed(agreed[0], now, ours=agreed[1]))
                else:
                    self._dialogs.pop(call_id, None)

    def _keep(self, call_id: str, dialog: _Dialog) -> None:
        self._dialogs[call_id] = dialog
        self._dialogs.move_to_end(call_id)
        if len(self._dialogs) > _MOST:
            self._dialogs.popitem(last=False)

    # -- time --------------------------------------------------------------------------------------------------

    def next_at(self) -> float | None:
        """When something is due next; None: nothing is."""
        return min((d.next[0] for d in self._dialogs.values() if d.next is not None), default=None)

    def due(self, now: float) -> tuple[tuple[str, Due], ...]:
        """What is due: (Call-ID, what). A refresh counts as on its way, an ended dialog is forgotten."""
        found = []
        for call_id, dialog in list(self._dialogs.items()):
            if dialog.next is None or dialog.next[0] > now:
                continue
            what = dialog.next[1]
            found.append((call_id, what))
            if what is Due.END:
                self._dialogs.pop(call_id)
            else:
                self._dialogs[call_id] = replace(dialog, refreshing=True, retry_at=None)
        return tuple(found)


def _seconds(value: str | None) -> int | None:
    """An interval; None where there is none, or one that nobody can mean."""
    found = _EXPIRES.match(value or "")
    return int(found[1]) if found is not None and _SHORTEST_S <= int(found[1]) <= _LONGEST_S else None
