//! SQLite's errors, told apart by what a person can do about them.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// What went wrong, and where.
#[derive(Debug, thiserror::Error)]
pub enum SqliteError {
    /// Another process holds the write lock.
    #[error("another process is writing to {path}")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// No space left. What was acknowledged is safe; the last write was undone.
    #[error("the disk that holds {path} is full")]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// Not a database, or not with this key.
    #[error("{path} cannot be read: the key is wrong, or the file is not a Lakou database")]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// Pages do not hold together.
    #[error("{path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Written by a newer version.
    #[error("{path} was written by a newer version (schema {found}, this one knows {known})")]
    SchemaTooNew {
        /// The file.
        path: PathBuf,
        /// The schema found.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// A pragma we rely on did not take.
    #[error("{path}: {pragma} is {found}, must be {expected}")]
    Pragma {
        /// The file.
        path: PathBuf,
        /// Which pragma.
        pragma: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The file is not there.
    #[error("there is no database at {path}")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Everything else.
    #[error("could not {doing} ({path})")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// SQLite's own word.
        source: rusqlite::Error,
    },
}

impl SqliteError {
    /// Sorts SQLite's error.
    pub fn new(doing: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::NotADatabase) => Self::WrongKey { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path },
            _ => Self::Sqlite { doing, path, source },
        }
    }

    /// True when the same call may succeed if made again unchanged.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

/// Turns a rusqlite result into ours.
pub trait ToSqliteError<T> {
    /// `doing` completes "could not …".
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, SqliteError>;
}

impl<T> ToSqliteError<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, SqliteError> {
        self.map_err(|source| SqliteError::new(doing, path, source))
    }
}
