//! What can go wrong, told apart by what a person can do about it.

use device_store::DeviceStoreError;
use form_engine::{AnswerError, Violation};
use record_doc::{DocError, MergerUnavailable};
use record_model::{AnswerPath, AnswerPathError, FormRevision, Lineage, RecordId};
use sync_protocol::{BundleError, PullFailure, PushFailure};

use crate::ports::Disconnected;

/// What went wrong. Holds no answers, no names of people, no keys.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CollectorError {
    /// The laptop's store.
    #[error(transparent)]
    Store(#[from] DeviceStoreError),
    /// A record's document. Our own limits, or our own fault.
    #[error(transparent)]
    Document(#[from] DocError),
    /// Nothing can be merged just now. What was received is kept and tried again.
    #[error(transparent)]
    Merger(#[from] MergerUnavailable),
    /// The road broke. Nothing is lost; try again later.
    #[error(transparent)]
    Disconnected(#[from] Disconnected),
    /// A push ended without delivering everything. Nothing is lost.
    #[error(transparent)]
    Push(#[from] PushFailure),
    /// A pull ended early. What was stored before stays.
    #[error(transparent)]
    Pull(#[from] PullFailure),
    /// The server was put back from a backup, and says how its log goes on. A sync follows; nothing else does.
    #[error("the server was restored from a backup. Sync: what it lacks is sent again")]
    LogRestored {
        /// Its signed words, as envelopes.
        restorations: Vec<Vec<u8>>,
    },
    /// Not an invitation code.
    #[error("this is not an invitation code: a character is missing or mistyped")]
    InvitationCode,
    /// The invitation is of another deployment (training instead of production, for one).
    #[error("this invitation is for another deployment than this computer's")]
    OtherDeployment,
    /// The server refused the enrolment.
    #[error("the server refused the enrolment (status {status}, {code})")]
    EnrolmentRefused {
        /// Its status.
        status: u16,
        /// Its stable code, or empty.
        code: String,
    },
    /// Something else than the server the invitation names answered.
    #[error(
        "the answer is not from the registry that the invitation names (status {status}); nothing was done"
    )]
    NotTheRegistry {
        /// The answer's status.
        status: u16,
    },
    /// The person asked to be enrolled, and no answer has come yet.
    #[error("the enrolment is not finished: no answer has come yet")]
    EnrolmentPending,
    /// An answer is offered to somebody who has not asked, or has been answered.
    #[error("nobody of that name waits for an answer to an enrolment on this computer")]
    NothingAsked,
    /// Another request of this person is on its way: its answer would fit no other.
    #[error("another request of this person waits for its answer on this computer")]
    AlreadyAsked,
    /// None of the files offered answers this person's request.
    #[error("none of these files answers the request that was made on this computer")]
    NoAnswer,
    /// Too easy to guess.
    #[error("a passphrase has at least {at_least} characters")]
    PassphraseTooShort {
        /// The least.
        at_least: usize,
    },
    /// No form of that lineage has been received and can be used.
    #[error("no form for {lineage} is on this computer yet")]
    NoForm {
        /// The lineage.
        lineage: Lineage,
    },
    /// The revision a record was made under is not here.
    #[error("form revision {revision} is not on this computer")]
    UnknownRevision {
        /// The revision.
        revision: FormRevision,
    },
    /// The seat's certificate does not reach this lineage.
    #[error("this person is not certified for {lineage}")]
    LineageNotCertified {
        /// The lineage.
        lineage: Lineage,
    },
    /// No such record here.
    #[error("no record {record} on this computer")]
    UnknownRecord {
        /// The record.
        record: RecordId,
    },
    /// No record here has a number or an id that begins so, or several have.
    #[error("{found} records on this computer fit that number or id")]
    RecordNotFound {
        /// How many do.
        found: usize,
    },
    /// A withdrawn record takes no answers.
    #[error("record {record} is withdrawn")]
    Withdrawn {
        /// The record.
        record: RecordId,
    },
    /// Not an answer path.
    #[error(transparent)]
    Path(#[from] AnswerPathError),
    /// The form has no question or repeat of that name there.
    #[error("the form has no {what} at {path}")]
    NotInForm {
        /// `question` or `repeat`.
        what: &'static str,
        /// The path.
        path: String,
    },
    /// A value nobody gives: it is calculated, or a marker.
    #[error("{path} is not for a person to answer")]
    NotForPeople {
        /// The path.
        path: AnswerPath,
    },
    /// What was typed is no answer to the question at this path.
    #[error("{path}: expected {source}")]
    Answer {
        /// The path.
        path: AnswerPath,
        /// What was expected.
        source: AnswerError,
    },
    /// A removal or a withdrawal without a reason.
    #[error("a reason is needed")]
    ReasonMissing,
    /// The record cannot be finalised as it is.
    #[error("not finalised; things to correct: {}", .violations.len())]
    Blocked {
        /// What must be corrected, in the order of the form.
        violations: Vec<Violation>,
    },
    /// The record has no answers at all.
    #[error("record {record} has no answers yet")]
    Empty {
        /// The record.
        record: RecordId,
    },
    /// No area is known for the record, and the seat has none either.
    #[error("no area is known for record {record}")]
    NoArea {
        /// The record.
        record: RecordId,
    },
    /// The seat's range of registration numbers is used up.
    #[error("this person's registration numbers are used up; ask head office for another range")]
    NumbersUsedUp,
    /// Not a part of a bundle that can be used here.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A bundle that a laptop packed for the registry, this one perhaps.
    #[error("this bundle goes to head office; it holds nothing for this computer")]
    BundleForRegistry,
    /// A bundle for another person of this laptop.
    #[error("this bundle is for {person}, who can import it here with their passphrase")]
    BundleForColleague {
        /// The name they unlock with.
        person: String,
    },
    /// The store was enrolled by a version that knew no bundles.
    #[error("this computer does not know yet to whom bundles are sealed; enrol it again")]
    NoBundleRecipient,
    /// Parts of bundles whose first part never came.
    #[error("too many parts of bundles wait for an earlier one: import the missing parts first")]
    TooManyWaitingPages,
    /// What the store holds cannot be read as what we wrote.
    #[error("what the store holds of {what} cannot be read; run the examination")]
    Unreadable {
        /// Of what.
        what: &'static str,
    },
}

/// Shorter than the fields: messages of violations and what a person typed may hold answers.
impl std::fmt::Debug for CollectorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => write!(f, "Store({error:?})"),
            Self::Document(error) => write!(f, "Document({error:?})"),
            Self::Push(failure) => write!(f, "Push({failure:?})"),
            Self::Pull(failure) => write!(f, "Pull({failure:?})"),
            Self::Answer { path, .. } => write!(f, "Answer({path})"),
            other => write!(f, "CollectorError({other})"),
        }
    }
}

impl CollectorError {
    /// True when the same call may succeed if made again unchanged.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Disconnected(_) | Self::Merger(_) => true,
            // The server, a proxy or the network was not able just now.
            Self::Push(PushFailure::Refused { status, .. })
            | Self::Pull(PullFailure::Refused { status, .. }) => *status == 429 || *status >= 500,
            Self::Push(PushFailure::NotOurs { .. }) | Self::Pull(PullFailure::NotOurs { .. }) => true,
            Self::EnrolmentRefused { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}
