//! The server's store, watched: its process can end before or after any write, and it can be given a bug.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use record_doc::{ActorBytes, ForeignChange, MergeVerdict, RecordDoc};
use record_model::{ChangeHash, Decision, DeltaHash, EpochId, FormRevision, Instant, ItemId};
use record_model::{OutcomeCode, ReasonCode, RecordId, SeatId};
use registry_store::{
    Audience, ChangeOrigin, EpochRow, FeedEntry, FeedFilter, FeedRow, HeldOn, InvitationRow, ItemFilter,
    ItemRow, LogEntry, OutcomeRow, Projection, PublicationRow, ReadTx, RecordFilter, RecordRow,
    RegistryStore, SeatRow, StoreError, Tx, WriteJob, WriteTicket,
};
use signed_delta::{Act, Body, VerifiedDelta};

use crate::bug::Bug;
use crate::form::every_area;

/// When the server's process ends: at a write, before its commit or after it and before anybody hears of it.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    /// Writes still to come before the end; 0 for no end in sight.
    writes_left: AtomicI64,
    commits_first: AtomicBool,
    dead: AtomicBool,
}

enum Moment {
    Alive,
    DiesBefore,
    DiesAfter,
}

impl Fate {
    /// The process ends at the n-th write from now.
    pub(crate) fn seal(&self, writes: u64, commits_first: bool) {
        self.writes_left.store(writes.cast_signed(), Ordering::Relaxed);
        self.commits_first.store(commits_first, Ordering::Relaxed);
    }

    /// A new process, which nothing threatens.
    pub(crate) fn renew(&self) {
        self.writes_left.store(0, Ordering::Relaxed);
        self.dead.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    fn at_write(&self) -> Moment {
        if self.is_dead() {
            return Moment::DiesBefore;
        }
        let left = self.writes_left.load(Ordering::Relaxed);
        if left > 0 {
            self.writes_left.store(left - 1, Ordering::Relaxed);
        }
        if left != 1 {
            return Moment::Alive;
        }
        self.dead.store(true, Ordering::Relaxed);
        if self.commits_first.load(Ordering::Relaxed) { Moment::DiesAfter } else { Moment::DiesBefore }
    }
}

/// A store that does all that the one below it does, until its process ends, and but for the bug.
pub(crate) struct Watched {
    pub(crate) inner: Arc<dyn RegistryStore>,
    pub(crate) fate: Arc<Fate>,
    pub(crate) bug: Option<Bug>,
}

impl RegistryStore for Watched {
    fn submit(&self, mut job: WriteJob) -> WriteTicket {
        if self.bug == Some(Bug::ActorUnchecked) {
            let mut honest = job;
            job = Box::new(move |tx| honest(&mut Trusting { tx }));
        }
        match self.fate.at_write() {
            Moment::Alive => return self.inner.submit(job),
            Moment::DiesBefore => {}
            // Durable, and nobody is told.
            Moment::DiesAfter => drop(self.inner.submit(job).wait()),
        }
        let (sender, ticket) = WriteTicket::new();
        let _ = sender.send(Err(StoreError::Closed));
        ticket
    }

    fn read_with(
        &self,
        work: &mut dyn FnMut(&dyn ReadTx) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if self.fate.is_dead() {
            return Err(StoreError::Closed);
        }
        match self.bug {
            Some(bug @ (Bug::OrderByClock | Bug::MissingAreaFilter)) => {
                self.inner.read_with(&mut |tx| work(&Misread { tx, bug }))
            }
            _ => self.inner.read_with(work),
        }
    }

    fn backup_to(&self, copy: &Path) -> Result<(), StoreError> {
        self.inner.backup_to(copy)
    }

    fn check(&self) -> Result<(), StoreError> {
        self.inner.check()
    }
}

/// Every read but the feed's, handed on.
macro_rules! read_the_rest {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)*) => {
        $(fn $name(&self, $($arg: $kind),*) -> Result<$out, StoreError> { self.tx.$name($($arg),*) })*
    };
}

