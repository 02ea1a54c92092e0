//! What is to become of a log entry, before its record is touched. A function of the log up to the entry.

use std::sync::Arc;

use record_doc::{ActorBytes, derive_actor};
use record_model::{
    AreaCode, AreaTree, Class, DeltaKind, EpochId, Instant, Lineage, OutcomeCode, ReasonCode, RecordId, Role,
    SeatId, Visit,
};
use registry_store::{Audience, EpochRow, HeldOn, LogEntry, ReadTx, StoreError};
use signed_delta::{
    Act, Body, ChangeAct, DecisionAct, Finalise, Header, Roster, SeatCertificate, SeatStanding, StatementAct,
};

use crate::catalog::Catalog;
use crate::forks::{Branches, Stands};

/// The judgement on one entry.
pub(crate) enum Judgement {
    /// Nothing to merge; perhaps something to show.
    Noted { audience: Option<Audience> },
    /// Set aside.
    Quarantined(ReasonCode),
    /// A rival for its place.
    Forked,
    /// Waits for another delta.
    Held(HeldOn),
    /// To be merged into its record.
    Merge(Box<ToMerge>),
}

/// An entry that may touch its record.
pub(crate) struct ToMerge {
    pub(crate) log_index: u64,
    pub(crate) record: RecordId,
    pub(crate) header: Header,
    pub(crate) delta: record_model::DeltaHash,
    pub(crate) actor: ActorBytes,
    pub(crate) standing: Arc<SeatStanding>,
    pub(crate) lineage: Option<Lineage>,
    pub(crate) said: Said,
}

/// What it says about the record.
pub(crate) enum Said {
    Change(ChangeAct),
    Finalise(Finalise),
    Withdraw,
    Decision(DecisionAct),
}

impl ToMerge {
    /// The Automerge change it brings, if it brings one, with the visit it was made at.
    pub(crate) fn change(&self) -> Option<(record_model::FormRevision, &[u8], Option<Visit>)> {
        match &self.said {
            Said::Change(act) => Some((act.revision, &act.change, Some(act.visit))),
            Said::Decision(act) => {
                act.write.as_ref().map(|(revision, change)| (*revision, change.as_slice(), None))
            }
            Said::Finalise(_) | Said::Withdraw => None,
        }
    }

    /// The finalise statement it carries, if it does.
    pub(crate) fn finalise(&self) -> Option<&Finalise> {
        match &self.said {
            Said::Change(act) => act.finalise.as_ref(),
            Said::Finalise(finalise) => Some(finalise),
            Said::Withdraw | Said::Decision(_) => None,
        }
    }
}

/// What a judge may look at.
pub(crate) struct Bench<'a> {
    pub(crate) tx: &'a dyn ReadTx,
    pub(crate) roster: &'a dyn Roster,
    pub(crate) catalog: &'a Catalog,
    /// Entries of this very step that are worked through already, though their outcomes are not written yet.
    pub(crate) worked: &'a std::collections::BTreeSet<u64>,
    /// Entries that this very step found to wait, whatever their outcomes said before.
    pub(crate) waiting: &'a std::collections::BTreeSet<u64>,
    /// How far the log has been read.
    pub(crate) at: u64,
    /// Which branches of forks stand.
    pub(crate) branches: &'a Branches,
}

