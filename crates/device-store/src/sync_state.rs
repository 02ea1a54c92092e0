//! How far this laptop and the server have come with each other, and what time it was.

use record_model::{Instant, SeatId};
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
}

impl Tx<'_> {
    /// Reads it.
    pub fn sync_state(&self) -> Result<SyncState, DeviceStoreError> {
        let state =
            self.one("read the last sync", "SELECT head, receipt, last_sync_at FROM sync", [], |row| {
                Ok(SyncState { head: row.get(0)?, receipt: row.get(1)?, last_sync_at: row.maybe_instant(2)? })
            })?;
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
