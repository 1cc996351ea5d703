"""What payments change: instalments become paid, reminders of them are cancelled, promises are kept or broken.

Paid or not is the rule of `v_dues` (views_scoring.sql): payments fill the oldest instalment first; an account without a
schedule has the one instalment of its loan, and what was paid in the 35 days before its due day or since counts for it.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from storage.codec import iso
from storage.connection import Connection, Row
from voicebot.model.campaign import Instalment

#: A cent's rounding, as v_dues has it.
ROUNDING = Decimal("0.005")
#: How long before its due day a payment may come for the one instalment of a loan without a schedule.
EARLY = timedelta(days=35)
#: The newest import whose payments have been settled (in `meta`).
_MARK = "payments_applied"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOTHING = Decimal(0)
_BATCH = 500
_BATCH_KEY = "batch "


@dataclass(frozen=True, slots=True)
class PromiseRule:
    """When a promise is kept: at least `amount_share` of what was promised, at most `days` after the promised day."""

    amount_share: Decimal
    days: int


def fill(lines: Iterable[tuple[int, date, Decimal]], paid: Decimal) -> tuple[Instalment, ...]:
    """Instalments (number, due day, amount; the oldest first) with what `paid` covers of each."""
    found, left = list[Instalment](), paid
    for n, due_on, due in lines:
        part = min(due, max(left, Decimal(0)))
        found.append(Instalment(n, due_on, due, due if due - part <= ROUNDING else part))
        left -= due
    return tuple(found)


def still_due(lines: Iterable[tuple[int, str, str]], paid: Decimal) -> tuple[Instalment, ...]:
    """`unpaid(fill(...))` of lines as they are stored; what is wholly paid, which is most of it, is only counted."""
    found, left = list[Instalment](), paid
    for n, due_on, amount in lines:
        due = money(amount)
        part = min(due, max(left, _NOTHING))
        if due - part > ROUNDING:
            found.append(Instalment(n, date.fromisoformat(due_on), due, part))
        left -= due
    return tuple(found)


@lru_cache(4096)
def money(text: str) -> Decimal:
    """An amount as it is stored; most are there many times."""
    return Decimal(text)


def unpaid(lines: Iterable[Instalment]) -> tuple[Instalment, ...]:
    """Those not wholly paid."""
    return tuple(line for line in lines if line.paid < line.due)


def day_of(key: str) -> date | None:
    """The last day that a job's key names: a due day, or a batch's."""
    try:
        return date.fromisoformat(_DAY.findall(key)[-1])
    except (IndexError, ValueError):
        return None


def about_paid(key: str, lines: Sequence[Instalment]) -> bool:
    """Is all paid that a reminder with this key is about? The key's last day is an instalment's due day; or the day of
    a batch (key "batch DAY", voicebot/campaign/planner.py), and then it is about all that falls due until the end of
    that month. Without a day: about everything."""
    left, day = unpaid(lines), day_of(key)
    if not left or day is None:
        return not left
    if not key.startswith(_BATCH_KEY) and any(line.due_on == day for line in lines):
        return all(line.due_on != day for line in left)
    month_end = day.replace(day=calendar.monthrange(day.year, day.month)[1])
    return all(line.due_on > month_end for line in left)


def instalments(db: Connection, account_id: str) -> tuple[Instalment, ...]:
    """An account's, with what is paid of each by now."""
    lines = [
        (row["n"], date.fromisoformat(row["due_on"]), Decimal(row["due"]))
        for row in db.rows("SELECT n, due_on, due FROM schedules WHERE account_id = ? ORDER BY n", [account_id])
    ]
    since = ""
    if not lines:
        row = db.row("SELECT due_on, due FROM accounts WHERE id = ?", account_id)
        if row is None:
            return ()
        due_on = date.fromisoformat(row["due_on"])
        lines, since = [(1, due_on, Decimal(row["due"]))], (due_on - EARLY).isoformat()
    paid = db.rows("SELECT amount FROM payments WHERE account_id = ? AND paid_at >= ?", [account_id, since])
    return fill(lines, sum((Decimal(row["amount"]) for row in paid), Decimal(0)))


def job_is_paid(db: Connection, account_id: str, key: str) -> bool:
    """Is all paid that this reminder is about?"""
    return about_paid(key, instalments(db, account_id))


