-- Campaigns: what loans are about, who may be called, what is planned, what was decided and why. Same conventions as
-- schema.sql; a change of this file is a new migration.

CREATE TABLE products         (id TEXT PRIMARY KEY, name TEXT NOT NULL, class TEXT NOT NULL) STRICT;
CREATE TABLE channels         (id TEXT PRIMARY KEY, name TEXT NOT NULL, class TEXT NOT NULL) STRICT;
CREATE TABLE funding_sources  (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;

-- The bank's people: supervisors, agents, collectors, account managers, ...
CREATE TABLE agents (
  id             TEXT PRIMARY KEY,
  name           TEXT NOT NULL,
  role           TEXT NOT NULL,
  supervisor_id  TEXT REFERENCES agents (id),
  in_service     INTEGER NOT NULL DEFAULT 1 CHECK (in_service IN (0, 1)),
  address        TEXT                                -- email or SIP URI
) STRICT;

ALTER TABLE customers ADD COLUMN email TEXT;
ALTER TABLE customers ADD COLUMN region TEXT;         -- state or province: some rules are theirs
ALTER TABLE customers ADD COLUMN line_type TEXT CHECK (line_type IN ('landline', 'mobile'));
ALTER TABLE customers ADD COLUMN risk_level TEXT CHECK (risk_level IN ('low', 'medium', 'high'));

ALTER TABLE accounts ADD COLUMN product_id TEXT REFERENCES products (id);
ALTER TABLE accounts ADD COLUMN channel_id TEXT REFERENCES channels (id);
ALTER TABLE accounts ADD COLUMN funding_source_id TEXT REFERENCES funding_sources (id);
ALTER TABLE accounts ADD COLUMN agent_id TEXT REFERENCES agents (id);   -- who made or keeps the loan
ALTER TABLE accounts ADD COLUMN branch TEXT;

-- Instalments. Paid or not is told by the payments.
CREATE TABLE schedules (
  account_id  TEXT NOT NULL REFERENCES accounts (id),
  n           INTEGER NOT NULL CHECK (n > 0),
  due_on      TEXT NOT NULL,
  due         TEXT NOT NULL,
  PRIMARY KEY (account_id, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_by_day ON schedules (due_on);

CREATE TABLE payments (
  id           TEXT PRIMARY KEY,                       -- the bank's: importing it again changes nothing
  account_id   TEXT NOT NULL REFERENCES accounts (id),
  amount       TEXT NOT NULL,
  currency     TEXT NOT NULL,
  paid_at      TEXT NOT NULL,
  imported_at  TEXT NOT NULL
) STRICT;
CREATE INDEX payments_by_account ON payments (account_id, paid_at);

-- Numbers on lists from outside (a regulator's, the bank's own, reassigned numbers). do_not_call is what customers said.
CREATE TABLE do_not_call_lists (
  list         TEXT NOT NULL,
  number_hash  TEXT NOT NULL,
  since        TEXT,
  imported_at  TEXT NOT NULL,
  PRIMARY KEY (list, number_hash)
) STRICT, WITHOUT ROWID;

-- When and where a customer does not want to be called, named in a call or by hand.
CREATE TABLE personal_windows (
  seq          INTEGER PRIMARY KEY,
  customer_id  TEXT NOT NULL REFERENCES customers (id),
  weekdays     TEXT NOT NULL DEFAULT '1234567',        -- ISO weekdays
  from_time    TEXT NOT NULL,                          -- HH:MM local; not called from ...
  to_time      TEXT NOT NULL,                          -- ... until
  attempt_id   INTEGER REFERENCES attempts (id),
  since        TEXT NOT NULL
) STRICT;
CREATE INDEX personal_windows_by_customer ON personal_windows (customer_id);

ALTER TABLE campaigns ADD COLUMN kind TEXT;            -- verification, invitation, follow_up, reminder
ALTER TABLE campaigns ADD COLUMN profile TEXT;         -- rules of calling
ALTER TABLE campaigns ADD COLUMN definition TEXT;      -- the YAML as it was started
ALTER TABLE campaigns ADD COLUMN definition_sha TEXT;
ALTER TABLE campaigns ADD COLUMN strata TEXT;          -- JSON: stratum -> [N, n]
ALTER TABLE campaigns ADD COLUMN state TEXT NOT NULL DEFAULT 'draft'
  CHECK (state IN ('draft', 'running', 'paused', 'stopped', 'done'));
ALTER TABLE campaigns ADD COLUMN state_reason TEXT;
ALTER TABLE campaigns ADD COLUMN state_at TEXT;

-- One thing to be done for one account: call, email or SMS. `key` says what it is about (rule and due date or batch
-- day), so planning twice plans once.
CREATE TABLE jobs (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  campaign_id   TEXT NOT NULL REFERENCES campaigns (id),
  account_id    TEXT NOT NULL REFERENCES accounts (id),
  customer_id   TEXT NOT NULL REFERENCES customers (id),
  method        TEXT NOT NULL CHECK (method IN ('phone', 'email', 'sms')),
  flow          TEXT NOT NULL,                         -- or the message's template
  rule          TEXT NOT NULL,
  key           TEXT NOT NULL,
  priority      INTEGER NOT NULL DEFAULT 0,
  state         TEXT NOT NULL DEFAULT 'pending'
    CHECK (state IN ('pending', 'leased', 'done', 'cancelled', 'human', 'failed')),
  state_reason  TEXT,
  not_before    TEXT NOT NULL,
  not_after     TEXT,
  tries         INTEGER NOT NULL DEFAULT 0,
  leased_by     TEXT,                                  -- the process (owners.py)
  attempt_id    INTEGER REFERENCES attempts (id),      -- the last one
  assignee_id   TEXT REFERENCES agents (id),           -- the person who has it, or whom it is for
  planned_at    TEXT NOT NULL,
  changed_at    TEXT NOT NULL,
  UNIQUE (campaign_id, account_id, method, key)
) STRICT;
CREATE INDEX jobs_due ON jobs (not_before) WHERE state = 'pending';
CREATE INDEX jobs_by_account ON jobs (account_id, state);

-- Which job an attempt was dialled for; written in the transaction that opens the attempt.
ALTER TABLE attempts ADD COLUMN job_id INTEGER REFERENCES jobs (id);
CREATE UNIQUE INDEX one_attempt_per_try ON attempts (job_id, planned_at) WHERE job_id IS NOT NULL;

-- Each decision of the gate, with all it was decided from: it can be decided again.
CREATE TABLE gate_decisions (
  id           INTEGER PRIMARY KEY,
  at           TEXT NOT NULL,
  job_id       INTEGER REFERENCES jobs (id),
  account_id   TEXT NOT NULL,
  customer_id  TEXT NOT NULL,
  attempt_id   INTEGER REFERENCES attempts (id),
  allowed      INTEGER NOT NULL CHECK (allowed IN (0, 1)),
  rule         TEXT NOT NULL,                          -- the one that said no, or 'allowed'
  reason       TEXT NOT NULL,
  profile      TEXT NOT NULL,
  version      TEXT NOT NULL,                          -- hash of the profile and the gate's version
  retry_at     TEXT,
  inputs       TEXT NOT NULL CHECK (json_valid(inputs))
) STRICT;
CREATE INDEX gate_decisions_by_account ON gate_decisions (account_id, at);

-- Emails and SMS that left: what was sent, to whom by hash, and what the gateway said.
CREATE TABLE messages (
  id           INTEGER PRIMARY KEY,
  job_id       INTEGER NOT NULL REFERENCES jobs (id),
  method       TEXT NOT NULL CHECK (method IN ('email', 'sms')),
  address_hash TEXT NOT NULL,
  text         TEXT NOT NULL,
  sent_at      TEXT,
  state        TEXT NOT NULL CHECK (state IN ('sending', 'sent', 'failed')),
  answer       TEXT
) STRICT;

-- What people are asked to do: take over, call back, look again.
CREATE TABLE tasks (
  id           INTEGER PRIMARY KEY,
  kind         TEXT NOT NULL CHECK (kind IN ('takeover', 'callback', 'review', 'complaint')),
  account_id   TEXT REFERENCES accounts (id),
  customer_id  TEXT REFERENCES customers (id),
  attempt_id   INTEGER REFERENCES attempts (id),
  reason       TEXT NOT NULL,
  owner_id     TEXT REFERENCES agents (id),
  due_at       TEXT,
  state        TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'ack', 'closed')),
  state_reason TEXT,
  created_at   TEXT NOT NULL,
  key          TEXT NOT NULL UNIQUE
) STRICT;
