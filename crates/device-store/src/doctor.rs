//! Copies of the store, and its examination.

use std::path::Path;

use record_model::{DeltaHash, EpochId, SeatId};
use signed_delta::{Header, SignedDelta};
use sqlite_support::ToSqliteError;

use crate::durable::{create_private_folder, sync_folder_of, write_durably};
use crate::error::DeviceStoreError;
use crate::home::Home;
use crate::store::{DeviceStore, MIGRATIONS};

/// What an examination found. Everything is in order when `faults` is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// The schema's number.
    pub schema: u32,
    /// `synchronous`, as SQLite says it (2 is FULL).
    pub synchronous: i64,
    /// Answers that no delta holds yet.
    pub journalled_answers: u64,
    /// Own deltas whose place in their chain was checked.
    pub deltas_checked: u64,
    /// What does not hold, in stable words.
    pub faults: Vec<Fault>,
}

/// One thing that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Pages do not hold together.
    DatabaseDamaged,
    /// An own delta cannot be read, or its signature or body does not fit.
    DeltaDamaged {
        /// Its name.
        hash: DeltaHash,
    },
    /// A chain has a gap, or a delta that does not follow the one before.
    ChainBroken {
        /// Whose.
        seat: SeatId,
        /// Which run.
        epoch: EpochId,
        /// At which place.
        seq: u64,
    },
    /// The chain's end is not where the seat would go on.
    ChainEnd {
        /// Whose.
        seat: SeatId,
    },
}

impl DeviceStore {
    /// Writes a copy of the store to a folder that has none: the database, consistent, under the same key, and the
    /// wrapped keys; then opens the copy and reads every page of it.
    ///
    /// The incarnation is left out, so that whoever opens the copy opens a new epoch before writing.
    pub fn backup(&self, folder: &Path) -> Result<Home, DeviceStoreError> {
        let copy = Home::at(folder);
        if copy.has_store() {
            return Err(DeviceStoreError::StoreExists { home: folder.to_owned() });
        }
        create_private_folder(folder)?;
        sqlite_support::copy_to(&self.conn, &self.path, &copy.database(), Some(&self.key))?;
        sync_file(&copy.database())?;
        let keys =
            std::fs::read(self.home.keys()).map_err(DeviceStoreError::file("read", &self.home.keys()))?;
        write_durably(&copy.keys(), &keys)?;
        sync_folder_of(&copy.keys())?;
        let opened = sqlite_support::open_existing(&copy.database(), Some(&self.key), MIGRATIONS)?;
        sqlite_support::check(&opened, &copy.database())?;
        opened.close().map_err(|(_, error)| error).doing("close the copy", &copy.database())?;
        Ok(copy)
    }

    /// Reads every page and follows every own chain.
    pub fn examine(&self) -> Result<Examination, DeviceStoreError> {
        let mut faults = Vec::new();
        match sqlite_support::check(&self.conn, &self.path) {
            Ok(()) => {}
            Err(sqlite_support::SqliteError::Damaged { .. }) => faults.push(Fault::DatabaseDamaged),
            Err(error) => return Err(error.into()),
        }
        let pragma = |name: &'static str| -> Result<i64, DeviceStoreError> {
            Ok(self
                .conn
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .doing("read a pragma", &self.path)?)
        };
        let (schema, synchronous) = (pragma("user_version")? as u32, pragma("synchronous")?);
        self.read(|tx| {
            let deployment = tx.deployment()?;
            let seats = tx.seats()?;
            let mut walk = ChainWalk::default();
            tx.each_own_delta(|hash, envelope| {
                let key = |seat| seats.iter().find(|row| row.seat == seat).map(|row| row.public_key);
                let signed = SignedDelta::decode(envelope).ok().filter(|delta| {
                    let signed_here = deployment
                        .as_ref()
                        .zip(key(delta.header().seat))
                        .is_some_and(|(deployment, key)| delta.is_signed_by(&key, deployment.deployment));
                    delta.hash() == hash && signed_here && delta.body_fits()
                });
                match signed {
                    Some(delta) => walk.step(hash, delta.header(), &mut faults),
                    None => faults.push(Fault::DeltaDamaged { hash }),
                }
            })?;
            for seat in &seats {
                let end = walk.ends.iter().rev().find(|end| Some(end.1) == seat.epoch.map(|open| open.0));
                let fits = match (seat.epoch, end) {
                    (None, _) => true,
                    (Some((_, next, prev)), Some((_, _, seq, hash))) => next == seq + 1 && prev == *hash,
                    (Some(_), None) => false,
                };
                if !fits {
                    faults.push(Fault::ChainEnd { seat: seat.seat });
                }
            }
            let (journalled_answers, _) = tx.journal_size()?;
            let deltas_checked = walk.checked;
            Ok(Examination { schema, synchronous, journalled_answers, deltas_checked, faults })
        })
    }
}

/// Follows chains whose deltas come in order of (seat, epoch, seq).
#[derive(Default)]
struct ChainWalk {
    ends: Vec<(SeatId, EpochId, u64, DeltaHash)>,
    checked: u64,
}

impl ChainWalk {
    fn step(&mut self, hash: DeltaHash, header: &Header, faults: &mut Vec<Fault>) {
        self.checked += 1;
        let Header { seat, epoch, seq, prev_hash, .. } = *header;
        let (expected_seq, expected_prev) = match self.ends.last() {
            Some((s, e, last, hash)) if (*s, *e) == (seat, epoch) => (last + 1, *hash),
            _ => (1, Header::NO_PREVIOUS),
        };
        if (seq, prev_hash) != (expected_seq, expected_prev) {
            faults.push(Fault::ChainBroken { seat, epoch, seq });
        }
        match self.ends.last_mut() {
            Some(end) if (end.0, end.1) == (seat, epoch) => *end = (seat, epoch, seq, hash),
            _ => self.ends.push((seat, epoch, seq, hash)),
        }
    }
}

fn sync_file(path: &Path) -> Result<(), DeviceStoreError> {
    std::fs::OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| file.sync_all())
        .map_err(DeviceStoreError::file("sync", path))
}
