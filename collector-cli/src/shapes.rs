//! What `--json` writes. Each shape has its schema in `schemas/collector-*.schema.json`.

use collector_core::{RecordProgress, RecordSummary};
use record_model::{ReasonCode, Value};
use serde::Serialize;

use crate::when::rfc3339;

/// A failure, on standard error.
#[derive(Serialize)]
pub(crate) struct ErrorShape {
    pub(crate) error: ErrorBody,
}

#[derive(Serialize)]
pub(crate) struct ErrorBody {
    pub(crate) kind: &'static str,
    pub(crate) exit_code: u8,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) details: Vec<String>,
}

/// `init`, `user add`
#[derive(Serialize)]
pub(crate) struct SeatShape {
    pub(crate) seat: String,
    pub(crate) person: String,
    pub(crate) device: String,
    pub(crate) role: String,
    pub(crate) areas: Vec<String>,
    pub(crate) deployment: String,
    pub(crate) training: bool,
}

/// `user list`
#[derive(Serialize)]
pub(crate) struct PeopleShape {
    pub(crate) people: Vec<String>,
}

/// `form list`
#[derive(Serialize)]
pub(crate) struct FormsShape {
    pub(crate) forms: Vec<FormRow>,
}

#[derive(Serialize)]
pub(crate) struct FormRow {
    pub(crate) form: String,
    pub(crate) title: String,
    pub(crate) revision: String,
    pub(crate) state: &'static str,
    pub(crate) newest: bool,
}

/// `form show`
#[derive(Serialize)]
pub(crate) struct FormShape {
    pub(crate) form: String,
    pub(crate) title: String,
    pub(crate) version: String,
    pub(crate) revision: String,
    pub(crate) languages: Vec<String>,
    pub(crate) questions: Vec<QuestionRow>,
}

#[derive(Serialize)]
pub(crate) struct QuestionRow {
    pub(crate) name: String,
    pub(crate) path: String,
    #[serde(rename = "type")]
    pub(crate) question_type: String,
    pub(crate) label: String,
    pub(crate) required: bool,
    pub(crate) asked: bool,
    pub(crate) options: Vec<String>,
}

/// `form check`
#[derive(Serialize)]
pub(crate) struct CheckShape {
    pub(crate) file: String,
    pub(crate) usable: bool,
    pub(crate) revision: Option<String>,
    pub(crate) questions: usize,
    pub(crate) diagnostics: Vec<DiagnosticRow>,
}

#[derive(Serialize)]
pub(crate) struct DiagnosticRow {
    pub(crate) severity: &'static str,
    pub(crate) sheet: String,
    pub(crate) row: u32,
    pub(crate) column: String,
    pub(crate) code: &'static str,
    pub(crate) found: String,
    pub(crate) expected: String,
    pub(crate) found_fr: String,
    pub(crate) expected_fr: String,
    pub(crate) fix_fr: String,
    pub(crate) fix_en: String,
}

/// `interview`, `record finalise`
#[derive(Serialize, Default)]
pub(crate) struct InterviewShape {
    pub(crate) records: Vec<InterviewedRow>,
    /// Households that were not declared finished, with what to correct.
    pub(crate) blocked: Vec<BlockedRow>,
}

#[derive(Serialize)]
pub(crate) struct InterviewedRow {
    pub(crate) record: String,
    pub(crate) status: &'static str,
    pub(crate) number: Option<String>,
    pub(crate) area: Option<String>,
    /// Empty unless the interview is finished.
    pub(crate) slip: Vec<String>,
    pub(crate) warnings: Vec<ViolationRow>,
}

#[derive(Serialize)]
pub(crate) struct BlockedRow {
    /// Its place in the answers file, from 1.
    pub(crate) household: usize,
    /// None when it was left out.
    pub(crate) record: Option<String>,
    pub(crate) violations: Vec<ViolationRow>,
}

#[derive(Serialize)]
pub(crate) struct ViolationRow {
    pub(crate) id: String,
    pub(crate) path: Option<String>,
    pub(crate) kind: &'static str,
    pub(crate) level: &'static str,
    pub(crate) message: String,
}

