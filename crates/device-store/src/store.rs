//! Opening the store, and its transactions.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Params, Row, TransactionBehavior};
use sqlite_support::{DatabaseKey, Migration, SqliteError, ToSqliteError};

use crate::durable::create_private_folder;
use crate::error::DeviceStoreError;
use crate::home::{Home, Incarnation};
use crate::keys::{KdfParams, KeysFile, PersonSecrets, random};

/// Only ever added to.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, sql: include_str!("../migrations/0001_device_store.sql") },
    Migration { number: 2, sql: include_str!("../migrations/0002_bundles.sql") },
    Migration { number: 3, sql: include_str!("../migrations/0003_anew.sql") },
];

/// A laptop's store, unlocked.
pub struct DeviceStore {
    pub(crate) conn: Connection,
    pub(crate) home: Home,
    pub(crate) path: PathBuf,
    pub(crate) key: DatabaseKey,
    /// True once this process has changed the incarnation: an older copy of the database no longer fits.
    rotated: Cell<bool>,
}

impl std::fmt::Debug for DeviceStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceStore({})", self.path.display())
    }
}

impl DeviceStore {
    /// Makes a store in an empty home, with its first person.
    ///
    /// The database is made before the key file: a crash between the two leaves a database that nobody can open and
    /// that holds nothing, and the next call replaces it.
    pub fn create(
        home: &Home,
        person: &str,
        passphrase: &str,
        kdf: KdfParams,
        secrets: &PersonSecrets,
    ) -> Result<Self, DeviceStoreError> {
        if home.keys().exists() {
            return Err(DeviceStoreError::StoreExists { home: home.root().to_owned() });
        }
        create_private_folder(home.root())?;
        remove_orphan(home)?;
        let key = DatabaseKey::new(random::<32>()?);
        let conn = sqlite_support::open(&home.database(), Some(&key), MIGRATIONS)?;
        let store = Self::from_parts(conn, home, key);
        let incarnation = random::<16>()?;
        store.set_incarnation(&incarnation)?;
        let mut keys = KeysFile::empty();
        keys.put(person, passphrase, kdf, &store.key, secrets)?;
        keys.save(home)?;
        Ok(store)
    }

    /// Opens the store with one person's passphrase, which opens that person's keys too, and no other's.
    pub fn unlock(
        home: &Home,
        person: &str,
        passphrase: &str,
    ) -> Result<(Self, PersonSecrets), DeviceStoreError> {
        let (key, secrets) = KeysFile::load(home)?.unlock(home, person, passphrase)?;
        Ok((Self::open_with_key(home, key)?, secrets))
    }

    /// One person's own keys, without opening the database.
    pub fn unlock_keys(
        home: &Home,
        person: &str,
        passphrase: &str,
    ) -> Result<PersonSecrets, DeviceStoreError> {
        Ok(KeysFile::load(home)?.unlock(home, person, passphrase)?.1)
    }

    /// Opens the store with its own key: for recovery, and for a restored copy.
    pub fn open_with_key(home: &Home, key: DatabaseKey) -> Result<Self, DeviceStoreError> {
        let conn = sqlite_support::open_existing(&home.database(), Some(&key), MIGRATIONS)?;
        let mut store = Self::from_parts(conn, home, key);
        store.notice_restore()?;
        Ok(store)
    }

    fn from_parts(conn: Connection, home: &Home, key: DatabaseKey) -> Self {
        Self { conn, home: home.clone(), path: home.database(), key, rotated: Cell::new(false) }
    }

    /// The folder.
    pub fn home(&self) -> &Home {
        &self.home
    }

    fn set_incarnation(&self, incarnation: &Incarnation) -> Result<(), DeviceStoreError> {
        self.home.write_incarnation(incarnation)?;
        self.conn
            .execute(
                "INSERT INTO meta (key, value) VALUES ('incarnation', ?1)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [incarnation.as_slice()],
            )
            .doing("write the incarnation", &self.path)?;
        Ok(())
    }

    /// When the database is not the one that last wrote here, every seat must open an epoch before it writes, and passes
    /// over the registration numbers that may have been handed out after the copy was made.
    fn notice_restore(&mut self) -> Result<(), DeviceStoreError> {
        let same = self.read(|tx| tx.is_same_incarnation())?;
        if same {
            return Ok(());
        }
        self.write(|tx| {
            tx.execute(
                "ask for new epochs and pass over numbers given since",
                "UPDATE seats SET epoch_needed = 1, next_serial = next_serial + ?1",
                [SERIALS_PASSED_OVER],
            )?;
            tx.rotate_incarnation()
        })
    }

    /// Reads, in one transaction: all that is read is of one moment.
    pub fn read<T, E: From<DeviceStoreError>>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let sql = self.conn.unchecked_transaction().doing("begin to read", &self.path).map_err(to_store)?;
        work(&Tx { conn: &sql, store: self, rotating: Cell::new(false) })
    }

    /// Reads and writes in one transaction: all of it is durable when this returns `Ok`, or none of it is.
    pub fn write<T, E: From<DeviceStoreError>>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let sql = rusqlite::Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)
            .doing("begin to write", &self.path)
            .map_err(to_store)?;
        let tx = Tx { conn: &sql, store: self, rotating: Cell::new(false) };
        let value = work(&tx)?;
        let rotated = tx.rotating.get();
        sql.commit().doing("write durably", &self.path).map_err(to_store)?;
        if rotated {
            self.rotated.set(true);
        }
        Ok(value)
    }
}

