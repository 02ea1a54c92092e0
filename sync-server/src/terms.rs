//! The words people read for the codes of the log (notes on words: one word a thing, the same everywhere).

use record_model::{DeltaKind, FindingKind, OutcomeCode, ReasonCode, Role};
use registry_store::RecordStatus;

use crate::words::{Message, msg};

pub(crate) fn finding(kind: FindingKind) -> Message {
    match kind {
        FindingKind::Conflict => msg("kind-conflict"),
        FindingKind::RemovedAndEdited => msg("kind-removed-and-edited"),
        FindingKind::RuleBreak => msg("kind-rule-break"),
    }
}

pub(crate) fn outcome(code: OutcomeCode) -> Message {
    match code {
        OutcomeCode::Merged => msg("outcome-merged"),
        OutcomeCode::Held => msg("outcome-held"),
        OutcomeCode::Quarantined => msg("outcome-quarantined"),
        OutcomeCode::Forked => msg("outcome-forked"),
    }
}

pub(crate) fn reason(code: ReasonCode) -> Message {
    match code {
        ReasonCode::Malformed => msg("reason-malformed"),
        ReasonCode::BadSignature => msg("reason-bad-signature"),
        ReasonCode::UnknownSeat => msg("reason-unknown-seat"),
        ReasonCode::Revoked => msg("reason-revoked"),
        ReasonCode::BadCommitment => msg("reason-bad-commitment"),
        ReasonCode::BadChain => msg("reason-bad-chain"),
        ReasonCode::AreaOutsideCertificate => msg("reason-area-outside-certificate"),
        ReasonCode::LineageOutsideCertificate => msg("reason-lineage-outside-certificate"),
        ReasonCode::RoleNotAllowed => msg("reason-role-not-allowed"),
        ReasonCode::WrongActor => msg("reason-wrong-actor"),
        ReasonCode::ChangeRefused => msg("reason-change-refused"),
        ReasonCode::Unloadable => msg("reason-unloadable"),
        ReasonCode::UnknownForm => msg("reason-unknown-form"),
        ReasonCode::UnsupportedKind => msg("reason-unsupported-kind"),
        ReasonCode::Fork => msg("reason-fork"),
        ReasonCode::OtherGeneration => msg("reason-other-generation"),
        ReasonCode::TooLarge => msg("reason-too-large"),
        ReasonCode::UnknownEpoch => msg("reason-unknown-epoch"),
        ReasonCode::ClassNotAllowed => msg("reason-class-not-allowed"),
        ReasonCode::MissingChange => msg("reason-missing-change"),
        ReasonCode::UnknownRecord => msg("reason-unknown-record"),
        ReasonCode::MergeFault => msg("reason-merge-fault"),
        ReasonCode::MergeKilled => msg("reason-merge-killed"),
        ReasonCode::OtherBranch => msg("reason-other-branch"),
        ReasonCode::PlaceTaken => msg("reason-place-taken"),
    }
}

pub(crate) fn status(status: RecordStatus) -> Message {
    match status {
        RecordStatus::Draft => msg("record-draft"),
        RecordStatus::Finalised => msg("record-finalised"),
        RecordStatus::Withdrawn => msg("record-withdrawn"),
    }
}

pub(crate) fn role(role: Role) -> Message {
    match role {
        Role::Enumerator => msg("role-enumerator"),
        Role::TeamLeader => msg("role-team-leader"),
        Role::Supervisor => msg("role-supervisor"),
        Role::Server => msg("role-server"),
    }
}

pub(crate) fn delta(kind: DeltaKind) -> Message {
    match kind {
        DeltaKind::Change => msg("delta-change"),
        DeltaKind::Statement => msg("delta-statement"),
        DeltaKind::Decision => msg("delta-decision"),
        DeltaKind::Certificate => msg("delta-certificate"),
        DeltaKind::Revocation => msg("delta-revocation"),
        DeltaKind::Epoch => msg("delta-epoch"),
        DeltaKind::Placement => msg("delta-placement"),
        DeltaKind::Publication => msg("delta-publication"),
        DeltaKind::Baseline => msg("delta-baseline"),
        DeltaKind::Outcome => msg("delta-outcome"),
        DeltaKind::Attachment => msg("delta-attachment"),
        DeltaKind::Lease => msg("delta-lease"),
        DeltaKind::Claim => msg("delta-claim"),
        DeltaKind::Redaction => msg("delta-redaction"),
        DeltaKind::Branch => msg("delta-branch"),
        DeltaKind::Restoration => msg("delta-restoration"),
    }
}
