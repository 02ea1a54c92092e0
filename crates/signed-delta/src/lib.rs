#![doc = include_str!("../README.md")]

mod body;
mod cbor;
mod certificate;
mod delta;
mod header;
mod keys;
mod receipt;
mod request;
pub mod seal;
mod tree;

pub use body::{
    Act, Body, BranchAct, ChangeAct, DecisionAct, EpochAct, Finalise, MAX_BODY_BYTES, OutcomeAct, OutcomeRun,
    PublicationAct, PublishedFile, RestorationAct, RevocationAct, StatementAct, max_body_bytes,
};
pub use cbor::CborError;
pub use certificate::{CertificateFields, EnrolmentRequest, SeatCertificate, code_key};
pub use delta::{DecodeError, Draft, Roster, SeatStanding, SignedDelta, Unverified, VerifiedDelta};
pub use header::{HEADER_VERSION, Header, MAX_HEADER_BYTES};
pub use keys::{KeyError, PublicKey, SeatKey, Signature};
pub use receipt::{ChainEnd, Receipt, Refusal, TreeHead, UntrustedReceipt};
pub use request::{
    RequestToSign, sign_answer, sign_bundle, sign_relay, verify_answer, verify_bundle, verify_relay,
    verify_request,
};
pub use tree::{ConsistencyError, Tree, leaf_hash, verify_consistency, verify_inclusion};
