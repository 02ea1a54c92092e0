#![doc = include_str!("../README.md")]

mod answer;
mod area;
mod delta;
mod finding;
mod hash;
mod ids;
mod instant;
mod registration;
mod view;

pub use answer::{AnswerPath, AnswerPathError, Answers, MAX_PATH_BYTES, Marker, Value};
pub use area::{AreaCode, AreaCodeError, AreaTree};
pub use delta::{Class, DeltaKind, Lineage, LineageError, OutcomeCode, ReasonCode, Role};
pub use finding::{Alternative, Decision, Finding, FindingKind, ItemId, open_findings};
pub use hash::{PartsHasher, hash_parts};
pub use ids::{
    BundleId, ChangeHash, DeltaHash, DeploymentId, EpochId, FormRevision, IdError, InstanceId, LogId,
    RecordId, SeatId,
};
pub use instant::{Hlc, Instant, Visit};
pub use registration::{RegistrationNumber, RegistrationNumberError, check_character};
pub use view::{Candidate, RecordView, RecordsHash};
