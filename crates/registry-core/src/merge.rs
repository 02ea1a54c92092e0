//! From the log into the records: judge, merge, validate, project, and say what became of each delta.

use std::collections::{BTreeMap, BTreeSet};

use record_doc::{ForeignChange, MergeOutcome, Merger, RecordDoc};
use record_model::{
    AnswerPath, ChangeHash, Decision, DeltaHash, DeltaKind, EpochId, Marker, OutcomeCode, ReasonCode,
    RecordId, SeatId, Value,
};
use registry_store::{
    Audience, ChangeOrigin, HeldOn, ItemFilter, ItemRow, LogEntry, OutcomeRow, Projection, ReadTx, RecordRow,
    RecordStatus, Settlement, StoreError, Tx,
};
use signed_delta::{Act, Body, OutcomeAct, OutcomeRun, Roster};

use crate::catalog::Catalog;
use crate::error::RegistryError;
use crate::forks::{Branches, Stands, branch_act_of};
use crate::judge::{Bench, Judgement, Said, ToMerge, reaches};
use crate::parallel::in_parallel;
use crate::project::project;
use crate::snapshot::Snapshot;

/// Log entries in one step: one read, one write, one commit.
pub const MERGE_BATCH: usize = 500;

/// What became of one entry in a step.
#[derive(Debug, Clone)]
pub(crate) struct Worked {
    pub(crate) entry: EntryName,
    /// The record it is about.
    pub(crate) record: Option<RecordId>,
    pub(crate) outcome: Option<(OutcomeCode, Option<ReasonCode>)>,
    pub(crate) audience: Option<Audience>,
    pub(crate) hold: Option<HeldOn>,
    /// It had been held before.
    pub(crate) was_held: bool,
    /// It had been held for a change, and is tried again.
    pub(crate) retried: bool,
    /// Its author is to hear of it: every seat but the registry's own.
    pub(crate) tell: bool,
    /// Its hash, where more than one delta may stand at its place of the chain.
    pub(crate) contested: Option<DeltaHash>,
}

impl Worked {
    fn new(entry: &LogEntry, roster: &dyn Roster, was_held: bool) -> Self {
        let header = entry.delta.header();
        let entry =
            EntryName { log_index: entry.index, seat: header.seat, epoch: header.epoch, seq: header.seq };
        let tell = header.seat != roster.registry_key().seat();
        Self {
            entry,
            record: header.about(),
            outcome: None,
            audience: None,
            hold: None,
            was_held,
            retried: false,
            tell,
            contested: None,
        }
    }

    fn is_to_be_written_anew(&self) -> bool {
        self.outcome.is_some_and(is_to_be_written_anew)
    }

    fn with(self, code: OutcomeCode, reason: Option<ReasonCode>) -> Self {
        Self { outcome: Some((code, reason)), ..self }
    }
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryName {
    pub(crate) log_index: u64,
    pub(crate) seat: SeatId,
    pub(crate) epoch: EpochId,
    pub(crate) seq: u64,
}

/// What a step will write about one record.
pub(crate) struct RecordPlan {
    pub(crate) row: RecordRow,
    pub(crate) changes: Vec<ChangeOrigin>,
    pub(crate) decisions: Vec<(Decision, u64)>,
    pub(crate) items: Vec<ItemRow>,
    pub(crate) projection: Projection,
}

/// Everything a step will write. A value: nothing has happened yet.
pub(crate) struct StepPlan {
    pub(crate) worked: Vec<Worked>,
    pub(crate) records: Vec<RecordPlan>,
    /// Where the step began: nothing else may have moved it since.
    pub(crate) from: u64,
    pub(crate) through: u64,
}

/// What merging needs beside the log.
pub(crate) struct Means<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) merger: &'a dyn Merger,
    /// Records merged at a time, each on a thread of its own: records do not know each other.
    pub(crate) workers: usize,
    /// In a replay, the entries whose change killed its child the first time.
    pub(crate) killed: &'a BTreeSet<u64>,
}

