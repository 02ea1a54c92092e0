//! Numbered migrations. A file that is newer than the program is left alone.

use std::path::Path;

use rusqlite::Connection;

use crate::error::{SqliteError, ToSqliteError};

/// One step of a schema: the SQL that leads from `number - 1` to `number`. Only ever added, never edited.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// From 1, without gaps.
    pub number: u32,
    /// What it does.
    pub sql: &'static str,
}

/// Brings the schema up to date, each step in its own transaction.
pub(crate) fn migrate(
    conn: &mut Connection,
    path: &Path,
    migrations: &[Migration],
) -> Result<(), SqliteError> {
    let found: u32 =
        conn.query_row("PRAGMA user_version", [], |row| row.get(0)).doing("read the schema version", path)?;
    let known = migrations.last().map_or(0, |last| last.number);
    if found > known {
        return Err(SqliteError::SchemaTooNew { path: path.to_owned(), found, known });
    }
    for migration in migrations.iter().filter(|migration| migration.number > found) {
        let doing = "bring the schema up to date";
        let tx =
            conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).doing(doing, path)?;
        tx.execute_batch(migration.sql).doing(doing, path)?;
        tx.pragma_update(None, "user_version", migration.number).doing(doing, path)?;
        tx.commit().doing(doing, path)?;
    }
    Ok(())
}
