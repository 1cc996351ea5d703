"""What is wrong with a flow or a template, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voicebot.errors import FlowError


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a file; `line` counts from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong. `severity`: "error" (the flow must not run) | "warning"."""

    file: str
    line: int
    message: str
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity}: {self.message}"


def finding(where: Where, message: str, severity: str = "error") -> Finding:
    """A Finding at a place."""
    return Finding(where.file, where.line, message, severity)


def raise_all(findings: Sequence[Finding]) -> None:
    """Raise one FlowError that lists every error; nothing where there is none."""
    errors = sorted({f for f in findings if f.severity == "error"})
    if errors:
        lines = "\n".join(f"{f.file}:{f.line}: {f.message}" for f in errors)
        raise FlowError(lines, hint="correct these places and run `voicebot check`; docs/cookbook.md shows every key")
