"""Answered calls in which the bot spoke in time, and those in which it did not."""

from __future__ import annotations

from datetime import datetime

from storage.codec import iso
from storage.connection import Connection
from voicebot.model.campaign import Answered

#: `began`: when the first prompt began, seconds from the answer. Who hung up before it was late did not wait for it.
_ANSWERED = """WITH answered AS (
    SELECT a.answered_by, a.talk_s, o.hung_up_by,
      (SELECT min(t.prompt_t0) FROM turns t WHERE t.attempt_id = a.id AND t.prompt_text <> '') AS began
    FROM attempts a LEFT JOIN outcomes o ON o.attempt_id = a.id
    WHERE a.campaign_id = ?1 AND a.started_at >= ?2 AND a.direction = 'outbound' AND a.answered_at IS NOT NULL
      AND a.state = 'closed'
  ), told AS (
    SELECT coalesce(answered_by, 'unknown') IN ('human', 'unknown') AS person,
      coalesce(answered_by, 'unknown') IN ('voicemail', 'ivr') AS machine, began IS NULL AS silent,
      coalesce(began, 1e9) > ?3 AND NOT (hung_up_by IS 'caller' AND coalesce(talk_s, 1e9) < ?3) AS late
    FROM answered
  )
  SELECT coalesce(sum(person), 0) AS people, coalesce(sum(person AND late), 0) AS abandoned,
    coalesce(sum(machine AND silent), 0) AS silent_machines FROM told"""


def answered(db: Connection, campaign_id: str, since: datetime, within_s: float) -> Answered:
    """Of a campaign since that moment."""
    row = db.row(_ANSWERED, campaign_id, iso(since), within_s)
    return Answered(row["people"], row["abandoned"], row["silent_machines"]) if row is not None else Answered()
