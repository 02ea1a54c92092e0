//! What bundles left behind: batches whose receipts are still to come, pages whose earlier part is.

use record_model::{DeltaHash, SeatId};
use rusqlite::params;

use crate::error::DeviceStoreError;
use crate::row::Columns;
use crate::store::Tx;

/// Batches that left in bundles are remembered up to here. The receipt of an older one settles nothing: its deltas are sent
/// again, and known to the server.
pub const MAX_BUNDLED_BATCHES: usize = 1_000;

/// Pages that wait for an earlier part are kept up to here.
pub const MAX_WAITING_PAGES: usize = 1_000;

/// A page that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPage {
    /// Its row.
    pub id: i64,
    /// The request it answers.
    pub request: Vec<u8>,
    /// The page.
    pub page: Vec<u8>,
}

impl Tx<'_> {
    /// A batch left in a bundle; the oldest are forgotten beyond [`MAX_BUNDLED_BATCHES`].
    pub fn put_bundled_batch(&self, digest: &[u8; 32], deltas: &[DeltaHash]) -> Result<(), DeviceStoreError> {
        let joined: Vec<u8> = deltas.iter().flat_map(|delta| *delta.as_bytes()).collect();
        self.execute(
            "remember a bundled batch",
            "INSERT INTO bundled_batches (digest, deltas) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![digest, joined],
        )?;
        self.execute(
            "forget old bundled batches",
            "DELETE FROM bundled_batches WHERE id <= (SELECT max(id) FROM bundled_batches) - ?1",
            [MAX_BUNDLED_BATCHES as i64],
        )?;
        Ok(())
    }

    /// What was in a batch that left in a bundle, in its order.
    pub fn bundled_batch(&self, digest: &[u8; 32]) -> Result<Option<Vec<DeltaHash>>, DeviceStoreError> {
        let sql = "SELECT deltas FROM bundled_batches WHERE digest = ?1";
        let joined: Option<Vec<u8>> = self.one("read a bundled batch", sql, [digest], |row| row.get(0))?;
        let Some(joined) = joined else { return Ok(None) };
        let (hashes, rest) = joined.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(DeviceStoreError::Row { table: "bundled_batches" });
        }
        Ok(Some(hashes.iter().map(|hash| DeltaHash::from_bytes(*hash)).collect()))
    }

    /// Its receipt has come.
    pub fn forget_bundled_batch(&self, digest: &[u8; 32]) -> Result<(), DeviceStoreError> {
        self.execute("forget a bundled batch", "DELETE FROM bundled_batches WHERE digest = ?1", [digest])?;
        Ok(())
    }

    /// Keeps a page until what goes before it has come; false when too many wait already.
    pub fn put_waiting_page(
        &self,
        seat: SeatId,
        request: &[u8],
        page: &[u8],
    ) -> Result<bool, DeviceStoreError> {
        if self.count("count the waiting pages", "SELECT count(*) FROM waiting_pages", [])? as usize
            >= MAX_WAITING_PAGES
        {
            return Ok(false);
        }
        self.execute(
            "keep a page",
            "INSERT INTO waiting_pages (seat, request, page) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![seat.as_bytes(), request, page],
        )?;
        Ok(true)
    }

    /// A seat's pages that wait, as they came, after this row.
    pub fn waiting_page_after(
        &self,
        seat: SeatId,
        after: i64,
    ) -> Result<Option<WaitingPage>, DeviceStoreError> {
        self.one(
            "read the waiting pages",
            "SELECT id, request, page FROM waiting_pages WHERE seat = ?1 AND id > ?2 ORDER BY id LIMIT 1",
            params![seat.as_bytes(), after],
            |row| Ok(WaitingPage { id: row.get(0)?, request: row.get(1)?, page: row.get(2)? }),
        )
    }

    /// It has been taken.
    pub fn forget_waiting_page(&self, id: i64) -> Result<(), DeviceStoreError> {
        self.execute("forget a page", "DELETE FROM waiting_pages WHERE id = ?1", [id])?;
        Ok(())
    }

    /// How many of a seat's pages wait.
    pub fn waiting_pages(&self, seat: SeatId) -> Result<u64, DeviceStoreError> {
        let found = self.one(
            "count the waiting pages",
            "SELECT count(*) FROM waiting_pages WHERE seat = ?1",
            [seat.as_bytes()],
            |row| row.u64(0),
        )?;
        Ok(found.unwrap_or(0))
    }
}
