//! One connection inside one transaction: the few ways in which the engine runs SQL.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::{Connection, Params};
use sqlite_support::ToSqliteError;

use super::codec::Columns;
use crate::error::StoreError;

/// A transaction. Readers get it as a `ReadTx` only, over a connection that cannot write.
pub(super) struct SqliteTx<'c> {
    conn: &'c Connection,
    path: &'c Path,
}

impl<'c> SqliteTx<'c> {
    pub(super) fn new(conn: &'c Connection, path: &'c Path) -> Self {
        Self { conn, path }
    }

    /// Hands every row to `read` until it breaks.
    pub(super) fn each(
        &self,
        table: &'static str,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&mut Columns<'_, '_>) -> Result<ControlFlow<()>, StoreError>,
    ) -> Result<(), StoreError> {
        let doing = "read from the registry";
        let mut statement = self.conn.prepare_cached(sql).doing(doing, self.path)?;
        let mut rows = statement.query(params).doing(doing, self.path)?;
        while let Some(row) = rows.next().doing(doing, self.path)? {
            if read(&mut Columns::new(table, row))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn list<T>(
        &self,
        table: &'static str,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&mut Columns<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.each(table, sql, params, |columns| {
            found.push(read(columns)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    pub(super) fn one<T>(
        &self,
        table: &'static str,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&mut Columns<'_, '_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        self.each(table, sql, params, |columns| {
            found = Some(read(columns)?);
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// A query whose one row is one count; 0 without a row.
    pub(super) fn count(
        &self,
        table: &'static str,
        sql: &str,
        params: impl Params,
    ) -> Result<u64, StoreError> {
        Ok(self.one(table, sql, params, |columns| columns.number("count"))?.unwrap_or(0))
    }

    /// Writes. Says how many rows it touched.
    pub(super) fn execute(
        &mut self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
    ) -> Result<usize, StoreError> {
        // After SQLite undid the transaction a further statement would commit by itself.
        if self.is_undone() {
            return Err(StoreError::Undone);
        }
        let mut statement = self.conn.prepare_cached(sql).doing(doing, self.path)?;
        Ok(statement.execute(params).doing(doing, self.path)?)
    }

    /// BEGIN, SAVEPOINT and their like.
    pub(super) fn control(&mut self, doing: &'static str, sql: &str) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(sql).doing(doing, self.path)?;
        statement.execute([]).doing(doing, self.path)?;
        Ok(())
    }

    /// Rows written since the connection was opened, undone ones included.
    pub(super) fn rows_written(&self) -> u64 {
        self.conn.total_changes()
    }

    /// True once SQLite has rolled the whole transaction back by itself.
    pub(super) fn is_undone(&self) -> bool {
        self.conn.is_autocommit()
    }

    /// Rolls back what is left of a failed group. If even that fails, the next BEGIN says so.
    pub(super) fn abandon(&mut self) {
        if !self.is_undone() {
            let _ = self.control("undo a group", "ROLLBACK");
        }
    }
}
