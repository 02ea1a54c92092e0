//! What waits, since when, and why; copies; the examination.

use std::path::Path;

use device_store::{DeltaCounts, Examination, Home, PublicationState};
use record_model::{FormRevision, Instant, Lineage, ReasonCode};
use signed_delta::{Receipt, TreeHead};

use crate::clock::{ClockDoubt, doubt};
use crate::collector::Collector;
use crate::error::CollectorError;
use crate::forms::PublishedForm;

/// What waits, since when, and why.
#[derive(Debug, Clone)]
pub struct Status {
    /// Records on this laptop.
    pub records: u64,
    /// Of them, with doubts that no decision has settled.
    pub records_with_open_items: u64,
    /// Answers that no delta holds yet, of all people of this laptop.
    pub journalled_answers: u64,
    /// When the oldest of them was given.
    pub oldest_answer_at: Option<Instant>,
    /// Own deltas: to send, delivered, refused, and what the server made of them.
    pub deltas: DeltaCounts,
    /// How long the oldest unsent work has waited, by this laptop's clock.
    pub oldest_unsent_age_ms: Option<i64>,
    /// Pulled deltas that wait for an earlier one.
    pub held: u64,
    /// Since when.
    pub held_since: Option<Instant>,
    /// Pulled deltas set aside, by reason.
    pub quarantined: Vec<(ReasonCode, u64)>,
    /// When a sync last came to its end, by this laptop's clock.
    pub last_sync_at: Option<Instant>,
    /// The server's log as last seen.
    pub head: Option<TreeHead>,
    /// The last receipt.
    pub receipt: Option<Receipt>,
    /// Why the person should confirm date and time.
    pub clock_doubt: Option<ClockDoubt>,
    /// True when a new epoch must be opened: the store is new, copied or restored.
    pub epoch_needed: bool,
    /// True for a training deployment.
    pub training: bool,
}

/// A form on this laptop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormSummary {
    /// Its lineage.
    pub lineage: Lineage,
    /// Its revision.
    pub revision: FormRevision,
    /// Whether it can be used.
    pub state: PublicationState,
    /// Its title, when it can be used.
    pub title: String,
    /// True for the one new records of its lineage are made under.
    pub newest: bool,
}

/// What an examination of the whole found.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// Of the store.
    pub store: Examination,
    /// Records whose document cannot be loaded.
    pub unreadable_records: Vec<record_model::RecordId>,
    /// What waits.
    pub status: Status,
}

impl Diagnosis {
    /// True when nothing is wrong with what is kept here.
    pub fn is_sound(&self) -> bool {
        self.store.faults.is_empty() && self.unreadable_records.is_empty()
    }
}

impl Collector {
    /// What waits, since when, and why.
    pub fn status(&self) -> Result<Status, CollectorError> {
        let now = self.now();
        let (deployment, registry) = (self.deployment.deployment, self.deployment.registry_key);
        self.store.read(|tx| {
            let (records, records_with_open_items) = tx.record_counts()?;
            let (journalled_answers, oldest_answer_at) = tx.journal_size()?;
            let deltas = tx.delta_counts()?;
            let (held, held_since) = tx.held_count()?;
            let sync = tx.sync_state()?;
            let oldest = [oldest_answer_at, deltas.to_send.oldest_at].into_iter().flatten().min();
            let receipt = sync.receipt.as_deref();
            Ok(Status {
                records,
                records_with_open_items,
                journalled_answers,
                oldest_answer_at,
                oldest_unsent_age_ms: oldest.map(|at| now.unix_ms().saturating_sub(at.unix_ms())),
                deltas,
                held,
                held_since,
                quarantined: tx.quarantine_counts()?,
                last_sync_at: sync.last_sync_at,
                head: sync
                    .head
                    .as_deref()
                    .and_then(|bytes| TreeHead::decode_and_verify(bytes, deployment, &registry).ok()),
                receipt: receipt
                    .and_then(|bytes| Receipt::decode_and_verify(bytes, deployment, &registry).ok()),
                clock_doubt: doubt(tx.known_at()?, now),
                epoch_needed: tx.seat(self.seat.seat)?.epoch_needed,
                training: self.deployment.training,
            })
        })
    }

    /// How long the oldest work has waited that no receipt covers, by this laptop's clock; none when nothing waits.
    pub fn oldest_unsent_age_ms(&self) -> Result<Option<i64>, CollectorError> {
        let oldest = self.store.read(|tx| tx.oldest_unsent_at()).map_err(CollectorError::Store)?;
        Ok(oldest.map(|at| self.now().unix_ms().saturating_sub(at.unix_ms())))
    }

    /// The forms on this laptop, in the order of publication.
    pub fn forms(&mut self) -> Result<Vec<FormSummary>, CollectorError> {
        let Self { store, forms, .. } = self;
        store.read(|tx| {
            let published = tx.publications()?;
            let newest = |lineage: &Lineage| {
                published
                    .iter()
                    .rfind(|p| p.lineage == *lineage && p.state == PublicationState::Ready)
                    .map(|p| p.delta)
            };
            let mut summaries = Vec::new();
            for publication in &published {
                let form = match publication.state {
                    PublicationState::Ready => forms.find(tx, publication.revision)?,
                    PublicationState::Fetching | PublicationState::Broken => None,
                };
                summaries.push(FormSummary {
                    lineage: publication.lineage.clone(),
                    revision: publication.revision,
                    state: publication.state,
                    title: form.map(|form| form.form.title().to_owned()).unwrap_or_default(),
                    newest: newest(&publication.lineage) == Some(publication.delta),
                });
            }
            Ok(summaries)
        })
    }

    /// The newest usable form of a lineage.
    pub fn form(&mut self, lineage: &Lineage) -> Result<std::sync::Arc<PublishedForm>, CollectorError> {
        let Self { store, forms, .. } = self;
        store.read(|tx| forms.newest(tx, lineage))
    }

    /// Writes a copy of the store to a folder that has none, and reads it back. Who opens it elsewhere starts a new epoch.
    pub fn backup(&self, folder: &Path) -> Result<Home, CollectorError> {
        Ok(self.store.backup(folder)?)
    }

    /// Examines everything this laptop keeps: every page, every chain, every document.
    pub fn doctor(&self) -> Result<Diagnosis, CollectorError> {
        let store = self.store.examine()?;
        let mut unreadable_records = Vec::new();
        self.store.read(|tx| {
            tx.each_record(|row| {
                if crate::records::open_document(&row).is_err() {
                    unreadable_records.push(row.record);
                }
                Ok::<_, CollectorError>(())
            })
        })?;
        Ok(Diagnosis { store, unreadable_records, status: self.status()? })
    }
}
