-- The central registry. Whole numbers that may pass 2^63 (seq, counters) are stored as the same 64 bits.

-- The log: append-only. Only a body may ever go, by lawful erasure. The body comes last, so that reading the rest of a
-- row never touches its pages.
CREATE TABLE log (
    log_index   INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    delta_hash  BLOB NOT NULL,
    seat        BLOB NOT NULL,
    epoch       BLOB NOT NULL,
    seq         INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    record      BLOB,
    area        TEXT,
    class       INTEGER NOT NULL,
    leaf        BLOB NOT NULL,
    header      BLOB NOT NULL,
    signature   BLOB NOT NULL,
    body        BLOB
) STRICT;
CREATE INDEX log_by_chain ON log (seat, epoch, seq, delta_hash);
CREATE INDEX log_by_record ON log (record) WHERE record IS NOT NULL;
-- The tree is built again from the leaves at every start: 40 bytes an entry instead of the whole log.
CREATE INDEX log_leaves ON log (log_index, leaf);

-- REPLACE deletes without the delete trigger, so the insert trigger holds the place as well; it also keeps the log
-- without gaps.
CREATE TRIGGER log_grows_at_its_end BEFORE INSERT ON log
WHEN NEW.log_index IS NOT (SELECT ifnull(max(log_index), 0) + 1 FROM log)
BEGIN SELECT RAISE(ABORT, 'the log grows at its end only'); END;
CREATE TRIGGER log_never_shrinks BEFORE DELETE ON log
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_never_changes BEFORE UPDATE OF
    log_index, received_at, delta_hash, seat, epoch, seq, kind, record, area, class, leaf, header, signature ON log
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_bodies_only_go BEFORE UPDATE OF body ON log WHEN NEW.body IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a body can only be erased'); END;

-- What seats are shown, in the order they are shown it. subject: the record, or the seat.
CREATE TABLE feed (
    feed_index INTEGER PRIMARY KEY,
    log_index  INTEGER NOT NULL REFERENCES log (log_index),
    audience   TEXT NOT NULL CHECK (audience IN ('everyone', 'record', 'seat')),
    subject    BLOB
) STRICT;
CREATE TRIGGER feed_grows_at_its_end BEFORE INSERT ON feed
WHEN NEW.feed_index IS NOT (SELECT ifnull(max(feed_index), 0) + 1 FROM feed)
BEGIN SELECT RAISE(ABORT, 'the feed grows at its end only'); END;
CREATE TRIGGER feed_never_shrinks BEFORE DELETE ON feed
BEGIN SELECT RAISE(ABORT, 'the feed is append-only'); END;
CREATE TRIGGER feed_never_changes BEFORE UPDATE ON feed
BEGIN SELECT RAISE(ABORT, 'the feed is append-only'); END;

