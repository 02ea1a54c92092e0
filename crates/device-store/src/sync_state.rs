//! How far this laptop and the server have come with each other, and what time it was.

use record_model::{DeltaKind, Instant, LogId, SeatId};
use rusqlite::params;

use crate::error::DeviceStoreError;
use crate::row::Columns;
use crate::store::Tx;

/// How far this laptop and the server have come with each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncState {
    /// The last verified tree head, encoded.
    pub head: Option<Vec<u8>>,
    /// The last verified receipt, encoded.
    pub receipt: Option<Vec<u8>>,
    /// When a sync last came to its end, by this laptop's clock.
    pub last_sync_at: Option<Instant>,
    /// The log that goes on from the one of `head`, as the registry declared: which ended, at how many entries, which goes on.
    pub restored: Option<(LogId, u64, LogId)>,
}

/// Of a delta that was pulled in a log that ended, until it is pulled again in the one that goes on: behind every place.
pub(crate) const NO_LOG_INDEX: i64 = i64::MAX;

/// A log that goes on from a backup of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRestored {
    /// The log that ended.
    pub previous: LogId,
    /// How many of its entries go on.
    pub size: u64,
    /// How many rows of its feed go on.
    pub feed_size: u64,
    /// The log that goes on.
    pub log: LogId,
    /// True when receipts may have named what the backup lacks.
    pub send_again: bool,
}

