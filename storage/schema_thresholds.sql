-- Migration 010_thresholds: sets of thresholds of the scoring, each in force only after a second person has approved it.
-- Same conventions as schema.sql; a change of this file is a new migration.
CREATE TABLE threshold_sets (
  seq          INTEGER PRIMARY KEY,
  digest       TEXT NOT NULL,                -- of what the file says, whatever its spaces and comments
  text         TEXT NOT NULL,                -- every threshold, as `voicebot score thresholds` prints them
  reason       TEXT NOT NULL,
  proposed_by  TEXT NOT NULL,
  proposed_at  TEXT NOT NULL,
  state        TEXT NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'approved', 'rejected')),
  decided_by   TEXT,
  decided_at   TEXT,
  decision     TEXT,                         -- what the second person said
  CHECK ((state = 'proposed') = (decided_by IS NULL)),
  CHECK (decided_by IS NULL OR lower(decided_by) <> lower(proposed_by))
) STRICT;
