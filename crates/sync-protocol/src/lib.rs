#![doc = include_str!("../README.md")]

mod bundle;
mod enrolment_file;
mod limits;
mod message;
mod proof;
mod pull;
mod push;

pub use bundle::{
    BundleError, BundleItem, BundlePart, OpenedPart, PART_EXTENSION, Packer, PartLabel, SealedPart,
};
pub use enrolment_file::{
    FileKind, MAX_ENROLMENT_FILE_BYTES, open_answer_file, read_request_file, seal_answer_file,
    write_request_file,
};
pub use limits::{
    DEFAULT_PART_BYTES, MAX_BATCH_COMPRESSED_BYTES, MAX_BATCH_DECOMPRESSED_BYTES, MAX_BATCH_DELTAS,
    MAX_HAVE_ENTRIES, MAX_PART_BYTES, MAX_PART_ITEMS, PART_PADDING_BYTES, RETRY_DELAY_MS,
};
pub use message::{
    EnrolAnswer, MessageError, PullPage, PullRequest, PulledDelta, PushBatch, compress, decompress,
};
pub use proof::{DeltaPlace, Inclusion, ProofAnswer, ProofFailure, ProofRequest, Proven, check_proof};
pub use pull::{PullEffect, PullEvent, PullFailure, PullSession};
pub use push::{OutboxEntry, PackedBatch, PushEffect, PushEvent, PushFailure, PushSession};
