-- Migration 006_campaign_data: leases that survive kill -9, what campaigns look up all the time, and what was imported.
-- Same conventions as schema.sql; a change of this file is a new migration.

-- `tries` when the job was leased: it has an attempt of this lease where `tries` is more.
ALTER TABLE jobs ADD COLUMN lease_tries INTEGER;
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (campaign_id, method, priority DESC, not_before, id) WHERE state = 'pending';
CREATE INDEX jobs_ending ON jobs (not_after) WHERE state = 'pending' AND not_after IS NOT NULL;
CREATE INDEX jobs_leased ON jobs (customer_id) WHERE state = 'leased';
CREATE INDEX jobs_by_customer ON jobs (customer_id);
CREATE INDEX jobs_by_assignee ON jobs (assignee_id) WHERE assignee_id IS NOT NULL;

CREATE INDEX attempts_by_number ON attempts (number_hash, started_at);
CREATE INDEX gate_decisions_by_job ON gate_decisions (job_id);
CREATE INDEX messages_by_job ON messages (job_id);
CREATE INDEX payments_by_import ON payments (imported_at);
CREATE INDEX promises_open ON promises (due_on) WHERE kept IS NULL;
CREATE INDEX promises_by_account ON promises (account_id);
CREATE INDEX tasks_open ON tasks (owner_id) WHERE state <> 'closed';
CREATE INDEX tasks_by_account ON tasks (account_id);

-- The files of an import; `imports` is the import as a whole.
CREATE TABLE import_files (
  import_id  INTEGER NOT NULL REFERENCES imports (id),
  kind       TEXT NOT NULL,
  sha        TEXT NOT NULL,                  -- sha256 of the file as it was read
  rows       INTEGER NOT NULL,               -- written
  bad_rows   INTEGER NOT NULL,               -- left out (only with --keep-good)
  PRIMARY KEY (import_id, kind, sha)
) STRICT, WITHOUT ROWID;
