//! Applying pulled deltas: verify, decide, do. A bad one is set aside with its reason and the rest goes on.

use std::collections::HashMap;

use device_store::{
    ChangeRow, DeploymentRow, DeviceStore, PulledRow, PulledState, RecordRow, RecordStatus, Standing,
    StatementKind, StatementRow, Tx,
};
use record_doc::{ForeignChange, MergeOutcome, Merger, derive_actor};
use record_model::{ChangeHash, Decision, FormRevision, Instant, Lineage, ReasonCode, RecordId, Role};
use signed_delta::{
    Act, DecisionAct, OutcomeAct, RevocationAct, SignedDelta, StatementAct, Unverified, VerifiedDelta,
};

use crate::anew::take_out;
use crate::error::CollectorError;
use crate::forms::FormLibrary;
use crate::records::{open_document, refresh_row};
use crate::roster::KnownSeats;

/// Deltas applied in one transaction.
const CHUNK: usize = 200;

/// A clock that is more than this ahead of the server's is not followed.
const MAX_HLC_AHEAD_MS: i64 = 24 * 60 * 60 * 1000;

/// What became of pulled deltas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Applied {
    /// They did what they say.
    pub applied: u64,
    /// They wait for an earlier one.
    pub held: u64,
    /// They are set aside.
    pub quarantined: u64,
}

impl Applied {
    /// What a later look found: it has looked at all that is still held.
    pub(crate) fn add(&mut self, later: Self) {
        self.applied += later.applied;
        self.quarantined += later.quarantined;
        self.held = later.held;
    }
}

/// A record open while a chunk is applied: loaded once and saved once, however many deltas are about it.
struct OpenRecord {
    /// With the state as merged so far; none in a new record.
    row: RecordRow,
    document_changed: bool,
}

struct Applier<'a, 'b> {
    tx: &'a Tx<'b>,
    forms: &'a mut FormLibrary,
    seats: &'a mut KnownSeats,
    merger: &'a dyn Merger,
    open: HashMap<RecordId, OpenRecord>,
    now: Instant,
}

/// What to do with one delta.
type Verdict = Result<PulledState, CollectorError>;

const fn aside(reason: ReasonCode) -> PulledState {
    PulledState::Quarantined(reason)
}

/// Applies everything not yet looked into, then what was held, as long as that helps.
pub(crate) fn apply_all(
    store: &mut DeviceStore,
    deployment: &DeploymentRow,
    forms: &mut FormLibrary,
    merger: &dyn Merger,
    now: Instant,
) -> Result<Applied, CollectorError> {
    let mut seats =
        KnownSeats::new(deployment, store.read(|tx| tx.standings()).map_err(CollectorError::Store)?);
    let mut total = Applied::default();
    let fresh = pass(store, forms, &mut seats, merger, now, |tx, after| tx.new_pulled(after, CHUNK))?;
    total.applied += fresh.applied;
    total.quarantined += fresh.quarantined;
    loop {
        let again = pass(store, forms, &mut seats, merger, now, |tx, after| tx.held_pulled(after, CHUNK))?;
        total.applied += again.applied;
        total.quarantined += again.quarantined;
        total.held = again.held;
        if again.applied + again.quarantined > 0 {
            continue;
        }
        if !take_out(store, forms)? {
            return Ok(total);
        }
        let fresh = pass(store, forms, &mut seats, merger, now, |tx, after| tx.new_pulled(after, CHUNK))?;
        total.applied += fresh.applied;
        total.quarantined += fresh.quarantined;
    }
}

