-- The laptop's store. Ids and hashes are their bytes, instants are milliseconds since 1970 UTC, kinds, codes and
-- reasons are the numbers of record-model. Numbers that are u64 elsewhere are kept bit for bit as SQLite's i64.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One person on this laptop. The chain's end is here, so that appending to it is one transaction.
CREATE TABLE seats (
  seat             BLOB PRIMARY KEY,
  person           TEXT NOT NULL UNIQUE,
  device           TEXT NOT NULL,
  public_key       BLOB NOT NULL,
  certificate      BLOB NOT NULL,            -- the certificate delta's envelope it was enrolled with
  epoch            BLOB,                     -- none before the first epoch is opened
  next_seq         INTEGER NOT NULL DEFAULT 1,
  prev_hash        BLOB,
  epoch_needed     INTEGER NOT NULL DEFAULT 1 CHECK (epoch_needed IN (0, 1)),
  next_serial      INTEGER NOT NULL DEFAULT 1,
  request_counter  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Asked for, not yet certified. Kept so that a lost answer costs no invitation.
CREATE TABLE pending_enrolments (
  person       TEXT PRIMARY KEY,
  deployment   BLOB NOT NULL,
  registry_key BLOB NOT NULL,
  request      BLOB NOT NULL,
  asked_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Deltas signed here. `id` is the order of writing; nothing is ever deleted before a signed receipt covers it. The bytes
-- are apart (here and below), so that marking, counting and listing never touch them.
CREATE TABLE own_deltas (
  id             INTEGER PRIMARY KEY,
  seat           BLOB NOT NULL REFERENCES seats (seat),
  epoch          BLOB NOT NULL,
  seq            INTEGER NOT NULL,
  hash           BLOB NOT NULL UNIQUE,
  record         BLOB,
  kind           INTEGER NOT NULL,
  hlc            INTEGER NOT NULL,
  created_at     INTEGER NOT NULL,
  size_bytes     INTEGER NOT NULL,
  delivery       TEXT NOT NULL DEFAULT 'to_send' CHECK (delivery IN ('to_send', 'delivered', 'refused')),
  reason         INTEGER,                    -- why refused
  delivered_at   INTEGER,
  outcome        INTEGER,                    -- what the server made of it, once it said so
  outcome_reason INTEGER,
  UNIQUE (seat, epoch, seq)
) STRICT;
CREATE INDEX own_deltas_to_send ON own_deltas (id) WHERE delivery = 'to_send';
CREATE INDEX own_deltas_to_mark ON own_deltas (seat, epoch, seq) WHERE delivery = 'to_send';
CREATE INDEX own_deltas_refused ON own_deltas (seat, epoch, seq) WHERE delivery = 'refused';
CREATE INDEX own_deltas_of_record ON own_deltas (record, id);

CREATE TABLE own_envelopes (
  id       INTEGER PRIMARY KEY REFERENCES own_deltas (id),
  envelope BLOB NOT NULL
) STRICT;

-- Deltas of others, as they came. A delta that cannot be read has no seat, and `hash` is that of its bytes. A delta's
-- name says nothing of its body, so a damaged copy has the name of the good one: rows are told apart by all their bytes.
CREATE TABLE pulled_deltas (
  id          INTEGER PRIMARY KEY,
  feed_index  INTEGER NOT NULL,
  log_index   INTEGER NOT NULL,
  hash        BLOB NOT NULL,
  bytes_hash  BLOB NOT NULL UNIQUE,
  seat        BLOB,
  epoch       BLOB,
  seq         INTEGER,
  kind        INTEGER,
  record      BLOB,
  received_at INTEGER NOT NULL,
  state       TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'applied', 'held', 'quarantined')),
  reason      INTEGER,
  state_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX pulled_deltas_open ON pulled_deltas (id) WHERE state IN ('new', 'held');
CREATE INDEX pulled_deltas_aside ON pulled_deltas (id) WHERE state = 'quarantined';
CREATE INDEX pulled_deltas_of_record ON pulled_deltas (record, id);

CREATE TABLE pulled_envelopes (
  id       INTEGER PRIMARY KEY REFERENCES pulled_deltas (id),
  envelope BLOB NOT NULL
) STRICT;

CREATE TABLE records (
  record     BLOB PRIMARY KEY,
  generation INTEGER NOT NULL DEFAULT 0,
  lineage    TEXT NOT NULL,
  area       TEXT,                           -- none as long as no delta names one
  status     TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'finalised', 'withdrawn')),
  number     TEXT,
  title      TEXT NOT NULL DEFAULT '',       -- what lists and searches show; derived from the answers
  open_items INTEGER NOT NULL DEFAULT 0,     -- findings no decision has settled; derived
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX records_updated ON records (updated_at);

