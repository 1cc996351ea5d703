-- Migration 009_spoof: what a recording of an earlier call is recognised by, and the signs that were found. Same
-- conventions as schema.sql; a change of this file is a new migration.

-- Where the loudest spectral peaks of a call lay (voicebot/voiceprint/sketch.py), sealed with the customer's voice key:
-- it goes with the voiceprint, and after voiceprint.replay_days.
CREATE TABLE voice_sketches (
  seq          INTEGER PRIMARY KEY,
  customer_id  TEXT NOT NULL REFERENCES customers (id),
  made_at      TEXT NOT NULL,
  sealed       BLOB NOT NULL
) STRICT;
CREATE INDEX voice_sketches_by_customer ON voice_sketches (customer_id, made_at);
CREATE INDEX voice_sketches_by_age ON voice_sketches (made_at);

-- Signs of a recording or a machine at each comparison: JSON list of sign, value, limit, acts.
ALTER TABLE voice_comparisons ADD COLUMN spoof TEXT NOT NULL DEFAULT '[]';
-- And of the decision in force.
ALTER TABLE attempts ADD COLUMN voice_spoof TEXT;
