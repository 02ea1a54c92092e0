#![doc = include_str!("../README.md")]

mod bundle;
mod enrolment_file;
mod limits;
mod message;
mod proof;
mod pull;
mod push;
mod relay;

pub use bundle::{
    BundleError, BundleItem, BundlePart, OpenedPart, PART_EXTENSION, Packer, PartLabel, SealedPart,
};
pub use enrolment_file::{
    FileKind, MAX_ENROLMENT_FILE_BYTES, open_answer_file, read_request_file, seal_answer_file,
    write_request_file,
};
pub use limits::{
    DEFAULT_PART_BYTES, ENOUGH_REPLY_BYTES, MAX_BATCH_COMPRESSED_BYTES, MAX_BATCH_DECOMPRESSED_BYTES,
    MAX_BATCH_DELTAS, MAX_CARRIED_PART_BYTES, MAX_HAVE_ENTRIES, MAX_PART_BYTES, MAX_PART_ITEMS,
    MAX_RELAY_FRAME_BYTES, MAX_RELAY_PARTS, MAX_WRONG_WORDS, PART_PADDING_BYTES, RELAY_CHUNK_BYTES,
    RELAY_PART_BYTES, RETRY_DELAY_MS,
};
pub use message::{
    EnrolAnswer, MessageError, PullPage, PullRequest, PulledDelta, PushBatch, compress, decompress,
};
pub use proof::{DeltaPlace, Inclusion, ProofAnswer, ProofFailure, ProofRequest, Proven, check_proof};
pub use pull::{PullEffect, PullEvent, PullFailure, PullSession, Restored};
pub use push::{OutboxEntry, PackedBatch, PushEffect, PushEvent, PushFailure, PushSession};
pub use relay::{
    CarriedAnswer, NotTheWords, PartOffer, RELAY_SEED_BYTES, RELAY_WORD_COUNT, RelayFailure, RelayPush,
    RelayPushEffect, RelayPushEvent, RelayRefusal, RelayServe, RelayServeEffect, RelayServeEvent, RelayWords,
    SeatProof,
};