-- The saved documents; a record has none before its first change.
CREATE TABLE states (
  record BLOB PRIMARY KEY REFERENCES records (record),
  state  BLOB NOT NULL
) STRICT;

-- A person's open visit to a record: what the next change of that person will say of itself.
CREATE TABLE drafts (
  record       BLOB NOT NULL REFERENCES records (record),
  seat         BLOB NOT NULL REFERENCES seats (seat),
  revision     BLOB NOT NULL,
  visit_at     INTEGER NOT NULL,
  visit_offset INTEGER NOT NULL,
  opened_at    INTEGER NOT NULL,
  PRIMARY KEY (record, seat)
) STRICT, WITHOUT ROWID;

-- Answers as they are given, before they are cut into one signed change.
CREATE TABLE journal (
  record BLOB NOT NULL REFERENCES records (record),
  seat   BLOB NOT NULL REFERENCES seats (seat),
  path   TEXT NOT NULL,
  value  BLOB NOT NULL,                      -- tag byte and payload, as hashes take it
  at     INTEGER NOT NULL,
  PRIMARY KEY (record, seat, path)
) STRICT, WITHOUT ROWID;

-- Which signed delta brought a change: leads from a value to the person, the device and the visit.
CREATE TABLE changes (
  change       BLOB PRIMARY KEY,
  record       BLOB NOT NULL,
  seat         BLOB NOT NULL,
  delta        BLOB NOT NULL,
  hlc          INTEGER NOT NULL,
  revision     BLOB NOT NULL,
  visit_at     INTEGER,                      -- none for what a decision wrote
  visit_offset INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_of_record ON changes (record);

CREATE TABLE statements (
  delta        BLOB PRIMARY KEY,
  record       BLOB NOT NULL,
  seat         BLOB NOT NULL,
  kind         TEXT NOT NULL CHECK (kind IN ('finalise', 'withdraw')),
  hlc          INTEGER NOT NULL,
  revision     BLOB,
  visit_at     INTEGER,
  visit_offset INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX statements_of_record ON statements (record);

CREATE TABLE decisions (
  delta  BLOB PRIMARY KEY,
  record BLOB NOT NULL,
  item   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_of_record ON decisions (record);

-- Every seat this device can verify.
CREATE TABLE standings (
  seat            BLOB PRIMARY KEY,
  certificate     BLOB NOT NULL,             -- envelope of its newest certificate delta
  log_index       INTEGER NOT NULL,
  revoked_index   INTEGER,                   -- log index of its revocation, if any
  revoked_epoch   BLOB,                      -- the last (epoch, seq) that counts; none: nothing counts
  revoked_seq     INTEGER
) STRICT, WITHOUT ROWID;

-- Which epoch of a seat came before which.
CREATE TABLE epochs (
  seat     BLOB NOT NULL,
  epoch    BLOB NOT NULL,
  previous BLOB,
  PRIMARY KEY (seat, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE publications (
  delta     BLOB PRIMARY KEY,
  lineage   TEXT NOT NULL,
  revision  BLOB NOT NULL,
  log_index INTEGER NOT NULL,
  state     TEXT NOT NULL DEFAULT 'fetching' CHECK (state IN ('fetching', 'ready', 'broken'))
) STRICT, WITHOUT ROWID;
CREATE INDEX publications_of_revision ON publications (revision);

CREATE TABLE publication_files (
  delta      BLOB NOT NULL REFERENCES publications (delta),
  name       TEXT NOT NULL,
  sha256     BLOB NOT NULL,
  size_bytes INTEGER NOT NULL,
  PRIMARY KEY (delta, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
  sha256  BLOB PRIMARY KEY,
  content BLOB NOT NULL
) STRICT;

CREATE TABLE sync (
  id           INTEGER PRIMARY KEY CHECK (id = 1),
  cursor       INTEGER NOT NULL DEFAULT 0,
  head         BLOB,                         -- the last verified tree head
  receipt      BLOB,                         -- the last verified receipt
  last_sync_at INTEGER                       -- by this laptop's clock
) STRICT;
INSERT INTO sync (id) VALUES (1);

CREATE TABLE clock (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  known_at   INTEGER,                        -- the latest instant this store has seen, by any clock it trusts
  hlc        INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO clock (id) VALUES (1);

-- Where an interview was left, in the words of the program that asks.
CREATE TABLE positions (
  record   BLOB NOT NULL,
  seat     BLOB NOT NULL,
  position TEXT NOT NULL,
  PRIMARY KEY (record, seat)
) STRICT, WITHOUT ROWID;
