"""The second pass of an import: what was found good goes into the tables. Runs in the caller's one transaction."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime, timedelta

from storage import repositories_voice as voice
from storage.codec import iso
from storage.connection import Connection
from storage.portfolio_kinds import Kind

#: Columns whose name in the file is another one than in the table.
_RENAMED = {("loans", "account_id"): "id"}
#: Columns of numbers in the table; staged values are text.
_NUMBERS = {("agents", "in_service"), ("consents", "granted")}
#: Optional columns without a default: where a file has them not at all, what is stored stays.
_KEEP = {
    "customers": ("email", "region", "line_type", "risk_level"),
    "loans": ("product_id", "channel_id", "funding_source_id", "agent_id", "branch"),
    "agents": ("address", "supervisor_id"),
}


def write(db: Connection, kind: Kind, given: Set[str], now: datetime) -> int:
    """Write the staged rows of a kind; `given`: the columns that the file has. Returns how many rows were written."""
    if kind.name == "schedules":
        return _schedules(db)
    if kind.name == "consents":
        return _consents(db, now)
    if kind.name == "payments":
        return _payments(db, now)
    if kind.name == "do_not_call":
        return db.run(
            """INSERT INTO do_not_call_lists (list, number_hash, since, imported_at)
               SELECT list, number_hash, since, ? FROM s.do_not_call WHERE true ON CONFLICT DO NOTHING""",
            iso(now),
        )
    return _upsert(db, kind, given, now)


def _schedules(db: Connection) -> int:
    """Each loan's as a whole. In the order of the table's key: it is written page after page."""
    if db.row("SELECT 1 AS found FROM schedules LIMIT 1") is not None:
        db.run("DELETE FROM schedules WHERE account_id IN (SELECT DISTINCT account_id FROM s.schedules)")
    return db.run(
        """INSERT INTO schedules (account_id, n, due_on, due)
           SELECT account_id, CAST(n AS INTEGER) AS number, due_on, due FROM s.schedules ORDER BY account_id, number"""
    )


def _upsert(db: Connection, kind: Kind, given: Set[str], now: datetime) -> int:
    columns = {column.name: _RENAMED.get((kind.name, column.name), column.name) for column in kind.columns}
    sources = {table: _source(kind, name) for name, table in columns.items()}
    keys = [columns[name] for name in kind.key]
    kept = {name for name in _KEEP.get(kind.name, ()) if name not in given}
    if kind.name in ("customers", "loans"):
        sources["updated_at"] = f"'{iso(now)}'"
    if kind.name == "customers":
        sources["number_key"] = "number_key"
    sets = ", ".join(f"{name} = excluded.{name}" for name in sources if name not in keys and name not in kept)
    return db.run(
        f"""INSERT INTO main.{kind.table} ({", ".join(sources)}) SELECT {", ".join(sources.values())}
            FROM s.{kind.name} ORDER BY line ON CONFLICT ({", ".join(keys)}) DO UPDATE SET {sets}"""  # noqa: S608
    )


def _source(kind: Kind, name: str) -> str:
    return f"CAST({name} AS INTEGER)" if (kind.name, name) in _NUMBERS else name


def _payments(db: Connection, now: datetime) -> int:
    """Those that are new. Each import has a later moment than the one before, whatever the clock says: that is how it
    is known which payments came since the last look (apply_payments)."""
    newest = db.row("SELECT max(imported_at) AS at FROM payments")
    stamp = iso(now)
    if newest and newest["at"] and newest["at"] >= stamp:
        stamp = iso(datetime.fromisoformat(newest["at"]) + timedelta(microseconds=1))
    return db.run(
        """INSERT INTO payments (id, account_id, amount, currency, paid_at, imported_at)
           SELECT id, account_id, amount, currency, paid_at, ? FROM s.payments ORDER BY line
           ON CONFLICT (id) DO NOTHING""",
        stamp,
    )


def _consents(db: Connection, now: datetime) -> int:
    """Answers newer than what is known of the same customer and purpose; the newest of them counts. What a customer
    said in a call is not undone by an older paper. A refused voiceprint is destroyed."""
    first = db.row("SELECT coalesce(max(seq), 0) AS n FROM consents") or {"n": 0}
    count = db.run(
        """INSERT INTO consents (seq, id, customer_id, attempt_id, purpose, basis, text_version, granted, at, evidence)
           SELECT ?1 + row_number() OVER (ORDER BY at, line), 'C-' || (?1 + row_number() OVER (ORDER BY at, line)),
             customer_id, NULL, purpose, basis, text_version, CAST(granted AS INTEGER), at, '{"import": true}'
           FROM s.consents t WHERE t.at > coalesce((SELECT max(c.at) FROM main.consents c
             WHERE c.customer_id = t.customer_id AND c.purpose = t.purpose), '')""",
        first["n"],
    )
    for row in db.rows(
        "SELECT customer_id FROM consents WHERE seq > ? AND purpose = 'voiceprint' AND granted = 0", [first["n"]]
    ):
        voice.revoke(db, row["customer_id"], now)
    return count


def known(db: Connection, kind: Kind) -> int:
    """How many of the staged rows are in the database already (by key)."""
    pairs = {
        "do_not_call": "m.list = t.list AND m.number_hash = t.number_hash",
        "schedules": "m.account_id = t.account_id AND m.n = CAST(t.n AS INTEGER)",
        "consents": "m.customer_id = t.customer_id AND m.purpose = t.purpose AND m.at >= t.at",
        "loans": "m.id = t.account_id",
    }
    same = pairs.get(kind.name, "m.id = t.id")
    row = db.row(
        f"SELECT count(*) AS n FROM s.{kind.name} t WHERE EXISTS (SELECT 1 FROM main.{kind.table} m WHERE {same})"  # noqa: S608
    )
    return int(row["n"]) if row else 0