/// Reads, judges and merges the next entries; writes nothing.
pub(crate) fn plan_step(
    tx: &dyn ReadTx,
    roster: &dyn Roster,
    means: &Means<'_>,
) -> Result<StepPlan, StoreError> {
    let catalog = means.catalog;
    let from = tx.merged_through()?;
    let mut entries = tx.log_after(from, MERGE_BATCH)?;
    // A decision on a fork is a step of its own: what it releases is merged before anything that follows it in the log,
    // wherever steps begin and end.
    if let Some(decision) = entries.iter().position(|entry| entry.delta.header().kind == DeltaKind::Branch) {
        entries.truncate(decision.max(1));
    }
    let through = entries.last().map_or(from, |entry| entry.index);
    let mut worked: Vec<Worked> = Vec::with_capacity(entries.len());
    let mut to_merge: Vec<ToMerge> = Vec::new();
    let (mut done, mut waiting) = (BTreeSet::new(), BTreeSet::new());
    let branches = Branches::default();
    let mut at = from;
    let mut queue: std::collections::VecDeque<(LogEntry, bool)> =
        entries.into_iter().map(|entry| (entry, false)).collect();
    while let Some((entry, was_held)) = queue.pop_front() {
        if done.contains(&entry.index) {
            continue;
        }
        at = at.max(entry.index);
        let bench = Bench { tx, roster, catalog, worked: &done, waiting: &waiting, at, branches: &branches };
        let note = Worked::new(&entry, roster, was_held);
        let place = HeldOn::Chain(note.entry.seat, note.entry.epoch, note.entry.seq);
        let judgement = bench.judge(&entry)?;
        let is_held = matches!(judgement, Judgement::Held(_));
        let of_a_decided_fork =
            is_held && tx.epoch(note.entry.seat, note.entry.epoch)?.is_some_and(|row| bench.is_decided(&row));
        if waiting.contains(&entry.index) {
            // Judged before in this step, and queued from two sides.
            worked.retain(|earlier| earlier.entry.log_index != entry.index);
        }
        worked.push(match judgement {
            Judgement::Held(on) => Worked { hold: Some(on), ..note.with(OutcomeCode::Held, None) },
            Judgement::Noted { audience } => Worked { audience, ..note.with(OutcomeCode::Merged, None) },
            Judgement::Quarantined(reason) => note.with(OutcomeCode::Quarantined, Some(reason)),
            Judgement::Forked => note.with(OutcomeCode::Forked, Some(ReasonCode::Fork)),
            Judgement::Merge(merge) => {
                to_merge.push(*merge);
                note
            }
        });
        if is_held {
            // It waits, but that it is here may be what others of a decided fork waited to know: once.
            if !waiting.insert(entry.index) || !of_a_decided_fork {
                continue;
            }
        } else {
            done.insert(entry.index);
            queue.extend(released_by(tx, &entry)?);
        }
        // Whoever waited for this place in the chain has its turn now, before what came after it.
        for index in tx.held_on(place)?.into_iter().rev() {
            if !done.contains(&index)
                && let Some(held) = tx.log_entry(index)?
            {
                queue.push_front((held, true));
            }
        }
        requeue_waiting(tx, &mut worked, &mut queue, place)?;
    }
    let bench =
        Bench { tx, roster, catalog, worked: &done, waiting: &waiting, at: through, branches: &branches };
    let records = merge_records(&bench, means, to_merge, &mut worked)?;
    name_rivals(tx, &mut worked)?;
    Ok(StepPlan { worked, records, from, through })
}

/// What a decision on a fork gives another turn, if the entry is one: all of the epoch that is not merged.
fn released_by(tx: &dyn ReadTx, entry: &LogEntry) -> Result<Vec<(LogEntry, bool)>, StoreError> {
    let Some(act) = branch_act_of(entry) else { return Ok(Vec::new()) };
    let row = tx.epoch(act.seat, act.epoch)?;
    if row.is_none_or(|row| row.decided_by != Some(entry.index)) {
        return Ok(Vec::new());
    }
    let mut released = Vec::new();
    for (_, index) in tx.chain_of(act.seat, act.epoch)? {
        let outcome = tx.outcome(index)?;
        let waits = outcome.is_some_and(|OutcomeRow { code, reason, .. }| {
            matches!(code, OutcomeCode::Held | OutcomeCode::Forked) || reason == Some(ReasonCode::Fork)
        });
        if let Some(outcome) = outcome.filter(|_| waits && index < entry.index)
            && let Some(waiting) = tx.log_entry(index)?
        {
            released.push((waiting, outcome.code == OutcomeCode::Held));
        }
    }
    Ok(released)
}

