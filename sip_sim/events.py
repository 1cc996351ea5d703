"""Live events as JSON lines: what `sip-sim run --events` prints for whoever drives the bot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]
Event = dict[str, Value]
Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class JsonLines:
    """Writes one JSON object per line and flushes, so that a reader on a pipe sees it at once."""

    out: IO[str]

    def __call__(self, event: Event) -> None:
        stamped: Event = {**event, "at": datetime.now(UTC).isoformat(timespec="milliseconds")}
        self.out.write(json.dumps(stamped, ensure_ascii=False) + "\n")
        self.out.flush()


def in_words(event: Event) -> str:
    """One event as a line for people."""
    who = str(event.get("scenario", ""))
    kind = event["event"]
    if kind in {"heard", "said"}:
        speaker = "bot   " if kind == "heard" else "caller"
        return f"[{who}] {event['t0']:7.2f} {speaker} {event['text']}"
    if kind == "result":
        failures = event.get("failures")
        detail = "; ".join(str(item) for item in failures) if isinstance(failures, list) else ""
        return f"[{who}] {'passed' if event['passed'] else 'FAILED'} {detail}".rstrip()
    rest = " ".join(f"{key}={value}" for key, value in event.items() if key not in {"event", "scenario", "scenarios"})
    return f"[{who}] {kind} {rest}" if who else f"{kind} {rest}"
