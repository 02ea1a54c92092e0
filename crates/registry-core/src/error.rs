//! What can go wrong at the registry. A device's mistake is a verdict in a receipt; what is here is a caller's mistake or
//! our own fault.

use record_model::{DeltaHash, EpochId, ItemId, RecordId, SeatId};
use registry_store::StoreError;
use sync_protocol::BundleError;

/// Why a call did nothing.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The store's word.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder holds no founded deployment.
    #[error("this database holds no deployment yet")]
    NotFounded,
    /// The folder holds one already.
    #[error("this database holds a deployment already")]
    AlreadyFounded,
    /// The keys are not the ones this deployment was founded with.
    #[error("these are not the keys of this deployment")]
    OtherKeys,
    /// The enrolment code is unknown.
    #[error("this enrolment code is not known here")]
    UnknownCode,
    /// The enrolment code was used.
    #[error("this enrolment code has been used")]
    UsedCode,
    /// The enrolment code is too old.
    #[error("this enrolment code has expired")]
    ExpiredCode,
    /// The enrolment request does not hold.
    #[error("the enrolment request is refused: {reason}")]
    Enrolment {
        /// Why, in words without personal data.
        reason: String,
    },
    /// The seat is unknown.
    #[error("no seat {seat} here")]
    UnknownSeat {
        /// Which.
        seat: SeatId,
    },
    /// The seat was ended.
    #[error("seat {seat} has been revoked")]
    Revoked {
        /// Which.
        seat: SeatId,
    },
    /// The seat's certificate has run out: work is still taken, nothing is shown.
    #[error("the certificate of seat {seat} has expired")]
    CertificateExpired {
        /// Which.
        seat: SeatId,
    },
    /// The request's signature does not fit.
    #[error("the request is not signed by seat {seat}")]
    RequestRefused {
        /// Which.
        seat: SeatId,
    },
    /// The request is the seat's, and its counter is not above the last one taken: a replay, or a laptop that was put back
    /// to an earlier day.
    #[error("the request of seat {seat} repeats an earlier one")]
    RequestRepeated {
        /// Which.
        seat: SeatId,
        /// The last counter taken: the seat goes on above it.
        last: u64,
    },
    /// The device speaks of another log.
    #[error("the device follows another log than this server's")]
    OtherLog {
        /// The registry's signed words on how its log went on from others, as envelopes.
        restorations: Vec<Vec<u8>>,
    },
    /// Not a part of a bundle that can be used here.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A bundle that this server, or another, packed for a laptop.
    #[error("this bundle goes to a laptop; it holds nothing for the registry")]
    BundleForDevice,
    /// The record is unknown.
    #[error("no record {record} in the registry")]
    UnknownRecord {
        /// Which.
        record: RecordId,
    },
    /// The item is unknown.
    #[error("no review item {item}")]
    UnknownItem {
        /// Which.
        item: ItemId,
    },
    /// Somebody settled it first.
    #[error("review item {item} is settled already")]
    SettledItem {
        /// Which.
        item: ItemId,
    },
    /// There is no fork to decide.
    #[error("epoch {epoch} of seat {seat} is not forked")]
    NotForked {
        /// Whose epoch.
        seat: SeatId,
        /// Which.
        epoch: EpochId,
    },
    /// Somebody decided it first.
    #[error("the fork in epoch {epoch} of seat {seat} is decided already")]
    ForkDecided {
        /// Whose epoch.
        seat: SeatId,
        /// Which.
        epoch: EpochId,
    },
    /// The epoch has no such delta.
    #[error("no branch of this epoch has the delta {stands}")]
    UnknownBranch {
        /// Which was named.
        stands: DeltaHash,
    },
    /// The resolution does not fit the item.
    #[error("this decision does not fit the item: {reason}")]
    Resolution {
        /// Why.
        reason: String,
    },
    /// The form cannot be published.
    #[error("the form cannot be published:\n{0}")]
    Form(form_engine::Diagnostics),
    /// A file of the pack cannot be used.
    #[error("the pack's file {file} cannot be used: {reason}")]
    Pack {
        /// Which file.
        file: String,
        /// Why.
        reason: String,
    },
    /// Nothing can be merged; what was received stays and is tried again.
    #[error(transparent)]
    Merger(record_doc::MergerUnavailable),
    /// A stored thing that must hold does not.
    #[error("the registry is damaged: {what}. Run `sync-server verify`")]
    Damaged {
        /// What.
        what: String,
    },
}

impl From<RegistryError> for StoreError {
    /// Inside a transaction, a failed plan undoes it; `from_store` brings it back out.
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Store(error) => error,
            other => Self::Plan(Box::new(other)),
        }
    }
}

impl RegistryError {
    /// Takes a plan's own error out of the store error that carried it.
    pub(crate) fn from_store(error: StoreError) -> Self {
        match error {
            StoreError::Plan(inner) => match inner.downcast::<Self>() {
                Ok(plan) => *plan,
                Err(other) => Self::Store(StoreError::Plan(other)),
            },
            other => Self::Store(other),
        }
    }

    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}