fn pass(
    store: &mut DeviceStore,
    forms: &mut FormLibrary,
    seats: &mut KnownSeats,
    merger: &dyn Merger,
    now: Instant,
    load: impl Fn(&Tx<'_>, i64) -> Result<Vec<PulledRow>, device_store::DeviceStoreError>,
) -> Result<Applied, CollectorError> {
    let mut total = Applied::default();
    let mut after = 0;
    loop {
        let rows = store.read(|tx| load(tx, after)).map_err(CollectorError::Store)?;
        let Some(last) = rows.last() else { return Ok(total) };
        after = last.id;
        let chunk = store.write(|tx| {
            let mut applier = Applier { tx, forms, seats, merger, open: HashMap::new(), now };
            let mut counts = Applied::default();
            for row in &rows {
                let state = applier.apply(row)?;
                tx.set_pulled_state(row.id, state, now)?;
                match state {
                    PulledState::Applied => counts.applied += 1,
                    PulledState::Held(_) | PulledState::New => counts.held += 1,
                    PulledState::Quarantined(_) => counts.quarantined += 1,
                }
            }
            applier.finish()?;
            Ok::<_, CollectorError>(counts)
        })?;
        total.applied += chunk.applied;
        total.held += chunk.held;
        total.quarantined += chunk.quarantined;
    }
}

impl Applier<'_, '_> {
    fn apply(&mut self, pulled: &PulledRow) -> Verdict {
        let Ok(delta) = SignedDelta::decode(&pulled.envelope) else {
            return Ok(aside(ReasonCode::Malformed));
        };
        let delta = match delta.verify(self.seats) {
            Ok(delta) => delta,
            // Its certificate may come behind it.
            Err(Unverified::UnknownSeat { .. }) => {
                return Ok(PulledState::Held(Some(ReasonCode::UnknownSeat)));
            }
            Err(refused) => return Ok(aside(refused.reason())),
        };
        if !may_send(&delta) {
            return Ok(aside(ReasonCode::RoleNotAllowed));
        }
        if self.is_revoked(&delta, pulled.log_index)? {
            return Ok(aside(ReasonCode::Revoked));
        }
        let hlc = delta.header().hlc;
        if hlc.instant() <= pulled.received_at.plus_ms(MAX_HLC_AHEAD_MS) {
            self.tx.observe_hlc(hlc)?;
        }
        match delta.act() {
            Act::Certificate(certificate) => {
                self.tx.put_certificate(certificate.seat(), &pulled.envelope, pulled.log_index)?;
                self.seats.certify(certificate.clone());
                Ok(PulledState::Applied)
            }
            Act::Revocation(act) => self.revoke(act, pulled.log_index),
            Act::Epoch(act) => {
                let header = delta.header();
                let previous = act.previous.map(|(epoch, ..)| epoch);
                self.tx.put_epoch(header.seat, header.epoch, previous)?;
                Ok(PulledState::Applied)
            }
            Act::Publication(act) => {
                self.tx.put_publication(delta.hash(), act, pulled.log_index)?;
                Ok(PulledState::Applied)
            }
            Act::Outcome(act) => self.outcome(act),
            // What it means for each delta of ours, its outcome says.
            Act::Branch(_) => Ok(PulledState::Applied),
            // Followed when it was told, or long past.
            Act::Restoration(_) => Ok(PulledState::Applied),
            Act::Change(act) => {
                let statement = act.finalise.as_ref().map(|finalise| (finalise.revision, finalise.visit));
                let state = self.merge(&delta, act.revision, &act.change, Some(act.visit))?;
                if let (PulledState::Applied, Some((revision, visit))) = (state, statement) {
                    self.state(&delta, StatementKind::Finalise, Some(revision), Some(visit))?;
                }
                Ok(state)
            }
            Act::Statement(act) => self.statement(&delta, act),
            Act::Decision(act) => self.decision(&delta, act),
            // Kept for a version that knows it.
            Act::Later(..) => Ok(aside(ReasonCode::UnsupportedKind)),
        }
    }

    /// A revocation acts from its place in the log: what came before it stays.
    fn is_revoked(&self, delta: &VerifiedDelta, log_index: u64) -> Result<bool, CollectorError> {
        let header = delta.header();
        let acts = self.seats.revoked_at(header.seat).is_some_and(|at| at < log_index);
        let (true, Some(standing)) = (acts, delta.standing()) else { return Ok(false) };
        let mut failed = None;
        let counts = standing.counts(header.epoch, header.seq, |last| {
            self.tx.is_earlier_epoch(header.seat, header.epoch, last).unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
        });
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(!counts),
        }
    }

    fn revoke(&mut self, act: &RevocationAct, log_index: u64) -> Verdict {
        if self.seats.certificate(act.seat).is_none() {
            return Ok(PulledState::Held(Some(ReasonCode::UnknownSeat)));
        }
        let revoked = Standing { log_index, last: act.last };
        self.tx.put_revocation(act.seat, &revoked)?;
        self.seats.revoke(act.seat, revoked);
        Ok(PulledState::Applied)
    }

    fn outcome(&self, act: &OutcomeAct) -> Verdict {
        for run in &act.runs {
            match run.delta {
                // A rival of ours, written by a copy of this laptop: what became of it is not what became of ours.
                Some(delta) if !self.tx.is_own_delta(delta)? => {}
                _ => {
                    let seqs = run.from_seq..=run.to_seq;
                    self.tx.mark_outcome(act.seat, run.epoch, seqs, run.code, run.reason)?;
                }
            }
        }
        Ok(PulledState::Applied)
    }

    /// Merges a change into its record, which is made if this is the first delta of it here.
    fn merge(
        &mut self,
        delta: &VerifiedDelta,
        revision: FormRevision,
        change: &[u8],
        visit: Option<record_model::Visit>,
    ) -> Verdict {
        let header = delta.header();
        let Some(record) = header.about() else { return Ok(aside(ReasonCode::Malformed)) };
        let Some(publication) = self.tx.publication_of(revision)? else {
            return Ok(PulledState::Held(Some(ReasonCode::UnknownForm)));
        };
        let covered = delta.standing().is_none_or(|by| by.certificate.covers_lineage(&publication.lineage));
        if !covered {
            return Ok(aside(ReasonCode::LineageOutsideCertificate));
        }
        let actor = derive_actor(self.public_key(delta).as_bytes(), header.epoch, record, header.generation);
        let now = self.now;
        let is_new = !self.load(record)?;
        if is_new {
            let row = new_record(delta, record, publication.lineage.clone(), now);
            self.open.insert(record, OpenRecord { row, document_changed: false });
        }
        let Some(open) = self.open.get_mut(&record) else { return Ok(aside(ReasonCode::Unloadable)) };
        if open.row.generation != header.generation {
            return Ok(aside(ReasonCode::OtherGeneration));
        }
        if open.row.lineage != publication.lineage {
            return Ok(aside(ReasonCode::LineageOutsideCertificate));
        }
        let merged = self.merger.merge(open.row.state.as_deref(), &ForeignChange { bytes: change, actor })?;
        let state = match merged {
            MergeOutcome::Merged { state, change } => {
                open.document_changed = true;
                open.row.state = Some(state);
                open.row.updated_at = now;
                self.index(delta, record, change, revision, visit)?;
                PulledState::Applied
            }
            MergeOutcome::AlreadyHave { change } => {
                self.index(delta, record, change, revision, visit)?;
                PulledState::Applied
            }
            MergeOutcome::MissingDeps { .. } => PulledState::Held(None),
            MergeOutcome::Refused { rule } => aside(rule.reason()),
            MergeOutcome::Unloadable => aside(ReasonCode::Unloadable),
            MergeOutcome::Killed => aside(ReasonCode::MergeKilled),
            MergeOutcome::StateDamaged => return Err(CollectorError::Unreadable { what: "a record" }),
        };
        if is_new && state != PulledState::Applied {
            self.open.remove(&record);
        }
        Ok(state)
    }

    fn public_key(&self, delta: &VerifiedDelta) -> signed_delta::PublicKey {
        use signed_delta::Roster;
        delta.standing().map_or_else(|| self.seats.registry_key(), |by| by.certificate.public_key)
    }

    fn index(
        &self,
        delta: &VerifiedDelta,
        record: RecordId,
        change: ChangeHash,
        revision: FormRevision,
        visit: Option<record_model::Visit>,
    ) -> Result<(), CollectorError> {
        let (seat, hlc) = (delta.header().seat, delta.header().hlc);
        let row = ChangeRow { change, record, seat, delta: delta.hash(), hlc, revision, visit };
        Ok(self.tx.put_change(&row)?)
    }

    fn statement(&mut self, delta: &VerifiedDelta, act: &StatementAct) -> Verdict {
        let Some(record) = delta.header().about() else { return Ok(aside(ReasonCode::Malformed)) };
        if !self.load(record)? {
            return Ok(PulledState::Held(None));
        }
        if let Some(refused) = self.refused_for(record, delta) {
            return Ok(aside(refused));
        }
        match act {
            StatementAct::Finalise(f) => {
                self.state(delta, StatementKind::Finalise, Some(f.revision), Some(f.visit))?;
            }
            StatementAct::Withdraw { .. } => self.state(delta, StatementKind::Withdraw, None, None)?,
        }
        Ok(PulledState::Applied)
    }

    fn state(
        &mut self,
        delta: &VerifiedDelta,
        kind: StatementKind,
        revision: Option<FormRevision>,
        visit: Option<record_model::Visit>,
    ) -> Result<(), CollectorError> {
        let header = delta.header();
        let (seat, hlc, record) = (header.seat, header.hlc, header.record);
        let row = StatementRow { delta: delta.hash(), record, seat, kind, hlc, revision, visit };
        Ok(self.tx.put_statement(&row)?)
    }

    /// A decision counts even when it writes nothing; when it writes, both or neither.
    fn decision(&mut self, delta: &VerifiedDelta, act: &DecisionAct) -> Verdict {
        let Some(record) = delta.header().about() else { return Ok(aside(ReasonCode::Malformed)) };
        if !self.load(record)? {
            return Ok(PulledState::Held(None));
        }
        if let Some(refused) = self.refused_for(record, delta) {
            return Ok(aside(refused));
        }
        if let Some((revision, change)) = &act.write {
            let state = self.merge(delta, *revision, change, None)?;
            if state != PulledState::Applied {
                return Ok(state);
            }
        }
        self.tx.put_decision(record, &Decision { item: act.item, delta: delta.hash() })?;
        Ok(PulledState::Applied)
    }

    /// Why a word about an open record does not count: another generation, or a lineage its author is not certified for.
    fn refused_for(&self, record: RecordId, delta: &VerifiedDelta) -> Option<ReasonCode> {
        let row = &self.open.get(&record)?.row;
        if row.generation != delta.header().generation {
            return Some(ReasonCode::OtherGeneration);
        }
        let covered = delta.standing().is_none_or(|by| by.certificate.covers_lineage(&row.lineage));
        (!covered).then_some(ReasonCode::LineageOutsideCertificate)
    }

    /// Opens a record of this store for the chunk. False when there is none.
    fn load(&mut self, record: RecordId) -> Result<bool, CollectorError> {
        if self.open.contains_key(&record) {
            return Ok(true);
        }
        let Some(row) = self.tx.record(record)? else { return Ok(false) };
        self.open.insert(record, OpenRecord { row, document_changed: false });
        Ok(true)
    }

    /// Saves every record the chunk touched, and derives anew what lists show of it.
    fn finish(self) -> Result<(), CollectorError> {
        for OpenRecord { mut row, document_changed } in self.open.into_values() {
            let doc = open_document(&row)?;
            if !document_changed {
                row.state = None;
            }
            // The row first: statements and changes are read by it.
            self.tx.put_record(&row)?;
            refresh_row(self.tx, self.forms, row, &doc)?;
        }
        Ok(())
    }
}

