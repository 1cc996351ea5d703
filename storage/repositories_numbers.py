"""Collection numbers, base stations, call records and applicants (document R)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from storage.codec import iso
from storage.connection import Connection
from voicebot.scoring.collection_numbers import NumberCall, Place
from voicebot.scoring.ports import ApplicantFacts, NumberRow

#: Library entries named with an applicant's score.
MAX_NAMED = 20


def numbers(db: Connection) -> list[NumberRow]:
    """Imported numbers, and those that only have calls."""
    rows = db.rows(
        """SELECT number, company, latitude, longitude, label FROM collection_numbers
           UNION ALL SELECT DISTINCT number, NULL, NULL, NULL, NULL FROM number_calls
             WHERE number NOT IN (SELECT number FROM collection_numbers)
           ORDER BY number"""
    )
    return [
        NumberRow(
            row["number"],
            row["company"],
            Place(row["latitude"], row["longitude"]) if row["latitude"] is not None else None,
            None if row["label"] is None else bool(row["label"]),
        )
        for row in rows
    ]


def number_calls(db: Connection) -> dict[str, list[NumberCall]]:
    """By number."""
    found = defaultdict[str, list[NumberCall]](list)
    for row in db.rows("SELECT * FROM number_calls ORDER BY number, at"):
        found[row["number"]].append(
            NumberCall(
                row["other_hash"],
                bool(row["outgoing"]),
                bool(row["answered"]),
                datetime.fromisoformat(row["at"]),
                row["duration_s"],
                row["cell_id"],
            )
        )
    return dict(found)


def cells(db: Connection) -> dict[str, Place]:
    """Base stations."""
    rows = db.rows("SELECT * FROM base_stations")
    return {row["cell_id"]: Place(row["latitude"], row["longitude"], row["radius_m"]) for row in rows}


def put_library(db: Connection, p: Mapping[str, float], limit: float, model: str, own: Collection[str]) -> int:
    """Inside a transaction. A label is stronger than a probability; the bank's own numbers are never in."""
    db.run("UPDATE collection_numbers SET in_library = 0, p = NULL, model = NULL")
    for number, value in p.items():
        db.insert("collection_numbers", {"number": number}, "ON CONFLICT (number) DO NOTHING")
        db.run("UPDATE collection_numbers SET p = ?, model = ? WHERE number = ?", value, model, number)
    db.run("UPDATE collection_numbers SET in_library = 1 WHERE label = 1 OR (label IS NULL AND p >= ?)", limit)
    for number in own:
        db.run("UPDATE collection_numbers SET in_library = 0 WHERE number = ?", number)
    row = db.row("SELECT count(*) AS n FROM collection_numbers WHERE in_library = 1")
    return int(row["n"]) if row else 0


def applicants(db: Connection, now: datetime, window_d: int) -> list[ApplicantFacts]:
    """Everybody with call records; the library's numbers among them."""
    since = now - timedelta(days=window_d)
    rows = db.rows(
        """SELECT a.applicant_id, count(DISTINCT n.number) AS numbers, count(n.number) AS calls,
             coalesce(sum(a.answered) FILTER (WHERE n.number IS NOT NULL), 0) AS answered,
             max(a.at) FILTER (WHERE n.number IS NOT NULL) AS last,
             count(DISTINCT coalesce(n.company, n.number)) AS companies,
             coalesce(group_concat(DISTINCT n.number), '') AS library
           FROM applicant_calls a
           LEFT JOIN collection_numbers n ON n.number = a.number AND n.in_library = 1 AND a.at >= ? AND a.at <= ?
           GROUP BY a.applicant_id ORDER BY a.applicant_id""",
        [iso(since), iso(now)],
    )
    return [
        ApplicantFacts(
            row["applicant_id"],
            row["numbers"],
            row["calls"],
            row["answered"],
            (now - datetime.fromisoformat(row["last"])).total_seconds() / 86_400 if row["last"] else None,
            row["companies"],
            tuple(sorted(row["library"].split(","))[:MAX_NAMED]) if row["library"] else (),
        )
        for row in rows
    ]
