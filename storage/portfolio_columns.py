"""What the cells of a file mean: column by column, since most columns have few values, and each value is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime

from storage.codec import iso, number_key
from storage.connection import Value
from storage.portfolio_fields import MAX_TEXT
from storage.portfolio_files import CUT, Bad, Batch, raw_key
from storage.portfolio_kinds import Given, Kind

#: Values of a column that are remembered from one batch to the next.
_REMEMBERED = 20_000


class _Column:
    """`stored`: by cell as it is written, what the table gets; `typed`: what was read; `faults`: what is wrong with a
    cell of this batch."""

    def __init__(self, name: str, read: Callable[[str], object], default: str | None, keep: Callable[[object], Value]):
        self.name, self._read, self._default, self._keep = name, read, default, keep
        self.stored: dict[str, Value] = {}
        self.typed: dict[str, object] = {}
        self.faults: dict[str, str] = {}

    def learn(self, cells: Sequence[str]) -> None:
        if len(self.stored) > _REMEMBERED:
            self.stored.clear()
            self.typed.clear()
        self.faults.clear()
        for cell in set(cells).difference(self.stored):
            value, fault = _value(cell.strip() or self._default, self._read)
            if fault:
                self.faults[cell] = f"{self.name} {fault}"
            else:
                self.typed[cell] = value
                self.stored[cell] = self._keep(value)


class Columns:
    """Reads the batches of one file. `hash_of`: of a number on a list only its hash is kept."""

    def __init__(self, kind: Kind, given: Given, hash_of: Callable[[str], str]) -> None:
        self._kind, self._given = kind, given
        listed = kind.name == "do_not_call"

        def hashed(value: object) -> str:
            return hash_of(str(value))

        self._columns = [
            _Column(c.name, c.read, c.default, hashed if listed and c.name == "number" else as_text)
            for c in kind.columns
        ]

    def read(self, batch: Batch) -> tuple[list[tuple[Value, ...]], list[Bad]]:
        """(line and values as they are stored of the good rows, all that is wrong with the others)."""
        bad = list(batch.bad)
        if not batch.rows:
            return [], bad
        cells = list(self._cells(batch))
        for column, own in zip(self._columns, cells, strict=True):
            column.learn(own)
        faults = self._faults(cells, batch.cut, len(batch.rows))
        bad += [
            (batch.lines[row], found, raw_key(self._kind, batch.head, batch.rows[row]))
            for row, found in sorted(faults.items())
        ]
        stored: list[Sequence[Value]] = [
            list(map(column.stored.get, own)) for column, own in zip(self._columns, cells, strict=True)
        ]
        if self._kind.check is not None:
            bad += self._check(batch, cells, stored, faults)
        if self._kind.name == "customers":
            stored.append([number_key(str(number)) for number in stored[2]])
        rows = zip(batch.lines, *stored, strict=True)
        return [row for n, row in enumerate(rows) if n not in faults] if faults else list(rows), bad

    def _cells(self, batch: Batch) -> Iterator[Sequence[str]]:
        """By column."""
        there = list(zip(*batch.rows, strict=True))
        for column, place in zip(self._columns, batch.head.places, strict=True):
            if place is None:
                yield [batch.head.values.get(column.name, "")] * len(batch.rows)
            else:
                yield there[place]

    def _faults(self, cells: list[Sequence[str]], cut: bool, count: int) -> dict[int, list[str]]:
        """By row of the batch."""
        found: dict[int, list[str]] = {}
        for column, own in zip(self._columns, cells, strict=True):
            if column.faults:
                for row, cell in enumerate(own):
                    if cell in column.faults:
                        found.setdefault(row, []).append(column.faults[cell])
        if cut:
            found.setdefault(count - 1, []).append(CUT)
        return found

    def _check(
        self, batch: Batch, cells: list[Sequence[str]], stored: list[Sequence[Value]], faults: dict[int, list[str]]
    ) -> Iterator[Bad]:
        """What is wrong with the values of a row together; noted in `faults`, too."""
        check, given = self._kind.check, self._given
        assert check is not None
        names = [column.name for column in self._columns]
        typed = (list(map(column.typed.get, own)) for column, own in zip(self._columns, cells, strict=True))
        for n, values in enumerate(zip(*typed, strict=True)):
            if n not in faults and (wrong := check(dict(zip(names, values, strict=True)), given)):
                faults[n] = wrong
                key = "\x1f".join(str(stored[names.index(name)][n] or "") for name in self._kind.key)
                yield batch.lines[n], wrong, key


def as_text(value: object) -> str | None:
    """As it is stored: money and days as they are written, times in UTC."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else str(value)


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