/// In a forked epoch more than one delta may come to stand at a place: the word on it says which it means.
fn name_rivals(tx: &dyn ReadTx, worked: &mut [Worked]) -> Result<(), StoreError> {
    let mut forked: BTreeMap<(SeatId, EpochId), bool> = BTreeMap::new();
    for note in worked.iter_mut().filter(|note| note.tell && note.outcome.is_some()) {
        let EntryName { log_index, seat, epoch, seq } = note.entry;
        let forked = match forked.get(&(seat, epoch)) {
            Some(known) => *known,
            None => {
                let frozen = tx.epoch(seat, epoch)?.is_some_and(|row| row.frozen_by.is_some());
                forked.insert((seat, epoch), frozen);
                frozen
            }
        };
        if forked {
            let here = tx.chain_at(seat, epoch, seq)?;
            note.contested = here.into_iter().find(|(index, _)| *index == log_index).map(|(_, hash)| hash);
        }
    }
    Ok(())
}

/// The same for entries that were held earlier in this very step, whose wait is not written yet.
fn requeue_waiting(
    tx: &dyn ReadTx,
    worked: &mut Vec<Worked>,
    queue: &mut std::collections::VecDeque<(LogEntry, bool)>,
    waiting: HeldOn,
) -> Result<(), StoreError> {
    let mut at = 0;
    while at < worked.len() {
        if worked[at].hold == Some(waiting) {
            let held = worked.remove(at);
            if let Some(entry) = tx.log_entry(held.entry.log_index)? {
                queue.push_front((entry, held.was_held));
            }
        } else {
            at += 1;
        }
    }
    Ok(())
}

/// Merges each record's deltas in log order; fills in what became of them.
fn merge_records(
    bench: &Bench<'_>,
    means: &Means<'_>,
    to_merge: Vec<ToMerge>,
    worked: &mut Vec<Worked>,
) -> Result<Vec<RecordPlan>, StoreError> {
    let mut by_record: BTreeMap<RecordId, Vec<ToMerge>> = BTreeMap::new();
    for merge in to_merge {
        by_record.entry(merge.record).or_default().push(merge);
    }
    // What waits for a change that a decision sets aside waits no longer.
    for note in worked.iter().filter(|note| note.is_to_be_written_anew()) {
        by_record
            .extend(note.record.filter(|record| !by_record.contains_key(record)).map(|r| (r, Vec::new())));
    }
    let mut decided_seats = BTreeMap::new();
    let mut known = Vec::with_capacity(by_record.len());
    for (record, mut deltas) in by_record {
        take_in_held(bench, record, &mut deltas, worked)?;
        let fallen = Fallen::read(bench, record, &deltas, worked, &mut decided_seats)?;
        known.push((Known::read(bench.tx, record, fallen)?, deltas));
    }
    let merged =
        in_parallel(known, means.workers, |(known, deltas)| merge_or_set_aside(means, known, deltas));
    let mut plans = Vec::with_capacity(merged.len());
    let mut verdicts = BTreeMap::new();
    for outcome in merged {
        let (plan, said) = outcome?;
        plans.extend(plan);
        verdicts.extend(said);
    }
    for note in worked.iter_mut() {
        if let Some(verdict) = verdicts.get(&note.entry.log_index) {
            verdict.note_into(note);
        }
    }
    // What still waits for the same is no news.
    worked.retain(|note| !(note.retried && note.hold.is_some()));
    Ok(plans)
}

/// Deltas of this record that wait for a change may go on now.
fn take_in_held(
    bench: &Bench<'_>,
    record: RecordId,
    deltas: &mut Vec<ToMerge>,
    worked: &mut Vec<Worked>,
) -> Result<(), StoreError> {
    for index in bench.tx.held_of_record(record)? {
        if deltas.iter().any(|delta| delta.log_index == index) {
            continue;
        }
        let Some(entry) = bench.tx.log_entry(index)? else { continue };
        if let Judgement::Merge(merge) = bench.judge(&entry)? {
            worked.push(Worked { retried: true, ..Worked::new(&entry, bench.roster, true) });
            deltas.push(*merge);
        }
    }
    Ok(())
}

/// What is read of a record before it is merged.
struct Known {
    record: RecordId,
    row: Option<RecordRow>,
    decisions: Vec<Decision>,
    open_items: Vec<ItemRow>,
    fallen: Fallen,
}

/// What of a record is to be written anew, because forks of its writers were decided.
#[derive(Default)]
struct Fallen {
    /// Epochs whose other branch had written to the record before the fork was known: what stands finds its place taken.
    taken: BTreeSet<(SeatId, EpochId)>,
    /// Changes that are not merged and never will be.
    changes: BTreeSet<ChangeHash>,
}

