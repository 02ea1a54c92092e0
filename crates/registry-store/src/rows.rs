//! What the tables hold, in the domain's words.

use std::collections::BTreeMap;

use record_model::{
    Alternative, AreaCode, ChangeHash, Class, DeltaHash, EpochId, FindingKind, FormRevision, Instant, ItemId,
    Lineage, OutcomeCode, ReasonCode, RecordId, Role, SeatId, Value, Visit,
};
use signed_delta::{PublishedFile, SignedDelta};

/// One entry of the log. Append-only: only a body may ever go, by lawful erasure.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// From 1, without gaps. The Merkle leaf of entry `n` has index `n - 1`.
    pub index: u64,
    /// The server's clock when it arrived.
    pub received_at: Instant,
    /// The delta, byte for byte.
    pub delta: SignedDelta,
}

/// How far the log has one run of a seat's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochRow {
    /// Whose chain.
    pub seat: SeatId,
    /// Which run.
    pub epoch: EpochId,
    /// Everything up to here is in the log.
    pub through_seq: u64,
    /// Hash of the delta at `through_seq`.
    pub through_hash: DeltaHash,
    /// Log index of the delta that made this epoch a fork; nothing more of it is merged until that is decided.
    pub frozen_by: Option<u64>,
    /// Log index of the decision that named the branch that stands.
    pub decided_by: Option<u64>,
    /// Position among the seat's epochs, from 1, in the order the log opened them.
    pub ordinal: u32,
}

/// A seat: its newest certificate and, once revoked, the last place that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatRow {
    /// The seat.
    pub seat: SeatId,
    /// Log index of its newest certificate.
    pub certificate_index: u64,
    /// Encoded body of the certificate delta's certificate is read from the log; these are the fields queries need.
    pub person: String,
    /// The device's name.
    pub device: String,
    /// What it may do.
    pub role: Role,
    /// Log index of its revocation.
    pub revocation_index: Option<u64>,
    /// Last instant of the server's clock at which it was heard.
    pub last_seen_at: Option<Instant>,
}

/// Where a change came from: leads from a value to the person, the device and the visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeOrigin {
    /// The change.
    pub change: ChangeHash,
    /// The record.
    pub record: RecordId,
    /// Log index of the delta that brought it.
    pub log_index: u64,
    /// Who.
    pub seat: SeatId,
    /// When the person said the visit was; none for a supervisor's decision.
    pub visit: Option<Visit>,
    /// The form revision it was made under.
    pub revision: FormRevision,
}

/// Where a record is in its life, as the log so far says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordStatus {
    /// No finalise statement yet.
    Draft,
    /// Finalised at least once and not withdrawn since.
    Finalised,
    /// Withdrawn.
    Withdrawn,
}

impl RecordStatus {
    /// The stable word in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Finalised => "finalised",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// From the stable word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "draft" => Some(Self::Draft),
            "finalised" => Some(Self::Finalised),
            "withdrawn" => Some(Self::Withdrawn),
            _ => None,
        }
    }
}

/// A record as merged so far. Derived: `rebuild` makes it again from the log.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordRow {
    /// The record.
    pub record: RecordId,
    /// Which generation.
    pub generation: u32,
    /// Which form's record.
    pub lineage: Lineage,
    /// Where it lives now (its placement).
    pub area: AreaCode,
    /// The newest form revision among its changes, by order of publication.
    pub revision: FormRevision,
    /// The greatest visit among its changes (see docs/PROTOCOL.md, "visit of a record").
    pub visit: Visit,
    /// Draft, finalised, withdrawn.
    pub status: RecordStatus,
    /// The household's number, once it has one.
    pub registration_number: Option<String>,
    /// The saved document.
    pub state: Vec<u8>,
    /// Its sorted heads.
    pub heads: Vec<ChangeHash>,
    /// Its part of `records_hash`.
    pub digest: [u8; 32],
    /// Log index of the last entry that changed it.
    pub updated_index: u64,
}

impl std::fmt::Debug for RecordRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordRow({}, {}, {})", self.record, self.lineage, self.status.as_str())
    }
}

/// How an item was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// A supervisor decided: log index of the decision.
    Decided(u64),
    /// A later write made it moot: log index of that write.
    Superseded(u64),
}

/// A review item. Derived; its id names the writes it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRow {
    /// The item.
    pub id: ItemId,
    /// Which record.
    pub record: RecordId,
    /// What kind of doubt.
    pub kind: FindingKind,
    /// What it is about.
    pub subject: String,
    /// The writes it rests on.
    pub alternatives: Vec<Alternative>,
    /// Log index of the entry after which it stood.
    pub opened_index: u64,
    /// How it was settled, if it is.
    pub settled: Option<Settlement>,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeRow {
    /// The entry.
    pub log_index: u64,
    /// What became of it.
    pub code: OutcomeCode,
    /// Why, where the code needs a reason.
    pub reason: Option<ReasonCode>,
}

