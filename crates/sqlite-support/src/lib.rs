#![doc = include_str!("../README.md")]

mod error;
mod migrate;
mod open;

pub use error::{SqliteError, ToSqliteError};
pub use migrate::Migration;
pub use open::{DatabaseKey, check, copy_to, open, open_existing};
