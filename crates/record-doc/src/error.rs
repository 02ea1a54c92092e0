//! Why something about a record could not be done.

use record_model::{AnswerPath, ChangeHash};

use crate::guard::GuardRule;
use crate::preparse::{MAX_CHANGE_BYTES, MAX_OPERATIONS, MAX_TEXT_BYTES};

/// Our own fault, or our own limits. What is wrong with a foreign change is a verdict, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocError {
    /// Saved bytes beyond what a record may have.
    #[error("a saved record of {found_bytes} bytes is larger than a record may be")]
    TooLarge {
        /// How many it has.
        found_bytes: usize,
    },
    /// Saved bytes that are not one document with our genesis in it.
    #[error("the saved bytes are not a record")]
    NotARecord,
    /// Automerge does not take the saved bytes.
    #[error("the saved record cannot be loaded")]
    Unloadable {
        /// What Automerge says; none when it panicked.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Heads the record does not have.
    #[error("the record has no change {first} (and {others} more that were named)")]
    UnknownHeads {
        /// The first of them.
        first: ChangeHash,
        /// How many besides.
        others: usize,
    },
    /// A text answer beyond what the guard takes.
    #[error("the answer {path} has {found_bytes} bytes; a text has at most {MAX_TEXT_BYTES}")]
    TextTooLong {
        /// Which answer.
        path: AnswerPath,
        /// How long it is.
        found_bytes: usize,
    },
    /// More answers than one change may write.
    #[error("{found} answers are more than one change may write ({MAX_OPERATIONS})")]
    TooManyAnswers {
        /// How many.
        found: usize,
    },
    /// A change beyond what the guard takes.
    #[error("the change would have {found_bytes} bytes; a change has at most {MAX_CHANGE_BYTES}")]
    ChangeTooLarge {
        /// How many it would have.
        found_bytes: usize,
    },
    /// The change we wrote does not pass our own guard, so nobody would take it. The record is as before.
    #[error("the change just written would be refused: {rule}")]
    Refused {
        /// The rule it breaks.
        rule: GuardRule,
    },
    /// The change we wrote makes a record that cannot be loaded. The record is as before.
    #[error("the record could not be loaded again after the change just written")]
    WriteUnloadable,
}
