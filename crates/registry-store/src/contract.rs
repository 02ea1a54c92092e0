//! The contract every engine keeps.

use record_model::{
    ChangeHash, Decision, DeltaHash, EpochId, FormRevision, Instant, ItemId, RecordId, SeatId,
};
use signed_delta::VerifiedDelta;

use crate::error::StoreError;
use crate::rows::{
    Audience, ChangeOrigin, EpochRow, FeedEntry, FeedFilter, FeedRow, HeldOn, InvitationRow, ItemFilter,
    ItemRow, LogEntry, OutcomeRow, Projection, PublicationRow, RecordFilter, RecordRow, SeatRow,
};

/// What one job does in its transaction. It does run twice when a neighbour in its group fails: no effects but through
/// the transaction, and nothing taken out of the closure. It must not wait for another write: there is one writer.
pub type WriteJob = Box<dyn FnMut(&mut dyn Tx) -> Result<(), StoreError> + Send>;

/// Resolves when the job's commit is durable, or has failed as a whole.
pub struct WriteTicket(std::sync::mpsc::Receiver<Result<(), StoreError>>);

impl WriteTicket {
    /// A ticket and the means to resolve it.
    pub fn new() -> (std::sync::mpsc::SyncSender<Result<(), StoreError>>, Self) {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        (sender, Self(receiver))
    }

    /// Waits for the commit.
    pub fn wait(self) -> Result<(), StoreError> {
        self.0.recv().unwrap_or(Err(StoreError::Closed))
    }
}

/// A registry database.
pub trait RegistryStore: Send + Sync {
    /// Queues a write; blocks while the queue is full. Jobs run in the order they were queued, each all or nothing;
    /// neighbours share one commit.
    fn submit(&self, job: WriteJob) -> WriteTicket;

    /// Reads a snapshot on the caller's thread. Never waits for writers.
    fn read_with(
        &self,
        work: &mut dyn FnMut(&dyn ReadTx) -> Result<(), StoreError>,
    ) -> Result<(), StoreError>;

    /// Writes a consistent copy of everything to a new file.
    fn backup_to(&self, copy: &std::path::Path) -> Result<(), StoreError>;

    /// Reads every page and says whether all hold together.
    fn check(&self) -> Result<(), StoreError>;
}

/// The same with results, for any engine.
pub trait RegistryStoreExt: RegistryStore {
    /// Runs work in a write transaction and returns its value once the commit is durable.
    fn write<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let slot = std::sync::Arc::new(std::sync::Mutex::new(None));
        let filled = std::sync::Arc::clone(&slot);
        let job: WriteJob = Box::new(move |tx| {
            let value = work(tx)?;
            *filled.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(value);
            Ok(())
        });
        self.submit(job).wait()?;
        let value = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        value.ok_or(StoreError::Closed)
    }

    /// Reads a snapshot.
    fn read<T>(&self, work: impl FnOnce(&dyn ReadTx) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut work = Some(work);
        let mut value = None;
        self.read_with(&mut |tx| {
            if let Some(work) = work.take() {
                value = Some(work(tx)?);
            }
            Ok(())
        })?;
        value.ok_or(StoreError::Closed)
    }
}

impl<S: RegistryStore + ?Sized> RegistryStoreExt for S {}

/// What can be read. Lists come in the order their doc comment says, always the same.
pub trait ReadTx {
    // --- the log -------------------------------------------------------------------------------------------------