impl Fallen {
    /// `decided_seats` remembers for a step which seats have a decided fork: hardly any.
    fn read(
        bench: &Bench<'_>,
        record: RecordId,
        deltas: &[ToMerge],
        worked: &[Worked],
        decided_seats: &mut BTreeMap<SeatId, bool>,
    ) -> Result<Self, StoreError> {
        let mut fallen = Self::default();
        let mut seats = BTreeSet::new();
        for seat in deltas.iter().map(|delta| delta.header.seat) {
            let decided = match decided_seats.get(&seat) {
                Some(known) => *known,
                None => {
                    let decided = bench.tx.epochs_of(seat)?.iter().any(|row| bench.is_decided(row));
                    decided_seats.insert(seat, decided);
                    decided
                }
            };
            seats.extend(decided.then_some(seat));
        }
        if seats.is_empty() {
            return Ok(fallen);
        }
        let now: BTreeMap<u64, &Worked> = worked.iter().map(|note| (note.entry.log_index, note)).collect();
        for entry in bench.tx.log_of_record(record)? {
            let header = entry.delta.header();
            let Some(change) = change_in(&entry).filter(|_| seats.contains(&header.seat)) else { continue };
            let stored = bench.tx.outcome(entry.index)?.map(|row| (row.code, row.reason));
            let outcome = now.get(&entry.index).and_then(|note| note.outcome).or(stored);
            if outcome.is_some_and(is_to_be_written_anew) {
                fallen.changes.insert(change);
            } else if outcome.is_some_and(|(code, _)| code == OutcomeCode::Merged)
                && let Some(row) = bench.tx.epoch(header.seat, header.epoch)?
                && bench.is_decided(&row)
                && bench.branches.stands(bench.tx, &row, &entry, bench.at)? == Stands::No
            {
                fallen.taken.insert((header.seat, header.epoch));
            }
        }
        Ok(fallen)
    }
}

/// The name of the Automerge change an entry brings, if it brings one.
fn change_in(entry: &LogEntry) -> Option<ChangeHash> {
    let (_, _, body) = entry.delta.parts();
    match Body::decode(entry.delta.header().kind, body?).ok()?.act {
        Act::Change(act) => record_doc::change_hash(&act.change),
        _ => None,
    }
}

fn is_to_be_written_anew((_, reason): (OutcomeCode, Option<ReasonCode>)) -> bool {
    matches!(reason, Some(ReasonCode::OtherBranch | ReasonCode::PlaceTaken))
}

impl Known {
    fn read(tx: &dyn ReadTx, record: RecordId, fallen: Fallen) -> Result<Self, StoreError> {
        let row = tx.record(record)?;
        // A record nobody has seen has neither.
        let (decisions, open_items) = if row.is_some() {
            let filter = ItemFilter { open_only: true, record: Some(record), ..ItemFilter::default() };
            (tx.decisions(record)?, tx.items(&filter, usize::MAX)?)
        } else {
            (Vec::new(), Vec::new())
        };
        Ok(Self { record, row, decisions, open_items, fallen })
    }
}

/// What a statement waits for when nothing of its record is here: any change of it.
const ANY_CHANGE: ChangeHash = ChangeHash::from_bytes([0; 32]);

/// What became of one delta at its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Merged,
    Quarantined(ReasonCode),
    Waits(ChangeHash),
}

impl Verdict {
    fn note_into(self, note: &mut Worked) {
        match self {
            Self::Merged => {
                note.outcome = Some((OutcomeCode::Merged, None));
                note.audience = note.record.map(Audience::Record);
            }
            Self::Quarantined(reason) => note.outcome = Some((OutcomeCode::Quarantined, Some(reason))),
            Self::Waits(change) => {
                note.outcome = Some((OutcomeCode::Held, Some(ReasonCode::MissingChange)));
                note.hold = Some(HeldOn::Change(change));
            }
        }
    }
}

type RecordOutcome = Result<(Option<RecordPlan>, Vec<(u64, Verdict)>), StoreError>;

/// A fault of ours in one record (a panic in a rule, say) sets that record's deltas aside and stops nobody else.
fn merge_or_set_aside(means: &Means<'_>, known: Known, deltas: Vec<ToMerge>) -> RecordOutcome {
    let indices: Vec<u64> = deltas.iter().map(|delta| delta.log_index).collect();
    let record = known.record;
    set_aside_on_panic(record, &indices, || merge_record(means, known, deltas))
}