impl ViolationRow {
    pub(crate) fn new(violation: &form_engine::Violation, lang: &str) -> Self {
        Self {
            id: violation.id.clone(),
            path: violation.path.as_ref().map(ToString::to_string),
            kind: violation.kind.as_str(),
            level: violation.level.as_str(),
            message: violation.message(lang).to_owned(),
        }
    }
}

/// `record list`
#[derive(Serialize)]
pub(crate) struct RecordsShape {
    pub(crate) records: Vec<RecordRow>,
}

#[derive(Serialize)]
pub(crate) struct RecordRow {
    pub(crate) record: String,
    pub(crate) form: String,
    pub(crate) number: Option<String>,
    pub(crate) title: String,
    pub(crate) area: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) pending_answers: u64,
    pub(crate) to_send: bool,
    pub(crate) progress: &'static str,
    pub(crate) since: Option<String>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) open_items: u32,
    pub(crate) updated_at: String,
}

impl From<&RecordSummary> for RecordRow {
    fn from(summary: &RecordSummary) -> Self {
        Self {
            record: summary.record.to_string(),
            form: summary.lineage.to_string(),
            number: summary.number.clone(),
            title: summary.title.clone(),
            area: summary.area.as_ref().map(ToString::to_string),
            status: summary.status.as_str(),
            pending_answers: summary.pending_answers,
            to_send: summary.to_send,
            progress: summary.progress.as_str(),
            since: match summary.progress {
                RecordProgress::ToSend { since } => Some(rfc3339(since)),
                _ => None,
            },
            reason: match summary.progress {
                RecordProgress::SetAside { reason } => reason.map(ReasonCode::as_str),
                _ => None,
            },
            open_items: summary.open_items,
            updated_at: rfc3339(summary.updated_at),
        }
    }
}

/// `record show`
#[derive(Serialize)]
pub(crate) struct RecordShape {
    #[serde(flatten)]
    pub(crate) summary: RecordRow,
    pub(crate) generation: u32,
    pub(crate) revision: Option<String>,
    pub(crate) visit: Option<VisitShape>,
    pub(crate) answers: Vec<AnswerRow>,
    pub(crate) findings: Vec<FindingRow>,
}

#[derive(Serialize)]
pub(crate) struct VisitShape {
    pub(crate) at: String,
    pub(crate) utc_offset_minutes: i16,
}

impl From<record_model::Visit> for VisitShape {
    fn from(visit: record_model::Visit) -> Self {
        Self { at: rfc3339(visit.at), utc_offset_minutes: visit.utc_offset_minutes }
    }
}

#[derive(Serialize)]
pub(crate) struct AnswerRow {
    pub(crate) path: String,
    /// The one shown first; more than one were given without sight of each other.
    pub(crate) values: Vec<ValueRow>,
}

#[derive(Serialize)]
pub(crate) struct ValueRow {
    pub(crate) value: Value,
    pub(crate) change: Option<String>,
    pub(crate) by: Option<AuthorShape>,
}

#[derive(Serialize)]
pub(crate) struct AuthorShape {
    pub(crate) seat: String,
    pub(crate) person: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) visit: Option<VisitShape>,
}

#[derive(Serialize)]
pub(crate) struct FindingRow {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) subject: String,
    pub(crate) alternatives: Vec<AlternativeRow>,
}

#[derive(Serialize)]
pub(crate) struct AlternativeRow {
    pub(crate) path: String,
    pub(crate) value: Value,
    pub(crate) change: Option<String>,
}

/// `record set`, `record add-member`, `record remove-member`, `record withdraw`
#[derive(Serialize)]
pub(crate) struct ChangeShape {
    pub(crate) record: String,
    pub(crate) status: &'static str,
    /// What was written, by path.
    pub(crate) written: record_model::Answers,
    /// The instance that was added or removed (`roster/7K3QF…`).
    pub(crate) member: Option<String>,
}

/// `record history`
#[derive(Serialize)]
pub(crate) struct HistoryShape {
    pub(crate) record: String,
    pub(crate) entries: Vec<HistoryRow>,
}

