-- Migration 003_scoring: what the scoring modules need beside the calls (docs/scoring.md). The conventions are those of
-- schema.sql. A change of this file is a new migration, not an edit.

-- What a formula gave. One row per change: a run that finds the same again only sets `checked_at` of the newest.
CREATE TABLE scores (
  seq         INTEGER PRIMARY KEY,
  kind        TEXT NOT NULL,                 -- case, communication, collector, customer, ...
  subject     TEXT NOT NULL,                 -- an account, an attempt, a collector, ...
  at          TEXT NOT NULL,
  checked_at  TEXT NOT NULL,
  version     TEXT NOT NULL,                 -- of the formula and of its thresholds
  inputs      TEXT NOT NULL CHECK (json_valid(inputs)),
  result      TEXT NOT NULL CHECK (json_valid(result)),
  reasons     TEXT NOT NULL CHECK (json_valid(reasons)),
  digest      BLOB NOT NULL,                 -- of version, inputs and result
  newest      INTEGER NOT NULL CHECK (newest IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX one_newest_score ON scores (kind, subject) WHERE newest = 1;
CREATE INDEX scores_by_subject ON scores (subject, kind, seq);

-- Of the bank's people those (or the pool of bots) that work on overdue cases.
CREATE TABLE collectors (
  id          TEXT PRIMARY KEY REFERENCES agents (id),
  kind        TEXT NOT NULL CHECK (kind IN ('human', 'bot')),
  daily_cap   INTEGER CHECK (daily_cap >= 0)   -- NULL: the setting's
) STRICT, WITHOUT ROWID;

-- Who works on a case. A proposal becomes an assignment when a supervisor approves it, or another collector is chosen
-- with a reason.
CREATE TABLE case_collectors (
  seq           INTEGER PRIMARY KEY,
  account_id    TEXT NOT NULL REFERENCES accounts (id),
  collector_id  TEXT NOT NULL REFERENCES collectors (id),
  state         TEXT NOT NULL CHECK (state IN ('proposed', 'approved', 'replaced', 'ended')),
  case_class    TEXT NOT NULL,
  score         REAL,                          -- of the collector when the case was given; NULL: chosen by a person
  version       TEXT NOT NULL,
  proposed_at   TEXT NOT NULL,
  decided_at    TEXT,
  decided_by    TEXT,
  reason        TEXT,
  CHECK (state <> 'approved' OR decided_by IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX one_collector_per_case ON case_collectors (account_id) WHERE state IN ('proposed', 'approved');
CREATE INDEX case_collectors_by_collector ON case_collectors (collector_id, state);

-- Contacts that neither the bot's calls nor its messages made: by collectors, and in other systems.
CREATE TABLE contacts (
  seq               INTEGER PRIMARY KEY,
  source            TEXT NOT NULL,
  source_id         TEXT NOT NULL,
  account_id        TEXT NOT NULL REFERENCES accounts (id),
  collector_id      TEXT REFERENCES collectors (id),
  method            TEXT NOT NULL CHECK (method IN ('phone', 'email', 'im', 'sms')),
  at                TEXT NOT NULL,
  duration_s        REAL CHECK (duration_s >= 0),
  feedback          TEXT CHECK (feedback IN ('invalid', 'suspended', 'wrong_party', 'rejected', 'powered_off',
    'third_party', 'no_answer', 'machine', 'busy')),
  right_party       INTEGER CHECK (right_party IN (0, 1)),
  answered          INTEGER CHECK (answered IN (0, 1)),   -- a substantive answer of the debtor
  feedback_after_s  REAL CHECK (feedback_after_s >= 0),
  words             TEXT,                                 -- the debtor's, where they are kept
  UNIQUE (source, source_id)
) STRICT;
CREATE INDEX contacts_by_account ON contacts (account_id, at);
CREATE INDEX contacts_by_collector ON contacts (collector_id, at);

CREATE TABLE tags (
  seq          INTEGER PRIMARY KEY,
  customer_id  TEXT NOT NULL REFERENCES customers (id),
  name         TEXT NOT NULL,
  value        TEXT NOT NULL,
  source       TEXT NOT NULL CHECK (source IN ('call', 'batch', 'human')),
  confidence   REAL NOT NULL CHECK (confidence BETWEEN 0 AND 1),
  valid_from   TEXT NOT NULL,
  valid_to     TEXT,
  evidence     TEXT,
  given_by     TEXT
) STRICT;
CREATE INDEX tags_by_customer ON tags (customer_id, name, seq);

-- Scoring warns about customers, and about what is none: a product, a team. `evidence` is for warnings without a call.
ALTER TABLE warnings ADD COLUMN subject TEXT;
ALTER TABLE warnings ADD COLUMN evidence TEXT CHECK (evidence IS NULL OR json_valid(evidence));
ALTER TABLE warnings ADD COLUMN decided_by TEXT;
ALTER TABLE warnings ADD COLUMN decided_at TEXT;
DROP INDEX one_warning_per_customer_and_day;
CREATE UNIQUE INDEX one_warning_per_customer_and_day
  ON warnings (code, coalesce(customer_id, subject, 'attempt ' || attempt_id), day);

-- What came in from outside, and on which lawful basis.
CREATE TABLE data_imports (
  id            INTEGER PRIMARY KEY,
  kind          TEXT NOT NULL,
  at            TEXT NOT NULL,
  sha           TEXT NOT NULL,
  rows          INTEGER NOT NULL,
  source        TEXT NOT NULL,
  source_date   TEXT NOT NULL,
  lawful_basis  TEXT NOT NULL
) STRICT;

-- Document R: numbers with what is known (label) and what the recogniser says (p).
CREATE TABLE collection_numbers (
  number       TEXT PRIMARY KEY,             -- digits
  company      TEXT,
  latitude     REAL,
  longitude    REAL,
  label        INTEGER CHECK (label IN (0, 1)),
  import_id    INTEGER REFERENCES data_imports (id),
  p            REAL CHECK (p BETWEEN 0 AND 1),
  model        TEXT,
  in_library   INTEGER NOT NULL DEFAULT 0 CHECK (in_library IN (0, 1))
) STRICT;
CREATE TABLE base_stations (
  cell_id    TEXT PRIMARY KEY,
  latitude   REAL NOT NULL,
  longitude  REAL NOT NULL,
  radius_m   REAL,
  import_id  INTEGER NOT NULL REFERENCES data_imports (id)
) STRICT;
CREATE TABLE number_calls (
  seq         INTEGER PRIMARY KEY,
  number      TEXT NOT NULL,                 -- whose behaviour is looked at
  other_hash  TEXT NOT NULL,                 -- keyed hash of the other party
  outgoing    INTEGER NOT NULL CHECK (outgoing IN (0, 1)),
  answered    INTEGER NOT NULL CHECK (answered IN (0, 1)),
  at          TEXT NOT NULL,
  duration_s  REAL NOT NULL CHECK (duration_s >= 0),
  cell_id     TEXT,
  import_id   INTEGER NOT NULL REFERENCES data_imports (id),
  UNIQUE (number, other_hash, at)
) STRICT;
CREATE TABLE applicant_calls (
  seq           INTEGER PRIMARY KEY,
  applicant_id  TEXT NOT NULL,
  number        TEXT NOT NULL,
  answered      INTEGER NOT NULL CHECK (answered IN (0, 1)),
  at            TEXT NOT NULL,
  consent       TEXT NOT NULL,
  import_id     INTEGER NOT NULL REFERENCES data_imports (id),
  UNIQUE (applicant_id, number, at)
) STRICT;
CREATE TABLE devices (
  customer_id  TEXT NOT NULL REFERENCES customers (id),
  device_hash  TEXT NOT NULL,                -- keyed hash of the IMEI
  import_id    INTEGER NOT NULL REFERENCES data_imports (id),
  PRIMARY KEY (customer_id, device_hash)
) STRICT, WITHOUT ROWID;