fn set_aside_on_panic(
    record: RecordId,
    log_indices: &[u64],
    merge: impl FnOnce() -> RecordOutcome,
) -> RecordOutcome {
    // Nothing of the record outlives the unwinding: it is loaded again from what is stored.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(merge)).unwrap_or_else(|_| {
        tracing::error!(%record, first_log_index = log_indices.first(), "a merge failed by our own fault");
        let aside = Verdict::Quarantined(ReasonCode::MergeFault);
        Ok((None, log_indices.iter().map(|index| (*index, aside)).collect()))
    })
}

/// Merges one record's deltas, then reads it once for all that is derived from it.
fn merge_record(means: &Means<'_>, known: Known, mut deltas: Vec<ToMerge>) -> RecordOutcome {
    let mut open = OpenRecord::new(means, known);
    let mut verdicts: BTreeMap<u64, Verdict> = BTreeMap::new();
    // A delta may build on one that stands behind it in the log: go round while anything moves.
    loop {
        let before = deltas.len();
        let mut waiting = Vec::new();
        for delta in deltas {
            let verdict = open.take(&delta)?;
            verdicts.insert(delta.log_index, verdict);
            if matches!(verdict, Verdict::Waits(_)) {
                waiting.push(delta);
            }
        }
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
        deltas = waiting;
    }
    Ok((open.finish()?, verdicts.into_iter().collect()))
}

/// A record while a step works on it.
struct OpenRecord<'a> {
    means: &'a Means<'a>,
    record: RecordId,
    /// The record as saved; none while nothing has been merged.
    state: Option<Vec<u8>>,
    /// The same, once something had to be read in it.
    doc: Option<RecordDoc>,
    /// None until a change has been merged into a new record.
    row: Option<RecordRow>,
    decisions: Vec<Decision>,
    fallen: Fallen,
    items: BTreeMap<record_model::ItemId, ItemRow>,
    dirty_items: BTreeSet<record_model::ItemId>,
    changes: Vec<ChangeOrigin>,
    new_decisions: Vec<(Decision, u64)>,
    touched: Option<u64>,
}

impl<'a> OpenRecord<'a> {
    fn new(means: &'a Means<'a>, mut known: Known) -> Self {
        let state = known.row.as_mut().map(|row| std::mem::take(&mut row.state));
        Self {
            means,
            record: known.record,
            state,
            doc: None,
            row: known.row,
            decisions: known.decisions,
            fallen: known.fallen,
            items: known.open_items.into_iter().map(|item| (item.id, item)).collect(),
            dirty_items: BTreeSet::new(),
            changes: Vec::new(),
            new_decisions: Vec::new(),
            touched: None,
        }
    }

    fn damaged(&self) -> StoreError {
        RegistryError::damaged(format!("the state of record {}", self.record)).into()
    }

    /// The record, open. Its saved form was loaded before by whoever merged it, so here it does no harm.
    fn doc(&mut self) -> Result<&RecordDoc, StoreError> {
        if self.doc.is_none() {
            let loaded = self.state.as_deref().map_or_else(|| Ok(RecordDoc::new()), RecordDoc::load);
            self.doc = Some(loaded.map_err(|_| self.damaged())?);
        }
        self.doc.as_ref().ok_or_else(|| self.damaged())
    }

    fn take(&mut self, delta: &ToMerge) -> Result<Verdict, StoreError> {
        let verdict = self.take_unless_fallen(delta)?;
        if let Verdict::Quarantined(reason) = verdict
            && is_to_be_written_anew((OutcomeCode::Quarantined, Some(reason)))
            && let Some((_, bytes, _)) = delta.change()
        {
            // Whatever builds on it is to be written anew too.
            self.fallen.changes.extend(record_doc::change_hash(bytes));
        }
        Ok(verdict)
    }

    fn take_unless_fallen(&mut self, delta: &ToMerge) -> Result<Verdict, StoreError> {
        let place_taken = self.fallen.taken.contains(&(delta.header.seat, delta.header.epoch));
        if place_taken && delta.change().is_some() {
            return Ok(Verdict::Quarantined(ReasonCode::PlaceTaken));
        }
        if self.row.is_none() && !matches!(delta.said, Said::Change(_)) {
            // What it speaks of has not arrived: perhaps its author had it by another road.
            return Ok(Verdict::Waits(ANY_CHANGE));
        }
        if let Err(reason) = self.check(delta) {
            return Ok(Verdict::Quarantined(reason));
        }
        if let Said::Finalise(finalise) = &delta.said
            && let Some(missing) = self.missing_head(&finalise.heads)?
        {
            return Ok(self.waits_for(&[missing]));
        }
        if matches!(delta.said, Said::Decision(_)) {
            // What the decision settles must stand as an item first, however many deltas a step takes at once.
            self.reconcile(delta.log_index)?;
        }
        if let Some((revision, bytes, visit)) = delta.change() {
            match self.merge(delta.log_index, &ForeignChange { bytes, actor: delta.actor })? {
                Ok(Some(change)) => self.add_change(delta, change, revision, visit),
                Ok(None) => {}
                Err(verdict) => return Ok(verdict),
            }
        }
        self.note_said(delta);
        self.touched = self.touched.max(Some(delta.log_index));
        Ok(Verdict::Merged)
    }

