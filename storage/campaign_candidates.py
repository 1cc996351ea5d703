"""All accounts with what the rules of campaigns choose from, as a stream: one query on a connection of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from storage.connection import Connection, Row
from storage.repositories_campaign_payments import EARLY, money, still_due
from storage.repositories_people import to_account
from voicebot.model.campaign import Candidate

# What was paid until the end of the day counts, wherever on earth the day ends (?1: two days later, UTC).
_SQL = """
SELECT a.*, c.name, c.number, c.birth_date, c.id_last4, c.language, c.timezone, c.email, c.region, c.risk_level,
  p.class AS product_class, h.class AS channel_class,
  (SELECT json_group_array(json_array(s.n, s.due_on, s.due) ORDER BY s.n) FROM schedules s
    WHERE s.account_id = a.id) AS lines,
  (SELECT json_group_array(json_array(y.paid_at, y.amount)) FROM payments y
    WHERE y.account_id = a.id AND y.paid_at < ?1) AS payments,
  EXISTS (SELECT 1 FROM attempts x JOIN outcomes o ON o.attempt_id = x.id LEFT JOIN campaigns k ON k.id = x.campaign_id
    WHERE x.account_id = a.id AND o.right_party = 1 AND (k.kind = 'follow_up' OR x.flow = 'follow_up')) AS followed_up,
  EXISTS (SELECT 1 FROM voiceprints v WHERE v.customer_id = a.customer_id
    AND v.replaced_at IS NULL AND v.revoked_at IS NULL) AS has_voiceprint,
  (SELECT max(x.started_at) FROM attempts x JOIN outcomes o ON o.attempt_id = x.id
    WHERE x.account_id = a.id AND o.right_party = 1) AS right_party_at
FROM accounts a
JOIN customers c ON c.id = a.customer_id
LEFT JOIN products p ON p.id = a.product_id
LEFT JOIN channels h ON h.id = a.channel_id
ORDER BY a.id
"""


def candidates(path: Path, day: date) -> Iterator[Candidate]:
    """By account id; a million accounts need no more memory than one. What others write meanwhile is not seen."""
    until = (day + timedelta(days=2)).isoformat()
    with closing(Connection(path, read_only=True)) as db:
        for row in db.stream(_SQL, [until]):
            yield _candidate(row)


def _candidate(row: Row) -> Candidate:
    lines, since = json.loads(row["lines"]), ""
    if not lines:
        lines, since = [(1, row["due_on"], row["due"])], (date.fromisoformat(row["due_on"]) - EARLY).isoformat()
    paid = sum((money(amount) for paid_at, amount in json.loads(row["payments"]) if paid_at >= since), Decimal(0))
    return Candidate(
        account=to_account(row),
        product_id=row["product_id"],
        product_class=row["product_class"],
        channel_id=row["channel_id"],
        channel_class=row["channel_class"],
        funding_source_id=row["funding_source_id"],
        agent_id=row["agent_id"],
        branch=row["branch"],
        region=row["region"],
        risk_level=row["risk_level"],
        unpaid=still_due(lines, paid),
        followed_up=bool(row["followed_up"]),
        has_voiceprint=bool(row["has_voiceprint"]),
        email=row["email"],
        right_party_at=datetime.fromisoformat(row["right_party_at"]) if row["right_party_at"] else None,
    )
