//! Own deltas that a decision on a fork left out, until they are written anew.

use record_model::{ChangeHash, DeltaHash, RecordId, SeatId};
use rusqlite::params;

use crate::error::DeviceStoreError;
use crate::row::Columns;
use crate::store::Tx;

/// An own delta that is to be written anew.
#[derive(Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Whose.
    pub seat: SeatId,
    /// Its name.
    pub hash: DeltaHash,
    /// Its bytes.
    pub envelope: Vec<u8>,
}

/// Names only: the bytes are answers.
impl std::fmt::Debug for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LeftOut({})", self.hash)
    }
}

impl Tx<'_> {
    /// The records about which something is to be written anew, by anybody of this laptop or by this seat, by id.
    pub fn records_to_write_anew(&self, seat: Option<SeatId>) -> Result<Vec<RecordId>, DeviceStoreError> {
        self.all(
            "read what is to be written anew",
            "SELECT DISTINCT record FROM own_deltas
             WHERE anew = 'needed' AND record IS NOT NULL AND (?1 IS NULL OR seat = ?1) ORDER BY record",
            [seat.map(|seat| seat.as_bytes().to_vec())],
            |row| row.id(0),
        )
    }

    /// What is to be written anew about a record, in the order it was written.
    pub fn left_out(&self, record: RecordId) -> Result<Vec<LeftOut>, DeviceStoreError> {
        self.all(
            "read what is to be written anew",
            "SELECT seat, hash, envelope FROM own_deltas JOIN own_envelopes USING (id)
             WHERE anew = 'needed' AND record = ?1 ORDER BY own_deltas.id",
            [record.as_bytes()],
            |row| Ok(LeftOut { seat: row.id(0)?, hash: row.id(1)?, envelope: row.get(2)? }),
        )
    }

    /// What is to be put back into documents, since the registry merged it after all, in the order it was written.
    pub fn to_put_back(&self) -> Result<Vec<(RecordId, LeftOut)>, DeviceStoreError> {
        self.all(
            "read what is to be put back",
            "SELECT seat, hash, envelope, record FROM own_deltas JOIN own_envelopes USING (id)
             WHERE anew = 'back' AND record IS NOT NULL ORDER BY own_deltas.id",
            [],
            |row| Ok((row.id(3)?, LeftOut { seat: row.id(0)?, hash: row.id(1)?, envelope: row.get(2)? })),
        )
    }

    /// It is back.
    pub fn mark_put_back(&self, delta: DeltaHash) -> Result<(), DeviceStoreError> {
        self.execute(
            "note what is back",
            "UPDATE own_deltas SET anew = NULL WHERE hash = ?1",
            [delta.as_bytes()],
        )?;
        Ok(())
    }

    /// A change is no longer part of its record's document: the own delta that brought it is to be written anew, and one
    /// of others waits again.
    pub fn take_out_change(&self, change: ChangeHash) -> Result<(), DeviceStoreError> {
        let Some(row) = self.change(change)? else { return Ok(()) };
        self.execute(
            "note what is to be written anew",
            "UPDATE own_deltas SET anew = 'needed' WHERE hash = ?1 AND anew IS NULL",
            [row.delta.as_bytes()],
        )?;
        self.execute(
            "note what waits again",
            "UPDATE pulled_deltas SET state = 'held', reason = NULL WHERE hash = ?1 AND state = 'applied'",
            [row.delta.as_bytes()],
        )?;
        self.execute("forget the change", "DELETE FROM changes WHERE change = ?1", [change.as_bytes()])?;
        Ok(())
    }

    /// Takes back the signed words of deltas about a record that are to be written anew.
    pub fn take_out_statements(&self, record: RecordId) -> Result<u64, DeviceStoreError> {
        let gone = self.execute(
            "forget the statements",
            "DELETE FROM statements WHERE record = ?1
               AND delta IN (SELECT hash FROM own_deltas WHERE record = ?1 AND anew = 'needed')",
            [record.as_bytes()],
        )?;
        Ok(gone as u64)
    }

    /// What of others was set aside about a record, because ours stood in its place, has another turn.
    pub fn look_again(&self, record: RecordId) -> Result<(), DeviceStoreError> {
        self.execute(
            "look again at what was set aside",
            "UPDATE pulled_deltas SET state = 'new', reason = NULL WHERE record = ?1 AND state = 'quarantined'",
            [record.as_bytes()],
        )?;
        Ok(())
    }

    /// A delta was written anew, and its change with it.
    pub fn mark_written_anew(
        &self,
        delta: DeltaHash,
        changes: Option<(ChangeHash, ChangeHash)>,
    ) -> Result<(), DeviceStoreError> {
        self.execute(
            "note what was written anew",
            "UPDATE own_deltas SET anew = 'done' WHERE hash = ?1",
            [delta.as_bytes()],
        )?;
        if let Some((change, anew)) = changes {
            self.execute(
                "note what was written anew",
                "INSERT INTO rewritten_changes (change, anew) VALUES (?1, ?2)
                 ON CONFLICT (change) DO UPDATE SET anew = excluded.anew",
                params![change.as_bytes(), anew.as_bytes()],
            )?;
        }
        Ok(())
    }

    /// The change that was written in the place of this one, last; itself when there is none.
    pub fn standing_for(&self, change: ChangeHash) -> Result<ChangeHash, DeviceStoreError> {
        let found = self.one(
            "read what was written anew",
            "WITH RECURSIVE line (change, step) AS (
               SELECT ?1, 0
               UNION ALL
               SELECT anew, step + 1 FROM rewritten_changes JOIN line USING (change) WHERE step < 1000
             ) SELECT change FROM line ORDER BY step DESC LIMIT 1",
            [change.as_bytes()],
            |row| row.id(0),
        )?;
        Ok(found.unwrap_or(change))
    }
}