#[derive(Serialize)]
pub(crate) struct HistoryRow {
    pub(crate) delta: String,
    pub(crate) at: String,
    pub(crate) event: &'static str,
    pub(crate) by: AuthorShape,
    pub(crate) answers: Vec<ChangedAnswer>,
    pub(crate) reason: Option<String>,
    pub(crate) progress: &'static str,
    pub(crate) reason_code: Option<&'static str>,
}

#[derive(Serialize)]
pub(crate) struct ChangedAnswer {
    pub(crate) path: String,
    pub(crate) before: Value,
    pub(crate) after: Value,
}

/// `status`
#[derive(Serialize)]
pub(crate) struct StatusShape {
    pub(crate) person: String,
    pub(crate) device: String,
    pub(crate) training: bool,
    pub(crate) records: RecordCounts,
    pub(crate) to_send: ToSendShape,
    pub(crate) sent: SentShape,
    pub(crate) open_items: OpenItemsShape,
    pub(crate) held: HeldShape,
    pub(crate) set_aside: Vec<ReasonCount>,
    pub(crate) last_sync_at: Option<String>,
    pub(crate) server_log_size: Option<u64>,
    pub(crate) backed_up_through: Option<u64>,
    pub(crate) clock: &'static str,
    pub(crate) copied_or_restored: bool,
}

#[derive(Serialize)]
pub(crate) struct RecordCounts {
    pub(crate) all: u64,
    pub(crate) draft: u64,
    pub(crate) finalised: u64,
    pub(crate) withdrawn: u64,
}

#[derive(Serialize)]
pub(crate) struct ToSendShape {
    pub(crate) answers: u64,
    pub(crate) sendings: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) oldest_at: Option<String>,
    pub(crate) oldest_age_ms: Option<i64>,
    pub(crate) why: Option<&'static str>,
}

#[derive(Serialize)]
pub(crate) struct SentShape {
    pub(crate) delivered: u64,
    pub(crate) merged: u64,
    pub(crate) refused: Vec<ReasonCount>,
    pub(crate) set_aside: Vec<ReasonCount>,
    pub(crate) held: u64,
    pub(crate) forked: u64,
}

#[derive(Serialize)]
pub(crate) struct OpenItemsShape {
    pub(crate) records: u64,
    pub(crate) conflict: u64,
    pub(crate) removed_and_edited: u64,
    pub(crate) rule_break: u64,
}

