"""Cases, their contacts and conversations, collectors and assignment (document C)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from storage.codec import iso
from storage.connection import Connection, Row, Value
from storage.records_scores import AssignmentRow
from storage.repositories_scores import batches
from voicebot.errors import StorageError
from voicebot.scoring.assignment import Assigned
from voicebot.scoring.config_cases import FEEDBACK
from voicebot.scoring.contact_anomaly import ContactCounts
from voicebot.scoring.ports import CaseRow, CollectorRow, CommunicationRow
from voicebot.scoring.saturation import Activity


def cases(db: Connection, day: date, called_since: datetime | None) -> list[CaseRow]:
    """Overdue accounts, and those called since."""
    overdue = db.rows(
        """SELECT account_id, customer_id, CAST(julianday(?) - julianday(min(due_on)) AS INTEGER) AS days
           FROM v_dues WHERE due_on < ? AND NOT paid GROUP BY account_id""",
        [day.isoformat(), day.isoformat()],
    )
    found = {row["account_id"]: CaseRow(row["account_id"], row["customer_id"], row["days"]) for row in overdue}
    if called_since is not None:
        called = db.rows(
            """SELECT DISTINCT account_id, customer_id FROM v_contacts
               WHERE at >= ? AND account_id IS NOT NULL AND direction = 'outbound'""",
            [iso(called_since)],
        )
        for row in called:
            found.setdefault(row["account_id"], CaseRow(row["account_id"], row["customer_id"], 0))
    return [found[account] for account in sorted(found)]


def contact_counts(db: Connection, since: datetime, recent: datetime) -> dict[str, ContactCounts]:
    """S24's counts by account."""
    rows = db.rows(
        """SELECT account_id, method = 'phone' AS phone, feedback, count(*) AS n, sum(hung_up) AS hang,
             count(*) FILTER (WHERE at >= ?) AS recent
           FROM v_contacts WHERE at >= ? AND account_id IS NOT NULL AND direction = 'outbound'
             AND (method <> 'phone' OR counts = 1)
           GROUP BY 1, 2, 3""",
        [iso(recent), iso(since)],
    )
    by_account = defaultdict[str, list[Row]](list)
    for row in rows:
        by_account[row["account_id"]].append(row)
    return {account: _counts(found) for account, found in by_account.items()}


def _counts(rows: list[Row]) -> ContactCounts:
    phone, other = [r for r in rows if r["phone"]], [r for r in rows if not r["phone"]]
    return ContactCounts(
        n_call=sum(r["n"] for r in phone),
        n_hang=sum(r["hang"] for r in phone),
        feedback={r["feedback"]: r["n"] for r in phone if r["feedback"] in FEEDBACK},
        n_other=sum(r["n"] for r in other),
        n_other_recent=sum(r["recent"] for r in other),
    )


def communications(db: Connection, since: datetime) -> list[CommunicationRow]:
    """Conversations with the right party, with what was said."""
    said = defaultdict[int, list[str]](list)
    for row in db.rows(
        """SELECT attempt_id, reply_text FROM turns WHERE reply_text <> '' AND attempt_id IN
             (SELECT attempt_id FROM v_contacts WHERE answered = 1 AND at >= ?) ORDER BY attempt_id, n""",
        [iso(since)],
    ):
        said[row["attempt_id"]].append(row["reply_text"])
    rows = db.rows(
        """SELECT v.id, v.attempt_id, v.account_id, v.customer_id, v.at, coalesce(u.language, 'en') AS language,
             o.intents, o.refusal, o.dispute, o.hardship, o.opt_out, p.amount AS promise, c.words
           FROM v_contacts v
           LEFT JOIN customers u ON u.id = v.customer_id
           LEFT JOIN outcomes o ON o.attempt_id = v.attempt_id
           LEFT JOIN promises p ON p.attempt_id = v.attempt_id
           LEFT JOIN contacts c ON v.id = 'contact:' || c.seq
           WHERE v.answered = 1 AND v.at >= ? AND v.account_id IS NOT NULL ORDER BY v.at, v.id""",
        [iso(since)],
    )
    answers = {
        row["customer_id"]: row
        for row in db.rows(
            """SELECT n.customer_id, n.granted, f.at, f.attempt_id
               FROM consents n JOIN consents f USING (customer_id, purpose)
               WHERE n.seq IN (SELECT max(seq) FROM consents WHERE purpose = 'emotion' GROUP BY customer_id)
                 AND f.seq IN (SELECT min(seq) FROM consents WHERE purpose = 'emotion' GROUP BY customer_id)"""
        )
    }
    return [_communication(row, said, answers.get(row["customer_id"])) for row in rows]


