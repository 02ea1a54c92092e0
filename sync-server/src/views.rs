//! What `--json` prints: one object a command. `schemas/server-*.schema.json` describe them; a test holds both together.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::tz::{Offset, TimeZone};
use record_model::{
    AnswerPath, AreaCode, BundleId, ChangeHash, DeltaHash, DeltaKind, DeploymentId, EpochId, FindingKind,
    FormRevision, Instant, ItemId, Lineage, LogId, OutcomeCode, ReasonCode, RecordId, Role, SeatId, Value,
    Visit,
};
use registry_core::{Fault, TakenPart};
use registry_store::{InvitationRow, SeatRow};
use serde::Serialize;
use signed_delta::PublicKey;

/// An instant for people and JSON: UTC, RFC 3339.
pub(crate) fn date_time(at: Instant) -> String {
    timestamp(at).to_string()
}

/// A visit as it was at its place: local time and offset, RFC 3339.
pub(crate) fn visit_time(visit: Visit) -> String {
    let offset = Offset::from_seconds(i32::from(visit.utc_offset_minutes) * 60).unwrap_or(Offset::UTC);
    timestamp(visit.at).to_zoned(TimeZone::fixed(offset)).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The same for people: to the minute, `2025-10-09 03:54 -05:00`.
pub(crate) fn for_people(time: &str) -> String {
    let Some((day, rest)) = time.split_once('T') else { return time.to_owned() };
    let offset = rest.find(['Z', '+', '-']).map_or("", |at| &rest[at..]);
    let offset = if offset == "Z" { "UTC" } else { offset };
    format!("{day} {} {offset}", rest.get(..5).unwrap_or(rest))
}

/// A laptop's clock may claim any year: beyond the calendar it is the calendar's end.
fn timestamp(at: Instant) -> jiff::Timestamp {
    let end = if at.unix_ms() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_millisecond(at.unix_ms()).unwrap_or(end)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// A key in groups that two people can read to each other.
pub(crate) fn fingerprint(key: &PublicKey) -> String {
    let text = key.seat().to_string();
    let groups: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..text.len().min(at + 4)]).collect();
    groups.join("-")
}

