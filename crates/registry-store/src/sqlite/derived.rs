//! Everything derived from the log, as bytes for a hash, and its removal before it is made again.

use std::ops::ControlFlow;

use rusqlite::types::ValueRef;

use super::codec::Columns;
use super::tx::SqliteTx;
use crate::error::StoreError;

/// What a rebuild must reproduce, in this order, each table by its key. Left out is what another grouping of the same
/// log may change: when a record was last touched, when an item was opened, items that a later write made moot,
/// and the saved bytes of a document, whose heads and digest say the same.
/// A change here changes every `registry_hash`.
const VISITED: &[(&str, &str)] = &[
    (
        "record",
        "SELECT record, generation, lineage, area, revision, visit_at, visit_offset, status, \
         registration_number, heads, digest FROM records ORDER BY record",
    ),
    (
        "item",
        "SELECT item, record, kind, subject, alternatives, settled_index FROM items \
         WHERE settled IS NOT 'superseded' ORDER BY item",
    ),
    ("decision", "SELECT record, log_index, item, delta FROM decisions ORDER BY record, log_index, item"),
    ("outcome", "SELECT log_index, code, reason FROM outcomes ORDER BY log_index"),
    (
        "registry",
        "SELECT record, kind, position, household, person, registration_number, area, label, properties, \
         instance, relationship, scheme, value FROM registry_rows ORDER BY record, kind, position",
    ),
];

const CLEARED: &[&str] = &[
    "DELETE FROM records",
    "DELETE FROM changes",
    "DELETE FROM decisions",
    "DELETE FROM outcomes",
    "DELETE FROM held",
    "DELETE FROM items",
    "DELETE FROM registry_rows",
    "UPDATE progress SET merged_through = 0, households = 0, persons = 0",
];

impl SqliteTx<'_> {
    pub(super) fn visit_derived_rows(&self, part: &mut dyn FnMut(&[u8])) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        for (tag, sql) in VISITED {
            self.each(tag, sql, [], |columns| {
                bytes.clear();
                write_row(tag, columns, &mut bytes)?;
                part(&bytes);
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(())
    }

    pub(super) fn clear_derived_rows(&mut self) -> Result<(), StoreError> {
        for sql in CLEARED {
            self.execute("clear what is derived", sql, [])?;
        }
        Ok(())
    }
}

/// A row as bytes: the tag, then each column, each preceded by its length, so that no two rows give the same bytes.
fn write_row(tag: &str, columns: &mut Columns<'_, '_>, bytes: &mut Vec<u8>) -> Result<(), StoreError> {
    write_bytes(b't', tag.as_bytes(), bytes);
    columns.each(|value| match value {
        ValueRef::Null => bytes.push(b'n'),
        ValueRef::Integer(number) => {
            bytes.push(b'i');
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        ValueRef::Text(text) => write_bytes(b't', text, bytes),
        ValueRef::Blob(blob) => write_bytes(b'b', blob, bytes),
        ValueRef::Real(number) => write_bytes(b'r', &number.to_be_bytes(), bytes),
    })
}

fn write_bytes(kind: u8, value: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(kind);
    bytes.extend_from_slice(&(value.len() as u64).to_be_bytes());
    bytes.extend_from_slice(value);
}
