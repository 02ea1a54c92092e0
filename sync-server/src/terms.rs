//! The words people read for the codes of the log (notes on words: one word a thing, the same everywhere).

use record_model::{DeltaKind, FindingKind, OutcomeCode, Role};
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
    }
}
