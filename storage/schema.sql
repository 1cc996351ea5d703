-- The tables. Money is TEXT (a decimal), times are UTC ISO 8601 TEXT, days are ISO dates, yes/no is 1/0, and what is
-- not known is NULL, never a default. A change of this file is a new migration (migrations.py), not an edit.

CREATE TABLE meta (
  key    TEXT PRIMARY KEY,
  value  TEXT NOT NULL
) STRICT;

CREATE TABLE imports (
  id             INTEGER PRIMARY KEY,
  at             TEXT NOT NULL,
  customers_sha  TEXT NOT NULL,              -- sha256 of each file as it was read
  loans_sha      TEXT NOT NULL,
  customers      INTEGER NOT NULL,           -- rows written
  accounts       INTEGER NOT NULL,
  bad_rows       INTEGER NOT NULL            -- rows left out (only with --keep-good)
) STRICT;

CREATE TABLE customers (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL,
  number      TEXT NOT NULL,                 -- as dialled
  number_key  TEXT NOT NULL,                 -- digits only: how a caller is found
  birth_date  TEXT NOT NULL,
  id_last4    TEXT NOT NULL,
  language    TEXT NOT NULL,
  timezone    TEXT NOT NULL,
  updated_at  TEXT NOT NULL
) STRICT;
CREATE INDEX customers_by_number ON customers (number_key);

CREATE TABLE accounts (
  id                  TEXT PRIMARY KEY,
  customer_id         TEXT NOT NULL REFERENCES customers (id),
  product             TEXT NOT NULL,
  principal           TEXT NOT NULL,
  outstanding         TEXT NOT NULL,
  due                 TEXT NOT NULL,
  due_on              TEXT NOT NULL,
  currency            TEXT NOT NULL,
  purpose             TEXT NOT NULL,
  disbursed_on        TEXT NOT NULL,
  offer_product       TEXT,
  offer_limit         TEXT,
  offer_currency      TEXT,
  offer_rate_percent  TEXT,
  updated_at          TEXT NOT NULL,
  CHECK ((offer_product IS NULL) = (offer_limit IS NULL)),
  CHECK ((offer_product IS NULL) = (offer_currency IS NULL)),
  CHECK ((offer_product IS NULL) = (offer_rate_percent IS NULL))
) STRICT;
CREATE INDEX accounts_by_customer ON accounts (customer_id);

CREATE TABLE campaigns (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL,
  flow        TEXT NOT NULL,
  created_at  TEXT NOT NULL,
  ratio       REAL CHECK (ratio > 0 AND ratio <= 1),  -- document V, verify_ratio
  seed        INTEGER,                                -- of the drawing
  list_sha    TEXT,                                   -- sha256 of the list drawn from
  population  INTEGER,                                -- N
  drawn       INTEGER                                 -- n
) STRICT;

CREATE TABLE attempts (
  id                  INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice
  account_id          TEXT REFERENCES accounts (id),
  customer_id         TEXT REFERENCES customers (id),
  campaign_id         TEXT REFERENCES campaigns (id),
  flow                TEXT NOT NULL,
  script_version      TEXT NOT NULL,
  direction           TEXT NOT NULL CHECK (direction IN ('outbound', 'inbound')),
  number_hash         TEXT NOT NULL,
  driver              TEXT NOT NULL,
  planned_at          TEXT NOT NULL,
  started_at          TEXT NOT NULL,
  local_time          TEXT,
  timezone            TEXT,
  owner               TEXT NOT NULL,                      -- the process that runs it (owners.py)
  state               TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
  sip_call_id         TEXT,
  sip_status          INTEGER CHECK (sip_status BETWEEN 100 AND 699),
  sip_reason          TEXT,
  answered_by         TEXT CHECK (answered_by IN ('human', 'voicemail', 'ivr', 'screening', 'unknown')),
  answered_by_cause   TEXT,
  answered_at         TEXT,
  ended_at            TEXT,
  talk_s              REAL,
  recording           TEXT,
  last_step           TEXT,
  media               TEXT CHECK (media IS NULL OR json_valid(media)),
  voice_state         TEXT CHECK (voice_state IN ('match', 'mismatch', 'inconclusive')),
  voice_reason        TEXT,
  voice_score         REAL,
  voice_llr           REAL,
  voice_net_s         REAL,
  voice_accept_limit  REAL,
  voice_reject_limit  REAL,
  voice_model         TEXT,
  voice_calibration   TEXT
) STRICT;
-- Nobody is dialled twice at once: an account has at most one open attempt.
CREATE UNIQUE INDEX one_open_attempt_per_account ON attempts (account_id) WHERE state = 'open';
CREATE INDEX attempts_open ON attempts (id) WHERE state = 'open';
CREATE INDEX attempts_by_account ON attempts (account_id, started_at);
CREATE INDEX attempts_by_customer ON attempts (customer_id, started_at);

