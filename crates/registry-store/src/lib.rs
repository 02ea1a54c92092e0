#![doc = include_str!("../README.md")]

mod contract;
mod error;
mod rows;
mod sqlite;

pub use contract::{ReadTx, RegistryStore, RegistryStoreExt, Tx, WriteJob, WriteTicket};
pub use error::StoreError;
pub use rows::{
    Audience, BlobRow, ChangeOrigin, EpochRow, FeedEntry, FeedFilter, FeedRow, HeldOn, HouseholdRow,
    IdentifierRow, InvitationRow, ItemFilter, ItemRow, LogEntry, MembershipRow, OutcomeRow, PersonRow,
    Projection, PublicationRow, RecordFilter, RecordRow, RecordStatus, SeatRow, Settlement,
};
pub use sqlite::SqliteRegistry;
pub use sqlite_support::SqliteError;
