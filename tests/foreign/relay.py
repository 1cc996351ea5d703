"""A relay on the wire between two SIP peers that loses chosen messages: the n-th of a kind of a call.

It is no proxy: it changes nothing, and neither side sees it but as the other's address.
"""

from __future__ import annotations

import re
import select
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_CALL_ID = re.compile(rb"^(?:Call-ID|i)\s*:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_CSEQ = re.compile(rb"^CSeq\s*:\s*\d+\s+(\w+)", re.IGNORECASE | re.MULTILINE)


def kind(message: bytes) -> str:
    """ "INVITE" for a request; "200 INVITE" for an answer."""
    first = message.split(b" ", 2)
    if message.startswith(b"SIP/2.0") and len(first) > 1:
        method = _CSEQ.search(message)
        return f"{first[1].decode()} {method[1].decode() if method else '?'}"
    return first[0].decode("ascii", "replace")


@dataclass(slots=True)
class Relay:
    """Between `bot` and `peer`; `front` is where the bot sends to, `back` what the peer sees.

    `losses`: (user of the INVITE's request URI, or "" for all) -> what to lose, such as ("200 INVITE", 1): the first.
    """

    peer: tuple[str, int]
    losses: dict[str, tuple[tuple[str, int], ...]]
    bot: tuple[str, int] | None = None
    front: socket.socket = field(init=False)
    back: socket.socket = field(init=False)
    #: By call: how many of each kind came by, and what was lost.
    seen: dict[bytes, Counter[str]] = field(default_factory=dict)
    users: dict[bytes, str] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.front, self.back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for sock in (self.front, self.back):
            sock.bind(("127.0.0.1", 0))

    @property
    def server(self) -> str:
        """HOST:PORT to send to."""
        return f"127.0.0.1:{self.front.getsockname()[1]}"

    @property
    def front_port(self) -> int:
        """Where requests to the peer go."""
        return int(self.front.getsockname()[1])

    @property
    def back_port(self) -> int:
        """Where requests of the peer go."""
        return int(self.back.getsockname()[1])

    def _loses(self, message: bytes) -> bool:
        found = _CALL_ID.search(message)
        if found is None:
            return False
        call, what = found[1], kind(message)
        if what == "INVITE" and call not in self.users:
            user = re.match(rb"INVITE sip:([^@;> ]+)", message)
            self.users[call] = user[1].decode() if user else ""
        count = self.seen.setdefault(call, Counter())
        count[what] += 1
        rules = self.losses.get(self.users.get(call, ""), self.losses.get("", ()))
        if (what, count[what]) in rules:
            self.lost[what] += 1
            return True
        return False

    def run(self) -> None:
        """Until stopped."""
        while not self._stop.is_set():
            for sock in select.select([self.front, self.back], [], [], 0.1)[0]:
                message, source = sock.recvfrom(65535)
                if sock is self.front:
                    self.bot = source
                if self._loses(message):
                    continue
                if sock is self.front:
                    self.back.sendto(message, self.peer)
                elif self.bot is not None:
                    self.front.sendto(message, self.bot)

    def stop(self) -> None:
        """End `run`."""
        self._stop.set()


@contextmanager
def relay(peer: tuple[str, int], losses: dict[str, tuple[tuple[str, int], ...]]) -> Iterator[Relay]:
    """A relay in a thread of its own."""
    made = Relay(peer, losses)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join()
        made.front.close()
        made.back.close()
