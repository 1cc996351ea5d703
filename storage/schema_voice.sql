-- The protection of voiceprints and the record of their use. Same conventions as schema.sql.

-- One key a customer, sealed with the master key, which is not in this file (vault.py). Destroyed with the consent: then
-- what may be left of an embedding anywhere, also in a backup, is noise.
CREATE TABLE voice_keys (
  customer_id  TEXT PRIMARY KEY REFERENCES customers (id),
  sealed       BLOB NOT NULL,
  created_at   TEXT NOT NULL
) STRICT;

-- Every comparison of a call with a voiceprint: what an auditor asks for, and what the picture of a call is drawn from.
CREATE TABLE voice_comparisons (
  attempt_id      INTEGER NOT NULL REFERENCES attempts (id),
  n               INTEGER NOT NULL,           -- from 1
  t               REAL NOT NULL,              -- seconds from the answer: the offset in the recording
  net_s           REAL NOT NULL,
  score           REAL,
  last_score      REAL,
  llr             REAL,
  state           TEXT NOT NULL CHECK (state IN ('match', 'mismatch', 'inconclusive')),
  reason          TEXT,
  accept_limit    REAL NOT NULL,
  reject_limit    REAL NOT NULL,
  model_id        TEXT NOT NULL,
  calibration_id  TEXT NOT NULL,
  PRIMARY KEY (attempt_id, n)
) STRICT, WITHOUT ROWID;
