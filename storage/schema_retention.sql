-- Migration 007_retention: what may not be removed yet, and the line that stays of what was. Same conventions as
-- schema.sql; a change of this file is a new migration.

-- A court, an authority or the bank wants all of a customer's records kept.
CREATE TABLE legal_holds (
  seq          INTEGER PRIMARY KEY,
  customer_id  TEXT NOT NULL REFERENCES customers (id),
  reason       TEXT NOT NULL,
  by_whom      TEXT NOT NULL,
  since        TEXT NOT NULL,
  lifted_at    TEXT,
  lifted_by    TEXT,
  lift_reason  TEXT,
  CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
) STRICT;
CREATE UNIQUE INDEX one_hold_per_customer ON legal_holds (customer_id) WHERE lifted_at IS NULL;

-- One row is one record that was removed: which, by which rule, and when. It says nothing of a person.
CREATE TABLE deletions (
  seq         INTEGER PRIMARY KEY,
  record      TEXT NOT NULL,
  ref         TEXT NOT NULL,                 -- the row's or file's own id
  schedule    TEXT NOT NULL,                 -- name and version
  rule        TEXT NOT NULL,                 -- 3y after last_activity
  made_at     TEXT NOT NULL,
  expired_at  TEXT NOT NULL,
  deleted_at  TEXT NOT NULL
) STRICT;

CREATE INDEX attempts_by_campaign ON attempts (campaign_id, started_at) WHERE campaign_id IS NOT NULL;
CREATE INDEX voiceprints_by_consent ON voiceprints (consent_id) WHERE consent_id IS NOT NULL;
CREATE INDEX jobs_by_attempt ON jobs (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX gate_decisions_by_attempt ON gate_decisions (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX warning_evidence_by_attempt ON warning_evidence (attempt_id);
CREATE INDEX tasks_by_attempt ON tasks (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX warnings_by_attempt ON warnings (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX consents_by_attempt ON consents (attempt_id) WHERE attempt_id IS NOT NULL;
