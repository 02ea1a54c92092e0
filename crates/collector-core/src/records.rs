//! Reading records: what they say, with the journal over it, whose word each value is, and how they came to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use device_store::{
    ChangeRow, Delivery, Draft, RecordDelivery, RecordDelta, RecordFilter, RecordRow, RecordStatus,
    StatementKind, StatementRow, Tx,
};
use form_engine::{Evaluation, evaluate, record_findings};
use record_doc::RecordDoc;
use record_model::{
    AnswerPath, Answers, AreaCode, ChangeHash, Decision, DeltaHash, DeltaKind, Finding, FormRevision, Hlc,
    Instant, Lineage, Marker, OutcomeCode, ReasonCode, RecordId, RecordView, RecordsHash, SeatId, Value,
    Visit, open_findings,
};
use signed_delta::{Act, Body, SignedDelta, StatementAct};

use crate::collector::Collector;
use crate::error::CollectorError;
use crate::forms::{FormLibrary, PublishedForm};
use crate::roster::KnownSeats;

/// A record in a list.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordSummary {
    /// Its id.
    pub record: RecordId,
    /// Its lineage.
    pub lineage: Lineage,
    /// Its registration number, once it has one.
    pub number: Option<String>,
    /// What its form calls it, such as the head's name. Personal data.
    pub title: String,
    /// Where it is.
    pub area: Option<AreaCode>,
    /// Where it is in its life.
    pub status: RecordStatus,
    /// Answers of the person who unlocked that no delta holds yet.
    pub pending_answers: u64,
    /// True when something about it waits to be sent.
    pub to_send: bool,
    /// How far it has come on its way to the registry.
    pub progress: RecordProgress,
    /// Doubts that no decision has settled.
    pub open_items: u32,
    /// When it last changed here.
    pub updated_at: Instant,
}

/// How far a record has come on its way to the registry: the one thing that most needs a person to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordProgress {
    /// The server would not take something of it, or has set it aside. Nothing is lost; somebody must act.
    SetAside {
        /// Why.
        reason: Option<ReasonCode>,
    },
    /// This laptop was copied or restored, and two branches of its work stand side by side until a person decides.
    Forked,
    /// Answers that no delta holds yet, or an interview that is not finished.
    InProgress,
    /// Signed, and on this laptop only.
    ToSend {
        /// Since when.
        since: Instant,
    },
    /// At the server, which waits for an earlier delta.
    Held,
    /// At the server, which has not said yet what it made of it.
    Sent,
    /// In the registry, and a person must look at it.
    InReview,
    /// In the registry.
    Merged,
    /// From others; nothing about it was written here.
    Received,
}

impl RecordProgress {
    fn of(row: &RecordRow, pending: u64, delivery: Option<&RecordDelivery>) -> Self {
        match delivery {
            Some(RecordDelivery { set_aside: true, reason, .. }) => Self::SetAside { reason: *reason },
            Some(RecordDelivery { forked: true, .. }) => Self::Forked,
            _ if pending > 0 => Self::InProgress,
            Some(_) if row.status == RecordStatus::Draft => Self::InProgress,
            Some(RecordDelivery { to_send_since: Some(since), .. }) => Self::ToSend { since: *since },
            Some(RecordDelivery { held: true, .. }) => Self::Held,
            Some(RecordDelivery { unconfirmed: true, .. }) => Self::Sent,
            _ if row.open_items > 0 => Self::InReview,
            Some(_) => Self::Merged,
            None => Self::Received,
        }
    }

    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SetAside { .. } => "set_aside",
            Self::Forked => "forked",
            Self::InProgress => "in_progress",
            Self::ToSend { .. } => "to_send",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::InReview => "in_review",
            Self::Merged => "merged",
            Self::Received => "received",
        }
    }
}