    /// Merges one change; gives its name unless the record had it already, or the verdict when it did not go in.
    fn merge(
        &mut self,
        log_index: u64,
        change: &ForeignChange<'_>,
    ) -> Result<Result<Option<ChangeHash>, Verdict>, StoreError> {
        if self.means.killed.contains(&log_index) {
            return Ok(Err(Verdict::Quarantined(ReasonCode::MergeKilled)));
        }
        let outcome = self.means.merger.merge(self.state.as_deref(), change);
        Ok(match outcome.map_err(RegistryError::Merger)? {
            MergeOutcome::Merged { state, change } => {
                (self.state, self.doc) = (Some(state), None);
                Ok(Some(change))
            }
            MergeOutcome::AlreadyHave { .. } => Ok(None),
            MergeOutcome::MissingDeps { missing } => Err(self.waits_for(&missing)),
            MergeOutcome::Refused { rule } => Err(Verdict::Quarantined(rule.reason())),
            MergeOutcome::Unloadable => Err(Verdict::Quarantined(ReasonCode::Unloadable)),
            MergeOutcome::StateDamaged => return Err(self.damaged()),
            MergeOutcome::Killed => {
                tracing::error!(record = %self.record, log_index, "a change killed the process that merged it");
                Err(Verdict::Quarantined(ReasonCode::MergeKilled))
            }
        })
    }

    /// What a delta that builds on changes the record does not have comes to.
    fn waits_for(&self, missing: &[ChangeHash]) -> Verdict {
        if missing.iter().any(|change| self.fallen.changes.contains(change)) {
            return Verdict::Quarantined(ReasonCode::OtherBranch);
        }
        match missing.first() {
            Some(first) => Verdict::Waits(*first),
            None => Verdict::Quarantined(ReasonCode::ChangeRefused),
        }
    }

    /// What the certificate, the generation and the lineage allow, by the record as it is now.
    fn check(&self, delta: &ToMerge) -> Result<(), ReasonCode> {
        let Some(row) = &self.row else {
            return if delta.header.generation == 0 { Ok(()) } else { Err(ReasonCode::UnknownRecord) };
        };
        if delta.header.generation != row.generation {
            return Err(ReasonCode::OtherGeneration);
        }
        // The header's area is the author's claim; where the record lives is ours.
        let certificate = &delta.standing.certificate;
        if !reaches(certificate, &row.area, self.means.catalog.areas_before(delta.log_index)) {
            return Err(ReasonCode::AreaOutsideCertificate);
        }
        // A withdrawal names no form: the record's own lineage decides.
        let named = delta.lineage.as_ref().is_none_or(|lineage| *lineage == row.lineage);
        if named && certificate.covers_lineage(&row.lineage) {
            Ok(())
        } else {
            Err(ReasonCode::LineageOutsideCertificate)
        }
    }

    /// For a statement on its own: a head it names that has not arrived.
    fn missing_head(&mut self, heads: &[ChangeHash]) -> Result<Option<ChangeHash>, StoreError> {
        let doc = self.doc()?;
        Ok(heads.iter().find(|head| !doc.has_change(head)).copied())
    }

    fn add_change(
        &mut self,
        delta: &ToMerge,
        change: ChangeHash,
        revision: record_model::FormRevision,
        visit: Option<record_model::Visit>,
    ) {
        self.changes.push(ChangeOrigin {
            change,
            record: self.record,
            log_index: delta.log_index,
            seat: delta.header.seat,
            visit,
            revision,
        });
        match &mut self.row {
            Some(row) => {
                row.revision = self.means.catalog.newer(row.revision, revision);
                row.visit = visit.map_or(row.visit, |visit| row.visit.max(visit));
            }
            None => {
                // `check` and the judge saw to it: a record begins with a change of a published lineage, in an area.
                let (Some(lineage), Some(area), Some(visit)) =
                    (delta.lineage.clone(), delta.header.area.clone(), visit)
                else {
                    return;
                };
                self.row = Some(RecordRow {
                    record: self.record,
                    generation: delta.header.generation,
                    lineage,
                    area,
                    revision,
                    visit,
                    status: RecordStatus::Draft,
                    registration_number: None,
                    state: Vec::new(),
                    heads: Vec::new(),
                    digest: [0; 32],
                    updated_index: delta.log_index,
                });
            }
        }
    }

