//! Deltas of others, as they came, and what became of them here; and a record's whole log.

use record_model::{DeltaHash, DeltaKind, EpochId, Instant, OutcomeCode, ReasonCode, RecordId, SeatId};
use rusqlite::{Row, params};

use crate::chain::reason;
use crate::error::DeviceStoreError;
use crate::row::{Columns, bad};
use crate::store::Tx;
use crate::sync_state::NO_LOG_INDEX;

/// A pulled delta, not yet looked into.
#[derive(Debug, Clone, Copy)]
pub struct PulledToStore<'a> {
    /// Its place in the feed.
    pub feed_index: u64,
    /// Its place in the log.
    pub log_index: u64,
    /// When the server received it.
    pub received_at: Instant,
    /// Its name, or for bytes that are no delta a hash of them.
    pub hash: DeltaHash,
    /// A hash of all its bytes: a damaged copy has the name of the good one, and must not take its place.
    pub bytes_hash: [u8; 32],
    /// What its header says, when it has one.
    pub claims: Option<(SeatId, EpochId, u64, DeltaKind, Option<RecordId>)>,
    /// Its bytes.
    pub envelope: &'a [u8],
}

/// What became of a pulled delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PulledState {
    /// Not yet looked into.
    New,
    /// It did what it says.
    Applied,
    /// Waits for an earlier one.
    Held(Option<ReasonCode>),
    /// Kept, not applied.
    Quarantined(ReasonCode),
}

/// A pulled delta that is still to be applied.
#[derive(Clone, PartialEq, Eq)]
pub struct PulledRow {
    /// Its row here: the order of arrival.
    pub id: i64,
    /// Its place in the log.
    pub log_index: u64,
    /// When the server received it.
    pub received_at: Instant,
    /// Its bytes.
    pub envelope: Vec<u8>,
}

/// How far one of our own deltas has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Not covered by a receipt.
    ToSend,
    /// Covered by a receipt.
    Delivered,
    /// The server would not take it.
    Refused(Option<ReasonCode>),
}

/// Where a delta about a record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordDelta {
    /// Signed on this laptop.
    Own {
        /// By this laptop's clock.
        created_at: Instant,
        /// How far it has come.
        delivery: Delivery,
        /// What the server made of it.
        outcome: Option<(OutcomeCode, Option<ReasonCode>)>,
    },
    /// Pulled.
    Pulled {
        /// When the server received it.
        received_at: Instant,
        /// What became of it here.
        state: PulledState,
    },
}

/// One entry of a record's log.
#[derive(Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The delta's name.
    pub hash: DeltaHash,
    /// Where it came from.
    pub origin: RecordDelta,
    /// Its bytes.
    pub envelope: Vec<u8>,
}

fn pulled_state(row: &Row<'_>, column: usize) -> rusqlite::Result<PulledState> {
    let why = reason(row, column + 1)?;
    Ok(match row.get_ref(column)?.as_str()? {
        "new" => PulledState::New,
        "applied" => PulledState::Applied,
        "held" => PulledState::Held(why),
        "quarantined" => PulledState::Quarantined(why.ok_or_else(|| bad(column + 1))?),
        _ => return Err(bad(column)),
    })
}