def _communication(row: Row, said: Mapping[int, list[str]], emotion: Row | None) -> CommunicationRow:
    """`emotion`: the newest answer, with the moment and the call of the first: the notice."""
    facts = {name for name in ("refusal", "dispute", "hardship", "opt_out") if row[name]}
    facts |= set(map(str, json.loads(row["intents"] or "[]")))
    if row["promise"] is not None:
        facts.add("promise")
    texts = tuple(said.get(row["attempt_id"], ())) if row["attempt_id"] is not None else None
    if row["words"] is not None:
        texts = (row["words"],)
    at = datetime.fromisoformat(row["at"])
    consent = emotion is not None and emotion["granted"] == 1
    told = emotion is not None and emotion["granted"] != 0 and (consent or _told(row, emotion))
    facts_said = frozenset(facts)
    return CommunicationRow(row["id"], row["account_id"], at, row["language"], facts_said, texts, consent, told)


def _told(row: Row, emotion: Row) -> bool:
    """In this call, or before it."""
    same = emotion["attempt_id"] is not None and emotion["attempt_id"] == row["attempt_id"]
    return same or datetime.fromisoformat(emotion["at"]) <= datetime.fromisoformat(row["at"])


def collectors(db: Connection, day: date) -> list[CollectorRow]:
    """Those in service, with their open cases by class as it is today."""
    classes = defaultdict[str, dict[str, int]](dict)
    for row in db.rows(
        """SELECT k.collector_id, coalesce(json_extract(s.result, '$.class'), k.case_class) AS class, count(*) AS n
           FROM case_collectors k
           LEFT JOIN scores s ON s.kind = 'case' AND s.subject = k.account_id AND s.newest = 1
           WHERE k.state = 'approved' GROUP BY 1, 2"""
    ):
        classes[row["collector_id"]][row["class"]] = row["n"]
    rows = db.rows(
        """SELECT c.id, a.name, c.kind, c.daily_cap, (SELECT count(*) FROM case_collectors k
             WHERE k.collector_id = c.id AND k.state = 'approved' AND substr(k.decided_at, 1, 10) = ?) AS today
           FROM collectors c JOIN agents a ON a.id = c.id WHERE a.in_service = 1 ORDER BY c.id""",
        [day.isoformat()],
    )
    return [CollectorRow(r["id"], r["name"], r["kind"], r["daily_cap"], r["today"], classes[r["id"]]) for r in rows]


def activities(db: Connection, since: datetime) -> dict[str, Activity]:
    """S13's figures. The bots' calls are shared evenly by the pools of bots."""
    sql = """SELECT collector_id AS id,
        coalesce(sum(duration_s) FILTER (WHERE method = 'phone'), 0) / 60.0 AS d_p,
        count(*) FILTER (WHERE method = 'phone') AS n_p,
        coalesce(sum(duration_s) FILTER (WHERE method <> 'phone'), 0) / 60.0 AS d_o,
        count(*) FILTER (WHERE method <> 'phone') AS n_o, avg(feedback_after_s) / 60.0 AS t_fb
      FROM contacts WHERE at >= ? AND collector_id IS NOT NULL GROUP BY 1"""
    found = {r["id"]: Activity(r["d_p"], r["n_p"], r["d_o"], r["n_o"], r["t_fb"]) for r in db.rows(sql, [iso(since)])}
    bots = [row["id"] for row in db.rows("SELECT id FROM collectors WHERE kind = 'bot'")]
    calls = db.row(
        """SELECT coalesce(sum(talk_s), 0) / 60.0 AS d, count(*) AS n FROM attempts
           WHERE direction = 'outbound' AND started_at >= ?""",
        iso(since),
    )
    if bots and calls:
        found |= {bot: Activity(calls["d"] / len(bots), calls["n"] / len(bots)) for bot in bots}
    return found


def taken(db: Connection) -> frozenset[str]:
    """Accounts with an approved collector."""
    return frozenset(
        r["account_id"] for r in db.rows("SELECT account_id FROM case_collectors WHERE state = 'approved'")
    )


