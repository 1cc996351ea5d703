"""Reads one file of a portfolio row by row, CSV or JSON lines: typed rows, and what is wrong with the others.

Nothing of a file is kept but the row that is being read, so its size does not matter.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from storage.portfolio_fields import MAX_TEXT
from storage.portfolio_kinds import Kind
from storage.portfolio_mapping import KindMap, Layout, layout
from voicebot.errors import PortfolioError

#: Longest line, bytes.
MAX_LINE = 1 << 20
#: Values of a column that are remembered.
_REMEMBERED = 4096
CUT = "has no line break at its end: the file may be cut in the middle (if it is whole, end it with one)"

#: Typed values in the order of the kind's columns (None: empty), or what is wrong with the row, all of it.
Read = tuple[int, list[object] | None, list[str], str]


class _Unreadable(Exception):
    """The file as a whole cannot be used; nothing after this line was read."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


@dataclass(slots=True)
class Source:
    """A file while it is read: `line` and `done` (bytes) are where, `sha256` is whole at the end, `given` are our
    columns that it has, `unused` headers that the mapping leaves out, `fault` says why the file as a whole cannot be
    used."""

    path: Path
    kind: Kind
    mapping: KindMap | None = None
    line: int = 0
    done: int = 0
    size: int = 0
    sha256: str = ""
    cut: bool = False
    unused: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()
    fault: tuple[int, str] | None = None

    def rows(self) -> Iterator[Read]:
        """(line, values or None, faults, key of a bad row). Raises PortfolioError where the file cannot be opened."""
        try:
            self.size = self.path.stat().st_size
            file = self.path.open("rb")
        except OSError as error:
            raise PortfolioError(f"{self.path}: {error.strerror}", hint="give the path of a CSV file") from None
        read = _json_lines if self.path.suffix.lower() in (".jsonl", ".ndjson", ".json") else _csv
        with file:
            try:
                seen = 0
                for row in read(self, file):
                    seen += 1
                    yield row
                if not seen:
                    raise _Unreadable(1, "there is no row below the header" if self.line else _EMPTY)
            except OSError as error:
                raise PortfolioError(f"{self.path}: {error.strerror}", hint="give the path of a CSV file") from None
            except _Unreadable as error:
                self.fault = (error.line, error.reason)


_EMPTY = "the file is empty: the first line names the columns"


def _lines(source: Source, file: BinaryIO) -> Iterator[str]:
    digest = hashlib.sha256()
    while raw := file.readline(MAX_LINE):
        source.line += 1
        if source.line == 1:
            if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise _Unreadable(1, "is UTF-16: save it as CSV UTF-8")
            digest.update(raw)
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        else:
            digest.update(raw)
        source.cut = not raw.endswith(b"\n")
        if source.cut and len(raw) == MAX_LINE:
            raise _Unreadable(source.line, f"a line is longer than {MAX_LINE >> 20} MB")
        source.done += len(raw)
        try:
            yield raw.decode()
        except UnicodeDecodeError as error:
            byte = f"byte 0x{raw[error.start]:02x}"
            raise _Unreadable(source.line, f"{byte} is not UTF-8: save the file as CSV UTF-8") from None
    source.sha256 = digest.hexdigest()


def _csv(source: Source, file: BinaryIO) -> Iterator[Read]:
    reader = csv.reader(_lines(source, file), strict=True)
    head: Layout | None = None
    width = 0
    check = _Checker(source.kind)
    while True:
        line = source.line + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if head is None:
                raise _Unreadable(1, f"the header is not CSV ({error})") from None
            yield line, None, [f"is not CSV ({error})", *([CUT] if source.cut else [])], ""
            continue
        if not any(cells) or not any(cell.strip() for cell in cells):
            continue
        if head is None:
            head, width = _header(source, cells), len(cells)
        elif len(cells) != width:
            cut = [CUT] if source.cut else []
            yield line, None, [f"has {len(cells)} fields, the header {width}", *cut], _raw_key(source.kind, head, cells)
        else:
            yield check.row(line, [cells[i] if i is not None else None for i in head.places], head.values, source.cut)


