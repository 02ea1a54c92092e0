-- How far each person's pulls have come: two people of one laptop may be shown different areas. `sync.cursor` was the one
-- cursor of all and is no longer used. Where there is one person it is that person's; where there are more, nobody knows whose
-- areas it passed over: all begin again, and what is here already is known.
CREATE TABLE cursors (
  seat   BLOB PRIMARY KEY REFERENCES seats (seat),
  cursor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO cursors (seat, cursor)
  SELECT seats.seat, sync.cursor FROM seats, sync WHERE sync.cursor > 0 AND (SELECT count(*) FROM seats) = 1;

-- Batches that left in a bundle: their receipts may come back weeks later, and name a batch by its digest.
CREATE TABLE bundled_batches (
  id     INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  deltas BLOB NOT NULL                       -- delta hashes in the batch's order, joined
) STRICT;

-- Pages of a bundle whose earlier part has not come yet.
CREATE TABLE waiting_pages (
  id      INTEGER PRIMARY KEY,
  seat    BLOB NOT NULL REFERENCES seats (seat),
  request BLOB NOT NULL,
  page    BLOB NOT NULL,
  UNIQUE (seat, request)
) STRICT;

-- How far the log has each own chain: asked with every pull.
CREATE INDEX own_deltas_delivered ON own_deltas (seat, epoch, seq) WHERE delivery = 'delivered';