/// More households than a person registers between two backups, and a two-hundredth of a seat's range.
const SERIALS_PASSED_OVER: u32 = 5_000;

fn to_store<E: From<DeviceStoreError>>(error: SqliteError) -> E {
    DeviceStoreError::from(error).into()
}

/// A database without a key file was never handed to anybody.
fn remove_orphan(home: &Home) -> Result<(), DeviceStoreError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = home.database().into_os_string();
        path.push(suffix);
        let path = PathBuf::from(path);
        if path.exists() {
            std::fs::remove_file(&path).map_err(DeviceStoreError::file("remove", &path))?;
        }
    }
    Ok(())
}

/// One transaction. What it can do is spread over the modules by topic.
pub struct Tx<'a> {
    conn: &'a Connection,
    store: &'a DeviceStore,
    rotating: Cell<bool>,
}

impl Tx<'_> {
    pub(crate) fn path(&self) -> &Path {
        &self.store.path
    }

    pub(crate) fn execute(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
    ) -> Result<usize, DeviceStoreError> {
        let mut statement = self.conn.prepare_cached(sql).doing(doing, self.path())?;
        Ok(statement.execute(params).doing(doing, self.path())?)
    }

    pub(crate) fn one<T>(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, DeviceStoreError> {
        let mut statement = self.conn.prepare_cached(sql).doing(doing, self.path())?;
        Ok(statement.query_row(params, read).optional().doing(doing, self.path())?)
    }

    pub(crate) fn all<T>(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, DeviceStoreError> {
        let mut statement = self.conn.prepare_cached(sql).doing(doing, self.path())?;
        let rows = statement.query_map(params, read).doing(doing, self.path())?;
        Ok(rows.collect::<rusqlite::Result<_>>().doing(doing, self.path())?)
    }

    pub(crate) fn count(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
    ) -> Result<u64, DeviceStoreError> {
        Ok(self.one(doing, sql, params, |row| row.get::<_, i64>(0))?.unwrap_or(0) as u64)
    }

    fn is_same_incarnation(&self) -> Result<bool, DeviceStoreError> {
        let stored = self.one(
            "read the incarnation",
            "SELECT value FROM meta WHERE key = 'incarnation'",
            [],
            |row| row.get::<_, Vec<u8>>(0),
        )?;
        let beside = self.store.home.read_incarnation();
        Ok(beside.is_some_and(|beside| stored.as_deref() == Some(beside.as_slice())))
    }

    /// A new word, in the file first: a crash before the commit costs a needless epoch, never a reused place in a chain.
    pub(crate) fn rotate_incarnation(&self) -> Result<(), DeviceStoreError> {
        let incarnation = random::<16>()?;
        self.store.home.write_incarnation(&incarnation)?;
        self.execute(
            "write the incarnation",
            "INSERT INTO meta (key, value) VALUES ('incarnation', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [incarnation.as_slice()],
        )?;
        self.rotating.set(true);
        Ok(())
    }

    /// Once in each process that writes to a chain: an older copy of the database, put back into the same folder, is
    /// then found out.
    pub(crate) fn rotate_incarnation_once(&self) -> Result<(), DeviceStoreError> {
        if self.store.rotated.get() || self.rotating.get() {
            return Ok(());
        }
        if !self.is_same_incarnation()? {
            // The database was exchanged while this process had it open.
            self.execute("ask for new epochs", "UPDATE seats SET epoch_needed = 1", [])?;
        }
        self.rotate_incarnation()
    }
}

impl DeviceStore {
    /// The people who can unlock this store, as they gave their names.
    pub fn people(home: &Home) -> Result<Vec<String>, DeviceStoreError> {
        Ok(KeysFile::load(home)?.people())
    }

    /// Gives another person a passphrase of their own. Needs the unlocked store, since its key is wrapped with theirs.
    pub fn add_person(
        &mut self,
        person: &str,
        passphrase: &str,
        kdf: KdfParams,
        secrets: &PersonSecrets,
    ) -> Result<(), DeviceStoreError> {
        let mut keys = KeysFile::load(&self.home)?;
        if keys.find(person).is_some() {
            return Err(DeviceStoreError::PersonExists);
        }
        keys.put(person, passphrase, kdf, &self.key, secrets)?;
        keys.save(&self.home)
    }

    /// Changes a person's passphrase; the old one must fit.
    pub fn change_passphrase(
        home: &Home,
        person: &str,
        old: &str,
        new: &str,
        kdf: KdfParams,
    ) -> Result<(), DeviceStoreError> {
        let mut keys = KeysFile::load(home)?;
        let (database_key, secrets) = keys.unlock(home, person, old)?;
        let name = keys.find(person).ok_or(DeviceStoreError::UnknownPerson)?.to_owned();
        keys.put(&name, new, kdf, &database_key, &secrets)?;
        keys.save(home)
    }

    /// Seals this store's key to the deployment's recovery key, once.
    pub fn seal_for_recovery(&mut self, recipient: &str) -> Result<(), DeviceStoreError> {
        let mut keys = KeysFile::load(&self.home)?;
        if keys.has_recovery() {
            return Ok(());
        }
        keys.seal_for_recovery(&self.key, recipient)?;
        keys.save(&self.home)
    }
}