    /// How many entries the log has; the last one's index.
    fn log_len(&self) -> Result<u64, StoreError>;
    /// One entry.
    fn log_entry(&self, index: u64) -> Result<Option<LogEntry>, StoreError>;
    /// Entries after `after`, by index, at most `limit`.
    fn log_after(&self, after: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError>;
    /// Every leaf hash after entry `after`, by index, as stored at append.
    fn leaves_after(&self, after: u64) -> Result<Vec<[u8; 32]>, StoreError>;
    /// Entries about a record, by index.
    fn log_of_record(&self, record: RecordId) -> Result<Vec<LogEntry>, StoreError>;
    /// Who stands at one place of a chain: (log index, delta hash), by index. More than one is a fork.
    fn chain_at(&self, seat: SeatId, epoch: EpochId, seq: u64) -> Result<Vec<(u64, DeltaHash)>, StoreError>;
    /// Every entry of one epoch: (seq, log index), by both.
    fn chain_of(&self, seat: SeatId, epoch: EpochId) -> Result<Vec<(u64, u64)>, StoreError>;
    /// How far the log has an epoch.
    fn epoch(&self, seat: SeatId, epoch: EpochId) -> Result<Option<EpochRow>, StoreError>;
    /// A seat's epochs, in the order the log opened them.
    fn epochs_of(&self, seat: SeatId) -> Result<Vec<EpochRow>, StoreError>;

    // --- seats and enrolment -------------------------------------------------------------------------------------

    /// One seat.
    fn seat(&self, seat: SeatId) -> Result<Option<SeatRow>, StoreError>;
    /// Every seat, by certificate index.
    fn seats(&self) -> Result<Vec<SeatRow>, StoreError>;
    /// The invitation whose code has this public key.
    fn invitation(&self, code_key: [u8; 32]) -> Result<Option<InvitationRow>, StoreError>;
    /// Every invitation, oldest first.
    fn invitations(&self) -> Result<Vec<InvitationRow>, StoreError>;
    /// The highest request counter taken from a seat; 0 for none.
    fn request_counter(&self, seat: SeatId) -> Result<u64, StoreError>;

    // --- publications and settings ----------------------------------------------------------------------------------

    /// Every publication, in order.
    fn publications(&self) -> Result<Vec<PublicationRow>, StoreError>;
    /// The latest publication of a revision.
    fn publication(&self, revision: FormRevision) -> Result<Option<PublicationRow>, StoreError>;
    /// Content by hash.
    fn blob(&self, sha256: [u8; 32]) -> Result<Option<Vec<u8>>, StoreError>;
    /// A named setting.
    fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    // --- what is derived from the log ---------------------------------------------------------------------------------

    /// Every entry up to here has been worked through.
    fn merged_through(&self) -> Result<u64, StoreError>;
    /// One record.
    fn record(&self, record: RecordId) -> Result<Option<RecordRow>, StoreError>;
    /// Records by id, at most `limit`.
    fn records(&self, filter: &RecordFilter, limit: usize) -> Result<Vec<RecordRow>, StoreError>;
    /// (record, digest) of every record the filter names, by id: without loading documents.
    fn digests(&self, filter: &RecordFilter) -> Result<Vec<(RecordId, [u8; 32])>, StoreError>;
    /// The record that carries a registration number.
    fn record_by_number(&self, number: &str) -> Result<Option<RecordId>, StoreError>;
    /// Where a change came from.
    fn change_origin(&self, change: ChangeHash) -> Result<Option<ChangeOrigin>, StoreError>;
    /// The changes of a record, by log index.
    fn changes_of(&self, record: RecordId) -> Result<Vec<ChangeOrigin>, StoreError>;
    /// Decisions on a record's items, by log index.
    fn decisions(&self, record: RecordId) -> Result<Vec<Decision>, StoreError>;
    /// What became of an entry.
    fn outcome(&self, log_index: u64) -> Result<Option<OutcomeRow>, StoreError>;
    /// Outcomes of entries after `after`, by log index, at most `limit`.
    fn outcomes_after(&self, after: u64, limit: usize) -> Result<Vec<OutcomeRow>, StoreError>;
    /// Outcomes other than merged, by log index, at most `limit`.
    fn set_aside(&self, limit: usize) -> Result<Vec<OutcomeRow>, StoreError>;
    /// Entries that wait for this, by log index.
    fn held_on(&self, on: HeldOn) -> Result<Vec<u64>, StoreError>;
    /// Entries about a record that wait for a change ([`HeldOn::Change`]), by log index.
    fn held_of_record(&self, record: RecordId) -> Result<Vec<u64>, StoreError>;
    /// One review item.
    fn item(&self, item: ItemId) -> Result<Option<ItemRow>, StoreError>;
    /// Review items by (opened index, id), at most `limit`.
    fn items(&self, filter: &ItemFilter, limit: usize) -> Result<Vec<ItemRow>, StoreError>;
    /// How many items the filter names.
    fn count_items(&self, filter: &ItemFilter) -> Result<u64, StoreError>;
    /// What the registry says because of a record.
    fn projection(&self, record: RecordId) -> Result<Projection, StoreError>;
    /// (households, persons) in the registry; a person whom two records claim counts in both.
    fn registry_size(&self) -> Result<(u64, u64), StoreError>;
    /// Entries of the feed after `cursor` that the filter shows, by feed index, at most `limit`; and the feed index up
    /// to which the feed was looked through (go on from there). A call looks through a bounded part of the feed: nothing
    /// shown does not mean that nothing follows, an unmoved cursor does. A record's present area and lineage decide, so
    /// an entry about a record that is not written yet is hidden, and the cursor passes it.
    fn feed_after(
        &self,
        cursor: u64,
        filter: &FeedFilter,
        limit: usize,
    ) -> Result<(Vec<FeedEntry>, u64), StoreError>;
    /// How many rows the feed has; the last one's index.
    fn feed_len(&self) -> Result<u64, StoreError>;
    /// The feed as it is stored, whoever is shown it: rows after `after`, by feed index, at most `limit`.
    fn feed_rows_after(&self, after: u64, limit: usize) -> Result<Vec<FeedRow>, StoreError>;
    /// SHA-256 parts of every derived row in a fixed order (records, items, decisions, registry rows): what
    /// `registry_hash` is computed over. Calls `part` once for each row.
    fn visit_derived(&self, part: &mut dyn FnMut(&[u8])) -> Result<(), StoreError>;
}

/// What can be written.
pub trait Tx: ReadTx {
    // --- the log -------------------------------------------------------------------------------------------------

