"""Who sent which SIP message when: the text ladder a failing scenario leaves behind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SipEntry:
    """One message on the wire; `t` in seconds since the endpoint began; `sent` from the simulator's point of view."""

    t: float
    sent: bool
    line: str
    raw: str

    @property
    def name(self) -> str:
        """`180` for a response to INVITE, `BYE` for a request, `BYE 200` for a response to another method."""
        if not self.line.startswith("SIP/2.0"):
            return self.line.split(" ", 1)[0]
        status = self.line.split(" ")[1]
        method = next((row.split()[-1] for row in self.raw.splitlines() if row.lower().startswith("cseq:")), "INVITE")
        return status if method == "INVITE" else f"{method} {status}"


@dataclass(frozen=True, slots=True)
class Arrow:
    """One line of a saved ladder: seconds since the first message, direction, first line of the message."""

    t: float
    sent: bool
    line: str


def read_arrows(text: str) -> list[Arrow]:
    """The arrows at the top of what `Ladder.text` wrote."""
    found: list[Arrow] = []
    for row in text.split("\n\n", 1)[0].splitlines():
        match = re.fullmatch(r"\s*([0-9.]+)  (simulator -->|<-- far end )  (.*)", row)
        if match is not None:
            found.append(Arrow(float(match[1]), match[2].startswith("simulator"), match[3]))
    return found


@dataclass(slots=True)
class Ladder:
    """The messages of one Call-ID, in order."""

    entries: list[SipEntry] = field(default_factory=list)

    def add(self, entry: SipEntry) -> None:
        """Append one message."""
        self.entries.append(entry)

    def names(self) -> tuple[str, ...]:
        """The short names in order, as `expect.sip` writes them."""
        return tuple(entry.name for entry in self.entries)

    def holds(self, expected: tuple[str, ...]) -> bool:
        """Do the expected names appear in this order (others may stand between)?"""
        names = iter(self.names())
        return all(any(name == wanted for name in names) for wanted in expected)

    def text(self) -> str:
        """Arrows first, then every message whole."""
        start = self.entries[0].t if self.entries else 0.0
        arrows = [
            f"{e.t - start:9.3f}  {'simulator -->' if e.sent else '<-- far end '}  {e.line}" for e in self.entries
        ]
        whole = [f"--- {e.t - start:.3f} {'sent' if e.sent else 'received'}\n{e.raw}" for e in self.entries]
        return "\n".join([*arrows, "", *whole]) + "\n"

    def save(self, path: Path) -> None:
        """Write the ladder as text."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text(), encoding="utf-8")
