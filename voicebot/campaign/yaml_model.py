"""YAML files typed by pydantic models, every problem with file:line and all of them at once.

The text is read as the flows are (voicebot.flow.yaml_source): scalars stay what was written, and the model types them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from voicebot.errors import CampaignError
from voicebot.flow.findings import Finding, Where, finding
from voicebot.flow.yaml_source import Items, Table, Text, Value, read_yaml

DAY_S = 86_400
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?\Z")


class Model(BaseModel):
    """A table of a file: frozen, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


def _clock(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = _CLOCK.match(value)
    seconds = (
        sum(int(part or 0) * unit for part, unit in zip(found.groups(), (3600, 60, 1), strict=True)) if found else -1
    )
    if not 0 <= seconds <= DAY_S:
        raise ValueError(f"`{value}` is no time of day: write 08:00, up to 24:00")
    return seconds


def _weekdays(value: object) -> object:
    if isinstance(value, str):
        value = value.split(",")
    days: list[object] = []
    for part in value if isinstance(value, list | tuple) else ():
        if isinstance(part, int):
            days.append(part)
            continue
        first, _, last = str(part).strip().lower().partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise ValueError(f"`{part}` is no weekday: write {', '.join(WEEKDAYS)} or a range such as mon-fri")
        a, b = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        days += [(a + k) % 7 + 1 for k in range((b - a) % 7 + 1)]
    return tuple(dict.fromkeys(days))


def listed(value: object) -> object:
    """One text is a list of one."""
    return (value,) if isinstance(value, str) else value


#: Seconds since local midnight, written HH:MM, up to 24:00.
Clock = Annotated[int, BeforeValidator(_clock)]
#: ISO weekdays, written mon-fri or [sat, sun].
Weekdays = Annotated[tuple[int, ...], BeforeValidator(_weekdays)]
Texts = Annotated[tuple[str, ...], BeforeValidator(listed)]

M = TypeVar("M", bound=BaseModel)


def read_model(path: Path, kind: type[M], first: str, problems: list[Finding]) -> tuple[M | None, Table | None]:
    """Read one file as `kind`; None where something is wrong (added to `problems`). `first`: how such a file begins."""
    table, found = read_yaml(path, str(path), first)
    problems += found
    if table is None or found:
        return None, table
    try:
        return kind.model_validate(plain(table)), table
    except ValidationError as error:
        problems += [_finding(table, e) for e in error.errors()]
        return None, table


def plain(value: Value) -> object:
    """Texts, lists and dicts."""
    if isinstance(value, Text):
        return value.value
    if isinstance(value, Items):
        return [plain(v) for v in value.values]
    return {key: plain(v) for key, v in value.values.items()}


def where(table: Table, path: Sequence[int | str]) -> Where:
    """The line of the entry that `path` leads to (as far as it leads)."""
    at = table.where
    value: Value = table
    for step in path:
        if isinstance(value, Table) and step in value.values:
            at, value = value.keys[str(step)], value.values[str(step)]
        elif isinstance(value, Items) and isinstance(step, int) and step < len(value.values):
            value = value.values[step]
            at = value.where
    return at


def _finding(table: Table, error: ErrorDetails) -> Finding:
    loc = error["loc"]
    last = str(loc[-1]) if loc else ""
    name = ".".join(map(str, loc))
    message = {
        "extra_forbidden": f"unknown key `{last}`",
        "missing": f"`{last}` is missing",
        "value_error": f"{name}: {error['msg'].removeprefix('Value error, ')}".removeprefix(": "),
    }.get(error["type"], f"{name}: {error['msg']}, not `{error['input']}`")
    return finding(where(table, loc), message)


def raise_problems(problems: Sequence[Finding], hint: str) -> None:
    """Raise one CampaignError that lists every error; nothing where there is none."""
    errors = sorted({p for p in problems if p.severity == "error"})
    if errors:
        raise CampaignError("\n".join(f"{p.file}:{p.line}: {p.message}" for p in errors), hint=hint)