impl Bench<'_> {
    /// Judges one entry by the log up to it.
    pub(crate) fn judge(&self, entry: &LogEntry) -> Result<Judgement, StoreError> {
        let header = entry.delta.header();
        let (_, _, body) = entry.delta.parts();
        // An erased body: the record it belonged to has a later baseline.
        let Some(body) = body else { return Ok(Judgement::Noted { audience: None }) };
        let Ok(body) = Body::decode(header.kind, body) else {
            return Ok(Judgement::Quarantined(ReasonCode::Malformed));
        };
        if header.seat == self.roster.registry_key().seat() {
            return Ok(Judgement::Noted { audience: audience_of(&body.act) });
        }
        if let Some(judgement) = self.judge_chain(entry)? {
            return Ok(judgement);
        }
        let Some(standing) = self.roster.standing(header.seat) else {
            return Ok(Judgement::Quarantined(ReasonCode::UnknownSeat));
        };
        match self.judge_content(entry, &standing, body.act)? {
            Ok(judgement) => Ok(judgement),
            Err(reason) => Ok(Judgement::Quarantined(reason)),
        }
    }

    /// Revoked, forked, or before its turn.
    fn judge_chain(&self, entry: &LogEntry) -> Result<Option<Judgement>, StoreError> {
        let header = entry.delta.header();
        if self.is_revoked(header, entry.index)? {
            return Ok(Some(Judgement::Quarantined(ReasonCode::Revoked)));
        }
        if let Some(row) = self.tx.epoch(header.seat, header.epoch)?
            && let Some(judgement) = self.judge_branch(entry, &row)?
        {
            return Ok(Some(judgement));
        }
        if header.seq == 1 {
            let opens = header.kind == DeltaKind::Epoch;
            return Ok((!opens).then_some(Judgement::Quarantined(ReasonCode::UnknownEpoch)));
        }
        let before = (header.seat, header.epoch, header.seq - 1);
        let mut is_here = false;
        for (index, hash) in self.tx.chain_at(before.0, before.1, before.2)? {
            if hash == header.prev_hash && index <= self.at {
                if self.is_worked(index)? {
                    return Ok(None);
                }
                is_here = true;
            }
        }
        if !is_here && self.lost_its_beginning(header.seat, header.epoch)? {
            return Ok(None);
        }
        Ok(Some(Judgement::Held(HeldOn::Chain(before.0, before.1, before.2))))
    }

    /// True for an epoch that the log had, perhaps in part, before it was put back from a backup. What came between may never
    /// come again, its laptop being gone: it keeps nothing waiting. What builds on a change that is missing waits for that.
    fn lost_its_beginning(&self, seat: SeatId, epoch: EpochId) -> Result<bool, StoreError> {
        let Some(restored) =
            self.branches.restored_at(self.tx, self.roster.registry_key().seat(), self.at)?
        else {
            return Ok(false);
        };
        let opened = self.tx.chain_at(seat, epoch, 1)?;
        Ok(opened.first().is_none_or(|(index, _)| *index < restored || *index > self.at))
    }

    /// Of a forked epoch: nothing more until it is decided, and then only what stands.
    fn judge_branch(&self, entry: &LogEntry, row: &EpochRow) -> Result<Option<Judgement>, StoreError> {
        if self.is_decided(row) {
            return Ok(match self.branches.stands(self.tx, row, entry, self.at)? {
                Stands::Yes => None,
                Stands::No => Some(Judgement::Quarantined(ReasonCode::OtherBranch)),
                Stands::Unknown { seq } => Some(Judgement::Held(HeldOn::Chain(row.seat, row.epoch, seq))),
            });
        }
        Ok(match row.frozen_by {
            Some(rival) if rival == entry.index => Some(Judgement::Forked),
            Some(rival) if rival < entry.index => Some(Judgement::Quarantined(ReasonCode::Fork)),
            Some(_) | None => None,
        })
    }

    /// True when the log up to here says which branch of the epoch stands.
    pub(crate) fn is_decided(&self, row: &EpochRow) -> bool {
        row.decided_by.is_some_and(|decision| decision <= self.at)
    }

    fn is_worked(&self, index: u64) -> Result<bool, StoreError> {
        if self.worked.contains(&index) {
            return Ok(true);
        }
        if self.waiting.contains(&index) {
            return Ok(false);
        }
        let outcome = self.tx.outcome(index)?;
        // A delta that waits for another writer's change has had its turn in its own chain.
        Ok(outcome.is_some_and(|outcome| {
            outcome.code != OutcomeCode::Held || outcome.reason == Some(ReasonCode::MissingChange)
        }))
    }

    fn is_revoked(&self, header: &Header, index: u64) -> Result<bool, StoreError> {
        let Some(standing) = self.roster.standing(header.seat) else { return Ok(false) };
        let revoked_at = self.tx.seat(header.seat)?.and_then(|row| row.revocation_index);
        if revoked_at.is_none_or(|revoked_at| index < revoked_at) {
            return Ok(false);
        }
        let epochs = self.tx.epochs_of(header.seat)?;
        let place = |epoch| epochs.iter().position(|row| row.epoch == epoch);
        // An epoch ends where the next one's opening delta says; a laptop left behind may not go on in it for ever.
        let ends_at = match place(header.epoch).and_then(|at| epochs.get(at + 1)) {
            Some(next) => self.previous_named_by(header.seat, next.epoch)?,
            None => None,
        };
        let within = ends_at.is_some_and(|(epoch, seq)| epoch == header.epoch && header.seq <= seq);
        let closed = |last| within && place(header.epoch) < place(last);
        Ok(!standing.counts(header.epoch, header.seq, closed))
    }

    /// The end of the epoch before, as the opening delta of this one names it.
    fn previous_named_by(&self, seat: SeatId, epoch: EpochId) -> Result<Option<(EpochId, u64)>, StoreError> {
        let Some((index, _)) = self.tx.chain_at(seat, epoch, 1)?.into_iter().next() else { return Ok(None) };
        let entry = self.tx.log_entry(index)?;
        let act = entry.as_ref().and_then(|entry| {
            let (_, _, body) = entry.delta.parts();
            Body::decode(entry.delta.header().kind, body?).ok().map(|body| body.act)
        });
        Ok(match act {
            Some(Act::Epoch(act)) => act.previous.map(|(epoch, seq, _)| (epoch, seq)),
            _ => None,
        })
    }

    fn judge_content(
        &self,
        entry: &LogEntry,
        standing: &Arc<SeatStanding>,
        act: Act,
    ) -> Result<Result<Judgement, ReasonCode>, StoreError> {
        let header = entry.delta.header();
        let said = match (act, standing.certificate.fields.role) {
            (Act::Epoch(_), _) => return Ok(Ok(Judgement::Noted { audience: None })),
            (Act::Change(act), _) => Said::Change(act),
            (Act::Statement(StatementAct::Finalise(finalise)), _) => Said::Finalise(finalise),
            (Act::Statement(StatementAct::Withdraw { .. }), _) => Said::Withdraw,
            (Act::Decision(act), Role::Supervisor | Role::Server) => Said::Decision(act),
            (Act::Later(..), _) => return Ok(Err(ReasonCode::UnsupportedKind)),
            (
                Act::Decision(_)
                | Act::Certificate(_)
                | Act::Revocation(_)
                | Act::Publication(_)
                | Act::Outcome(_)
                | Act::Branch(_)
                | Act::Restoration(_),
                _,
            ) => return Ok(Err(ReasonCode::RoleNotAllowed)),
        };
        let Some((record, area)) = header.about().zip(header.area.as_ref()) else {
            return Ok(Err(ReasonCode::Malformed));
        };
        if header.class == Class::Restricted {
            return Ok(Err(ReasonCode::ClassNotAllowed));
        }
        let certificate = &standing.certificate;
        if !reaches(certificate, area, self.catalog.areas_before(entry.index)) {
            return Ok(Err(ReasonCode::AreaOutsideCertificate));
        }
        let mut to_merge = ToMerge {
            log_index: entry.index,
            record,
            header: header.clone(),
            delta: entry.delta.hash(),
            actor: derive_actor(certificate.public_key.as_bytes(), header.epoch, record, header.generation),
            standing: Arc::clone(standing),
            lineage: None,
            said,
        };
        let revision = to_merge.change().map(|(revision, ..)| revision);
        if let Some(revision) = revision.or_else(|| to_merge.finalise().map(|finalise| finalise.revision)) {
            // A replay knows later publications too; the judgement must not.
            let published = self.catalog.form(revision).filter(|form| form.log_index < entry.index);
            let Some(form) = published else { return Ok(Err(ReasonCode::UnknownForm)) };
            if !certificate.covers_lineage(&form.lineage) {
                return Ok(Err(ReasonCode::LineageOutsideCertificate));
            }
            to_merge.lineage = Some(form.lineage.clone());
        }
        Ok(Ok(Judgement::Merge(Box::new(to_merge))))
    }
}

/// Who is shown what the registry itself says.
pub(crate) fn audience_of(act: &Act) -> Option<Audience> {
    match act {
        Act::Certificate(_) | Act::Revocation(_) | Act::Publication(_) | Act::Restoration(_) => {
            Some(Audience::Everyone)
        }
        Act::Outcome(outcome) => Some(Audience::Seat(outcome.seat)),
        Act::Branch(decision) => Some(Audience::Seat(decision.seat)),
        _ => None,
    }
}

/// True when the certificate reaches this area: the server's own seats reach all.
pub(crate) fn reaches(certificate: &SeatCertificate, area: &AreaCode, tree: &AreaTree) -> bool {
    certificate.fields.role == Role::Server || certificate.covers_area(area, tree)
}

/// The highest class a role's feed shows.
pub(crate) fn max_class(role: Role) -> Class {
    match role {
        Role::Enumerator | Role::TeamLeader | Role::Supervisor => Class::Sensitive,
        Role::Server => Class::Restricted,
    }
}

/// True when the certificate has run out by the server's clock.
pub(crate) fn has_expired(standing: &SeatStanding, now: Instant) -> bool {
    standing.certificate.fields.valid_until.is_some_and(|until| now >= until)
}
