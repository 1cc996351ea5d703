"""The check of an import: every row of every file goes into a private database `s` first (Connection.scratch), and what
must hold between rows and files is asked there, in SQL, so that memory does not grow with the files.

Functions run inside `scratch`. Table `s.<kind>`: line, then the kind's columns as they will be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from storage.connection import Connection, Value
from storage.driver import sqlite3
from storage.portfolio_columns import Columns
from storage.portfolio_files import Source
from storage.portfolio_kinds import KINDS, Given, Kind, Ref

#: Told after each batch: kind of file, rows so far, bytes read, bytes of the file.
Progress = Callable[[str, int, int, int], None]
#: Lines that the message about a repeated id names.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` counts from 1; 1 is the header of a CSV file."""

    path: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def create(db: Connection) -> None:
    """The tables of all kinds, empty."""
    db.run("CREATE TABLE s.problems (kind TEXT, line INTEGER, reason TEXT)")
    db.run("CREATE TABLE s.bad_keys (kind TEXT, key TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID")
    for kind in KINDS.values():
        columns = ", ".join(f'"{name}" TEXT' for name in stored(kind))
        db.run(f"CREATE TABLE s.{kind.name} (line INTEGER PRIMARY KEY, {columns})")


def stored(kind: Kind) -> list[str]:
    """The columns as they are stored: of a number on a list only its hash."""
    names = [column.name for column in kind.columns]
    if kind.name == "do_not_call":
        return ["number_hash" if name == "number" else name for name in names]
    return [*names, "number_key"] if kind.name == "customers" else names


def load(
    db: Connection, source: Source, given: Given, hash_of: Callable[[str], str], progress: Progress
) -> tuple[int, int]:
    """Read a file into its table; returns (rows, bad rows)."""
    kind, count, bad = source.kind, 0, 0
    columns = Columns(kind, given, hash_of)
    sql = f"INSERT INTO s.{kind.name} VALUES ({', '.join('?' * (len(stored(kind)) + 1))})"  # noqa: S608 - our names
    for batch in source.batches():
        good, wrong = columns.read(batch)
        count, bad = count + batch.count, bad + len(wrong)
        db.run("BEGIN")
        db.many(sql, good)
        if wrong:
            faults = ((kind.name, line, fault) for line, found, _ in wrong for fault in found)
            db.many("INSERT INTO s.problems VALUES (?, ?, ?)", faults)
            keys = ((kind.name, key) for _, _, key in wrong if key)
            db.many("INSERT OR IGNORE INTO s.bad_keys VALUES (?, ?)", keys)
        db.run("COMMIT")
        progress(kind.name, count, source.done, source.size)
    if source.fault is not None:
        db.run("INSERT INTO s.problems VALUES (?, ?, ?)", kind.name, *source.fault)
    return count, bad


def check(db: Connection, kinds: list[Kind]) -> None:
    """What must hold between rows; of each kind the bad rows are taken out before the next is looked at."""
    for kind in kinds:
        for look in (_repeated, _beside_bad):
            look(db, kind)
        _take_out(db, kind)
        for ref in kind.refs:
            _referred(db, kind, ref)
        for reason, where in _RULES.get(kind.name, ()):
            _problem(db, kind, reason, where)
        _take_out(db, kind)
        if kind.name in _WHOLE:
            reason, where = _WHOLE[kind.name]
            _problem(db, kind, reason, where)
            _take_out(db, kind)


def _problem(db: Connection, kind: Kind, reason: str, where: str) -> None:
    db.run(
        f"INSERT INTO s.problems SELECT '{kind.name}', t.line, ? FROM s.{kind.name} t WHERE {where}",  # noqa: S608
        reason,
    )


def _key(kind: Kind, table: str) -> str:
    return " || char(31) || ".join(f'{table}."{_column(kind, name)}"' for name in kind.key)


def _column(kind: Kind, name: str) -> str:
    return "number_hash" if kind.name == "do_not_call" and name == "number" else name


def _repeated(db: Connection, kind: Kind) -> None:
    """Which of them is right is not known, so none is taken."""
    columns = ", ".join(f'"{_column(kind, name)}"' for name in kind.key)
    if _index(db, kind, columns, "UNIQUE"):
        return
    _index(db, kind, columns)
    key = _said(kind)
    groups = db.rows(
        f"""SELECT group_concat(line) AS lines FROM (SELECT * FROM s.{kind.name} ORDER BY line)
            GROUP BY {columns} HAVING count(*) > 1"""  # noqa: S608
    )
    db.many("INSERT INTO s.problems VALUES (?, ?, ?)", (row for g in groups for row in _others(kind, key, g["lines"])))


def _index(db: Connection, kind: Kind, columns: str, unique: str = "") -> bool:
    """Index the key; False where it should be unique and is not."""
    try:
        db.run(f"CREATE {unique} INDEX s.{kind.name}_key ON {kind.name} ({columns})")
    except sqlite3.IntegrityError:
        return False
    return True


def _said(kind: Kind) -> str:
    return f"{' and '.join(kind.key)} {'is' if len(kind.key) == 1 else 'are'}"


def _others(kind: Kind, key: str, listed: str) -> Iterator[tuple[Value, ...]]:
    lines = sorted(map(int, listed.split(",")))
    for line in lines:
        others = [str(other) for other in lines if other != line]
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        yield kind.name, line, f"{key} also in line {', '.join(others[:_NAMED])}{more}"


