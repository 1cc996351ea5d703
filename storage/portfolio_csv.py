"""Reads one CSV file of the portfolio into typed rows and a list of everything that is wrong with it."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from storage.portfolio_fields import MAX_TEXT, Column
from voicebot.errors import PortfolioError

#: A whole file, bytes: enough for a million loans.
MAX_FILE = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` counts from 1; 1 is the header."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A good row: typed values by column; an optional column left empty without a default is absent."""

    line: int
    values: dict[str, object]

    def text(self, name: str) -> str:
        """A text."""
        return str(self.values[name])

    def day(self, name: str) -> date:
        """A date."""
        value = self.values[name]
        if not isinstance(value, date):
            raise TypeError(name)
        return value

    def money(self, name: str) -> Decimal:
        """An amount."""
        value = self.values[name]
        if not isinstance(value, Decimal):
            raise TypeError(name)
        return value


@dataclass(frozen=True, slots=True)
class CsvFile:
    """`rows`: the good ones; `bad_keys`: first column's value of each bad row where it has one; `usable` False: the
    file as a whole cannot be read (header, encoding)."""

    path: Path
    sha256: str
    rows: tuple[CsvRow, ...]
    problems: tuple[Problem, ...]
    bad_keys: frozenset[str] = frozenset()
    usable: bool = True


def read_csv(path: Path, columns: Sequence[Column]) -> CsvFile:
    """UTF-8 with or without a byte order mark, comma, header. Raises PortfolioError where the file cannot be opened."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise PortfolioError(f"{path}: larger than {MAX_FILE >> 20} MB", hint="import it in parts")
        data = path.read_bytes()
    except OSError as error:
        raise PortfolioError(f"{path}: {error.strerror}", hint="give the path of a CSV file") from None
    sha = hashlib.sha256(data).hexdigest()

    def broken(line: int, reason: str) -> CsvFile:
        return CsvFile(path, sha, (), (Problem(path, line, reason),), usable=False)

    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return broken(1, "is UTF-16: save it as CSV UTF-8")
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return broken(line, f"byte 0x{data[error.start]:02x} is not UTF-8: save the file as CSV UTF-8")
    lines = _cells(content)
    header = next(lines, None)
    if header is None:
        return broken(1, "the file is empty: the first line names the columns")
    names, reason = _header(header[1], columns)
    if reason:
        return broken(1, reason)
    rows, problems, bad_keys = _rows(path, lines, names, columns)
    if not rows and not problems:
        return broken(1, "there is no row below the header")
    return CsvFile(path, sha, tuple(rows), tuple(problems), frozenset(bad_keys))


def _cells(content: str) -> Iterator[tuple[int, list[str] | str]]:
    """(line, cells), or (line, what is wrong with it) where the row is no CSV. Blank lines are left out."""
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, f"is not CSV ({error})"
            continue
        if any(cell.strip() for cell in cells):
            yield line, cells


def _header(cells: list[str] | str, columns: Sequence[Column]) -> tuple[list[str], str]:
    if isinstance(cells, str):
        return [], f"the header {cells}"
    names = [cell.strip() for cell in cells]
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        return [], "the columns must be separated by commas"
    faults = []
    known = {c.name for c in columns}
    if missing := [c.name for c in columns if c.default is None and c.name not in names]:
        faults.append(f"missing column(s) {', '.join(missing)}")
    if unknown := [repr(n[:40]) for n in names if n not in known]:
        faults.append(f"unknown column(s) {', '.join(unknown)}")
    if twice := sorted({n for n in names if names.count(n) > 1 and n in known}):
        faults.append(f"column(s) given twice: {', '.join(twice)}")
    if faults:
        faults.append(f"the columns are {', '.join(c.name for c in columns)}")
    return names, "; ".join(faults)


def _rows(
    path: Path, lines: Iterator[tuple[int, list[str] | str]], names: list[str], columns: Sequence[Column]
) -> tuple[list[CsvRow], list[Problem], set[str]]:
    rows, problems, bad_keys = list[CsvRow](), list[Problem](), set[str]()
    for line, cells in lines:
        if isinstance(cells, str):
            problems.append(Problem(path, line, cells))
        elif len(cells) != len(names):
            problems.append(Problem(path, line, f"has {len(cells)} fields, the header {len(names)}"))
        else:
            named = dict(zip(names, cells, strict=True))
            values, faults = _values(named, columns)
            problems += [Problem(path, line, fault) for fault in faults]
            if faults:
                bad_keys.add(named[columns[0].name].strip())
            else:
                rows.append(CsvRow(line, values))
    return rows, problems, bad_keys


def _values(cells: dict[str, str], columns: Sequence[Column]) -> tuple[dict[str, object], list[str]]:
    values, faults = dict[str, object](), list[str]()
    for column in columns:
        name = column.name
        raw = cells.get(name, "").strip() or column.default
        if raw is None:
            faults.append(f"{name} is empty")
        elif "\0" in raw:
            faults.append(f"{name} holds a NUL byte")
        elif len(raw) > MAX_TEXT:
            faults.append(f"{name} is {len(raw)} characters long, at most {MAX_TEXT} are allowed")
        elif raw:
            try:
                values[name] = column.read(raw)
            except ValueError as error:
                faults.append(f"{name} {error}")
    return values, faults
