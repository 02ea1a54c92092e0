//! The one way to open a database.

#![expect(clippy::disallowed_methods, reason = "this is the home of the banned calls")]

use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use zeroize::Zeroizing;

use crate::error::{SqliteError, ToSqliteError};
use crate::migrate::{Migration, migrate};

/// SQLite counts itself as initialised before SQLCipher has added its functions, so a second thread that opens a file in
/// that moment gets a connection without them. The first opening of a process therefore happens alone.
static INITIALISED: Once = Once::new();

/// How long a call waits for another process before it reports [`SqliteError::Busy`].
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// A raw SQLCipher key.
#[derive(Clone)]
pub struct DatabaseKey(Zeroizing<[u8; 32]>);

impl DatabaseKey {
    /// 32 secret bytes.
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The bytes, to be wrapped.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for DatabaseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DatabaseKey(redacted)")
    }
}

/// Opens (or creates) the database and brings its schema up to date. Without a key the file is plain SQLite.
///
/// WAL and synchronous=FULL are set and read back: with NORMAL, a power cut loses acknowledged work.
pub fn open(
    path: &Path,
    key: Option<&DatabaseKey>,
    migrations: &[Migration],
) -> Result<Connection, SqliteError> {
    INITIALISED.call_once(|| drop(Connection::open_in_memory()));
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags).doing("open the database", path)?;
    prepare(&mut conn, path, key)?;
    migrate(&mut conn, path, migrations)?;
    Ok(conn)
}

/// Like [`open`], for a file that must be there already.
pub fn open_existing(
    path: &Path,
    key: Option<&DatabaseKey>,
    migrations: &[Migration],
) -> Result<Connection, SqliteError> {
    if !path.exists() {
        return Err(SqliteError::Missing { path: path.to_owned() });
    }
    open(path, key, migrations)
}

fn prepare(conn: &mut Connection, path: &Path, key: Option<&DatabaseKey>) -> Result<(), SqliteError> {
    // SQLCipher writes to standard error by itself; our errors say it better.
    conn.execute_batch("PRAGMA cipher_log_level = NONE").doing("quiet SQLCipher", path)?;
    if let Some(key) = key {
        set_key(conn, path, "main", key)?;
    }
    // The first read tells whether the key fits.
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).doing("read the database", path)?;
    conn.busy_timeout(BUSY_WAIT).doing("set the busy timeout", path)?;
    conn.pragma_update(None, "journal_mode", "WAL").doing("switch to WAL", path)?;
    conn.pragma_update(None, "synchronous", "FULL").doing("set synchronous", path)?;
    conn.pragma_update(None, "foreign_keys", "ON").doing("set foreign_keys", path)?;
    conn.pragma_update(None, "trusted_schema", "OFF").doing("set trusted_schema", path)?;
    conn.pragma_update(None, "temp_store", "MEMORY").doing("keep temporary data in memory", path)?;
    conn.set_prepared_statement_cache_capacity(128);
    expect_pragma(conn, path, "journal_mode", "wal")?;
    expect_pragma(conn, path, "synchronous", "2")
}

fn set_key(conn: &Connection, path: &Path, schema: &str, key: &DatabaseKey) -> Result<(), SqliteError> {
    let hex = Zeroizing::new(data_encoding::HEXLOWER.encode(key.as_bytes()));
    let literal = Zeroizing::new(format!("PRAGMA {schema}.key = \"x'{}'\"", hex.as_str()));
    conn.execute_batch(&literal).doing("set the key", path)
}

fn expect_pragma(
    conn: &Connection,
    path: &Path,
    pragma: &'static str,
    expected: &'static str,
) -> Result<(), SqliteError> {
    let found = conn
        .pragma_query_value(None, pragma, |row| {
            row.get::<_, rusqlite::types::Value>(0).map(|value| match value {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => format!("{other:?}"),
            })
        })
        .doing("read a pragma back", path)?;
    if found == expected {
        Ok(())
    } else {
        Err(SqliteError::Pragma { path: path.to_owned(), pragma, found, expected })
    }
}

