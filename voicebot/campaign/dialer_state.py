"""What a running dialer tells other processes: a small file beside the database, there while it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DialerState:
    """`lines`: of the process; `taken`: by whatever call; `campaigns`: jobs each campaign has in work; `breaker`:
    closed, open or half_open."""

    lines: int
    taken: int
    breaker: str
    campaigns: Mapping[str, int] = field(default_factory=dict)
    pid: int = field(default_factory=os.getpid)


def state_file(database: Path) -> Path:
    """`var/voicebot.db` -> `var/voicebot.db.dialer`."""
    return database.with_name(database.name + ".dialer")


def write_state(path: Path, state: DialerState) -> None:
    """Replace the file; a full disk is no reason not to call."""
    part = path.with_name(f"{path.name}.{state.pid}")
    with suppress(OSError):
        part.write_text(json.dumps(asdict(state)), encoding="utf-8")
        part.replace(path)


def clear_state(path: Path) -> None:
    """The dialer has ended."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def read_state(path: Path) -> DialerState | None:
    """None where no dialer runs (or the one that wrote it is gone)."""
    try:
        state = DialerState(**json.loads(path.read_text(encoding="utf-8")))
        os.kill(state.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return state
