#![doc = include_str!("../README.md")]

mod actor;
mod columns;
mod doc;
mod encode;
mod error;
mod findings;
mod genesis;
mod guard;
mod merge;
mod merger;
mod preparse;
mod rewrite;

pub use actor::{ActorBytes, derive_actor};
pub use doc::{LocalChange, MAX_STATE_BYTES, RecordDoc};
pub use error::DocError;
pub use genesis::{genesis_bytes, genesis_hash};
#[doc(hidden)]
pub use guard::GuardOptions;
pub use guard::GuardRule;
pub use merge::{ForeignChange, MergeOutcome, MergeVerdict, merge_change};
pub use merger::{InProcess, Merger, MergerUnavailable};
pub use preparse::{MAX_CHANGE_BYTES, MAX_OPERATIONS, MAX_TEXT_BYTES};
pub use rewrite::{WrittenChange, change_hash, read_change};