/// What a held entry waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeldOn {
    /// The delta at this place of a chain.
    Chain(SeatId, EpochId, u64),
    /// A change of the same record that has not arrived.
    Change(ChangeHash),
}

/// Who is shown a feed entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Every seat: certificates, revocations, publications.
    Everyone,
    /// Seats whose certificate covers the record's present area and its lineage.
    Record(RecordId),
    /// One seat: what became of its own deltas.
    Seat(SeatId),
}

/// A row of the feed as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedRow {
    /// From 1, without gaps.
    pub feed_index: u64,
    /// The log entry that is shown.
    pub log_index: u64,
    /// To whom.
    pub audience: Audience,
}

/// What a seat may be shown.
#[derive(Debug, Clone)]
pub struct FeedFilter {
    /// The seat that asks.
    pub seat: SeatId,
    /// Every area its certificate reaches, those within included.
    pub areas: Vec<AreaCode>,
    /// Lineages its certificate reaches; empty for all.
    pub lineages: Vec<Lineage>,
    /// The highest class it is shown.
    pub max_class: Class,
    /// Chains it holds itself: not sent back.
    pub have: Vec<signed_delta::ChainEnd>,
}

/// One entry of the feed.
#[derive(Debug, Clone)]
pub struct FeedEntry {
    /// From 1, without gaps.
    pub feed_index: u64,
    /// The log entry.
    pub entry: LogEntry,
}

/// A published form revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicationRow {
    /// Log index of the publication: the order of publication.
    pub log_index: u64,
    /// Its lineage.
    pub lineage: Lineage,
    /// The revision.
    pub revision: FormRevision,
    /// Its files, by content.
    pub files: Vec<PublishedFile>,
}

/// Content by its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct BlobRow {
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// The content.
    pub content: Vec<u8>,
}

/// A one-time enrolment code, kept as the public half of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// Public half of the code's key (docs/PROTOCOL.md, enrolment): of no use to who reads it here.
    pub code_key: [u8; 32],
    /// The name suggested for the person.
    pub person: String,
    /// What the seat may do.
    pub role: Role,
    /// Where.
    pub areas: Vec<AreaCode>,
    /// Which forms; empty for all.
    pub lineages: Vec<Lineage>,
    /// When it was made.
    pub created_at: Instant,
    /// Until when it can be used, by the server's clock.
    pub expires_at: Instant,
    /// Who used it.
    pub used_by: Option<SeatId>,
}

/// Registry row of a household, from its form.
#[derive(Clone, PartialEq, Eq)]
pub struct HouseholdRow {
    /// The household: its record's id.
    pub household: RecordId,
    /// Its number, once it has one.
    pub registration_number: Option<String>,
    /// Where it lives.
    pub area: AreaCode,
    /// What people call it.
    pub label: String,
    /// The properties the form saves.
    pub properties: BTreeMap<String, Value>,
}

/// Registry row of a person, from a roster instance.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// The permanent person id.
    pub person: String,
    /// What people call them.
    pub label: String,
    /// The properties the form saves.
    pub properties: BTreeMap<String, Value>,
}

/// Who belongs to which household.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipRow {
    /// The household.
    pub household: RecordId,
    /// The person.
    pub person: String,
    /// The roster instance that says so.
    pub instance: String,
    /// The relationship to the head, as coded in the form.
    pub relationship: Option<String>,
}

/// An identifier of a person.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentifierRow {
    /// The person.
    pub person: String,
    /// The scheme, such as `NINU`.
    pub scheme: String,
    /// The number, as written down.
    pub value: String,
}

/// What the registry says because of one record. Replaced as a whole whenever the record changes.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Projection {
    /// The household, if the record makes one.
    pub household: Option<HouseholdRow>,
    /// Its persons.
    pub persons: Vec<PersonRow>,
    /// Who belongs to it.
    pub memberships: Vec<MembershipRow>,
    /// Their identifiers.
    pub identifiers: Vec<IdentifierRow>,
}

/// Which review items.
#[derive(Debug, Clone, Default)]
pub struct ItemFilter {
    /// Only those nobody has settled.
    pub open_only: bool,
    /// Only of this record.
    pub record: Option<RecordId>,
    /// Only of this kind.
    pub kind: Option<FindingKind>,
    /// Only in these areas, given one by one; none for all.
    pub areas: Option<Vec<AreaCode>>,
    /// After this (opened index, item).
    pub after: Option<(u64, ItemId)>,
}

/// Which records.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    /// Only of this lineage.
    pub lineage: Option<Lineage>,
    /// Only in these areas, given one by one; none for all.
    pub areas: Option<Vec<AreaCode>>,
    /// After this record, in order of id.
    pub after: Option<RecordId>,
}
