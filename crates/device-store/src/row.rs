//! Between rows and words: ids, instants, values.

use record_model::{
    AnswerPath, ChangeHash, DeltaHash, EpochId, FormRevision, Hlc, Instant, ItemId, Lineage, LogId, RecordId,
    SeatId, Value, Visit,
};
use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};

pub(crate) fn bad(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(FromSqlError::InvalidType))
}

/// An id that is kept as its bytes.
pub(crate) trait Id: Sized {
    fn from_column(bytes: &[u8]) -> Option<Self>;
}

macro_rules! ids {
    ($($name:ident),*) => {
        $(impl Id for $name {
            fn from_column(bytes: &[u8]) -> Option<Self> {
                Self::from_slice(bytes)
            }
        })*
    };
}

ids!(SeatId, EpochId, RecordId, DeltaHash, ChangeHash, FormRevision, LogId);

impl Id for ItemId {
    fn from_column(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_bytes)
    }
}

impl<const N: usize> Id for [u8; N] {
    fn from_column(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

/// Reads typed columns by place.
pub(crate) trait Columns {
    fn id<T: Id>(&self, column: usize) -> rusqlite::Result<T>;
    fn maybe_id<T: Id>(&self, column: usize) -> rusqlite::Result<Option<T>>;
    fn u64(&self, column: usize) -> rusqlite::Result<u64>;
    fn instant(&self, column: usize) -> rusqlite::Result<Instant>;
    fn maybe_instant(&self, column: usize) -> rusqlite::Result<Option<Instant>>;
    fn hlc(&self, column: usize) -> rusqlite::Result<Hlc>;
    fn visit(&self, column: usize) -> rusqlite::Result<Option<Visit>>;
    fn parsed<T: std::str::FromStr>(&self, column: usize) -> rusqlite::Result<T>;
    fn maybe_parsed<T: std::str::FromStr>(&self, column: usize) -> rusqlite::Result<Option<T>>;
    fn value(&self, column: usize) -> rusqlite::Result<Value>;
}

impl Columns for Row<'_> {
    fn id<T: Id>(&self, column: usize) -> rusqlite::Result<T> {
        T::from_column(self.get_ref(column)?.as_blob()?).ok_or_else(|| bad(column))
    }

    fn maybe_id<T: Id>(&self, column: usize) -> rusqlite::Result<Option<T>> {
        match self.get_ref(column)?.as_blob_or_null()? {
            None => Ok(None),
            Some(bytes) => T::from_column(bytes).map(Some).ok_or_else(|| bad(column)),
        }
    }

    fn u64(&self, column: usize) -> rusqlite::Result<u64> {
        self.get::<_, i64>(column).map(|number| number as u64)
    }

    fn instant(&self, column: usize) -> rusqlite::Result<Instant> {
        self.get(column).map(Instant::from_unix_ms)
    }

    fn maybe_instant(&self, column: usize) -> rusqlite::Result<Option<Instant>> {
        Ok(self.get::<_, Option<i64>>(column)?.map(Instant::from_unix_ms))
    }

    fn hlc(&self, column: usize) -> rusqlite::Result<Hlc> {
        self.u64(column).map(Hlc)
    }

    /// From this column and the next.
    fn visit(&self, column: usize) -> rusqlite::Result<Option<Visit>> {
        let Some(at) = self.maybe_instant(column)? else { return Ok(None) };
        Ok(Some(Visit { at, utc_offset_minutes: self.get(column + 1)? }))
    }

    fn parsed<T: std::str::FromStr>(&self, column: usize) -> rusqlite::Result<T> {
        self.get_ref(column)?.as_str()?.parse().map_err(|_| bad(column))
    }

    fn maybe_parsed<T: std::str::FromStr>(&self, column: usize) -> rusqlite::Result<Option<T>> {
        match self.get_ref(column)?.as_str_or_null()? {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| bad(column)),
        }
    }

    fn value(&self, column: usize) -> rusqlite::Result<Value> {
        decode_value(self.get_ref(column)?.as_blob()?).ok_or_else(|| bad(column))
    }
}

/// The inverse of [`Value::canonical_bytes`].
pub(crate) fn decode_value(bytes: &[u8]) -> Option<Value> {
    match bytes.split_first()? {
        (0, []) => Some(Value::Null),
        (1, [0]) => Some(Value::Bool(false)),
        (1, [1]) => Some(Value::Bool(true)),
        (2, number) => Some(Value::Int(i64::from_be_bytes(number.try_into().ok()?))),
        (3, text) => Some(Value::Text(std::str::from_utf8(text).ok()?.to_owned())),
        _ => None,
    }
}

/// So that callers need not name the types in closures.
pub(crate) fn path_and_value(row: &Row<'_>) -> rusqlite::Result<(AnswerPath, Value)> {
    Ok((row.parsed(0)?, row.value(1)?))
}

pub(crate) fn lineage(row: &Row<'_>, column: usize) -> rusqlite::Result<Lineage> {
    row.parsed(column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_from_their_canonical_bytes() {
        for value in [Value::Null, true.into(), false.into(), (-7).into(), "".into(), "Né à Mòn".into()] {
            assert_eq!(decode_value(&value.canonical_bytes()), Some(value));
        }
        assert_eq!(decode_value(&[9]), None);
        assert_eq!(decode_value(&[]), None);
        assert_eq!(decode_value(&[3, 0xff]), None);
    }
}
