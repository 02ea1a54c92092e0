//! What can go wrong with the laptop's store, told apart by what a person can do about it.

use std::path::{Path, PathBuf};

use record_model::SeatId;
use sqlite_support::SqliteError;

/// What went wrong. Holds no answers, no names of people, no keys.
#[derive(Debug, thiserror::Error)]
pub enum DeviceStoreError {
    /// SQLite: busy, full disk, wrong key, damaged, newer version.
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    /// A file of the home folder.
    #[error("could not {doing} {path}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's own word.
        source: std::io::Error,
    },
    /// No store in this folder.
    #[error("there is no store in {home}")]
    NoStore {
        /// The folder.
        home: PathBuf,
    },
    /// A store is there already.
    #[error("there is a store in {home} already")]
    StoreExists {
        /// The folder.
        home: PathBuf,
    },
    /// Nobody of that name has a key here.
    #[error("nobody of that name works on this computer")]
    UnknownPerson,
    /// Somebody of that name (or one that differs in capitals only) has a key here.
    #[error("somebody of that name works on this computer already")]
    PersonExists,
    /// The passphrase does not open that person's key. Nothing was changed.
    #[error("the passphrase is not right")]
    WrongPassphrase,
    /// The key file cannot be read as one.
    #[error("{path} is damaged ({what})")]
    KeysDamaged {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        what: &'static str,
    },
    /// The key file was written by a newer version.
    #[error("{path} was written by a newer version ({found}, this one knows {known})")]
    KeysTooNew {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// Sealing to the recovery key.
    #[error("could not seal the store's key to the recovery key")]
    Seal(#[from] signed_delta::seal::SealError),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// A row that this program would not have written.
    #[error("a row of {table} cannot be read")]
    Row {
        /// Which table.
        table: &'static str,
    },
    /// No such seat on this laptop.
    #[error("seat {seat} is not on this computer")]
    UnknownSeat {
        /// The seat.
        seat: SeatId,
    },
    /// This store is not the one that wrote the chain's end (it was copied or restored), or the seat is new: an epoch
    /// must be opened before anything else is written.
    #[error("seat {seat} must open a new epoch first: this store is new, copied or restored")]
    EpochNeeded {
        /// The seat.
        seat: SeatId,
    },
    /// A delta that is not the next of its chain.
    #[error("the delta is not the next of seat {seat}'s chain")]
    NotNext {
        /// The seat.
        seat: SeatId,
    },
}

impl DeviceStoreError {
    /// True when the same call may succeed if made again unchanged.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.is_retryable())
    }

    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }
}