def _beside_bad(db: Connection, kind: Kind) -> None:
    if not _any_bad(db, kind) or kind.name == "do_not_call":  # a number is a hash here, a bad one is not
        return
    only = f"""EXISTS (SELECT 1 FROM s.bad_keys b WHERE b.kind = '{kind.name}' AND b.key = {_key(kind, "t")})
      AND NOT EXISTS (SELECT 1 FROM s.problems p WHERE p.kind = '{kind.name}' AND p.line = t.line)"""  # noqa: S608
    _problem(db, kind, f"{_said(kind)} also in a bad row", only)


def _referred(db: Connection, kind: Kind, ref: Ref) -> None:
    other = KINDS[ref.kind]
    name = other.key[0]
    staged = f'EXISTS (SELECT 1 FROM s.{other.name} o WHERE o."{name}" = t."{ref.column}")'  # noqa: S608
    spoiled = f"""EXISTS (SELECT 1 FROM s.bad_keys b WHERE b.kind = '{other.name}' AND b.key = t."{ref.column}")"""  # noqa: S608
    known = f'EXISTS (SELECT 1 FROM main.{other.table} m WHERE m.id = t."{ref.column}")'  # noqa: S608
    if _any_bad(db, other):
        _problem(db, kind, f"the row of its {ref.what} is bad", f"NOT {staged} AND {spoiled}")
    missing = f't."{ref.column}" IS NOT NULL AND NOT {staged} AND NOT {known} AND NOT {spoiled}'
    _problem(db, kind, f"{ref.column} is no {ref.what}'s id", missing)


def _any_bad(db: Connection, kind: Kind) -> bool:
    return db.row("SELECT 1 AS found FROM s.bad_keys WHERE kind = ? LIMIT 1", kind.name) is not None


def _take_out(db: Connection, kind: Kind) -> None:
    if db.row("SELECT 1 AS found FROM s.problems WHERE kind = ? LIMIT 1", kind.name) is None:
        return
    bad = f"t.line IN (SELECT line FROM s.problems WHERE kind = '{kind.name}')"  # noqa: S608
    db.run(
        f"INSERT OR IGNORE INTO s.bad_keys SELECT '{kind.name}', {_key(kind, 't')} FROM s.{kind.name} t WHERE {bad}"  # noqa: S608
    )
    db.run(f"DELETE FROM s.{kind.name} AS t WHERE {bad}")  # noqa: S608


_OF_LOAN = """coalesce((SELECT l.{0} FROM s.loans l WHERE l.account_id = t.account_id),
  (SELECT a.{0} FROM main.accounts a WHERE a.id = t.account_id))"""

#: What must hold beyond keys and references: (what is wrong, SQL of the rows `t` that are wrong).
_RULES: dict[str, tuple[tuple[str, str], ...]] = {
    "agents": (
        (
            "supervisor_id leads back to the agent",
            """t.id IN (WITH RECURSIVE up (id, above) AS (
                 SELECT id, supervisor_id FROM s.agents
                 UNION SELECT u.id, coalesce(n.supervisor_id, m.supervisor_id) FROM up u
                   LEFT JOIN s.agents n ON n.id = u.above
                   LEFT JOIN main.agents m ON m.id = u.above AND n.id IS NULL WHERE u.above IS NOT NULL)
               SELECT id FROM up WHERE above = id)""",
        ),
    ),
    "schedules": (
        ("due_on is before the loan's disbursed_on", f"t.due_on < {_OF_LOAN.format('disbursed_on')}"),
        (
            "the instalment before it is missing",
            """CAST(t.n AS INTEGER) > 1 AND NOT EXISTS (SELECT 1 FROM s.schedules p WHERE p.account_id = t.account_id
                 AND p.n = CAST(CAST(t.n AS INTEGER) - 1 AS TEXT))
               AND NOT EXISTS (SELECT 1 FROM s.bad_keys b WHERE b.kind = 'schedules'
                 AND b.key = t.account_id || char(31) || CAST(CAST(t.n AS INTEGER) - 1 AS TEXT))""",
        ),
        (
            "due_on is not after that of the instalment before",
            """t.due_on <= (SELECT p.due_on FROM s.schedules p WHERE p.account_id = t.account_id
                 AND p.n = CAST(CAST(t.n AS INTEGER) - 1 AS TEXT))""",
        ),
    ),
    "payments": (
        ("currency is not the loan's", f"t.currency <> {_OF_LOAN.format('currency')}"),
        (
            "there is a payment of this id already, with other values",
            """EXISTS (SELECT 1 FROM main.payments p WHERE p.id = t.id AND (p.account_id <> t.account_id
                 OR CAST(p.amount AS REAL) <> CAST(t.amount AS REAL) OR p.currency <> t.currency
                 OR p.paid_at <> t.paid_at))""",
        ),
    ),
}

#: A schedule is taken as a whole or not at all.
_WHOLE = {
    "schedules": (
        "another instalment of this loan is bad",
        """t.account_id IN (SELECT substr(key, 1, instr(key, char(31)) - 1) FROM s.bad_keys
             WHERE kind = 'schedules' AND instr(key, char(31)) > 1)""",
    )
}


def problems(db: Connection, sources: list[Source], limit: int | None) -> tuple[Problem, ...]:
    """By file, then line."""
    found = list[Problem]()
    for source in sources:
        left = -1 if limit is None else max(0, limit - len(found))
        rows = db.rows(
            "SELECT line, reason FROM s.problems WHERE kind = ? ORDER BY line, rowid LIMIT ?", [source.kind.name, left]
        )
        found += [Problem(source.path, row["line"], row["reason"]) for row in rows]
    return tuple(found)


def bad_lines(db: Connection, kind: Kind) -> tuple[int, int]:
    """(problems, rows that have one)."""
    row = db.row("SELECT count(*) AS n, count(DISTINCT line) AS lines FROM s.problems WHERE kind = ?", kind.name)
    return (row["n"], row["lines"]) if row else (0, 0)