def apply(db: Connection, at: datetime, rule: PromiseRule) -> tuple[int, int, int]:
    """Settle what came in since the last time: (jobs cancelled, promises kept, promises broken). In transactions of its
    own, none of them long; a process that dies in between loses nothing (the mark is set last)."""
    mark = db.row("SELECT value FROM meta WHERE key = ?", _MARK)
    since = mark["value"] if mark else ""
    newest = db.row("SELECT max(imported_at) AS at FROM payments WHERE imported_at > ?", since)
    cancelled = _cancel(db, _paid_jobs(db, since), at) if newest and newest["at"] else 0
    kept, broken = _judge(db, since, at, rule)
    if newest and newest["at"]:
        with db.write():
            sql = "ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)"
            db.insert("meta", {"key": _MARK, "value": newest["at"]}, sql)
    return cancelled, kept, broken


def _paid_jobs(db: Connection, since: str) -> list[int]:
    rows = db.rows(
        """SELECT j.id, j.account_id, j.key FROM jobs j JOIN campaigns c ON c.id = j.campaign_id
           WHERE j.state = 'pending' AND c.kind = 'reminder'
             AND j.account_id IN (SELECT account_id FROM payments WHERE imported_at > ?) ORDER BY j.account_id""",
        [since],
    )
    found, account, lines = list[int](), "", tuple[Instalment, ...]()
    for row in rows:
        if row["account_id"] != account:
            account, lines = row["account_id"], instalments(db, row["account_id"])
        if about_paid(row["key"], lines):
            found.append(row["id"])
    return found


def _cancel(db: Connection, jobs: list[int], at: datetime) -> int:
    count = 0
    for start in range(0, len(jobs), _BATCH):
        with db.write():
            for job_id in jobs[start : start + _BATCH]:
                count += db.run(
                    """UPDATE jobs SET state = 'cancelled', state_reason = 'paid', changed_at = ?
                       WHERE id = ? AND state = 'pending'""",
                    *(iso(at), job_id),
                )
    return count


def _judge(db: Connection, since: str, at: datetime, rule: PromiseRule) -> tuple[int, int]:
    """Promises of accounts that paid, and those whose day may be over. A payment that became known late still keeps a
    promise that counted as broken."""
    over = (at.astimezone(UTC).date() - timedelta(days=rule.days)).isoformat()
    rows = db.rows(
        """SELECT p.attempt_id, p.account_id, p.amount, p.due_on, p.made_at, p.kept, c.timezone
           FROM promises p JOIN accounts a ON a.id = p.account_id JOIN customers c ON c.id = a.customer_id
           WHERE (p.kept IS NULL AND p.due_on <= ?) OR (p.kept IS NOT 1
             AND p.account_id IN (SELECT account_id FROM payments WHERE imported_at > ?))""",
        [over, since],
    )
    judged = [(row, _kept(db, row, at, rule)) for row in rows]
    changed = [(row["attempt_id"], kept) for row, kept in judged if kept is not None and kept != row["kept"]]
    for start in range(0, len(changed), _BATCH):
        with db.write():
            for attempt_id, kept in changed[start : start + _BATCH]:
                db.run("UPDATE promises SET kept = ? WHERE attempt_id = ?", kept, attempt_id)
    return sum(kept for _, kept in changed), sum(not kept for _, kept in changed)


def _kept(db: Connection, promise: Row, at: datetime, rule: PromiseRule) -> int | None:
    """1, 0, or None where it is not known yet. Days are the customer's: who pays on the promised evening has paid."""
    zone = ZoneInfo(promise["timezone"])
    first = datetime.fromisoformat(promise["made_at"]).astimezone(zone).date()
    last = date.fromisoformat(promise["due_on"]) + timedelta(days=rule.days)
    paid = Decimal(0)
    for row in db.rows("SELECT amount, paid_at FROM payments WHERE account_id = ?", [promise["account_id"]]):
        if first <= datetime.fromisoformat(row["paid_at"]).astimezone(zone).date() <= last:
            paid += Decimal(row["amount"])
    if paid + ROUNDING >= Decimal(promise["amount"]) * rule.amount_share:
        return 1
    return 0 if at.astimezone(zone).date() > last else None