#[derive(Serialize)]
pub(crate) struct HeldShape {
    pub(crate) count: u64,
    pub(crate) since: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct ReasonCount {
    pub(crate) reason: &'static str,
    pub(crate) count: u64,
}

/// `sync`
#[derive(Serialize)]
pub(crate) struct SyncShape {
    pub(crate) signed: u64,
    pub(crate) delivered: u64,
    pub(crate) refused: Vec<ReasonCount>,
    pub(crate) received: u64,
    pub(crate) applied: u64,
    pub(crate) held: u64,
    pub(crate) set_aside: u64,
    pub(crate) files: u64,
    pub(crate) requests: u64,
    pub(crate) bytes_up: u64,
    pub(crate) bytes_down: u64,
    pub(crate) still_to_send: u64,
    /// When the server was put back from a backup: how many deltas were to be sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sent_again: Option<u64>,
    /// When this computer carries something for others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) carried: Option<CarriedShape>,
}

/// What a sync did with what this computer carries for others.
#[derive(Serialize)]
pub(crate) struct CarriedShape {
    pub(crate) handed_in: u64,
    pub(crate) replies: u64,
    pub(crate) refused: u64,
    pub(crate) left: u64,
    pub(crate) dropped: u64,
}

/// `doctor`
#[derive(Serialize)]
pub(crate) struct DoctorShape {
    pub(crate) sound: bool,
    pub(crate) schema: u32,
    pub(crate) sendings_checked: u64,
    pub(crate) answers_kept: u64,
    pub(crate) faults: Vec<String>,
    pub(crate) unreadable_records: Vec<String>,
    pub(crate) clock: &'static str,
}

/// `backup`
#[derive(Serialize)]
pub(crate) struct BackupShape {
    pub(crate) folder: String,
}

/// `record prove`
#[derive(Serialize)]
pub(crate) struct RecordProofShape {
    pub(crate) record: String,
    pub(crate) log_size: u64,
    pub(crate) root: String,
    pub(crate) at: String,
    pub(crate) deltas: Vec<DeltaProofShape>,
}

/// What is proven of one delta.
#[derive(Serialize)]
pub(crate) struct DeltaProofShape {
    pub(crate) delta: String,
    pub(crate) seat: String,
    pub(crate) state: &'static str,
    pub(crate) log_index: Option<u64>,
    pub(crate) received_at: Option<String>,
}

/// `init --request`
#[derive(Serialize)]
pub(crate) struct EnrolmentRequestShape {
    pub(crate) request: String,
}

/// `bundle export`
#[derive(Serialize)]
pub(crate) struct BundleExportShape {
    pub(crate) bundle: String,
    pub(crate) signed: u64,
    pub(crate) deltas: u64,
    pub(crate) files: Vec<WrittenPartShape>,
}

/// One part of a bundle on the stick.
#[derive(Serialize)]
pub(crate) struct WrittenPartShape {
    pub(crate) file: String,
    pub(crate) size_bytes: u64,
}

/// `bundle import`
#[derive(Serialize)]
pub(crate) struct BundleImportShape {
    pub(crate) parts: Vec<BundlePartShape>,
    pub(crate) passed_over: u64,
    pub(crate) for_others: u64,
    pub(crate) delivered: u64,
    pub(crate) refused: Vec<ReasonCount>,
    pub(crate) received: u64,
    pub(crate) applied: u64,
    pub(crate) held: u64,
    pub(crate) set_aside: u64,
    pub(crate) files: u64,
    pub(crate) waiting_pages: u64,
    pub(crate) still_to_send: u64,
}

/// One file that was offered.
#[derive(Serialize)]
pub(crate) struct BundlePartShape {
    pub(crate) file: String,
    pub(crate) taken: bool,
    pub(crate) reason: Option<String>,
}

/// `relay serve`, once it listens
#[derive(Serialize)]
pub(crate) struct RelayOpenShape {
    pub(crate) addresses: Vec<String>,
    pub(crate) words: String,
    pub(crate) folder: String,
    pub(crate) dropped: u64,
}

/// `relay serve`, at its end
#[derive(Serialize)]
pub(crate) struct RelayServedShape {
    pub(crate) taken: u64,
    pub(crate) handed_back: u64,
    pub(crate) dropped: u64,
    pub(crate) meetings: u64,
    pub(crate) ended: &'static str,
}

/// `relay push`
#[derive(Serialize)]
pub(crate) struct RelayPushShape {
    pub(crate) signed: u64,
    pub(crate) deltas: u64,
    pub(crate) handed_over: u64,
    pub(crate) already_there: u64,
    pub(crate) replies: u64,
    pub(crate) replies_left: u64,
    pub(crate) delivered: u64,
    pub(crate) refused: Vec<ReasonCount>,
    pub(crate) received: u64,
    pub(crate) applied: u64,
    pub(crate) held: u64,
    pub(crate) set_aside: u64,
    pub(crate) files: u64,
    pub(crate) waiting_pages: u64,
    pub(crate) still_to_send: u64,
}

/// `relay status`
#[derive(Serialize)]
pub(crate) struct RelayStatusShape {
    pub(crate) folder: String,
    pub(crate) for_head_office: u64,
    pub(crate) for_head_office_bytes: u64,
    pub(crate) oldest_at: Option<String>,
    pub(crate) replies: u64,
    pub(crate) reply_bytes: u64,
    pub(crate) seats: u64,
}

/// `state-hash`
#[derive(Serialize)]
pub(crate) struct StateHashShape {
    pub(crate) records_hash: String,
    pub(crate) records: usize,
    pub(crate) area: Option<String>,
}