    /// Appends the next entry with its leaf hash and gives its index. The only way into the log.
    fn append(&mut self, delta: &VerifiedDelta, received_at: Instant) -> Result<u64, StoreError>;
    /// Writes how far an epoch is known. `ordinal` is given by the store when the row is new.
    fn put_epoch(&mut self, row: &EpochRow) -> Result<(), StoreError>;
    /// Erases a body; header, signature and leaf stay.
    fn erase_body(&mut self, log_index: u64) -> Result<(), StoreError>;

    // --- seats and enrolment -------------------------------------------------------------------------------------

    /// Writes a seat.
    fn put_seat(&mut self, row: &SeatRow) -> Result<(), StoreError>;
    /// Writes an invitation.
    fn put_invitation(&mut self, row: &InvitationRow) -> Result<(), StoreError>;
    /// Takes a request counter; false when it is not above the last one (a replay).
    fn take_request_counter(&mut self, seat: SeatId, counter: u64) -> Result<bool, StoreError>;
    /// Notes when a seat was last heard.
    fn touch_seat(&mut self, seat: SeatId, at: Instant) -> Result<(), StoreError>;

    // --- publications and settings ----------------------------------------------------------------------------------

    /// Writes a publication.
    fn put_publication(&mut self, row: &PublicationRow) -> Result<(), StoreError>;
    /// Writes content.
    fn put_blob(&mut self, sha256: [u8; 32], content: &[u8]) -> Result<(), StoreError>;
    /// Writes a setting.
    fn put_setting(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError>;
    /// The next number of a named counter, from 1.
    fn next_number(&mut self, counter: &str) -> Result<u64, StoreError>;

    // --- what is derived from the log ---------------------------------------------------------------------------------

    /// Notes how far the log has been worked through.
    fn set_merged_through(&mut self, index: u64) -> Result<(), StoreError>;
    /// Writes a record.
    fn put_record(&mut self, row: &RecordRow) -> Result<(), StoreError>;
    /// Writes where a change came from.
    fn put_change(&mut self, origin: &ChangeOrigin) -> Result<(), StoreError>;
    /// Writes a decision on an item of a record.
    fn put_decision(
        &mut self,
        record: RecordId,
        decision: &Decision,
        log_index: u64,
    ) -> Result<(), StoreError>;
    /// Writes what became of an entry; a later word replaces an earlier one.
    fn put_outcome(&mut self, row: &OutcomeRow) -> Result<(), StoreError>;
    /// Notes what a held entry waits for.
    fn hold(&mut self, log_index: u64, on: HeldOn) -> Result<(), StoreError>;
    /// It waits no longer.
    fn release(&mut self, log_index: u64) -> Result<(), StoreError>;
    /// Writes an item.
    fn put_item(&mut self, row: &ItemRow) -> Result<(), StoreError>;
    /// Replaces what the registry says because of a record.
    fn put_projection(&mut self, record: RecordId, projection: &Projection) -> Result<(), StoreError>;
    /// Shows an entry in the feed, after all that were shown before; gives its feed index. Show it when its record is
    /// written, and all of a record's entries again when the record moves to another area.
    fn feed(&mut self, log_index: u64, audience: Audience) -> Result<u64, StoreError>;
    /// Empties everything derived from the log (not the log, epochs, seats, publications, invitations or the feed). Until
    /// the records are written again the feed hides their entries: serve nobody in between.
    fn clear_derived(&mut self) -> Result<(), StoreError>;
}
