"""What aiosipua's messages lack on their way through a proxy, and for transfers: Record-Route copied into answers, the
route set of a call we placed (RFC 3261 sections 12.1.1, 12.1.2, 16.6), and that we know Replaces (RFC 3891)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from aiosipua.dialog import Dialog
from aiosipua.message import SipRequest, SipResponse

#: Requests remembered until they are answered.
_REMEMBERED: Final = 512
_CALLS: Final = frozenset({"INVITE", "UPDATE"})


class Routes:
    """Record-Route of the requests that were not answered yet, by transaction (branch and method)."""

    def __init__(self) -> None:
        self._asked: OrderedDict[tuple[str, str], list[str]] = OrderedDict()

    def received(self, key: tuple[str, str], request: SipRequest) -> None:
        """A request came in."""
        routes = request.headers.get("record-route")
        if routes:
            self._asked[key] = list(routes)
            while len(self._asked) > _REMEMBERED:
                self._asked.popitem(last=False)

    def sending(self, key: tuple[str, str], message: SipRequest | SipResponse) -> None:
        """Complete a message that is about to leave."""
        method = message.cseq.method.upper() if message.cseq else ""
        if isinstance(message, SipResponse):
            if 100 < message.status_code < 300 and not message.headers.get("record-route"):
                for route in self._asked.get(key, ()):
                    message.headers.append("Record-Route", route)
            if method in _CALLS and 200 <= message.status_code < 300:
                _knows(message, "replaces")
        elif method == "INVITE":
            _knows(message, "replaces")


def take_route_set(dialog: Dialog, answer: SipResponse) -> None:
    """The route set of a call that we placed: Record-Route of its answer, the other way round; set once."""
    if not dialog.route_set:
        dialog.route_set = list(reversed(answer.headers.get("record-route")))


def _knows(message: SipRequest | SipResponse, extension: str) -> None:
    known = ", ".join(message.headers.get("supported"))
    if extension not in {part.strip().lower() for part in known.split(",")}:
        message.headers.set_single("Supported", f"{known}, {extension}" if known else extension)
