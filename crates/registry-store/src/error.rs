//! What can go wrong in a store.

use sqlite_support::SqliteError;

/// Why a transaction did not commit. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine's word.
    #[error(transparent)]
    Sqlite(#[from] SqliteError),
    /// A stored row does not hold what its column must: the database was altered from outside.
    #[error("table {table} holds a row that cannot be read ({column})")]
    Row {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
    },
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
    /// A file operation beside the database.
    #[error("could not {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The operating system's own word.
        source: std::io::Error,
    },
    /// The job panicked: a fault of ours. Its transaction is undone, its neighbours' are not.
    #[error("a write panicked; nothing of it is kept")]
    Panicked,
    /// A neighbour's failure (a full disk, for one) undid this write too.
    #[error("the write was undone together with its neighbours; make it again")]
    Undone,
    /// The caller's own plan failed; its transaction is undone.
    #[error("{0}")]
    Plan(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// True when the same call may succeed if made again unchanged.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.is_retryable(),
            Self::Undone => true,
            _ => false,
        }
    }

    /// The same word for another caller whose write shared the commit that failed.
    pub(crate) fn once_more(&self) -> Self {
        let Self::Sqlite(error) = self else { return Self::Undone };
        Self::Sqlite(match error {
            SqliteError::Busy { path } => SqliteError::Busy { path: path.clone() },
            SqliteError::DiskFull { path } => SqliteError::DiskFull { path: path.clone() },
            SqliteError::Damaged { path } => SqliteError::Damaged { path: path.clone() },
            SqliteError::Sqlite { doing, path, source: rusqlite::Error::SqliteFailure(code, word) } => {
                let source = rusqlite::Error::SqliteFailure(*code, word.clone());
                SqliteError::Sqlite { doing, path: path.clone(), source }
            }
            _ => return Self::Undone,
        })
    }
}