/// Without the title: it is personal data.
impl std::fmt::Debug for RecordSummary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordSummary")
            .field("record", &self.record)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Who wrote a value, and on which visit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// The seat.
    pub seat: SeatId,
    /// The person as certified; none when the certificate is not here.
    pub person: Option<String>,
    /// The laptop as certified.
    pub device: Option<String>,
    /// The visit; none for what a decision wrote.
    pub visit: Option<Visit>,
    /// The delta's claim about time.
    pub hlc: Hlc,
    /// The delta.
    pub delta: DeltaHash,
}

/// One of the values of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownValue {
    /// The value.
    pub value: Value,
    /// The change that wrote it; none for an answer that is only in the journal.
    pub change: Option<ChangeHash>,
    /// Who wrote it; none when it is only in the journal.
    pub by: Option<Attribution>,
}

/// A record as a person looks at it.
#[derive(Debug, Clone)]
pub struct ShownRecord {
    /// What the list shows of it.
    pub summary: RecordSummary,
    /// Which generation of its history.
    pub generation: u32,
    /// The form revision it is read under.
    pub revision: Option<FormRevision>,
    /// The visit it is evaluated at.
    pub visit: Option<Visit>,
    /// Each answer: more than one value where answers were made without sight of each other. The journal's comes first.
    pub answers: BTreeMap<AnswerPath, Vec<ShownValue>>,
    /// What a person must look at, settled items left out.
    pub findings: Vec<Finding>,
}

/// A record open for an interview.
#[derive(Debug)]
pub struct Interview {
    /// The record.
    pub record: RecordId,
    /// The form it is asked under.
    pub form: Arc<PublishedForm>,
    /// All that stands, the journal over it.
    pub answers: Answers,
    /// The visit it is evaluated at.
    pub visit: Visit,
    /// What the form makes of it.
    pub evaluation: Evaluation,
}

/// What happened at one place in a record's history.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryEvent {
    /// Answers, with what each was before.
    Change {
        /// The change.
        change: ChangeHash,
        /// Each answer: before and after. Empty when the record does not have the change.
        answers: Vec<(AnswerPath, Value, Value)>,
        /// True when the interview was declared finished with it.
        finalised: bool,
    },
    /// The interview was declared finished.
    Finalised,
    /// The record was withdrawn.
    Withdrawn {
        /// Why.
        reason: String,
    },
    /// A supervisor decided.
    Decided {
        /// What about.
        item: record_model::ItemId,
        /// Why.
        reason: String,
        /// Who.
        account: String,
    },
    /// Something this version has no words for.
    Other(DeltaKind),
}

/// Reasons are in people's words, and may name somebody.
impl std::fmt::Debug for HistoryEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Change { change, answers, finalised } => {
                write!(f, "Change({change}, {} answers, finalised: {finalised})", answers.len())
            }
            Self::Finalised => f.write_str("Finalised"),
            Self::Withdrawn { .. } => f.write_str("Withdrawn"),
            Self::Decided { item, .. } => write!(f, "Decided({item})"),
            Self::Other(kind) => write!(f, "Other({kind})"),
        }
    }
}

/// How far a delta of a record's history has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Waits to be sent.
    ToSend,
    /// A receipt covers it.
    Delivered,
    /// The server said what it made of it.
    Outcome(OutcomeCode, Option<ReasonCode>),
    /// The server would not take it.
    Refused(Option<ReasonCode>),
    /// Pulled, and part of the record.
    Pulled,
    /// Pulled; waits for an earlier one.
    Held,
    /// Pulled; set aside.
    Quarantined(ReasonCode),
}

/// One entry of a record's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The delta.
    pub delta: DeltaHash,
    /// Who, and on which visit.
    pub by: Attribution,
    /// When: by this laptop's clock for what was written here, by the server's for the rest.
    pub at: Instant,
    /// What.
    pub event: HistoryEvent,
    /// How far it has come.
    pub progress: Progress,
}

pub(crate) fn open_document(row: &RecordRow) -> Result<RecordDoc, CollectorError> {
    Ok(match &row.state {
        Some(state) => RecordDoc::load(state)?,
        None => RecordDoc::new(),
    })
}

