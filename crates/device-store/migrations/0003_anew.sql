-- Own deltas that a decision on a fork left out: 'needed' until the person who signed them has written them anew, then 'done'.
ALTER TABLE own_deltas ADD COLUMN anew TEXT CHECK (anew IN ('needed', 'done'));
CREATE INDEX own_deltas_anew ON own_deltas (record, id) WHERE anew = 'needed';

-- Which change was written in the place of which.
CREATE TABLE rewritten_changes (
  change BLOB PRIMARY KEY,
  anew   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
