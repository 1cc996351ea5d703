"""CSV imports of scoring: collectors, contacts of people, collection numbers, base stations, call records, devices.

All or nothing, as the portfolio: one bad row, and nothing is imported; all bad rows are listed with file and line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from storage.codec import iso, number_key
from storage.connection import Connection, Value
from storage.portfolio_csv import CsvRow, Problem, read_csv
from storage.portfolio_fields import Column, identifier, number, text
from voicebot.errors import PortfolioError
from voicebot.scoring.config_cases import FEEDBACK

#: A number's keyed hash (SqliteStore.number_hash).
Hash = Callable[[str], str]
#: Problems that are printed; more are counted.
MAX_LISTED = 50


@dataclass(frozen=True, slots=True)
class Origin:
    """Where data came from. `basis`: why the bank may use it (a law's article, a consent form's version)."""

    source: str
    day: date
    basis: str


def moment(value: str) -> str:
    """ISO 8601 with an offset, as UTC."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a time (ISO 8601, e.g. 2026-11-22T10:30:00+00:00)") from None
    if at.tzinfo is None:
        raise ValueError("has no offset from UTC (add Z or +08:00)")
    return iso(at.astimezone(UTC))


def local(value: str) -> str:
    """ISO 8601, as it stands: hours of a day mean local ones."""
    try:
        return datetime.fromisoformat(value).replace(tzinfo=None).isoformat()
    except ValueError:
        raise ValueError("is not a time (ISO 8601, e.g. 2026-11-22T10:30:00)") from None


def seconds(value: str) -> float:
    """Not negative."""
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", value):
        raise ValueError("is not a number of seconds")
    return float(value)


def metres(value: str) -> float:
    """More than 0."""
    found = seconds(value)
    if found <= 0:
        raise ValueError("must be more than 0")
    return found


def yes_no(value: str) -> int:
    """1 or 0."""
    if value not in ("0", "1"):
        raise ValueError("is not 1 or 0")
    return int(value)


def _degrees(limit: float) -> Callable[[str], float]:
    def read(value: str) -> float:
        if not re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,8})?", value) or abs(float(value)) > limit:
            raise ValueError(f"is not degrees between -{limit:g} and {limit:g}")
        return float(value)

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"is none of {', '.join(words)}")
        return value

    return read