fn new_record(delta: &VerifiedDelta, record: RecordId, lineage: Lineage, now: Instant) -> RecordRow {
    let header = delta.header();
    RecordRow {
        record,
        generation: header.generation,
        lineage,
        area: header.area.clone(),
        state: None,
        status: RecordStatus::Draft,
        number: None,
        title: String::new(),
        open_items: 0,
        created_at: now,
        updated_at: now,
    }
}

/// Who may say what. Areas are the server's to enforce when it answers a pull.
fn may_send(delta: &VerifiedDelta) -> bool {
    let role = delta.standing().map(|standing| standing.certificate.fields.role);
    match (delta.act(), role) {
        // The registry's own key.
        (_, None) => true,
        (Act::Certificate(_), Some(_)) => false,
        (Act::Restoration(_), Some(_)) => false,
        (Act::Revocation(_) | Act::Publication(_) | Act::Outcome(_) | Act::Branch(_), Some(role)) => {
            role == Role::Server
        }
        (Act::Decision(_), Some(role)) => matches!(role, Role::Server | Role::Supervisor),
        (Act::Change(_) | Act::Statement(_) | Act::Epoch(_) | Act::Later(..), Some(_)) => true,
    }
}

/// Tells one copy of a delta from another; the name of bytes that are no delta.
pub(crate) fn hash_of_bytes(bytes: &[u8]) -> [u8; 32] {
    record_model::hash_parts("lakou/pulled-bytes/v1", [bytes])
}
