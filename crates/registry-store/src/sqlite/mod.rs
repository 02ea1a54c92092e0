//! The SQLite engine: one file, one writing thread, readers on snapshots.

mod codec;
mod derived;
mod feed;
mod projection;
mod read;
mod tx;
mod write;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, TransactionBehavior};
use sqlite_support::{DatabaseKey, Migration, ToSqliteError};

use crate::contract::{ReadTx, RegistryStore, WriteJob, WriteTicket};
use crate::error::StoreError;
use tx::SqliteTx;
use writer::Writer;

const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, sql: include_str!("../../migrations/0001_initial.sql") },
    Migration { number: 2, sql: include_str!("../../migrations/0002_branches.sql") },
];

/// Reading connections kept open between reads. More reads at once than this open and close their own.
const MAX_IDLE_READERS: usize = 8;

/// A registry in one SQLite file (and the two files SQLite keeps beside it).
///
/// Dropping it finishes the writes already queued and closes the file.
pub struct SqliteRegistry {
    path: PathBuf,
    key: Option<DatabaseKey>,
    writer: Writer,
    idle_readers: Mutex<Vec<Connection>>,
}

impl SqliteRegistry {
    /// Opens (or creates) the registry at `path` and brings its schema up to date. Without a key the file is plain.
    pub fn open(path: &Path, key: Option<&DatabaseKey>) -> Result<Self, StoreError> {
        Self::with_writer(sqlite_support::open(path, key, MIGRATIONS)?, path, key)
    }

    /// Like [`SqliteRegistry::open`], for a registry that must be there already.
    pub fn open_existing(path: &Path, key: Option<&DatabaseKey>) -> Result<Self, StoreError> {
        Self::with_writer(sqlite_support::open_existing(path, key, MIGRATIONS)?, path, key)
    }

    fn with_writer(conn: Connection, path: &Path, key: Option<&DatabaseKey>) -> Result<Self, StoreError> {
        let writer = Writer::start(conn, path)?;
        Ok(Self { path: path.to_owned(), key: key.cloned(), writer, idle_readers: Mutex::default() })
    }

    fn take_reader(&self) -> Result<Connection, StoreError> {
        let idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(conn) = idle {
            return Ok(conn);
        }
        let conn = self.connect()?;
        conn.pragma_update(None, "query_only", "ON").doing("make a connection read-only", &self.path)?;
        Ok(conn)
    }

    fn give_back(&self, conn: Connection) {
        let mut idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE_READERS {
            idle.push(conn);
        }
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        Ok(sqlite_support::open_existing(&self.path, self.key.as_ref(), MIGRATIONS)?)
    }
}

impl RegistryStore for SqliteRegistry {
    fn submit(&self, job: WriteJob) -> WriteTicket {
        self.writer.submit(job)
    }

    fn read_with(
        &self,
        work: &mut dyn FnMut(&dyn ReadTx) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut conn = self.take_reader()?;
        let snapshot = conn
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .doing("begin a read", &self.path)?;
        let outcome = work(&SqliteTx::new(&snapshot, &self.path));
        snapshot.finish().doing("end a read", &self.path)?;
        self.give_back(conn);
        outcome
    }

    fn backup_to(&self, copy: &Path) -> Result<(), StoreError> {
        // A connection of its own: the copy cannot be written by a read-only one, nor inside a transaction.
        sqlite_support::copy_to(&self.connect()?, &self.path, copy, self.key.as_ref())?;
        // What is purged elsewhere because it is in a backup must be in it after a power cut too.
        std::fs::OpenOptions::new()
            .write(true)
            .open(copy)
            .and_then(|file| file.sync_all())
            .map_err(|source| StoreError::Io { doing: "make the copy durable", source })
    }

    fn check(&self) -> Result<(), StoreError> {
        let conn = self.take_reader()?;
        sqlite_support::check(&conn, &self.path)?;
        self.give_back(conn);
        Ok(())
    }
}

impl std::fmt::Debug for SqliteRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SqliteRegistry({})", self.path.display())
    }
}