CREATE TABLE epochs (
    seat         BLOB NOT NULL,
    epoch        BLOB NOT NULL,
    through_seq  INTEGER NOT NULL,
    through_hash BLOB NOT NULL,
    frozen_by    INTEGER,
    ordinal      INTEGER NOT NULL,
    PRIMARY KEY (seat, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE seats (
    seat              BLOB NOT NULL PRIMARY KEY,
    certificate_index INTEGER NOT NULL,
    person            TEXT NOT NULL,
    device            TEXT NOT NULL,
    role              TEXT NOT NULL,
    revocation_index  INTEGER,
    last_seen_at      INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE invitations (
    code_key  BLOB NOT NULL PRIMARY KEY,
    person     TEXT NOT NULL,
    role       TEXT NOT NULL,
    areas      TEXT NOT NULL,
    lineages   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_by    BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE request_counters (
    seat    BLOB NOT NULL PRIMARY KEY,
    counter INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE publications (
    log_index INTEGER PRIMARY KEY,
    lineage   TEXT NOT NULL,
    revision  BLOB NOT NULL
) STRICT;
CREATE INDEX publications_by_revision ON publications (revision);

CREATE TABLE publication_files (
    log_index  INTEGER NOT NULL REFERENCES publications (log_index),
    position   INTEGER NOT NULL,
    name       TEXT NOT NULL,
    sha256     BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (log_index, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
    sha256  BLOB NOT NULL UNIQUE,
    content BLOB NOT NULL
) STRICT;

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
    name  TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- All that follows is derived from the log and can be made again from it.

-- households, persons: how many registry rows of each kind there are, so that nobody counts millions to show it.
CREATE TABLE progress (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    merged_through INTEGER NOT NULL,
    households     INTEGER NOT NULL,
    persons        INTEGER NOT NULL
) STRICT;
INSERT INTO progress (id, merged_through, households, persons) VALUES (1, 0, 0, 0);

-- The document comes last, like a log entry's body.
CREATE TABLE records (
    record              BLOB NOT NULL UNIQUE,
    generation          INTEGER NOT NULL,
    lineage             TEXT NOT NULL,
    area                TEXT NOT NULL,
    revision            BLOB NOT NULL,
    visit_at            INTEGER NOT NULL,
    visit_offset        INTEGER NOT NULL,
    status              TEXT NOT NULL,
    registration_number TEXT,
    updated_index       INTEGER NOT NULL,
    digest              BLOB NOT NULL,
    heads               BLOB NOT NULL,
    state               BLOB NOT NULL
) STRICT;
-- Holds the digest too, so that comparing what two parties hold reads no document.
CREATE INDEX records_by_place ON records (area, lineage, record, digest);
CREATE INDEX records_by_number ON records (registration_number) WHERE registration_number IS NOT NULL;

CREATE TABLE changes (
    change       BLOB NOT NULL PRIMARY KEY,
    record       BLOB NOT NULL,
    log_index    INTEGER NOT NULL,
    seat         BLOB NOT NULL,
    visit_at     INTEGER,
    visit_offset INTEGER,
    revision     BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_by_record ON changes (record, log_index);

CREATE TABLE decisions (
    record    BLOB NOT NULL,
    log_index INTEGER NOT NULL,
    item      BLOB NOT NULL,
    delta     BLOB NOT NULL,
    PRIMARY KEY (record, log_index, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE outcomes (
    log_index INTEGER PRIMARY KEY,
    code      INTEGER NOT NULL,
    reason    INTEGER
) STRICT;
-- 1 is "merged".
CREATE INDEX outcomes_set_aside ON outcomes (log_index) WHERE code <> 1;

-- record: of the entry, when it waits for a change of that record.
CREATE TABLE held (
    waits_for BLOB NOT NULL,
    log_index INTEGER NOT NULL,
    record    BLOB,
    PRIMARY KEY (waits_for, log_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_by_entry ON held (log_index);
CREATE INDEX held_by_record ON held (record, log_index) WHERE record IS NOT NULL;

-- area: a copy of the record's present area, kept by put_item and put_record, so that a supervisor's list of open items
-- is one walk of one index.
CREATE TABLE items (
    item          BLOB NOT NULL PRIMARY KEY,
    record        BLOB NOT NULL,
    area          TEXT,
    kind          TEXT NOT NULL,
    subject       TEXT NOT NULL,
    alternatives  TEXT NOT NULL,
    opened_index  INTEGER NOT NULL,
    settled       TEXT CHECK (settled IN ('decided', 'superseded')),
    settled_index INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX items_by_record ON items (record);
CREATE INDEX items_in_order ON items (opened_index, item);
CREATE INDEX items_open ON items (opened_index, item) WHERE settled IS NULL;
CREATE INDEX items_open_by_area ON items (area, opened_index, item) WHERE settled IS NULL;

-- Registry rows: what one record says, replaced as a whole. One table, so that a record's rows lie on one page or two:
-- in four tables each record dirtied four times as many. The views below read as one expects.
-- kind: 1 household, 2 person, 3 membership, 4 identifier. position: the place in the projection's list.
CREATE TABLE registry_rows (
    record              BLOB NOT NULL,
    kind                INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4),
    position            INTEGER NOT NULL,
    household           BLOB,
    person              TEXT,
    registration_number TEXT,
    area                TEXT,
    label               TEXT,
    properties          TEXT,
    instance            TEXT,
    relationship        TEXT,
    scheme              TEXT,
    value               TEXT,
    PRIMARY KEY (record, kind, position)
) STRICT, WITHOUT ROWID;

CREATE VIEW households AS
SELECT record, household, registration_number, area, label, properties FROM registry_rows WHERE kind = 1;
CREATE VIEW persons AS
SELECT record, position, person, label, properties FROM registry_rows WHERE kind = 2;
CREATE VIEW memberships AS
SELECT record, position, household, person, instance, relationship FROM registry_rows WHERE kind = 3;
CREATE VIEW identifiers AS
SELECT record, position, person, scheme, value FROM registry_rows WHERE kind = 4;
