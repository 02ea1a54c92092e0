#![doc = include_str!("../README.md")]

mod limits;
mod message;
mod pull;
mod push;

pub use limits::{
    MAX_BATCH_COMPRESSED_BYTES, MAX_BATCH_DECOMPRESSED_BYTES, MAX_BATCH_DELTAS, MAX_HAVE_ENTRIES,
    RETRY_DELAY_MS,
};
pub use message::{
    EnrolAnswer, MessageError, PullPage, PullRequest, PulledDelta, PushBatch, compress, decompress,
};
pub use pull::{PullEffect, PullEvent, PullFailure, PullSession};
pub use push::{OutboxEntry, PushEffect, PushEvent, PushFailure, PushSession};
