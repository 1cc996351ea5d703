"""Import of the portfolio: customers, loans and all that belongs to them. All rows are checked, then all are written at
once, or none. Two passes over a private database: memory does not grow with the files (docs/campaigns.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from storage import portfolio_staging as staging
from storage import portfolio_write as writing
from storage.codec import iso, now_utc
from storage.connection import Connection, Value
from storage.portfolio_files import Source
from storage.portfolio_kinds import KINDS, Given, Kind
from storage.portfolio_mapping import KindMap
from storage.portfolio_staging import Problem, Progress
from storage.secret import hash_number
from voicebot.errors import PortfolioError

#: Problems that a message lists; more are counted.
MAX_LISTED = 50
_READABLE = "correct these lines and import again, or import the good rows alone with --keep-good"
_UNREADABLE = "correct the file and import again (docs/database.md lists the columns)"


@dataclass(frozen=True, slots=True)
class FileReport:
    """What one file holds. `known`: good rows that are in the database already: they are replaced (payments, consents
    and numbers on lists: left as they are). `written`: rows, 0 in a dry run. `unused`: columns that the mapping leaves
    out."""

    kind: str
    path: Path
    sha256: str
    rows: int
    good: int
    bad: int
    known: int
    written: int
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import found. `problems`: the first of `problem_count`."""

    files: tuple[FileReport, ...]
    problems: tuple[Problem, ...]
    problem_count: int
    usable: bool
    written: bool

    def file(self, kind: str) -> FileReport | None:
        """The report of one kind of file."""
        return next((file for file in self.files if file.kind == kind), None)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """`keep_good`: write the good rows though others are bad; `dry_run`: only look; `limit`: problems that are listed;
    `replace_lists`: numbers that are no longer on a list of the file leave it."""

    keep_good: bool = False
    dry_run: bool = False
    replace_lists: bool = False
    purposes: Set[str] | None = None
    today: date | None = None
    limit: int | None = MAX_LISTED
    mappings: Mapping[str, KindMap] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """Rows written, and what was left out (only with `keep_good`)."""

    customers: int
    accounts: int
    problems: tuple[Problem, ...]


def _quiet(kind: str, rows: int, done: int, size: int) -> None:
    del kind, rows, done, size


def import_files(
    db: Connection,
    files: Mapping[str, Path],
    hash_of: Callable[[str], str],
    options: ImportOptions = ImportOptions(),
    progress: Progress = _quiet,
) -> ImportReport:
    """Import files by kind (portfolio_kinds.KINDS). Rows replace those with the same id, so that importing the same
    files again changes nothing. Raises PortfolioError that lists the bad rows (nothing is written then; a dry run
    returns them instead), and StorageError where the database refuses: nothing is written then either.

    `db` is the caller's alone meanwhile; `hash_of`: SqliteStore.number_hash."""
    given = Given(options.today or now_utc().date(), options.purposes)
    kinds = [kind for name, kind in KINDS.items() if name in files]
    sources = [Source(files[kind.name], kind, options.mappings.get(kind.name)) for kind in kinds]
    with db.scratch():
        staging.create(db)
        rows = [staging.load(db, source, given, hash_of, progress)[0] for source in sources]
        staging.check(db, kinds)
        counts = [staging.bad_lines(db, kind) for kind in kinds]
        total, usable = sum(n for n, _ in counts), all(source.fault is None for source in sources)
        found = staging.problems(db, sources, options.limit)
        if not options.dry_run and total and not (options.keep_good and usable):
            raise _refused(found, total, usable)
        known = [writing.known(db, kind) for kind in kinds]
        written = [0] * len(kinds)
        if not options.dry_run:
            with db.write():
                written = _write(db, sources, counts, options)
        reports = tuple(
            FileReport(
                kind=source.kind.name,
                path=source.path,
                sha256=source.sha256,
                rows=n,
                good=_staged(db, source.kind),
                bad=bad,
                known=there,
                written=done,
                unused=source.unused,
            )
            for source, n, (_, bad), there, done in zip(sources, rows, counts, known, written, strict=True)
        )
    return ImportReport(reports, found, total, usable, not options.dry_run)


def _staged(db: Connection, kind: Kind) -> int:
    row = db.row(f"SELECT count(*) AS n FROM s.{kind.name}")  # noqa: S608 - our names
    return int(row["n"]) if row else 0


def _refused(found: tuple[Problem, ...], total: int, usable: bool) -> PortfolioError:
    more = f"\n  ... and {total - len(found)} more" if total > len(found) else ""
    listed = "\n  ".join(str(problem) for problem in found)
    return PortfolioError(
        f"{total} problem(s); nothing was imported\n  {listed}{more}", hint=_READABLE if usable else _UNREADABLE
    )


def _write(db: Connection, sources: list[Source], counts: list[tuple[int, int]], options: ImportOptions) -> list[int]:
    now = now_utc()
    if options.replace_lists:
        db.run("DELETE FROM do_not_call_lists WHERE list IN (SELECT list FROM s.do_not_call)")
    written = [writing.write(db, source.kind, source.given, now) for source in sources]
    by_kind = {source.kind.name: (source, n) for source, n in zip(sources, written, strict=True)}
    people, loans = by_kind.get("customers"), by_kind.get("loans")
    row: dict[str, Value] = {
        "at": iso(now),
        "customers_sha": people[0].sha256 if people else "",
        "loans_sha": loans[0].sha256 if loans else "",
        "customers": people[1] if people else 0,
        "accounts": loans[1] if loans else 0,
        "bad_rows": sum(bad for _, bad in counts),
    }
    import_id = db.insert("imports", row)
    for source, n, (_, bad) in zip(sources, written, counts, strict=True):
        values: dict[str, Value] = {"import_id": import_id, "kind": source.kind.name, "sha": source.sha256}
        db.insert("import_files", {**values, "rows": n, "bad_rows": bad})
    return written


def import_portfolio(
    db: Connection,
    customers: Path,
    loans: Path,
    *,
    keep_good: bool = False,
    purposes: Set[str] | None = None,
    today: date | None = None,
) -> ImportResult:
    """Import customers and loans. As `import_files`; every problem is listed."""
    options = ImportOptions(keep_good=keep_good, purposes=purposes, today=today, limit=None)
    report = import_files(db, {"customers": customers, "loans": loans}, _no_hash, options)
    found = {file.kind: file.written for file in report.files}
    return ImportResult(found["customers"], found["loans"], report.problems)


def _no_hash(number: str) -> str:
    return hash_number(b"", number)  # neither file has a number that is stored as its hash
