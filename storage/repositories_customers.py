"""Early warning, tags and performance: what the store knows of customers, products and days (document Q)."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from storage.codec import iso
from storage.connection import Connection, Value
from voicebot.scoring.early_warning import CustomerFacts
from voicebot.scoring.performance import DIMENSIONS, Counts, PerformanceRow
from voicebot.scoring.ports import FollowUpFault
from voicebot.scoring.tags import TagFacts
from voicebot.scoring.unpaid import DueGroup

#: Feedback that speaks of the number, not of the person.
_NUMBER_FAULTS = ("invalid", "suspended", "powered_off", "wrong_party")


def customers(db: Connection, since: datetime, day: date) -> dict[str, CustomerFacts]:
    """Facts of those who owe something overdue or had a contact in the window."""
    facts = defaultdict[str, dict[str, object]](dict)
    start, today = iso(since), day.isoformat()
    for row in db.rows(
        """SELECT customer_id, sum(n) AS overdue, sum(due) AS due, sum(outstanding) AS outstanding FROM (
             SELECT customer_id, account_id, sum(due) AS due, max(outstanding) AS outstanding, count(*) AS n
             FROM v_dues WHERE due_on < ? AND NOT paid GROUP BY customer_id, account_id) GROUP BY customer_id""",
        [today],
    ):
        share = min(1.0, row["due"] / row["outstanding"]) if row["outstanding"] else None
        facts[row["customer_id"]] |= {"overdue": row["overdue"], "due_share": share}
    for row in db.rows(
        """SELECT a.customer_id, count(*) FILTER (WHERE p.kept = 1) AS kept,
             count(*) FILTER (WHERE p.kept = 0) AS broken, count(*) FILTER (WHERE o.refusal = 1) AS refusals,
             count(*) FILTER (WHERE o.dispute = 1) AS disputes, count(*) FILTER (WHERE o.hardship = 1) AS hardships
           FROM attempts a LEFT JOIN outcomes o ON o.attempt_id = a.id LEFT JOIN promises p ON p.attempt_id = a.id
           WHERE a.started_at >= ? AND a.customer_id IS NOT NULL GROUP BY a.customer_id""",
        [start],
    ):
        facts[row.pop("customer_id")] |= row
    _external(db, facts, start)
    return {customer: CustomerFacts(**found) for customer, found in sorted(facts.items())}  # type: ignore[arg-type]


def _external(db: Connection, facts: dict[str, dict[str, object]], start: str) -> None:
    """Third parties, warnings, reviews, pre-loan risk and shared devices of the customers that are in `facts`."""
    third = """SELECT customer_id AS id, count(*) AS value FROM v_contacts
      WHERE at >= ? AND feedback IN ('third_party', 'wrong_party') GROUP BY customer_id"""
    risk = """SELECT subject AS id, json_extract(result, '$.risk') AS value FROM scores
      WHERE kind = 'pre-loan' AND newest = 1"""
    device = """SELECT d.customer_id AS id, max(n) AS value FROM devices d JOIN
      (SELECT device_hash, count(*) AS n FROM devices GROUP BY device_hash) s USING (device_hash)
      GROUP BY d.customer_id"""
    review = """SELECT subject AS id, 1 AS value FROM scores
      WHERE kind = 'review' AND newest = 1 AND json_extract(result, '$.decision') = 'stop'"""
    queries: tuple[tuple[str, str, list[Value]], ...] = (
        ("third_party", third, [start]),
        ("pre_loan", risk, []),
        ("shared_device", device, []),
        ("review_stopped", review, []),
    )
    for name, sql, values in queries:
        for row in db.rows(sql, values):
            if row["id"] in facts:
                facts[row["id"]][name] = bool(row["value"]) if name == "review_stopped" else row["value"]
    codes = defaultdict[str, set[str]](set)
    sql = (
        "SELECT customer_id, code FROM warnings WHERE raised_at >= ? AND state <> 'closed' AND customer_id IS NOT NULL"
    )
    for row in db.rows(sql, [start]):
        codes[row["customer_id"]].add(row["code"])
    for customer, found in codes.items():
        if customer in facts:
            facts[customer]["warnings"] = frozenset(code for code in found if code.startswith("W-V"))


def contact_days(db: Connection, since: datetime) -> dict[str, list[bool]]:
    """Newest day first."""
    rows = db.rows(
        """SELECT account_id, substr(at, 1, 10) AS day, max(coalesce(right_party, 0)) AS reached FROM v_contacts
           WHERE at >= ? AND method = 'phone' AND account_id IS NOT NULL AND (counts = 1 OR right_party = 1)
           GROUP BY account_id, day ORDER BY account_id, day DESC""",
        [iso(since)],
    )
    found = defaultdict[str, list[bool]](list)
    for row in rows:
        found[row["account_id"]].append(bool(row["reached"]))
    return dict(found)


def due_groups(db: Connection, first: date, last: date) -> list[DueGroup]:
    """By product, channel and funding source."""
    found = []
    for dimension in ("product", "channel", "funding"):
        sql = f"""SELECT {dimension} AS name, count(*) AS due, sum(NOT paid) AS unpaid FROM v_dues
          WHERE due_on BETWEEN ? AND ? AND due > 0 AND {dimension} IS NOT NULL GROUP BY {dimension} ORDER BY 1"""  # noqa: S608
        rows = db.rows(sql, [first.isoformat(), last.isoformat()])
        found += [DueGroup(dimension, row["name"], row["due"], row["unpaid"]) for row in rows]
    return found


def follow_up_faults(
    db: Connection, flows: Sequence[str], items: Sequence[str], since: datetime
) -> list[FollowUpFault]:
    """Items that differ from the bank's record, of calls that no W-Q3 is about yet (the call itself raises it)."""
    marks = ", ".join("?" * len(flows)), ", ".join("?" * len(items))
    sql = f"""SELECT a.id AS attempt_id, a.customer_id, a.account_id, i.item, i.result
      FROM item_results i JOIN attempts a ON a.id = i.attempt_id
      WHERE a.flow IN ({marks[0]}) AND i.item IN ({marks[1]}) AND i.result = 'mismatch' AND a.started_at >= ?
        AND NOT EXISTS (SELECT 1 FROM warnings w LEFT JOIN warning_evidence e ON e.warning_id = w.id
          WHERE w.code = 'W-Q3' AND a.id IN (w.attempt_id, e.attempt_id))
      ORDER BY a.id, i.item"""  # noqa: S608
    return [FollowUpFault(**row) for row in db.rows(sql, [*flows, *items, iso(since)])]