/// The shown answers with a journal over them; cleared answers are left out.
pub(crate) fn overlaid(view: &RecordView, journal: &Answers) -> Answers {
    let mut answers = view.shown();
    for (path, value) in journal {
        if value.is_null() {
            answers.remove(path);
        } else {
            answers.insert(path.clone(), value.clone());
        }
    }
    answers
}

/// The form revision and visit a record is read under, whatever order its changes came in: the revision published last,
/// and the latest visit.
pub(crate) fn reading(
    tx: &Tx<'_>,
    changes: &[ChangeRow],
) -> Result<(Option<FormRevision>, Option<Visit>), CollectorError> {
    let published = tx.publications()?;
    let order = |revision: &FormRevision| published.iter().position(|p| p.revision == *revision);
    let revision = changes.iter().map(|change| change.revision).max_by_key(order);
    let visit = changes.iter().filter_map(|change| change.visit).max();
    Ok((revision, visit))
}

/// What the signed words say, whatever order they came in: withdrawn for good, else finalised once it ever was.
pub(crate) fn status_of(statements: &[StatementRow]) -> RecordStatus {
    let said = |kind| statements.iter().any(|statement| statement.kind == kind);
    if said(StatementKind::Withdraw) {
        RecordStatus::Withdrawn
    } else if said(StatementKind::Finalise) {
        RecordStatus::Finalised
    } else {
        RecordStatus::Draft
    }
}

/// What lists show of a record, and its open items: derived from what it says.
pub(crate) struct Derived {
    pub(crate) status: RecordStatus,
    pub(crate) number: Option<String>,
    pub(crate) title: String,
    pub(crate) open: Vec<Finding>,
}

pub(crate) fn derive(
    tx: &Tx<'_>,
    forms: &mut FormLibrary,
    row: &RecordRow,
    doc: &RecordDoc,
) -> Result<Derived, CollectorError> {
    let view = doc.view();
    let (revision, visit) = reading(tx, &tx.changes(row.record)?)?;
    let form = match revision {
        Some(revision) => forms.find(tx, revision)?,
        None => None,
    };
    let status = status_of(&tx.statements(row.record)?);
    let evaluation = form.as_ref().zip(visit).map(|(form, visit)| evaluate(&form.form, &view.shown(), visit));
    let judged = evaluation.as_ref().filter(|_| status == RecordStatus::Finalised);
    let doc_findings = doc.findings(&view, row.record, row.generation);
    let findings = record_findings(&view, doc_findings, judged, row.record, row.generation);
    let open = open_findings(findings, &tx.decisions(row.record)?);
    let title = match (&form, &evaluation) {
        (Some(form), Some(evaluation)) => title(form, evaluation),
        _ => row.title.clone(),
    };
    Ok(Derived { status, number: number_in(&view), title, open })
}

/// Derives anew what lists show of a record.
pub(crate) fn refresh_row(
    tx: &Tx<'_>,
    forms: &mut FormLibrary,
    mut row: RecordRow,
    doc: &RecordDoc,
) -> Result<(), CollectorError> {
    let derived = derive(tx, forms, &row, doc)?;
    row.status = derived.status;
    row.number = derived.number;
    row.title = derived.title;
    row.open_items = derived.open.len() as u32;
    // The document was written with the delta that changed it.
    row.state = None;
    Ok(tx.put_record(&row)?)
}

pub(crate) fn title(form: &PublishedForm, evaluation: &Evaluation) -> String {
    let lang =
        form.settings.default_language.as_deref().or(form.form.languages().first().map(String::as_str));
    evaluation.instance_name(lang.unwrap_or_default()).trim().to_owned()
}

pub(crate) fn number_in(view: &RecordView) -> Option<String> {
    view.get(Marker::Number.as_str()).as_text().map(str::to_owned)
}

pub(crate) fn known_record(tx: &Tx<'_>, record: RecordId) -> Result<RecordRow, CollectorError> {
    tx.record(record)?.ok_or(CollectorError::UnknownRecord { record })
}