impl Tx<'_> {
    /// Keeps a pulled delta as it came. False when it is here already.
    pub fn put_pulled(&self, delta: &PulledToStore<'_>, now: Instant) -> Result<bool, DeviceStoreError> {
        let claims = delta.claims;
        let added = self.execute(
            "keep the pulled delta",
            "INSERT INTO pulled_deltas (feed_index, log_index, hash, seat, epoch, seq, kind, record, received_at,
               state_at, bytes_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING",
            params![
                delta.feed_index as i64,
                delta.log_index as i64,
                delta.hash.as_bytes(),
                claims.map(|(seat, ..)| seat.as_bytes().to_vec()),
                claims.map(|(_, epoch, ..)| epoch.as_bytes().to_vec()),
                claims.map(|(_, _, seq, ..)| seq as i64),
                claims.map(|(_, _, _, kind, _)| kind.code()),
                claims.and_then(|(.., record)| record).map(|record| record.as_bytes().to_vec()),
                delta.received_at.unix_ms(),
                now.unix_ms(),
                delta.bytes_hash
            ],
        )?;
        if added == 0 {
            // In a log that goes on from a backup it has another place.
            self.execute(
                "note the delta's place",
                "UPDATE pulled_deltas SET feed_index = ?2, log_index = ?3 WHERE bytes_hash = ?1 AND log_index = ?4",
                params![delta.bytes_hash, delta.feed_index as i64, delta.log_index as i64, NO_LOG_INDEX],
            )?;
            return Ok(false);
        }
        self.execute(
            "keep the pulled delta",
            "INSERT INTO pulled_envelopes (id, envelope) VALUES (last_insert_rowid(), ?1)",
            [delta.envelope],
        )?;
        Ok(true)
    }

    /// Deltas not yet looked into, after this row, in order of arrival.
    pub fn new_pulled(&self, after: i64, limit: usize) -> Result<Vec<PulledRow>, DeviceStoreError> {
        self.pulled_in_state("new", after, limit)
    }

    /// Deltas that wait for an earlier one, after this row, in order of arrival.
    pub fn held_pulled(&self, after: i64, limit: usize) -> Result<Vec<PulledRow>, DeviceStoreError> {
        self.pulled_in_state("held", after, limit)
    }

    fn pulled_in_state(
        &self,
        state: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<PulledRow>, DeviceStoreError> {
        self.all(
            "read pulled deltas",
            "SELECT pulled_deltas.id, log_index, received_at, envelope FROM pulled_deltas
             JOIN pulled_envelopes USING (id)
             WHERE state IN ('new', 'held') AND state = ?1 AND pulled_deltas.id > ?2
             ORDER BY pulled_deltas.id LIMIT ?3",
            params![state, after, limit as i64],
            |row| {
                Ok(PulledRow {
                    id: row.get(0)?,
                    log_index: row.u64(1)?,
                    received_at: row.instant(2)?,
                    envelope: row.get(3)?,
                })
            },
        )
    }

    /// What became of a pulled delta.
    pub fn set_pulled_state(&self, id: i64, state: PulledState, at: Instant) -> Result<(), DeviceStoreError> {
        let (word, why) = match state {
            PulledState::New => ("new", None),
            PulledState::Applied => ("applied", None),
            PulledState::Held(why) => ("held", why),
            PulledState::Quarantined(why) => ("quarantined", Some(why)),
        };
        self.execute(
            "write what became of the delta",
            "UPDATE pulled_deltas SET state = ?2, reason = ?3,
               state_at = CASE WHEN state = ?2 THEN state_at ELSE ?4 END
             WHERE id = ?1",
            params![id, word, why.map(ReasonCode::code), at.unix_ms()],
        )?;
        Ok(())
    }

    /// How many pulled deltas wait, and since when.
    pub fn held_count(&self) -> Result<(u64, Option<Instant>), DeviceStoreError> {
        let count = self.one(
            "count what waits",
            "SELECT count(*), min(state_at) FROM pulled_deltas WHERE state IN ('new', 'held')",
            [],
            |row| Ok((row.u64(0)?, row.maybe_instant(1)?)),
        )?;
        Ok(count.unwrap_or_default())
    }

    /// How many pulled deltas are set aside, by reason.
    pub fn quarantine_counts(&self) -> Result<Vec<(ReasonCode, u64)>, DeviceStoreError> {
        self.all(
            "count what is set aside",
            "SELECT reason, count(*) FROM pulled_deltas WHERE state = 'quarantined' GROUP BY reason",
            [],
            |row| Ok((reason(row, 0)?.ok_or_else(|| bad(0))?, row.u64(1)?)),
        )
    }

    /// Everything this laptop holds about a record: own deltas in the order they were written, then pulled ones in the
    /// order they came.
    pub fn record_log(&self, record: RecordId) -> Result<Vec<LogEntry>, DeviceStoreError> {
        let mut entries = self.all(
            "read the record's log",
            "SELECT hash, envelope, created_at, delivery, reason, outcome, outcome_reason
             FROM own_deltas JOIN own_envelopes USING (id) WHERE record = ?1 ORDER BY own_deltas.id",
            [record.as_bytes()],
            |row| {
                let outcome = match row.get::<_, Option<u8>>(5)? {
                    None => None,
                    Some(code) => {
                        Some((OutcomeCode::from_code(code).ok_or_else(|| bad(5))?, reason(row, 6)?))
                    }
                };
                let delivery = match row.get_ref(3)?.as_str()? {
                    "to_send" => Delivery::ToSend,
                    "delivered" => Delivery::Delivered,
                    _ => Delivery::Refused(reason(row, 4)?),
                };
                let created_at = row.instant(2)?;
                Ok(LogEntry {
                    hash: row.id(0)?,
                    envelope: row.get(1)?,
                    origin: RecordDelta::Own { created_at, delivery, outcome },
                })
            },
        )?;
        entries.extend(self.all(
            "read the record's log",
            "SELECT hash, envelope, received_at, state, reason FROM pulled_deltas JOIN pulled_envelopes USING (id)
             WHERE record = ?1 ORDER BY pulled_deltas.id",
            [record.as_bytes()],
            |row| {
                Ok(LogEntry {
                    hash: row.id(0)?,
                    envelope: row.get(1)?,
                    origin: RecordDelta::Pulled { received_at: row.instant(2)?, state: pulled_state(row, 3)? },
                })
            },
        )?);
        Ok(entries)
    }
}