CREATE TABLE turns (
  attempt_id        INTEGER NOT NULL REFERENCES attempts (id),
  n                 INTEGER NOT NULL,         -- from 1
  step              TEXT NOT NULL,
  prompt            TEXT NOT NULL,
  prompt_text       TEXT NOT NULL,
  prompt_t0         REAL NOT NULL,
  prompt_t1         REAL NOT NULL,
  heard_s           REAL,
  reply_text        TEXT,
  reply_t0          REAL,
  reply_t1          REAL,
  reply_confidence  REAL,
  intent            TEXT,
  slots             TEXT NOT NULL CHECK (json_valid(slots)),
  event             TEXT,
  barged_in         INTEGER NOT NULL CHECK (barged_in IN (0, 1)),
  reply_gap_s       REAL,
  voice_state       TEXT CHECK (voice_state IN ('match', 'mismatch', 'inconclusive')),
  asr_engine        TEXT,
  PRIMARY KEY (attempt_id, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE checks (
  attempt_id  INTEGER NOT NULL REFERENCES attempts (id),
  n           INTEGER NOT NULL,
  step        TEXT NOT NULL,
  name        TEXT NOT NULL,
  result      TEXT NOT NULL,
  t           REAL NOT NULL,
  detail      TEXT NOT NULL CHECK (json_valid(detail)),
  PRIMARY KEY (attempt_id, n)
) STRICT, WITHOUT ROWID;

-- The primary key is the promise "one outcome per attempt".
CREATE TABLE outcomes (
  attempt_id    INTEGER PRIMARY KEY REFERENCES attempts (id),
  disposition   TEXT NOT NULL CHECK (disposition IN (
    'NO_ANSWER', 'BUSY', 'FAILED', 'VOICEMAIL', 'WRONG_PARTY', 'RPC_VERIFIED', 'RPC_NOT_VERIFIED', 'VOICE_MISMATCH',
    'PROMISE_TO_PAY', 'REFUSED', 'DISPUTE', 'HARDSHIP', 'INVITATION_ACCEPTED', 'INVITATION_DECLINED', 'CALLBACK',
    'DO_NOT_CALL', 'TRANSFERRED', 'HUNG_UP', 'TECHNICAL_FAILURE')),
  right_party   INTEGER CHECK (right_party IN (0, 1)),
  appointment   TEXT,
  callback_at   TEXT,
  intents       TEXT NOT NULL CHECK (json_valid(intents)),
  refusal       INTEGER CHECK (refusal IN (0, 1)),
  dispute       INTEGER CHECK (dispute IN (0, 1)),
  hardship      INTEGER CHECK (hardship IN (0, 1)),
  opt_out       INTEGER CHECK (opt_out IN (0, 1)),
  transferred   INTEGER CHECK (transferred IN (0, 1)),
  hung_up_by    TEXT CHECK (hung_up_by IN ('caller', 'bot', 'network')),
  last_step     TEXT,
  error         TEXT,
  closed_at     TEXT NOT NULL
) STRICT;

CREATE TABLE item_results (
  attempt_id  INTEGER NOT NULL REFERENCES outcomes (attempt_id),
  item        TEXT NOT NULL,
  result      TEXT NOT NULL CHECK (result IN ('match', 'mismatch', 'unclear', 'refused', 'not_asked')),
  PRIMARY KEY (attempt_id, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE promises (
  attempt_id   INTEGER PRIMARY KEY REFERENCES outcomes (attempt_id),
  account_id   TEXT REFERENCES accounts (id),
  customer_id  TEXT REFERENCES customers (id),
  amount       TEXT NOT NULL,
  currency     TEXT,                          -- the loan's; NULL where the call had no account
  due_on       TEXT NOT NULL,
  made_at      TEXT NOT NULL,
  kept         INTEGER CHECK (kept IN (0, 1)) -- NULL: not known yet
) STRICT;

CREATE TABLE consents (
  seq          INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  customer_id  TEXT NOT NULL REFERENCES customers (id),
  attempt_id   INTEGER REFERENCES attempts (id),
  purpose      TEXT NOT NULL,
  basis        TEXT NOT NULL CHECK (basis IN ('spoken', 'written', 'import')),
  text_version TEXT NOT NULL,
  granted      INTEGER CHECK (granted IN (0, 1)),  -- NULL: asked, no clear answer
  at           TEXT NOT NULL,
  evidence     TEXT NOT NULL CHECK (json_valid(evidence))
) STRICT;
CREATE INDEX consents_newest ON consents (customer_id, purpose, seq);

CREATE TABLE voiceprints (
  seq            INTEGER PRIMARY KEY,
  customer_id    TEXT NOT NULL REFERENCES customers (id),
  consent_id     TEXT REFERENCES consents (id),
  model_id       TEXT NOT NULL,
  embeddings     BLOB NOT NULL,               -- codec.encode_embeddings
  net_speech_s   REAL NOT NULL,
  snr_db         REAL,
  clipping       REAL NOT NULL,
  speech_share   REAL NOT NULL,
  lost_frames    REAL NOT NULL,
  enrolled_at    TEXT NOT NULL,
  replaced_at    TEXT,
  revoked_at     TEXT
) STRICT;
CREATE UNIQUE INDEX one_active_voiceprint ON voiceprints (customer_id) WHERE replaced_at IS NULL AND revoked_at IS NULL;

-- One row is one case for a person at the bank; every call that raised it is a row of warning_evidence.
CREATE TABLE warnings (
  seq           INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  code          TEXT NOT NULL,
  customer_id   TEXT REFERENCES customers (id),
  attempt_id    INTEGER REFERENCES attempts (id),  -- the first call that raised it
  day           TEXT NOT NULL,                     -- UTC day
  reason        TEXT NOT NULL,
  rule          TEXT NOT NULL,
  rule_version  TEXT NOT NULL,
  severity      TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high')),
  owner         TEXT NOT NULL,
  raised_at     TEXT NOT NULL,
  due_at        TEXT NOT NULL,
  state         TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'ack', 'closed')),
  state_reason  TEXT,
  CHECK (state <> 'closed' OR state_reason IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX one_warning_per_customer_and_day
  ON warnings (code, coalesce(customer_id, 'attempt ' || attempt_id), day);

CREATE TABLE warning_evidence (
  warning_id  TEXT NOT NULL REFERENCES warnings (id),
  attempt_id  INTEGER NOT NULL REFERENCES attempts (id),
  raised_at   TEXT NOT NULL,
  reason      TEXT NOT NULL,
  evidence    TEXT NOT NULL CHECK (json_valid(evidence)),
  PRIMARY KEY (warning_id, attempt_id)
) STRICT, WITHOUT ROWID;

-- By customer, or (the caller is unknown) by the keyed hash of the number.
CREATE TABLE do_not_call (
  seq          INTEGER PRIMARY KEY,
  customer_id  TEXT UNIQUE REFERENCES customers (id),
  number_hash  TEXT UNIQUE,
  attempt_id   INTEGER REFERENCES attempts (id),
  since        TEXT NOT NULL,
  CHECK ((customer_id IS NULL) <> (number_hash IS NULL))
) STRICT;