def _header(source: Source, cells: Sequence[str]) -> Layout:
    names = [cell.strip() for cell in cells]
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        raise _Unreadable(1, "the columns must be separated by commas")
    head, faults = layout(source.kind, names, source.mapping)
    if faults:
        raise _Unreadable(1, "; ".join(faults))
    source.unused, source.given = head.unused, _given(source.kind, head)
    return head


def _given(kind: Kind, head: Layout) -> frozenset[str]:
    there = (c.name for c, place in zip(kind.columns, head.places, strict=True) if place is not None)
    return frozenset((*there, *head.values))


def _raw_key(kind: Kind, head: Layout, cells: Sequence[str]) -> str:
    names = [column.name for column in kind.columns]
    places = [head.places[names.index(name)] for name in kind.key]
    return "\x1f".join(cells[i].strip() if i is not None and i < len(cells) else "" for i in places)


def _json_lines(source: Source, file: BinaryIO) -> Iterator[Read]:
    check = _Checker(source.kind)
    heads: dict[tuple[str, ...], tuple[Layout, list[str]]] = {}
    unused: dict[str, None] = {}
    for content in _lines(source, file):
        if not content.strip():
            continue
        cut = [CUT] if source.cut else []
        try:
            found = json.loads(
                content, parse_int=str, parse_float=str, parse_constant=_no_number, object_pairs_hook=_object
            )
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            yield source.line, None, [f"is not JSON ({what})", *cut], ""
            continue
        if not isinstance(found, dict):
            yield source.line, None, ["is not a JSON object", *cut], ""
            continue
        names = tuple(found)
        if names not in heads and len(heads) < 10_000:
            heads[names] = layout(source.kind, names, source.mapping)
        head, faults = heads.get(names) or layout(source.kind, names, source.mapping)
        unused |= dict.fromkeys(head.unused)
        source.given |= _given(source.kind, head)
        cells = [_text(value) for value in found.values()]
        nested = [
            f"{name[:40]} holds a list or an object" for name, cell in zip(names, cells, strict=True) if cell is None
        ]
        if faults or nested:
            yield source.line, None, [*faults, *nested, *cut], _raw_key(source.kind, head, [c or "" for c in cells])
        else:
            row = [cells[i] if i is not None else None for i in head.places]
            yield check.row(source.line, row, head.values, source.cut)
    source.unused = tuple(unused)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _text(value: object) -> str | None:
    """A JSON value as a CSV's cell; None where it is no such thing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else None


class _Checker:
    """Reads cells into typed values. A date or the name of a product that was read is remembered: most columns have few
    values, and memory stays bounded where they have many."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._columns = [(c.name, c.read, c.default, dict[str, object]()) for c in kind.columns]

    def row(self, line: int, cells: Sequence[str | None], constant: Mapping[str, str], cut: bool) -> Read:
        values, faults = list[object](), list[str]()
        for (name, read, default, known), cell in zip(self._columns, cells, strict=True):
            raw = (cell.strip() if cell is not None else constant.get(name)) or default
            if raw in known:
                values.append(known[raw])
                continue
            value, fault = _value(raw, read)
            values.append(value)
            if fault:
                faults.append(f"{name} {fault}")
            elif raw and len(known) < _REMEMBERED:
                known[raw] = value
        if cut:
            faults.append(CUT)
        if not faults:
            return line, values, faults, ""
        raws = {name: cell for (name, *_), cell in zip(self._columns, cells, strict=True)}
        return line, None, faults, "\x1f".join((raws[name] or "").strip() for name in self._kind.key)


def _value(raw: str | None, read: Callable[[str], object]) -> tuple[object, str]:
    if raw is None:
        return None, "is empty"
    if not raw:
        return None, ""
    if "\0" in raw:
        return None, "holds a NUL byte"
    if len(raw) > MAX_TEXT:
        return None, f"is {len(raw)} characters long, at most {MAX_TEXT} are allowed"
    try:
        return read(raw), ""
    except ValueError as error:
        return None, str(error)