    fn note_said(&mut self, delta: &ToMerge) {
        if let Some(row) = &mut self.row {
            // Order-free: withdrawn for good, else finalised once it ever was.
            row.status = match (row.status, &delta.said) {
                (RecordStatus::Withdrawn, _) | (_, Said::Withdraw) => RecordStatus::Withdrawn,
                _ if delta.finalise().is_some() => RecordStatus::Finalised,
                (status, _) => status,
            };
        }
        if let Said::Decision(act) = &delta.said {
            let decision = Decision { item: act.item, delta: delta.delta };
            if let Some(item) = self.items.get_mut(&act.item).filter(|item| item.settled.is_none()) {
                item.settled = Some(Settlement::Decided(delta.log_index));
                self.dirty_items.insert(act.item);
            }
            self.decisions.push(decision.clone());
            self.new_decisions.push((decision, delta.log_index));
        }
    }

    /// Opens items for new doubts and closes those that a later write made moot.
    fn reconcile(&mut self, log_index: u64) -> Result<Option<Snapshot>, StoreError> {
        let Some(row) = &self.row else { return Ok(None) };
        let (revision, visit, generation) = (row.revision, row.visit, row.generation);
        let finished = row.status == RecordStatus::Finalised;
        let form = self.means.catalog.form(revision).map(|published| published.form.as_ref());
        let record = self.record;
        let snapshot = Snapshot::take(self.doc()?, form, visit, finished, record, generation);
        let open = snapshot.open(&self.decisions);
        for item in self.items.values_mut().filter(|item| item.settled.is_none()) {
            if !open.iter().any(|finding| finding.id == item.id) {
                item.settled = Some(Settlement::Superseded(log_index));
                self.dirty_items.insert(item.id);
            }
        }
        for finding in open {
            let item = self.items.entry(finding.id).or_insert_with(|| ItemRow {
                id: finding.id,
                record: self.record,
                kind: finding.kind,
                subject: finding.subject,
                alternatives: finding.alternatives,
                opened_index: log_index,
                settled: None,
            });
            if item.opened_index == log_index {
                self.dirty_items.insert(item.id);
            }
        }
        Ok(Some(snapshot))
    }

    fn finish(mut self) -> Result<Option<RecordPlan>, StoreError> {
        let Some(log_index) = self.touched else { return Ok(None) };
        let Some(snapshot) = self.reconcile(log_index)? else { return Ok(None) };
        let Some(mut row) = self.row.take() else { return Ok(None) };
        row.registration_number = registration_number(&snapshot);
        row.state = self.state.take().unwrap_or_default();
        row.heads = snapshot.view.heads.clone();
        row.digest = snapshot.view.digest(self.record, row.generation, &self.decisions);
        row.updated_index = log_index;
        let projection = match &snapshot.evaluation {
            Some(evaluation) if row.status == RecordStatus::Finalised => project(
                self.record,
                &row.area,
                row.registration_number.as_deref(),
                &snapshot.answers,
                evaluation,
            ),
            _ => Projection::default(),
        };
        let items = self.dirty_items.iter().filter_map(|id| self.items.remove(id)).collect();
        Ok(Some(RecordPlan { row, changes: self.changes, decisions: self.new_decisions, items, projection }))
    }
}

fn registration_number(snapshot: &Snapshot) -> Option<String> {
    let path = AnswerPath::record_marker(Marker::Number);
    snapshot.answers.get(&path).and_then(Value::as_text).map(str::to_owned)
}

/// The entries of which the log says that their change killed the process that merged it. A replay takes the log's word:
/// on another machine it might live, and what was told would no longer be what is.
pub(crate) fn said_to_have_killed(tx: &dyn ReadTx, registry: SeatId) -> Result<BTreeSet<u64>, StoreError> {
    let mut killed = BTreeSet::new();
    let mut after = 0;
    loop {
        let entries = tx.log_after(after, MERGE_BATCH)?;
        let Some(last) = entries.last() else { return Ok(killed) };
        after = last.index;
        for run in
            entries.iter().filter(|entry| entry.delta.header().seat == registry).flat_map(kills_told_in)
        {
            let (seat, run) = run;
            for seq in run.from_seq..=run.to_seq {
                let here = tx.chain_at(seat, run.epoch, seq)?;
                let meant = here.iter().filter(|(_, hash)| run.delta.is_none_or(|delta| delta == *hash));
                killed.extend(meant.map(|(index, _)| *index));
            }
        }
    }
}

