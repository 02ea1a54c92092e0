#![doc = include_str!("../README.md")]

mod anew;
mod bundles;
mod chain;
mod doctor;
mod durable;
mod error;
mod home;
mod keys;
mod log;
mod people;
mod published;
mod records;
mod roster;
mod row;
mod store;
mod sync_state;

pub use anew::LeftOut;
pub use bundles::{MAX_BUNDLED_BATCHES, MAX_WAITING_PAGES, WaitingPage};
pub use chain::{ChainPlace, DeltaCounts, OutboxRow, OwnDelta, RecordDelivery, SeatRow, Waiting};
pub use doctor::{Examination, Fault};
pub use error::DeviceStoreError;
pub use home::Home;
pub use keys::{KdfParams, PersonSecrets, recover_key};
pub use log::{Delivery, LogEntry, PulledRow, PulledState, PulledToStore, RecordDelta};
pub use people::{DeploymentRow, NewSeat, PendingEnrolment};
pub use published::{Publication, PublicationState};
pub use records::{
    ChangeRow, Cut, Draft, JournalEntry, RecordFilter, RecordRow, RecordStatus, StatementKind, StatementRow,
};
pub use roster::{Standing, StandingRow};
pub use sqlite_support::SqliteError;
pub use store::{DeviceStore, Tx};
pub use sync_state::{LogRestored, SyncState};