/// A person's open visit, or the reading of the record when there is none.
pub(crate) fn visit_of(
    tx: &Tx<'_>,
    forms: &mut FormLibrary,
    row: &RecordRow,
    seat: SeatId,
    fallback: Visit,
) -> Result<Draft, CollectorError> {
    if let Some(draft) = tx.draft(row.record, seat)? {
        return Ok(draft);
    }
    let (revision, visit) = reading(tx, &tx.changes(row.record)?)?;
    let revision = match revision {
        Some(revision) => revision,
        None => forms.newest(tx, &row.lineage)?.revision,
    };
    Ok(Draft { revision, visit: visit.unwrap_or(fallback), opened_at: fallback.at })
}

impl Collector {
    /// Records, the latest changed first.
    pub fn list(&self, filter: &RecordFilter) -> Result<Vec<RecordSummary>, CollectorError> {
        self.store.read(|tx| {
            let pending: BTreeMap<RecordId, u64> =
                tx.journalled_records(self.seat.seat)?.into_iter().collect();
            let delivery: HashMap<RecordId, RecordDelivery> =
                tx.delivery_of_records(None)?.into_iter().map(|row| (row.record, row)).collect();
            Ok(tx
                .records(filter)?
                .into_iter()
                .map(|row| summary(&row, pending.get(&row.record), delivery.get(&row.record)))
                .collect())
        })
    }

    /// The one record whose number or id begins with this text, whatever the capitals.
    pub fn find(&self, text: &str) -> Result<RecordId, CollectorError> {
        let wanted = text.trim().to_uppercase();
        if let Ok(record) = wanted.parse() {
            return self.store.read(|tx| Ok(known_record(tx, record)?.record));
        }
        let rows = self.store.read(|tx| tx.records(&RecordFilter::default()))?;
        let fits = |row: &&RecordRow| {
            row.number.as_ref().is_some_and(|number| number.starts_with(&wanted))
                || row.record.to_string().starts_with(&wanted)
        };
        let found: Vec<RecordId> = rows.iter().filter(fits).map(|row| row.record).collect();
        match found[..] {
            [record] if !wanted.is_empty() => Ok(record),
            _ => Err(CollectorError::RecordNotFound { found: found.len() }),
        }
    }

    /// A record as a person looks at it: every value with its author, the journal over it, open doubts.
    pub fn show(&mut self, record: RecordId) -> Result<ShownRecord, CollectorError> {
        let Self { store, forms, seat, deployment, .. } = self;
        let seat = seat.seat;
        store.read(|tx| {
            let row = known_record(tx, record)?;
            let doc = open_document(&row)?;
            let changes = tx.changes(record)?;
            let (revision, visit) = reading(tx, &changes)?;
            let draft = tx.draft(record, seat)?;
            let known = KnownSeats::new(deployment, tx.standings()?);
            let view = doc.view();
            let mut answers = shown_answers(&view, &changes, &known);
            let journal = tx.journalled(record, seat)?;
            for (path, value) in &journal {
                let pending = ShownValue { value: value.clone(), change: None, by: None };
                answers.entry(path.clone()).or_default().insert(0, pending);
            }
            let delivery = tx.delivery_of_records(Some(record))?;
            let pending = journal.len() as u64;
            let findings = derive(tx, forms, &row, &doc)?.open;
            Ok(ShownRecord {
                summary: summary(&row, Some(&pending), delivery.first()),
                generation: row.generation,
                revision: draft.map(|draft| draft.revision).or(revision),
                visit: draft.map(|draft| draft.visit).or(visit),
                answers,
                findings,
            })
        })
    }

    /// What a person must look at in a record: the same items as the central server's, settled ones left out.
    pub fn findings(&mut self, record: RecordId) -> Result<Vec<Finding>, CollectorError> {
        let Self { store, forms, .. } = self;
        store.read(|tx| {
            let row = known_record(tx, record)?;
            Ok(derive(tx, forms, &row, &open_document(&row)?)?.open)
        })
    }

    /// Who wrote a change.
    pub fn attribution(&self, change: ChangeHash) -> Result<Option<Attribution>, CollectorError> {
        self.store.read(|tx| {
            let known = KnownSeats::new(&self.deployment, tx.standings()?);
            Ok(tx.change(change)?.map(|row| attribution(&row, &known)))
        })
    }