fn kills_told_in(entry: &LogEntry) -> Vec<(SeatId, OutcomeRun)> {
    let header = entry.delta.header();
    let (_, _, body) = entry.delta.parts();
    let body = body.filter(|_| header.kind == DeltaKind::Outcome);
    let Some(Ok(Body { act: Act::Outcome(act), .. })) = body.map(|body| Body::decode(header.kind, body))
    else {
        return Vec::new();
    };
    let OutcomeAct { seat, runs } = act;
    let kills = runs.into_iter().filter(|run| run.reason == Some(ReasonCode::MergeKilled));
    kills.map(|run| (seat, run)).collect()
}

/// Signs and appends what the registry says of one seat's deltas.
pub(crate) type Say<'a> = &'a mut dyn FnMut(&mut dyn Tx, OutcomeAct) -> Result<(), StoreError>;

/// Writes a step. `say` is handed each seat's outcomes to sign and append; none in a replay, which repeats what was said.
pub(crate) fn apply_step(
    tx: &mut dyn Tx,
    plan: &StepPlan,
    mut say: Option<Say<'_>>,
) -> Result<(), StoreError> {
    for record in &plan.records {
        tx.put_record(&record.row)?;
        for change in &record.changes {
            tx.put_change(change)?;
        }
        for (decision, log_index) in &record.decisions {
            tx.put_decision(record.row.record, decision, *log_index)?;
        }
        for item in &record.items {
            tx.put_item(item)?;
        }
        tx.put_projection(record.row.record, &record.projection)?;
    }
    for note in &plan.worked {
        apply_note(tx, note, say.is_some())?;
    }
    if let Some(say) = &mut say {
        for act in outcomes(&plan.worked) {
            say(tx, act)?;
        }
    }
    tx.set_merged_through(plan.through)
}

fn apply_note(tx: &mut dyn Tx, note: &Worked, live: bool) -> Result<(), StoreError> {
    let log_index = note.entry.log_index;
    if note.was_held && note.hold.is_none() {
        tx.release(log_index)?;
    }
    if let Some(on) = note.hold {
        tx.hold(log_index, on)?;
    }
    if let Some((code, reason)) = note.outcome {
        tx.put_outcome(&OutcomeRow { log_index, code, reason })?;
    }
    match note.audience {
        Some(audience) if live => tx.feed(log_index, audience).map(drop),
        _ => Ok(()),
    }
}

/// One act a seat: its outcomes as runs of neighbours.
fn outcomes(worked: &[Worked]) -> Vec<OutcomeAct> {
    let mut by_seat: BTreeMap<SeatId, Vec<OutcomeRun>> = BTreeMap::new();
    let mut notes: Vec<&Worked> = worked.iter().filter(|note| note.tell).collect();
    notes.sort_by_key(|note| (note.entry.seat, note.entry.epoch, note.entry.seq));
    for note in notes {
        let Some((code, reason)) = note.outcome else { continue };
        let EntryName { seat, epoch, seq, .. } = note.entry;
        let runs = by_seat.entry(seat).or_default();
        match runs.last_mut() {
            Some(run)
                if run.epoch == epoch
                    && run.to_seq + 1 == seq
                    && run.delta.is_none()
                    && note.contested.is_none()
                    && run.code == code
                    && run.reason == reason =>
            {
                run.to_seq = seq;
            }
            _ => runs.push(OutcomeRun {
                epoch,
                from_seq: seq,
                to_seq: seq,
                delta: note.contested,
                code,
                reason,
            }),
        }
    }
    by_seat.into_iter().map(|(seat, runs)| OutcomeAct { seat, runs }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_ours_sets_the_deltas_of_its_record_aside_and_ends_there() {
        let outcome =
            set_aside_on_panic(RecordId::from_bytes([1; 16]), &[7, 9], || panic!("a fault of ours"));
        let (plan, verdicts) = outcome.unwrap_or_else(|error| panic!("{error}"));
        let aside = Verdict::Quarantined(ReasonCode::MergeFault);
        assert!(plan.is_none());
        assert_eq!(verdicts, [(7, aside), (9, aside)]);
    }
}
