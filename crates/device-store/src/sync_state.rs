//! How far this laptop and the server have come with each other, and what time it was.

use record_model::Instant;
use rusqlite::params;

use crate::error::DeviceStoreError;
use crate::row::Columns;
use crate::store::Tx;

/// How far this laptop and the server have come with each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncState {
    /// The last feed index stored.
    pub cursor: u64,
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
            self.one("read the cursor", "SELECT cursor, head, receipt, last_sync_at FROM sync", [], |row| {
                Ok(SyncState {
                    cursor: row.u64(0)?,
                    head: row.get(1)?,
                    receipt: row.get(2)?,
                    last_sync_at: row.maybe_instant(3)?,
                })
            })?;
        state.ok_or(DeviceStoreError::Row { table: "sync" })
    }

    /// A page is stored up to here, under this tree head.
    pub fn set_cursor(&self, cursor: u64, head: &[u8]) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the cursor",
            "UPDATE sync SET cursor = ?1, head = ?2",
            params![cursor as i64, head],
        )?;
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