macro_rules! reads {
    () => {
        read_the_rest! {
            log_len() -> u64;
            log_entry(index: u64) -> Option<LogEntry>;
            log_after(after: u64, limit: usize) -> Vec<LogEntry>;
            leaves_after(after: u64) -> Vec<[u8; 32]>;
            log_of_record(record: RecordId) -> Vec<LogEntry>;
            chain_at(seat: SeatId, epoch: EpochId, seq: u64) -> Vec<(u64, DeltaHash)>;
            chain_of(seat: SeatId, epoch: EpochId) -> Vec<(u64, u64)>;
            feed_len() -> u64;
            epoch(seat: SeatId, epoch: EpochId) -> Option<EpochRow>;
            epochs_of(seat: SeatId) -> Vec<EpochRow>;
            seat(seat: SeatId) -> Option<SeatRow>;
            seats() -> Vec<SeatRow>;
            invitation(code_key: [u8; 32]) -> Option<InvitationRow>;
            invitations() -> Vec<InvitationRow>;
            request_counter(seat: SeatId) -> u64;
            publications() -> Vec<PublicationRow>;
            publication(revision: FormRevision) -> Option<PublicationRow>;
            blob(sha256: [u8; 32]) -> Option<Vec<u8>>;
            setting(name: &str) -> Option<Vec<u8>>;
            merged_through() -> u64;
            record(record: RecordId) -> Option<RecordRow>;
            records(filter: &RecordFilter, limit: usize) -> Vec<RecordRow>;
            digests(filter: &RecordFilter) -> Vec<(RecordId, [u8; 32])>;
            record_by_number(number: &str) -> Option<RecordId>;
            change_origin(change: ChangeHash) -> Option<ChangeOrigin>;
            changes_of(record: RecordId) -> Vec<ChangeOrigin>;
            decisions(record: RecordId) -> Vec<Decision>;
            outcome(log_index: u64) -> Option<OutcomeRow>;
            outcomes_after(after: u64, limit: usize) -> Vec<OutcomeRow>;
            set_aside(limit: usize) -> Vec<OutcomeRow>;
            held_on(on: HeldOn) -> Vec<u64>;
            held_of_record(record: RecordId) -> Vec<u64>;
            item(item: ItemId) -> Option<ItemRow>;
            items(filter: &ItemFilter, limit: usize) -> Vec<ItemRow>;
            count_items(filter: &ItemFilter) -> u64;
            projection(record: RecordId) -> Projection;
            registry_size() -> (u64, u64);
            feed_rows_after(after: u64, limit: usize) -> Vec<FeedRow>;
            visit_derived(part: &mut dyn FnMut(&[u8])) -> ();
        }
    };
}

/// Reads the feed wrongly.
struct Misread<'a> {
    tx: &'a dyn ReadTx,
    bug: Bug,
}

impl ReadTx for Misread<'_> {
    reads!();

    fn feed_after(
        &self,
        cursor: u64,
        filter: &FeedFilter,
        limit: usize,
    ) -> Result<(Vec<FeedEntry>, u64), StoreError> {
        match self.bug {
            Bug::MissingAreaFilter => {
                let filter = FeedFilter { areas: every_area(), ..filter.clone() };
                self.tx.feed_after(cursor, &filter, limit)
            }
            _ => self.feed_by_clock(cursor, filter, limit),
        }
    }
}

impl Misread<'_> {
    /// What its authors' clocks place after the latest reading shown before.
    fn feed_by_clock(
        &self,
        cursor: u64,
        filter: &FeedFilter,
        limit: usize,
    ) -> Result<(Vec<FeedEntry>, u64), StoreError> {
        let (entries, _) = self.tx.feed_after(0, filter, usize::MAX >> 1)?;
        let mut later: Vec<FeedEntry> = entries
            .into_iter()
            .map(|entry| FeedEntry { feed_index: entry.entry.delta.header().hlc.0, ..entry })
            .filter(|entry| entry.feed_index > cursor)
            .collect();
        later.sort_by_key(|entry| entry.feed_index);
        later.truncate(limit);
        let through = later.last().map_or(cursor, |entry| entry.feed_index);
        Ok((later, through))
    }
}

/// Merges what the product set aside because its actor is not its signer's.
struct Trusting<'a> {
    tx: &'a mut dyn Tx,
}