def tag_facts(db: Connection, since: datetime) -> list[TagFacts]:
    """Of each customer that had a call in the window."""
    rows = db.rows(
        """SELECT v.customer_id, v.account_id, v.direction, v.answered_at, v.answered_by, v.local_time, v.feedback,
             v.refusal, v.dispute, v.hardship, v.opt_out, v.intents, c.language
           FROM v_attempts v JOIN customers c ON c.id = v.customer_id
           WHERE v.started_at >= ? ORDER BY v.customer_id, v.attempt_id""",
        [iso(since)],
    )
    printed = {
        r["customer_id"]
        for r in db.rows("SELECT customer_id FROM voiceprints WHERE replaced_at IS NULL AND revoked_at IS NULL")
    }
    refused = {
        r["customer_id"]
        for r in db.rows(
            """SELECT customer_id FROM consents WHERE seq IN
             (SELECT max(seq) FROM consents WHERE purpose = 'voiceprint' GROUP BY customer_id) AND granted = 0"""
        )
    }
    found = defaultdict[str, list[dict[str, object]]](list)
    for row in rows:
        found[row["customer_id"]].append(row)
    return [_tag_facts(customer, calls, customer in printed, customer in refused) for customer, calls in found.items()]


def _tag_facts(customer_id: str, calls: list[dict[str, object]], printed: bool, refused: bool) -> TagFacts:
    out = [call for call in calls if call["direction"] == "outbound"]
    answered = [c for c in out if c["answered_at"] is not None and c["answered_by"] not in ("voicemail", "ivr")]
    hours = tuple(int(str(c["local_time"])[11:13]) for c in answered if c["local_time"])
    concerns = [name for call in calls for name in ("refusal", "dispute", "hardship", "opt_out") if call[name]]
    said = ("already_paid", "complaint")
    concerns += [name for call in calls for name in said if f'"{name}"' in str(call["intents"])]
    faults = (str(c["feedback"]).removesuffix("_number") for c in out)
    return TagFacts(
        customer_id,
        attempts=len(out),
        answered_hours=hours,
        language=str(calls[0]["language"]),
        voiceprint="enrolled" if printed else "refused" if refused else None,
        concerns=tuple(concerns),
        number_faults=tuple(fault for fault in faults if fault in _NUMBER_FAULTS),
        accounts=tuple(sorted({str(c["account_id"]) for c in calls if c["account_id"]})),
    )


def performance(db: Connection, first: date, last: date) -> list[PerformanceRow]:
    """Rows of v_performance with their money."""
    days = [first.isoformat(), last.isoformat()]
    money = {
        tuple(row[name] for name in DIMENSIONS): row
        for row in db.rows("SELECT * FROM v_performance_money WHERE day BETWEEN ? AND ?", days)
    }
    found = []
    for row in db.rows("SELECT * FROM v_performance WHERE day BETWEEN ? AND ?", days):
        key = tuple(row[name] for name in DIMENSIONS)
        both = {**row, **money.get(key, {})}
        values = {f.name: both.get(f.name) or 0 for f in dataclasses.fields(Counts)}
        found.append(PerformanceRow(**{name: row[name] for name in DIMENSIONS}, counts=Counts(**values)))
    found.sort(key=lambda row: row.subject)
    return found