    /// How a record came to what it says: every delta this laptop holds about it, as the hybrid clocks order them.
    pub fn history(&self, record: RecordId) -> Result<Vec<HistoryEntry>, CollectorError> {
        self.store.read(|tx| {
            let row = known_record(tx, record)?;
            let doc = open_document(&row)?;
            let known = KnownSeats::new(&self.deployment, tx.standings()?);
            let changes: BTreeMap<DeltaHash, ChangeRow> =
                tx.changes(record)?.into_iter().map(|change| (change.delta, change)).collect();
            let mut entries = Vec::new();
            for logged in tx.record_log(record)? {
                let Ok(delta) = SignedDelta::decode(&logged.envelope) else { continue };
                let change = changes.get(&logged.hash);
                entries.extend(history_entry(logged.hash, &logged.origin, &delta, change, &doc, &known));
            }
            entries.sort_by_key(|entry| (entry.by.hlc, entry.delta));
            Ok(entries)
        })
    }

    /// The hash over the records held here, or over those of one area and all within it: two parties that hold the same
    /// have the same hash, whatever order they got it in.
    pub fn records_hash(&mut self, area: Option<&AreaCode>) -> Result<RecordsHash, CollectorError> {
        let Self { store, forms, .. } = self;
        store.read(|tx| {
            let mut hash = RecordsHash::default();
            tx.each_record(|row| {
                if row.state.is_none() || !lies_within(tx, forms, &row, area)? {
                    return Ok(());
                }
                let decisions: Vec<Decision> = tx.decisions(row.record)?;
                let view = open_document(&row)?.view();
                hash.add(row.record, view.digest(row.record, row.generation, &decisions));
                Ok::<_, CollectorError>(())
            })?;
            Ok(hash)
        })
    }

    /// A record evaluated as it stands now, the journal over it.
    pub fn evaluate(&mut self, record: RecordId) -> Result<Interview, CollectorError> {
        let now = self.visit_now();
        let Self { store, forms, seat, .. } = self;
        store.read(|tx| interview(tx, forms, seat.seat, record, now))
    }
}

pub(crate) fn interview(
    tx: &Tx<'_>,
    forms: &mut FormLibrary,
    seat: SeatId,
    record: RecordId,
    now: Visit,
) -> Result<Interview, CollectorError> {
    let row = known_record(tx, record)?;
    let draft = visit_of(tx, forms, &row, seat, now)?;
    let form = forms.get(tx, draft.revision)?;
    let answers = overlaid(&open_document(&row)?.view(), &tx.journalled(record, seat)?);
    let evaluation = evaluate(&form.form, &answers, draft.visit);
    Ok(Interview { record, form, answers, visit: draft.visit, evaluation })
}

fn lies_within(
    tx: &Tx<'_>,
    forms: &mut FormLibrary,
    row: &RecordRow,
    area: Option<&AreaCode>,
) -> Result<bool, CollectorError> {
    let Some(area) = area else { return Ok(true) };
    let Some(own) = &row.area else { return Ok(false) };
    Ok(match forms.newest(tx, &row.lineage) {
        Ok(form) => form.areas.tree.is_within(own, area),
        Err(CollectorError::NoForm { .. } | CollectorError::UnknownRevision { .. }) => own == area,
        Err(error) => return Err(error),
    })
}

fn summary(row: &RecordRow, pending: Option<&u64>, delivery: Option<&RecordDelivery>) -> RecordSummary {
    let pending_answers = pending.copied().unwrap_or(0);
    RecordSummary {
        record: row.record,
        lineage: row.lineage.clone(),
        number: row.number.clone(),
        title: row.title.clone(),
        area: row.area.clone(),
        status: row.status,
        pending_answers,
        to_send: delivery.is_some_and(|delivery| delivery.to_send_since.is_some()),
        progress: RecordProgress::of(row, pending_answers, delivery),
        open_items: row.open_items,
        updated_at: row.updated_at,
    }
}