impl ReadTx for Trusting<'_> {
    reads!();

    fn feed_after(
        &self,
        cursor: u64,
        filter: &FeedFilter,
        limit: usize,
    ) -> Result<(Vec<FeedEntry>, u64), StoreError> {
        self.tx.feed_after(cursor, filter, limit)
    }
}

macro_rules! write_the_rest {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $out:ty;)*) => {
        $(fn $name(&mut self, $($arg: $kind),*) -> Result<$out, StoreError> { self.tx.$name($($arg),*) })*
    };
}

impl Tx for Trusting<'_> {
    write_the_rest! {
        append(delta: &VerifiedDelta, received_at: Instant) -> u64;
        put_epoch(row: &EpochRow) -> ();
        erase_body(log_index: u64) -> ();
        put_seat(row: &SeatRow) -> ();
        put_invitation(row: &InvitationRow) -> ();
        take_request_counter(seat: SeatId, counter: u64) -> bool;
        touch_seat(seat: SeatId, at: Instant) -> ();
        put_publication(row: &PublicationRow) -> ();
        put_blob(sha256: [u8; 32], content: &[u8]) -> ();
        put_setting(name: &str, value: &[u8]) -> ();
        next_number(counter: &str) -> u64;
        set_merged_through(index: u64) -> ();
        put_record(row: &RecordRow) -> ();
        put_change(origin: &ChangeOrigin) -> ();
        put_decision(record: RecordId, decision: &Decision, log_index: u64) -> ();
        hold(log_index: u64, on: HeldOn) -> ();
        release(log_index: u64) -> ();
        put_item(row: &ItemRow) -> ();
        put_projection(record: RecordId, projection: &Projection) -> ();
        feed(log_index: u64, audience: Audience) -> u64;
        clear_derived() -> ();
    }

    fn put_outcome(&mut self, row: &OutcomeRow) -> Result<(), StoreError> {
        let trusted =
            row.reason == Some(ReasonCode::WrongActor) && self.merge_at_its_word(row.log_index)?.is_some();
        if trusted {
            let merged = OutcomeRow { code: OutcomeCode::Merged, reason: None, ..*row };
            return self.tx.put_outcome(&merged);
        }
        self.tx.put_outcome(row)
    }
}

impl Trusting<'_> {
    fn merge_at_its_word(&mut self, log_index: u64) -> Result<Option<()>, StoreError> {
        let Some(entry) = self.tx.log_entry(log_index)? else { return Ok(None) };
        let header = entry.delta.header();
        let Some(mut row) = self.tx.record(header.record)? else { return Ok(None) };
        let body = entry.delta.parts().2.and_then(|body| Body::decode(header.kind, body).ok());
        let Some(Act::Change(act)) = body.map(|body| body.act) else { return Ok(None) };
        let Some(actor) = actor_named_by(&act.change).map(ActorBytes::from_bytes) else { return Ok(None) };
        let Ok(mut doc) = RecordDoc::load(&row.state) else { return Ok(None) };
        let MergeVerdict::Merged { change } = doc.merge(&ForeignChange { bytes: &act.change, actor }) else {
            return Ok(None);
        };
        let decisions = self.tx.decisions(row.record)?;
        row.state = doc.save();
        row.heads = doc.heads();
        row.digest = doc.view().digest(row.record, row.generation, &decisions);
        self.tx.put_record(&row)?;
        let (record, seat) = (row.record, header.seat);
        let visit = Some(act.visit);
        self.tx.put_change(&ChangeOrigin {
            change,
            record,
            log_index,
            seat,
            visit,
            revision: act.revision,
        })?;
        self.tx.feed(log_index, Audience::Record(record))?;
        Ok(Some(()))
    }
}

/// The actor that stands in an Automerge change: behind magic, checksum, type and length come the dependencies, then it.
pub(crate) fn actor_named_by(change: &[u8]) -> Option<[u8; 16]> {
    let (_, after_length) = number(change.get(9..)?)?;
    let (dependencies, rest) = number(after_length)?;
    let (length, rest) = number(rest.get(dependencies.checked_mul(32)?..)?)?;
    rest.get(..length)?.try_into().ok()
}

/// An unsigned LEB128 number, and what follows it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    let number = bytes[..=end].iter().rev().fold(0_usize, |all, byte| all << 7 | usize::from(byte & 0x7f));
    Some((number, &bytes[end + 1..]))
}