impl Tx<'_> {
    /// Reads it.
    pub fn sync_state(&self) -> Result<SyncState, DeviceStoreError> {
        let state = self.one(
            "read the last sync",
            "SELECT head, receipt, last_sync_at, restored_from, restored_size, restored_log FROM sync",
            [],
            |row| {
                let restored = match (row.maybe_id(3)?, row.get::<_, Option<i64>>(4)?, row.maybe_id(5)?) {
                    (Some(previous), Some(size), Some(log)) => Some((previous, size as u64, log)),
                    _ => None,
                };
                Ok(SyncState {
                    head: row.get(0)?,
                    receipt: row.get(1)?,
                    last_sync_at: row.maybe_instant(2)?,
                    restored,
                })
            },
        )?;
        state.ok_or(DeviceStoreError::Row { table: "sync" })
    }

    /// The last feed index stored of what this seat is shown; 0 before its first pull.
    pub fn cursor(&self, seat: SeatId) -> Result<u64, DeviceStoreError> {
        let cursor = self.one(
            "read the cursor",
            "SELECT cursor FROM cursors WHERE seat = ?1",
            [seat.as_bytes()],
            |row| row.u64(0),
        )?;
        Ok(cursor.unwrap_or(0))
    }

    /// A page is stored up to here of what this seat is shown, under this tree head.
    pub fn set_cursor(&self, seat: SeatId, cursor: u64, head: &[u8]) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the cursor",
            "INSERT INTO cursors (seat, cursor) VALUES (?1, ?2)
             ON CONFLICT (seat) DO UPDATE SET cursor = excluded.cursor",
            params![seat.as_bytes(), cursor as i64],
        )?;
        self.set_head(head)
    }

    /// The last verified tree head: it goes on from the one before.
    pub fn set_head(&self, head: &[u8]) -> Result<(), DeviceStoreError> {
        self.execute("write the tree head", "UPDATE sync SET head = ?1", [head])?;
        Ok(())
    }

    /// The log that this one goes on from, with how many entries and rows of its feed, if this laptop followed it there.
    pub fn log_before(&self, log: LogId) -> Result<Option<(LogId, u64, u64)>, DeviceStoreError> {
        self.one(
            "read the log before",
            "SELECT previous, size, feed_size FROM followed_logs WHERE log = ?1",
            [log.as_bytes()],
            |row| Ok((row.id(0)?, row.u64(1)?, row.u64(2)?)),
        )
    }

    /// Follows the registry into a log that goes on from a backup. What a receipt named is sent again, since the log it named
    /// it for may not hold it; what others sent, and was pulled since the backup, is to be offered too. Gives how many own
    /// deltas wait again.
    pub fn follow_restored(&self, restored: &LogRestored) -> Result<u64, DeviceStoreError> {
        self.execute(
            "follow the log",
            "INSERT INTO followed_logs (log, previous, size, feed_size) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            params![
                restored.log.as_bytes(),
                restored.previous.as_bytes(),
                restored.size as i64,
                i64::try_from(restored.feed_size).unwrap_or(i64::MAX)
            ],
        )?;
        self.execute(
            "follow the log",
            "UPDATE sync SET restored_from = ?1, restored_size = ?2, restored_log = ?3,
               offer_after = min(coalesce(offer_after, ?2), ?2),
               offer_until = (SELECT coalesce(max(id), 0) FROM pulled_deltas)",
            params![restored.previous.as_bytes(), restored.size as i64, restored.log.as_bytes()],
        )?;
        self.execute(
            "follow the log",
            "UPDATE cursors SET cursor = min(cursor, ?1)",
            [i64::try_from(restored.feed_size).unwrap_or(i64::MAX)],
        )?;
        // Of these the backup has none, so their place in the log is not known any more.
        self.execute(
            "follow the log",
            "UPDATE pulled_deltas SET log_index = ?2 WHERE log_index > ?1",
            [i64::try_from(restored.size).unwrap_or(i64::MAX), NO_LOG_INDEX],
        )?;
        if !restored.send_again {
            return Ok(0);
        }
        let again = self.execute(
            "send again what was delivered",
            "UPDATE own_deltas SET delivery = 'to_send', delivered_at = NULL WHERE delivery = 'delivered'",
            [],
        )?;
        Ok(again as u64)
    }

    /// Rows of pulled deltas that are to be offered to a registry which was put back from a backup: certificates first, since
    /// the rest counts only with them, and revocations last, since what came before them counts. What else the registry itself said it does not take back.
    pub fn to_offer(&self, registry: SeatId) -> Result<Vec<i64>, DeviceStoreError> {
        self.all(
            "read what to offer",
            "SELECT pulled_deltas.id FROM pulled_deltas, sync
             WHERE log_index > offer_after AND pulled_deltas.id <= offer_until AND pulled_deltas.seat IS NOT NULL
               AND (pulled_deltas.seat != ?3 OR pulled_deltas.kind IN (?1, ?2))
             ORDER BY CASE pulled_deltas.kind WHEN ?1 THEN 0 WHEN ?2 THEN 2 ELSE 1 END, pulled_deltas.id",
            params![DeltaKind::Certificate.code(), DeltaKind::Revocation.code(), registry.as_bytes()],
            |row| row.get(0),
        )
    }

    /// The bytes of a pulled delta.
    pub fn pulled_envelope(&self, id: i64) -> Result<Option<Vec<u8>>, DeviceStoreError> {
        self.one("read a pulled delta", "SELECT envelope FROM pulled_envelopes WHERE id = ?1", [id], |row| {
            row.get(0)
        })
    }

    /// All of it was offered.
    pub fn offered(&self) -> Result<(), DeviceStoreError> {
        self.execute("note what was offered", "UPDATE sync SET offer_after = NULL, offer_until = NULL", [])?;
        Ok(())
    }

    /// The last verified receipt.
    pub fn set_receipt(&self, receipt: &[u8]) -> Result<(), DeviceStoreError> {
        self.execute("write the receipt", "UPDATE sync SET receipt = ?1", [receipt])?;
        Ok(())
    }

    /// A sync came to its end.
    pub fn set_last_sync(&self, at: Instant) -> Result<(), DeviceStoreError> {
        self.execute("write the last sync", "UPDATE sync SET last_sync_at = ?1", [at.unix_ms()])?;
        Ok(())
    }

    /// The latest instant this store has seen.
    pub fn known_at(&self) -> Result<Option<Instant>, DeviceStoreError> {
        Ok(self
            .one("read the clock", "SELECT known_at FROM clock", [], |row| row.maybe_instant(0))?
            .flatten())
    }

    /// Takes note of an instant that has come: by the server's clock, or by ours when nothing speaks against it or a person
    /// has confirmed it.
    pub fn learn_instant(&self, at: Instant) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the clock",
            "UPDATE clock SET known_at = max(coalesce(known_at, ?1), ?1)",
            [at.unix_ms()],
        )?;
        Ok(())
    }

    /// The clock was wrong before, and a person says what is right.
    pub fn correct_instant(&self, at: Instant) -> Result<(), DeviceStoreError> {
        self.execute("write the clock", "UPDATE clock SET known_at = ?1", [at.unix_ms()])?;
        Ok(())
    }
}