fn attribution(row: &ChangeRow, known: &KnownSeats) -> Attribution {
    let fields = known.certificate(row.seat).map(|certificate| &certificate.fields);
    Attribution {
        seat: row.seat,
        person: fields.map(|fields| fields.person.clone()),
        device: fields.map(|fields| fields.device.clone()),
        visit: row.visit,
        hlc: row.hlc,
        delta: row.delta,
    }
}

fn shown_answers(
    view: &RecordView,
    changes: &[ChangeRow],
    known: &KnownSeats,
) -> BTreeMap<AnswerPath, Vec<ShownValue>> {
    let by: BTreeMap<ChangeHash, &ChangeRow> = changes.iter().map(|row| (row.change, row)).collect();
    let shown = |candidate: &record_model::Candidate| ShownValue {
        value: candidate.value.clone(),
        change: Some(candidate.change),
        by: by.get(&candidate.change).map(|row| attribution(row, known)),
    };
    view.answers
        .iter()
        .map(|(path, candidates)| (path.clone(), candidates.iter().map(shown).collect()))
        .collect()
}

fn history_entry(
    hash: DeltaHash,
    origin: &RecordDelta,
    delta: &SignedDelta,
    change: Option<&ChangeRow>,
    doc: &RecordDoc,
    known: &KnownSeats,
) -> Option<HistoryEntry> {
    let header = delta.header();
    let (_, _, body) = delta.parts();
    let act = Body::decode(header.kind, body?).ok()?.act;
    let (at, progress) = match *origin {
        RecordDelta::Own { created_at, delivery, outcome } => (
            created_at,
            match (delivery, outcome) {
                (Delivery::Refused(reason), _) => Progress::Refused(reason),
                (_, Some((code, reason))) => Progress::Outcome(code, reason),
                (Delivery::Delivered, None) => Progress::Delivered,
                (Delivery::ToSend, None) => Progress::ToSend,
            },
        ),
        RecordDelta::Pulled { received_at, state } => (
            received_at,
            match state {
                device_store::PulledState::Applied => Progress::Pulled,
                device_store::PulledState::Quarantined(reason) => Progress::Quarantined(reason),
                device_store::PulledState::New | device_store::PulledState::Held(_) => Progress::Held,
            },
        ),
    };
    let event = match act {
        Act::Change(act) => HistoryEvent::Change {
            change: change.map_or(ChangeHash::from_bytes([0; 32]), |row| row.change),
            answers: change.map(|row| what_changed(doc, row.change)).unwrap_or_default(),
            finalised: act.finalise.is_some(),
        },
        Act::Statement(StatementAct::Finalise(_)) => HistoryEvent::Finalised,
        Act::Statement(StatementAct::Withdraw { reason }) => HistoryEvent::Withdrawn { reason },
        Act::Decision(act) => {
            HistoryEvent::Decided { item: act.item, reason: act.reason, account: act.account }
        }
        other => HistoryEvent::Other(other.kind()),
    };
    let fields = known.certificate(header.seat).map(|certificate| &certificate.fields);
    let by = Attribution {
        seat: header.seat,
        person: fields.map(|fields| fields.person.clone()),
        device: fields.map(|fields| fields.device.clone()),
        visit: change.and_then(|row| row.visit),
        hlc: header.hlc,
        delta: hash,
    };
    Some(HistoryEntry { delta: hash, by, at, event, progress })
}

/// Each answer a change wrote: before and after, as the record stood on both sides of it.
fn what_changed(doc: &RecordDoc, change: ChangeHash) -> Vec<(AnswerPath, Value, Value)> {
    let Some(local) = doc.change(&change) else { return Vec::new() };
    let Ok(after) = doc.view_at(&[change]) else { return Vec::new() };
    let before = doc.view_at(&local.deps).unwrap_or_default();
    after
        .answers
        .iter()
        .filter_map(|(path, candidates)| {
            let written = candidates.iter().find(|candidate| candidate.change == change)?;
            Some((path.clone(), before.get(path.as_str()).clone(), written.value.clone()))
        })
        .collect()
}