def _cap(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", value):
        raise ValueError("is not a number of cases a day")
    return int(value)


def _imei(value: str) -> str:
    if not re.fullmatch(r"[0-9]{14,16}", value):
        raise ValueError("is not a device's IMEI (14 to 16 digits)")
    return value


_LATITUDE, _LONGITUDE = _degrees(90), _degrees(180)
_WHERE = (Column("latitude", _LATITUDE, ""), Column("longitude", _LONGITUDE, ""))

#: The columns of each kind of file.
COLUMNS: dict[str, tuple[Column, ...]] = {
    "collectors": (
        Column("id", identifier),
        Column("name", text),
        Column("kind", _one_of("human", "bot"), "human"),
        Column("daily_cap", _cap, ""),
    ),
    "contacts": (
        Column("id", identifier),
        Column("account_id", identifier),
        Column("collector_id", identifier, ""),
        Column("method", _one_of("phone", "email", "im", "sms")),
        Column("at", moment),
        Column("duration_s", seconds, ""),
        Column("feedback", _one_of(*FEEDBACK), ""),
        Column("right_party", yes_no, ""),
        Column("answered", yes_no, ""),
        Column("feedback_after_s", seconds, ""),
        Column("words", text, ""),
    ),
    "collection-numbers": (
        Column("number", number),
        Column("company", text, ""),
        *_WHERE,
        Column("label", yes_no, ""),
    ),
    "base-stations": (
        Column("cell_id", identifier),
        Column("latitude", _LATITUDE),
        Column("longitude", _LONGITUDE),
        Column("radius_m", metres, ""),
    ),
    "number-calls": (
        Column("number", number),
        Column("other", number),
        Column("outgoing", yes_no),
        Column("answered", yes_no),
        Column("at", local),
        Column("duration_s", seconds),
        Column("cell_id", identifier, ""),
    ),
    "applicant-calls": (
        Column("applicant_id", identifier),
        Column("number", number),
        Column("answered", yes_no),
        Column("at", moment),
        Column("consent", text),
    ),
    "devices": (Column("customer_id", identifier), Column("imei", _imei)),
}


def import_scoring(db: Connection, kind: str, path: Path, origin: Origin, hashed: Hash, now: datetime) -> int:
    """Import a file of COLUMNS[kind]; returns the rows that are new or changed. Rows with a known key replace what is
    there. Raises PortfolioError naming every bad row (nothing is imported then)."""
    file = read_csv(path, COLUMNS[kind])
    problems = [*file.problems, *_cross(db, kind, path, file.rows)]
    if problems:
        listed = "\n".join(map(str, problems[:MAX_LISTED]))
        more = f"\n... and {len(problems) - MAX_LISTED} more" if len(problems) > MAX_LISTED else ""
        raise PortfolioError(
            f"{len(problems)} bad row(s), nothing is imported\n{listed}{more}",
            hint="correct them and import again; docs/scoring.md has the columns",
        )
    with db.write():
        record: dict[str, Value] = {
            "kind": kind,
            "at": iso(now),
            "sha": file.sha256,
            "rows": len(file.rows),
            "source": origin.source,
            "source_date": origin.day.isoformat(),
            "lawful_basis": origin.basis,
        }
        import_id = db.insert("data_imports", record) or 0
        return sum(_write(db, kind, row, import_id, origin, hashed) for row in file.rows)


def _cross(db: Connection, kind: str, path: Path, rows: tuple[CsvRow, ...]) -> list[Problem]:
    """What only the database knows: accounts, collectors and customers that are not there; halves of a place."""
    found = list[Problem]()
    checks = {
        "contacts": (("account_id", "accounts"), ("collector_id", "collectors")),
        "devices": (("customer_id", "customers"),),
    }
    for column, table in checks.get(kind, ()):
        known = {row["id"] for row in db.rows(f"SELECT id FROM {table}")}  # noqa: S608 - names of this file
        for row in rows:
            if column in row.values and row.values[column] not in known:
                found.append(Problem(path, row.line, f"{column} is not in the database"))
    if kind == "collection-numbers":
        for row in rows:
            if ("latitude" in row.values) != ("longitude" in row.values):
                found.append(Problem(path, row.line, "latitude and longitude: both or none"))
    key = COLUMNS[kind][0].name
    if kind in ("collectors", "contacts", "collection-numbers", "base-stations"):
        seen: dict[object, int] = {}
        for row in rows:
            first = seen.setdefault(row.values[key], row.line)
            if first != row.line:
                found.append(Problem(path, row.line, f"{key} is there twice (first in line {first})"))
    return sorted(found, key=lambda problem: problem.line)


def _write(db: Connection, kind: str, row: CsvRow, import_id: int, origin: Origin, hashed: Hash) -> int:
    values = {name: value for name, value in row.values.items() if isinstance(value, str | int | float)}
    if kind == "collectors":
        return _collector(db, values)
    if kind == "contacts":
        fields: dict[str, Value] = {"source": origin.source, "source_id": values.pop("id"), **values}
        return _upsert(db, "contacts", fields, ("source", "source_id"))
    if kind == "devices":
        device = hashed(str(values["imei"]))
        return _upsert(
            db, "devices", {"customer_id": values["customer_id"], "device_hash": device, "import_id": import_id}, ()
        )
    if "number" in values:
        values["number"] = number_key(str(values["number"]))
    if kind == "number-calls":
        values["other_hash"] = hashed(str(values.pop("other")))
        return _upsert(db, "number_calls", {**values, "import_id": import_id}, ())
    if kind == "applicant-calls":
        return _upsert(db, "applicant_calls", {**values, "import_id": import_id}, ())
    table, keys = {
        "collection-numbers": ("collection_numbers", ("number",)),
        "base-stations": ("base_stations", ("cell_id",)),
    }[kind]
    return _upsert(db, table, {**values, "import_id": import_id}, keys)


def _collector(db: Connection, values: dict[str, str | int | float]) -> int:
    db.insert(
        "agents",
        {"id": values["id"], "name": values["name"], "role": "collector"},
        "ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    )
    fields: dict[str, Value] = {"id": values["id"], "kind": values["kind"], "daily_cap": values.get("daily_cap")}
    return _upsert(db, "collectors", fields, ("id",))


def _upsert(db: Connection, table: str, row: dict[str, Value], keys: tuple[str, ...]) -> int:
    """`keys` empty: a row that is there stays as it is."""
    if not keys:
        return int(db.insert(table, row, "ON CONFLICT DO NOTHING") is not None)
    sets = ", ".join(f"{name} = excluded.{name}" for name in row if name not in keys)
    return int(db.insert(table, row, f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sets}") is not None)