def propose(db: Connection, batch: Sequence[Assigned], version: str, now: datetime) -> None:
    """Replace the open proposals. In small transactions of its own: a case somebody took meanwhile is left out."""
    with db.write():
        db.run("UPDATE case_collectors SET state = 'replaced', reason = 'a newer proposal' WHERE state = 'proposed'")
    for some in batches(batch):
        with db.write():
            for assigned in some:
                row: dict[str, Value] = {
                    "account_id": assigned.account_id,
                    "collector_id": assigned.collector_id,
                    "state": "proposed",
                    "case_class": assigned.case_class,
                    "score": assigned.score,
                    "version": version,
                    "proposed_at": iso(now),
                }
                db.insert("case_collectors", row, "ON CONFLICT DO NOTHING")


def end_cases(db: Connection, still: frozenset[str], now: datetime) -> int:
    """Inside a transaction."""
    over = sorted(taken(db) - still)
    for account_id in over:
        db.run(
            """UPDATE case_collectors SET state = 'ended', decided_at = ?, reason = 'no longer overdue'
               WHERE account_id = ? AND state = 'approved'""",
            iso(now),
            account_id,
        )
    return len(over)


def approve(db: Connection, accounts: Sequence[str] | None, by: str, now: datetime) -> int:
    """Approve the proposals of these accounts (None: all). Raises StorageError naming accounts without one. Inside a
    transaction."""
    open_ = {r["account_id"] for r in db.rows("SELECT account_id FROM case_collectors WHERE state = 'proposed'")}
    wanted = sorted(open_) if accounts is None else list(dict.fromkeys(accounts))
    if missing := [account for account in wanted if account not in open_]:
        raise StorageError(
            f"no proposal for {', '.join(missing)}", hint="voicebot score run collectors; voicebot score assignments"
        )
    for account in wanted:
        db.run(
            """UPDATE case_collectors SET state = 'approved', decided_at = ?, decided_by = ?
               WHERE account_id = ? AND state = 'proposed'""",
            iso(now),
            by,
            account,
        )
    return len(wanted)


def override(db: Connection, account_id: str, collector_id: str, by: str, reason: str, now: datetime) -> None:
    """Give the case to another collector than the formula chose. Raises StorageError. Inside a transaction."""
    if db.row("SELECT 1 FROM accounts WHERE id = ?", account_id) is None:
        raise StorageError(f"there is no account {account_id}", hint="voicebot score assignments")
    if db.row("SELECT 1 FROM collectors WHERE id = ?", collector_id) is None:
        raise StorageError(f"there is no collector {collector_id}", hint="voicebot score import collectors FILE.csv")
    row = db.row(
        "SELECT json_extract(result, '$.class') AS c FROM scores WHERE kind = 'case' AND subject = ? AND newest = 1",
        account_id,
    )
    db.run(
        """UPDATE case_collectors SET state = 'replaced', decided_at = ?, decided_by = ?, reason = ?
           WHERE account_id = ? AND state IN ('proposed', 'approved')""",
        iso(now),
        by,
        reason,
        account_id,
    )
    new: dict[str, Value] = {
        "account_id": account_id,
        "collector_id": collector_id,
        "state": "approved",
        "case_class": row["c"] if row else "normal",
        "version": "by hand",
        "proposed_at": iso(now),
        "decided_at": iso(now),
        "decided_by": by,
        "reason": reason,
    }
    db.insert("case_collectors", new)


def assignments(db: Connection, states: Sequence[str], account_id: str | None = None) -> list[AssignmentRow]:
    """By collector and account."""
    marks = ", ".join("?" * len(states))
    where, values = f"k.state IN ({marks})", list[Value](states)
    if account_id is not None:
        where, values = f"{where} AND k.account_id = ?", [*values, account_id]
    sql = f"""SELECT k.account_id, k.collector_id, a.name AS collector, k.state, k.case_class, k.score, k.version,
        k.proposed_at, k.decided_at, k.decided_by, k.reason
      FROM case_collectors k JOIN agents a ON a.id = k.collector_id
      WHERE {where} ORDER BY k.collector_id, k.account_id, k.seq"""  # noqa: S608
    return [AssignmentRow(**row) for row in db.rows(sql, values)]
