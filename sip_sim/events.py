"""Live events as JSON lines: what `sip-sim run --events` prints for whoever drives the bot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]
Event = dict[str, Value]
Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class JsonLines:
    """Writes one JSON object per line and flushes, so that a reader on a pipe sees it at once. `gone` is called when
    nobody reads any more."""

    out: IO[str]
    gone: Callable[[], None] = lambda: None

    def __call__(self, event: Event) -> None:
        stamped: Event = {**event, "at": datetime.now(UTC).isoformat(timespec="milliseconds")}
        try:
            self.out.write(json.dumps(stamped, ensure_ascii=False) + "\n")
            self.out.flush()
        except BrokenPipeError:
            self.gone()


@dataclass(slots=True)
class Count:
    """How many of the calls talk, have passed and failed."""

    total: int = 0
    talking: int = 0
    passed: int = 0
    failed: int = 0

    def note(self, event: Event) -> bool:
        """Take note of one event; True where a number changed."""
        kind = event["event"]
        if kind == "answered":
            self.talking += 1
        elif kind == "result":
            self.talking -= int(event.get("timing") is not None)
            self.passed += int(bool(event["passed"]))
            self.failed += int(not event["passed"])
        return kind in {"answered", "result"}

    def line(self) -> str:
        """`12 of 50 calls done, 8 talking, 1 failed`."""
        done = self.passed + self.failed
        return f"{done} of {self.total} calls done, {max(0, self.talking)} talking, {self.failed} failed"


@dataclass(slots=True)
class Words:
    """Shows events as lines for people, each result with how far the run is; `brief`: results alone."""

    show: Callable[[str], None]
    brief: bool = False
    count: Count = field(default_factory=Count)

    def __call__(self, event: Event) -> None:
        """One event."""
        kind = event["event"]
        listed = event.get("scenarios")
        if kind == "ready" and isinstance(listed, list):
            self.count.total = len(listed)
            self.show(f"scenarios: {len(listed)}, waiting for calls at {event['host']}:{event['port']}")
            return
        self.count.note(event)
        if kind == "result":
            self.show(f"{in_words(event)} ({self.count.line()})")
        elif not self.brief:
            self.show(in_words(event))


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
