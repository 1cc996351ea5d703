"""Reads one file of a portfolio, CSV or JSON lines, in batches of rows as they are written there.

Nothing of a file is kept but the batch that is being read, so its size does not matter. What the cells mean:
portfolio_columns.py.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn

from storage.portfolio_kinds import Kind
from storage.portfolio_mapping import KindMap, Layout, layout
from voicebot.errors import PortfolioError

#: Rows of a batch.
BATCH = 5000
#: Longest line, bytes.
MAX_LINE = 1 << 20
CUT = "has no line break at its end: the file may be cut in the middle (if it is whole, end it with one)"

#: A row that is no row: line, what is wrong with it, its key as far as it can be read.
Bad = tuple[int, list[str], str]


class _Unreadable(Exception):
    """The file as a whole cannot be used; nothing after this line was read."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


_NONE = Layout((), {})


@dataclass(slots=True)
class Batch:
    """Rows of one layout: cells in the file's order, with their lines. `cut`: the last one has no line break."""

    head: Layout = _NONE
    lines: list[int] = field(default_factory=list)
    rows: list[Sequence[str]] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    cut: bool = False

    @property
    def count(self) -> int:
        """Rows, good or not."""
        return len(self.rows) + len(self.bad)

    def clear(self) -> None:
        """What was read has been used."""
        self.lines, self.rows, self.bad, self.cut = [], [], [], False

    def add(self, line: int, cells: Sequence[str], cut: bool) -> None:
        """A row."""
        self.lines.append(line)
        self.rows.append(cells)
        self.cut = cut


@dataclass(slots=True)
class Source:
    """A file while it is read: `line` (the last one of a block that was read) and `done` (bytes) are where, `sha256` is
    whole at the end, `given` are our columns that it has, `unused` headers that the mapping leaves out, `fault` says
    why the file as a whole cannot be used."""

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

    def batches(self, size: int = BATCH) -> Iterator[Batch]:
        """The rows, `size` at a time; a batch is good until the next one is asked for. Raises PortfolioError where the
        file cannot be opened."""
        try:
            self.size = self.path.stat().st_size
            file = self.path.open("rb")
        except OSError as error:
            raise PortfolioError(f"{self.path}: {error.strerror}", hint="give the path of a CSV file") from None
        read = _json_lines if self.path.suffix.lower() in (".jsonl", ".ndjson", ".json") else _csv
        batch, seen = Batch(), 0
        with file:
            try:
                for _ in read(self, file, batch, size):
                    seen += batch.count
                    yield batch
                    batch.clear()
                seen += batch.count
                if not seen:
                    raise _Unreadable(1, "there is no row below the header" if self.line else _EMPTY)
            except OSError as error:
                raise PortfolioError(f"{self.path}: {error.strerror}", hint="give the path of a CSV file") from None
            except _Unreadable as error:
                self.fault = (error.line, error.reason)
        if batch.count:
            yield batch


_EMPTY = "the file is empty: the first line names the columns"


def _lines(source: Source, file: BinaryIO) -> Iterator[str]:
    """The file's lines with their ends (line feeds, nothing else ends a line), block by block."""
    digest, rest = hashlib.sha256(), b""
    while block := file.read(MAX_LINE):
        digest.update(block)
        if not source.done:
            if block[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise _Unreadable(1, "is UTF-16: save it as CSV UTF-8")
            block = block.removeprefix(b"\xef\xbb\xbf")
        source.done += len(block)
        whole, end, rest = (rest + block).rpartition(b"\n")
        yield from _decoded(source, whole + end)
        if len(rest) >= MAX_LINE:
            raise _Unreadable(source.line + 1, f"a line is longer than {MAX_LINE >> 20} MB")
    if rest:
        source.cut = True
        yield from _decoded(source, rest)
    source.sha256 = digest.hexdigest()


def _decoded(source: Source, block: bytes) -> Iterator[str]:
    try:
        text, bad = block.decode(), None
    except UnicodeDecodeError as error:  # the lines before are good
        text, bad = block[: block.rfind(b"\n", 0, error.start) + 1].decode(), block[error.start]
    yield from io.StringIO(text, newline="\n")
    source.line += text.count("\n") + (bool(text) and not text.endswith("\n"))
    if bad is not None:
        raise _Unreadable(source.line + 1, f"byte 0x{bad:02x} is not UTF-8: save the file as CSV UTF-8")


def _csv(source: Source, file: BinaryIO, batch: Batch, size: int) -> Iterator[None]:
    """Fills the batch, and says when it is full."""
    reader = csv.reader(_lines(source, file), strict=True)
    head: Layout | None = None
    width, before, going = 0, 0, True
    while going:
        try:
            going = False
            for cells in reader:
                line, before = before + 1, reader.line_num
                if len(cells) == width and cells[0].strip():
                    batch.add(line, cells, source.cut)
                    if len(batch.rows) >= size:
                        yield
                elif not any(cell.strip() for cell in cells):
                    continue
                elif head is None:
                    head, width = _header(source, cells), len(cells)
                    batch.head = head
                elif len(cells) == width:
                    batch.add(line, cells, source.cut)
                else:
                    faults = [f"has {len(cells)} fields, the header {width}", *([CUT] if source.cut else [])]
                    batch.bad.append((line, faults, raw_key(source.kind, head, cells)))
        except csv.Error as error:
            if head is None:
                raise _Unreadable(1, f"the header is not CSV ({error})") from None
            batch.bad.append((before + 1, [f"is not CSV ({error})", *([CUT] if source.cut else [])], ""))
            before, going = reader.line_num, True


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


def raw_key(kind: Kind, head: Layout, cells: Sequence[str]) -> str:
    """A row's key as it is written."""
    names = [column.name for column in kind.columns]
    places = [head.places[names.index(name)] for name in kind.key]
    return "\x1f".join(cells[i].strip() if i is not None and i < len(cells) else "" for i in places)


def _json_lines(source: Source, file: BinaryIO, batch: Batch, size: int) -> Iterator[None]:
    """Fills the batch, and says when it is full, or a row of another layout comes."""
    heads: dict[tuple[str, ...], tuple[Layout, list[str]]] = {}
    unused: dict[str, None] = {}
    for line, content in enumerate(_lines(source, file), 1):
        if not content.strip():
            continue
        cut = [CUT] if source.cut else []
        try:
            found = json.loads(
                content, parse_int=str, parse_float=str, parse_constant=_no_number, object_pairs_hook=_object
            )
        except (ValueError, RecursionError) as error:
            what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            batch.bad.append((line, [f"is not JSON ({what})", *cut], ""))
            continue
        if not isinstance(found, dict):
            batch.bad.append((line, ["is not a JSON object", *cut], ""))
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
        row = [cell or "" for cell in cells]
        if faults or nested:
            batch.bad.append((line, [*faults, *nested, *cut], raw_key(source.kind, head, row)))
            continue
        if batch.rows and (head is not batch.head or len(batch.rows) >= size):
            yield
        batch.head = head
        batch.add(line, row, source.cut)
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