/// Writes a consistent copy to a new file, with the same key; the source stays in use. Refuses to overwrite.
pub fn copy_to(
    conn: &Connection,
    path: &Path,
    copy: &Path,
    key: Option<&DatabaseKey>,
) -> Result<(), SqliteError> {
    let doing = "write the copy";
    if copy.exists() {
        let exists = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "the file exists already");
        let source = rusqlite::Error::ToSqlConversionFailure(Box::new(exists));
        return Err(SqliteError::Sqlite { doing, path: copy.to_owned(), source });
    }
    let target = copy.to_str().ok_or_else(|| SqliteError::Sqlite {
        doing,
        path: copy.to_owned(),
        source: rusqlite::Error::InvalidPath(copy.to_owned()),
    })?;
    let Some(key) = key else {
        return conn.execute("VACUUM INTO ?1", [target]).map(drop).doing(doing, copy);
    };
    let version: u32 =
        conn.query_row("PRAGMA user_version", [], |row| row.get(0)).doing("read the schema version", path)?;
    conn.execute("ATTACH DATABASE ?1 AS copy KEY ''", [target]).doing(doing, copy)?;
    let exported = set_key(conn, copy, "copy", key)
        .and_then(|()| conn.query_row("SELECT sqlcipher_export('copy')", [], |_| Ok(())).doing(doing, copy))
        .and_then(|()| conn.pragma_update(Some("copy"), "user_version", version).doing(doing, copy));
    conn.execute_batch("DETACH DATABASE copy").doing(doing, copy)?;
    exported
}

/// Reads every page. `Ok` when all hold together.
pub fn check(conn: &Connection, path: &Path) -> Result<(), SqliteError> {
    let word: String = conn
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .doing("check the database", path)?;
    if word == "ok" { Ok(()) } else { Err(SqliteError::Damaged { path: path.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIGRATIONS: &[Migration] = &[
        Migration { number: 1, sql: "CREATE TABLE t (n INTEGER) STRICT;" },
        Migration { number: 2, sql: "ALTER TABLE t ADD COLUMN m INTEGER;" },
    ];

    fn key(byte: u8) -> DatabaseKey {
        DatabaseKey::new(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn an_encrypted_file_opens_with_its_key_only_and_shows_no_text() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        {
            let conn = open(&path, Some(&key(1)), MIGRATIONS).unwrap();
            conn.execute("INSERT INTO t (n) VALUES (7)", []).unwrap();
            let cipher: String = conn.query_row("PRAGMA cipher_version", [], |row| row.get(0)).unwrap();
            assert!(cipher.starts_with("4."), "{cipher}");
        }
        assert!(matches!(open(&path, Some(&key(2)), MIGRATIONS), Err(SqliteError::WrongKey { .. })));
        assert!(matches!(open(&path, None, MIGRATIONS), Err(SqliteError::WrongKey { .. })));
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"SQLite" || window == b"CREATE"));
        assert!(open(&path, Some(&key(1)), MIGRATIONS).is_ok());
    }

    #[test]
    fn a_file_of_a_newer_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        open(&path, None, MIGRATIONS).unwrap();
        let refused = open(&path, None, &MIGRATIONS[..1]).unwrap_err();
        assert!(matches!(refused, SqliteError::SchemaTooNew { found: 2, known: 1, .. }), "{refused}");
    }

    #[test]
    fn a_copy_holds_the_same_rows_under_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        for key in [None, Some(key(1))] {
            let path = dir.path().join(format!("store-{}.db", key.is_some()));
            let copy = dir.path().join(format!("copy-{}.db", key.is_some()));
            let conn = open(&path, key.as_ref(), MIGRATIONS).unwrap();
            conn.execute("INSERT INTO t (n) VALUES (7)", []).unwrap();
            copy_to(&conn, &path, &copy, key.as_ref()).unwrap();
            assert!(copy_to(&conn, &path, &copy, key.as_ref()).is_err(), "an existing file was overwritten");
            let copied = open_existing(&copy, key.as_ref(), MIGRATIONS).unwrap();
            assert_eq!(copied.query_row("SELECT n FROM t", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
            check(&copied, &copy).unwrap();
            if key.is_some() {
                assert!(matches!(open(&copy, None, MIGRATIONS), Err(SqliteError::WrongKey { .. })));
            }
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let missing = open_existing(Path::new("nowhere.db"), None, MIGRATIONS).unwrap_err();
        assert_eq!(missing.to_string(), "there is no database at nowhere.db");
    }
}
