//! Who is certified, as far as this laptop knows.

use record_model::{EpochId, SeatId};
use rusqlite::params;

use crate::error::DeviceStoreError;
use crate::row::{Columns, bad};
use crate::store::Tx;

/// What is known of a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingRow {
    /// The seat.
    pub seat: SeatId,
    /// Envelope of its newest certificate delta.
    pub certificate: Vec<u8>,
    /// Log index of that delta.
    pub log_index: u64,
    /// Its revocation.
    pub revoked: Option<Standing>,
}

/// A revocation acts from its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The revocation's log index.
    pub log_index: u64,
    /// The last (epoch, seq) that counts; none when nothing does.
    pub last: Option<(EpochId, u64)>,
}

impl Tx<'_> {
    /// Everyone this laptop can verify.
    pub fn standings(&self) -> Result<Vec<StandingRow>, DeviceStoreError> {
        self.all(
            "read the certificates",
            "SELECT seat, certificate, log_index, revoked_index, revoked_epoch, revoked_seq FROM standings",
            [],
            |row| {
                let revoked = match row.get::<_, Option<i64>>(3)? {
                    None => None,
                    Some(log_index) => Some(Standing {
                        log_index: log_index as u64,
                        last: match row.maybe_id(4)? {
                            None => None,
                            Some(epoch) => {
                                let seq = row.get::<_, Option<i64>>(5)?.ok_or_else(|| bad(5))?;
                                Some((epoch, seq as u64))
                            }
                        },
                    }),
                };
                Ok(StandingRow {
                    seat: row.id(0)?,
                    certificate: row.get(1)?,
                    log_index: row.u64(2)?,
                    revoked,
                })
            },
        )
    }

    /// A certificate. The one with the highest log index stands.
    pub fn put_certificate(
        &self,
        seat: SeatId,
        envelope: &[u8],
        log_index: u64,
    ) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the certificate",
            "INSERT INTO standings (seat, certificate, log_index) VALUES (?1, ?2, ?3)
             ON CONFLICT (seat) DO UPDATE SET certificate = excluded.certificate, log_index = excluded.log_index
             WHERE excluded.log_index >= standings.log_index",
            params![seat.as_bytes(), envelope, log_index as i64],
        )?;
        Ok(())
    }

    /// A revocation. The first one stands.
    pub fn put_revocation(&self, seat: SeatId, revoked: &Standing) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the revocation",
            "UPDATE standings SET revoked_index = ?2, revoked_epoch = ?3, revoked_seq = ?4
             WHERE seat = ?1 AND (revoked_index IS NULL OR revoked_index > ?2)",
            params![
                seat.as_bytes(),
                revoked.log_index as i64,
                revoked.last.map(|(epoch, _)| epoch.as_bytes().to_vec()),
                revoked.last.map(|(_, seq)| seq as i64)
            ],
        )?;
        Ok(())
    }

    /// Which epoch came before this one.
    pub fn put_epoch(
        &self,
        seat: SeatId,
        epoch: EpochId,
        previous: Option<EpochId>,
    ) -> Result<(), DeviceStoreError> {
        self.execute(
            "write the epoch",
            "INSERT INTO epochs (seat, epoch, previous) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![seat.as_bytes(), epoch.as_bytes(), previous.map(|previous| previous.as_bytes().to_vec())],
        )?;
        Ok(())
    }

    /// True when the seat closed `epoch` before it opened `later`. Epochs whose opening is not known here are taken for
    /// earlier ones: the server, which knows them all, does not feed what a revoked seat wrote in a later one.
    pub fn is_earlier_epoch(
        &self,
        seat: SeatId,
        epoch: EpochId,
        later: EpochId,
    ) -> Result<bool, DeviceStoreError> {
        let after = self.one(
            "compare epochs",
            "WITH RECURSIVE before (epoch) AS (
               SELECT previous FROM epochs WHERE seat = ?1 AND epoch = ?2
               UNION SELECT epochs.previous FROM epochs JOIN before ON epochs.epoch = before.epoch
                     WHERE epochs.seat = ?1
             )
             SELECT 1 FROM before WHERE epoch = ?3",
            [seat.as_bytes().as_slice(), epoch.as_bytes(), later.as_bytes()],
            |_| Ok(()),
        )?;
        Ok(after.is_none())
    }
}
