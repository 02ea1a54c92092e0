-- Own deltas that a decision on a fork left out: 'needed' until the person who signed them has written them anew, then 'done'.
-- 'back' when the registry merged it after all, its decision having been lost with a server that was restored.
ALTER TABLE own_deltas ADD COLUMN anew TEXT CHECK (anew IN ('needed', 'done', 'back'));
CREATE INDEX own_deltas_anew ON own_deltas (record, id) WHERE anew = 'needed';
CREATE INDEX own_deltas_back ON own_deltas (record, id) WHERE anew = 'back';

-- Which change was written in the place of which.
CREATE TABLE rewritten_changes (
  change BLOB PRIMARY KEY,
  anew   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A log that the registry declared to go on from `restored_from`: of no more use once `head` is of it.
ALTER TABLE sync ADD COLUMN restored_from BLOB;
ALTER TABLE sync ADD COLUMN restored_log BLOB;
ALTER TABLE sync ADD COLUMN restored_size INTEGER;
-- Pulled deltas that the registry's backup may lack, and that were not offered to it yet: those of a greater log index, among
-- the rows up to this one.
ALTER TABLE sync ADD COLUMN offer_after INTEGER;
ALTER TABLE sync ADD COLUMN offer_until INTEGER;

-- Every log that went on from a backup of another, as far as this laptop followed.
CREATE TABLE followed_logs (
  log       BLOB PRIMARY KEY,
  previous  BLOB NOT NULL,
  size      INTEGER NOT NULL,
  feed_size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