/// What became of an invitation.
pub(crate) fn invitation_status(row: &InvitationRow, now: Instant) -> &'static str {
    match row.used_by {
        Some(_) => "used",
        None if now >= row.expires_at => "expired",
        None => "open",
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct InitView {
    pub(crate) deployment: DeploymentId,
    pub(crate) log: LogId,
    pub(crate) registry_key: String,
    pub(crate) registry_key_fingerprint: String,
    pub(crate) training: bool,
    pub(crate) registration_prefix: String,
    pub(crate) recovery_recipient: String,
    pub(crate) recovery_identity_file: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct InvitationView {
    /// Only when it is made: the server keeps its hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    pub(crate) person: String,
    pub(crate) role: Role,
    pub(crate) areas: Vec<AreaCode>,
    pub(crate) lineages: Vec<Lineage>,
    pub(crate) created_at: String,
    pub(crate) expires_at: String,
    pub(crate) status: &'static str,
    pub(crate) used_by: Option<SeatId>,
}

#[derive(Debug, Serialize)]
pub(crate) struct InvitationsView {
    pub(crate) file: String,
    pub(crate) invited: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct SeatView {
    pub(crate) seat: SeatId,
    pub(crate) person: String,
    pub(crate) device: String,
    pub(crate) role: Role,
    pub(crate) status: &'static str,
    pub(crate) certificate_index: u64,
    pub(crate) revocation_index: Option<u64>,
    pub(crate) last_seen_at: Option<String>,
}

impl From<&SeatRow> for SeatView {
    fn from(row: &SeatRow) -> Self {
        Self {
            seat: row.seat,
            person: row.person.clone(),
            device: row.device.clone(),
            role: row.role,
            status: if row.revocation_index.is_some() { "revoked" } else { "active" },
            certificate_index: row.certificate_index,
            revocation_index: row.revocation_index,
            last_seen_at: row.last_seen_at.map(date_time),
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct DeviceListView {
    pub(crate) seats: Vec<SeatView>,
    pub(crate) invitations: Vec<InvitationView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RevokedView {
    pub(crate) seat: SeatId,
    /// The last place of its chain that counts, if any does.
    pub(crate) last_epoch: Option<EpochId>,
    pub(crate) last_seq: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FormPublishView {
    pub(crate) lineage: Lineage,
    pub(crate) revision: FormRevision,
    pub(crate) files: BTreeMap<String, u64>,
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FormView {
    pub(crate) log_index: u64,
    pub(crate) lineage: Lineage,
    pub(crate) revision: FormRevision,
    pub(crate) form_id: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) files: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FormListView {
    pub(crate) forms: Vec<FormView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ItemView {
    pub(crate) item: ItemId,
    pub(crate) kind: FindingKind,
    pub(crate) status: &'static str,
    pub(crate) subject: String,
    /// The question or rule in the form's words, where it has any.
    pub(crate) label: Option<String>,
    pub(crate) record: RecordId,
    pub(crate) registration_number: Option<String>,
    pub(crate) area: Option<AreaCode>,
    pub(crate) opened_index: u64,
    pub(crate) settled_index: Option<u64>,
}

/// A delta in the log that is not merged.
#[derive(Debug, Serialize)]
pub(crate) struct SetAsideView {
    pub(crate) log_index: u64,
    pub(crate) outcome: OutcomeCode,
    pub(crate) reason: Option<ReasonCode>,
    #[serde(flatten)]
    pub(crate) delta: DeltaView,
}

/// An epoch of a seat with more than one branch.
#[derive(Debug, Serialize)]
pub(crate) struct ForkView {
    pub(crate) seat: SeatId,
    pub(crate) epoch: EpochId,
    pub(crate) enumerator: Option<String>,
    pub(crate) device: Option<String>,
    /// The delta that names the branch that stands, once that is decided.
    pub(crate) stands: Option<DeltaHash>,
    pub(crate) branches: Vec<BranchView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct BranchView {
    /// Its first delta: what a decision names.
    pub(crate) branch: DeltaHash,
    pub(crate) from_seq: u64,
    pub(crate) to_seq: u64,
    pub(crate) deltas: u64,
    /// Of them, how many are merged.
    pub(crate) merged: u64,
    /// How many records they are about.
    pub(crate) records: u64,
    pub(crate) first_received_at: String,
    pub(crate) last_received_at: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct ReviewListView {
    /// How many open items the filter names, whatever the limit.
    pub(crate) open: u64,
    pub(crate) items: Vec<ItemView>,
    /// Copied or restored laptops.
    pub(crate) forks: Vec<ForkView>,
    pub(crate) set_aside: Vec<SetAsideView>,
    /// True when a limit cut a list short.
    pub(crate) more: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct AlternativeView {
    pub(crate) number: usize,
    pub(crate) path: AnswerPath,
    /// The question in the form's words.
    pub(crate) label: Option<String>,
    /// Whose answer it is, for a repeat instance that is a person.
    pub(crate) member: Option<String>,
    pub(crate) value: Value,
    /// The choice in the form's words.
    pub(crate) value_label: Option<String>,
    pub(crate) enumerator: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) visit: Option<String>,
    pub(crate) received_at: Option<String>,
    pub(crate) change: Option<ChangeHash>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ReviewShowView {
    #[serde(flatten)]
    pub(crate) item: ItemView,
    pub(crate) lineage: Lineage,
    pub(crate) area_name: Option<String>,
    pub(crate) household: Option<String>,
    pub(crate) alternatives: Vec<AlternativeView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct DecidedView {
    pub(crate) item: ItemId,
    pub(crate) status: &'static str,
    pub(crate) settled_index: Option<u64>,
    pub(crate) record: RecordId,
    /// Open items left on the same record.
    pub(crate) open_on_record: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct RecordView {
    pub(crate) record: RecordId,
    pub(crate) registration_number: Option<String>,
    pub(crate) lineage: Lineage,
    pub(crate) area: AreaCode,
    pub(crate) status: &'static str,
    pub(crate) visit: String,
    pub(crate) generation: u32,
    pub(crate) revision: FormRevision,
    pub(crate) updated_index: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct RecordListView {
    pub(crate) records: Vec<RecordView>,
    pub(crate) more: bool,
}

/// `schemas/household.schema.json`.
#[derive(Debug, Serialize)]
pub(crate) struct HouseholdView {
    pub(crate) household: RecordId,
    pub(crate) registration_number: Option<String>,
    pub(crate) area: AreaCode,
    pub(crate) label: String,
    pub(crate) properties: BTreeMap<String, Value>,
}

/// `schemas/person.schema.json`.
#[derive(Debug, Serialize)]
pub(crate) struct PersonView {
    pub(crate) person: String,
    pub(crate) label: String,
    pub(crate) properties: BTreeMap<String, Value>,
}

/// `schemas/membership.schema.json`.
#[derive(Debug, Serialize)]
pub(crate) struct MembershipView {
    pub(crate) household: RecordId,
    pub(crate) person: String,
    pub(crate) instance: String,
    pub(crate) relationship: Option<String>,
}

/// `schemas/identifier.schema.json`.
#[derive(Debug, Serialize)]
pub(crate) struct IdentifierView {
    pub(crate) person: String,
    pub(crate) scheme: String,
    pub(crate) value: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct RecordShowView {
    #[serde(flatten)]
    pub(crate) record: RecordView,
    pub(crate) area_name: Option<String>,
    pub(crate) heads: Vec<ChangeHash>,
    pub(crate) digest: String,
    pub(crate) household: Option<HouseholdView>,
    pub(crate) persons: Vec<PersonView>,
    pub(crate) memberships: Vec<MembershipView>,
    pub(crate) identifiers: Vec<IdentifierView>,
    pub(crate) open_items: Vec<ItemView>,
}

/// Who signed what, and where it stands.
#[derive(Debug, Serialize)]
pub(crate) struct DeltaView {
    pub(crate) delta: DeltaHash,
    pub(crate) kind: DeltaKind,
    pub(crate) seat: SeatId,
    pub(crate) enumerator: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) epoch: EpochId,
    pub(crate) seq: u64,
    pub(crate) record: Option<RecordId>,
    pub(crate) area: Option<AreaCode>,
    /// What the device's clock said.
    pub(crate) claimed_at: String,
    /// What the server's clock said.
    pub(crate) received_at: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct HistoryEntryView {
    pub(crate) log_index: u64,
    #[serde(flatten)]
    pub(crate) delta: DeltaView,
    /// None until the merge has come to it.
    pub(crate) outcome: Option<OutcomeCode>,
    pub(crate) outcome_reason: Option<ReasonCode>,
    /// What a change or a finalise statement says of the visit.
    pub(crate) visit: Option<String>,
    pub(crate) finalises: bool,
    pub(crate) withdraws: bool,
    /// What a decision settles, who decided, and why (also why something was withdrawn).
    pub(crate) item: Option<ItemId>,
    pub(crate) account: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) erased: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct RecordHistoryView {
    pub(crate) record: RecordId,
    pub(crate) registration_number: Option<String>,
    pub(crate) entries: Vec<HistoryEntryView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct VerifyView {
    pub(crate) ok: bool,
    pub(crate) entries: u64,
    pub(crate) root: String,
    pub(crate) faults: Vec<Fault>,
}

#[derive(Debug, Serialize)]
pub(crate) struct HeadView {
    pub(crate) log: LogId,
    pub(crate) entries: u64,
    pub(crate) root: String,
    pub(crate) at: String,
    /// Where the signed head was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RebuildView {
    pub(crate) entries: u64,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) same: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct StateHashView {
    pub(crate) areas: Option<Vec<AreaCode>>,
    pub(crate) records: usize,
    pub(crate) records_hash: String,
    /// Over everything, whatever the areas.
    pub(crate) registry_hash: String,
    pub(crate) log_length: u64,
    pub(crate) merged_through: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct StatusView {
    pub(crate) deployment: DeploymentId,
    pub(crate) log: LogId,
    pub(crate) training: bool,
    pub(crate) registry_key_fingerprint: String,
    pub(crate) served: bool,
    pub(crate) log_length: u64,
    pub(crate) merged_through: u64,
    pub(crate) root: String,
    pub(crate) open_items: BTreeMap<&'static str, u64>,
    pub(crate) set_aside: BTreeMap<&'static str, u64>,
    pub(crate) set_aside_reasons: BTreeMap<&'static str, u64>,
    pub(crate) seats: SeatCounts,
    pub(crate) invitations_open: u64,
    pub(crate) forms: u64,
    pub(crate) households: u64,
    pub(crate) persons: u64,
    pub(crate) recovery_identity_on_server: bool,
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct SeatCounts {
    pub(crate) active: u64,
    pub(crate) revoked: u64,
}

/// What a backup says of itself, in `backup.json`; `schemas/server-backup-manifest.schema.json`.
#[derive(Debug, Serialize, serde::Deserialize)]
pub(crate) struct BackupManifest {
    pub(crate) version: u32,
    pub(crate) deployment: DeploymentId,
    pub(crate) log: LogId,
    pub(crate) training: bool,
    pub(crate) registry_key_fingerprint: String,
    pub(crate) log_through: u64,
    /// Of the copied database.
    pub(crate) sha256: String,
    pub(crate) made_at: String,
    pub(crate) with_keys: bool,
}

/// A part of a bundle that was offered to the registry.
#[derive(Debug, Serialize)]
pub(crate) struct BundlePartView {
    pub(crate) file: String,
    pub(crate) taken: bool,
    pub(crate) reason: Option<String>,
    pub(crate) bundle: Option<BundleId>,
    pub(crate) part: Option<u32>,
    pub(crate) last: Option<bool>,
    pub(crate) seat: Option<SeatId>,
    pub(crate) deltas: u64,
    pub(crate) refused: u64,
    pub(crate) unread: u64,
}

impl BundlePartView {
    pub(crate) fn taken(path: &Path, part: &TakenPart) -> Self {
        Self {
            bundle: Some(part.bundle),
            part: Some(part.part),
            last: Some(part.last),
            seat: Some(part.seat),
            deltas: part.deltas,
            refused: part.refused,
            unread: part.unread,
            ..Self::plain(path)
        }
    }

    pub(crate) fn refused(path: &Path, reason: String) -> Self {
        Self { taken: false, reason: Some(reason), ..Self::plain(path) }
    }

    /// A request to be enrolled: the seat is certified.
    pub(crate) fn enrolled(path: &Path, seat: SeatId) -> Self {
        Self { seat: Some(seat), ..Self::plain(path) }
    }

    fn plain(path: &Path) -> Self {
        Self {
            file: bundle_files::shown(path),
            taken: true,
            reason: None,
            bundle: None,
            part: None,
            last: None,
            seat: None,
            deltas: 0,
            refused: 0,
            unread: 0,
        }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct BundleImportView {
    pub(crate) parts: Vec<BundlePartView>,
    pub(crate) passed_over: u64,
    pub(crate) deltas: u64,
    pub(crate) refused: u64,
    pub(crate) replies: Vec<WrittenPartView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct BundleExportView {
    pub(crate) seat: SeatId,
    pub(crate) files: Vec<WrittenPartView>,
}

/// A part on the stick, and for whom.
#[derive(Debug, Serialize)]
pub(crate) struct WrittenPartView {
    pub(crate) file: String,
    pub(crate) seat: SeatId,
    pub(crate) size_bytes: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct BackupView {
    pub(crate) folder: String,
    #[serde(flatten)]
    pub(crate) manifest: BackupManifest,
}

#[derive(Debug, Serialize)]
pub(crate) struct RestoreView {
    pub(crate) home: String,
    pub(crate) deployment: DeploymentId,
    /// The log that goes on from the backup: laptops follow it, and send again what the backup lacks.
    pub(crate) log: LogId,
    pub(crate) log_length: u64,
    pub(crate) root: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_they_were_where_they_were() {
        let visit = Visit { at: Instant::from_unix_ms(1_760_000_000_000), utc_offset_minutes: -300 };
        assert_eq!(visit_time(visit), "2025-10-09T03:53:20-05:00");
        assert_eq!(date_time(visit.at), "2025-10-09T08:53:20Z");
        assert_eq!(for_people(&visit_time(visit)), "2025-10-09 03:53 -05:00");
        assert_eq!(for_people("2026-11-22T17:18:37.503Z"), "2026-11-22 17:18 UTC");
        assert_eq!(date_time(Instant::from_unix_ms(i64::MAX)), "9999-12-30T22:00:00.999999999Z");
    }
}
