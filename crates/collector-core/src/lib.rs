#![doc = include_str!("../README.md")]

mod anew;
mod apply;
mod bundle;
mod carry;
mod clock;
mod collector;
mod cut;
mod enrol;
mod error;
mod forms;
mod http;
mod import;
mod interview;
mod invitation;
mod order;
mod pen;
mod ports;
mod prove;
mod records;
mod restored;
mod roster;
mod status;
mod sync;

pub use apply::Applied;
pub use bundle::{BundleExport, BundleFile, BundleImport};
pub use carry::HandedIn;
pub use clock::{ClockDoubt, MAX_DAYS_AHEAD};
pub use collector::{Collector, MIN_PASSPHRASE_CHARS, WhoAmI};
pub use cut::Finalised;
pub use device_store::{
    DeltaCounts, DeviceStoreError, Examination, Fault, Home, KdfParams, PublicationState, RecordFilter,
    RecordStatus, SqliteError, Waiting,
};
pub use enrol::{ENROL_PATH, Enrolment};
pub use error::CollectorError;
pub use forms::{AreaEntry, AreaList, PackSettings, PublishedForm};
pub use http::{
    BLOBS_PATH, BUNDLES_PATH, COUNTER_HEADER, LOG_HEADER, PROVE_PATH, PULL_PATH, PUSH_PATH, SEAT_HEADER,
    SIGNATURE_HEADER, Traffic,
};
pub use import::{ImportOptions, ImportReport};
pub use invitation::InvitationCode;
pub use ports::{Clock, Disconnected, HttpAnswer, Ports, Randomness, Transport};
pub use prove::{DeltaProof, RecordProof};
pub use record_doc::{InProcess, Merger};
pub use records::{
    Attribution, HistoryEntry, HistoryEvent, Interview, Progress, RecordProgress, RecordSummary, ShownRecord,
    ShownValue,
};
pub use status::{Diagnosis, FormSummary, Status};
pub use sync::{MAX_BLOB_BYTES, SyncProgress, SyncReport};
pub use sync_protocol::{
    BundleError, DEFAULT_PART_BYTES, FileKind, MAX_ENROLMENT_FILE_BYTES, MAX_PART_BYTES,
    MAX_RELAY_FRAME_BYTES, MAX_RELAY_PARTS, MAX_WRONG_WORDS, NotTheWords, PART_EXTENSION, PartOffer,
    PullFailure, PushFailure, RELAY_PART_BYTES, RELAY_SEED_BYTES, RELAY_WORD_COUNT, RelayFailure, RelayPush,
    RelayPushEffect, RelayPushEvent, RelayRefusal, RelayServe, RelayServeEffect, RelayServeEvent, RelayWords,
};
