-- Migration 008_dialing. Same conventions as schema.sql; a change of this file is a new migration.

-- Nothing asks for schedules by day, and it cost an import of a million loans minutes.
DROP INDEX schedules_by_day;
-- Before every contact: which lists is this number on? (The key has the list first.)
CREATE INDEX do_not_call_by_number ON do_not_call_lists (number_hash, list);
