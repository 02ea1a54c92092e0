//! Forks: the branches of an epoch, and which of them a decision says stands.

use std::cell::{OnceCell, RefCell};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use record_model::{DeltaHash, DeltaKind, EpochId, Instant, OutcomeCode, SeatId};
use registry_store::{EpochRow, LogEntry, ReadTx, StoreError};
use signed_delta::{Act, Body, BranchAct, Header};

use crate::error::RegistryError;

/// An epoch of which more than one branch is in the log.
#[derive(Debug, Clone)]
pub struct ForkDetail {
    /// Whose epoch.
    pub seat: SeatId,
    /// Which.
    pub epoch: EpochId,
    /// Its branches; the one whose first delta reached the log first comes first.
    pub branches: Vec<BranchDetail>,
    /// The delta that names the branch that stands, once that is decided.
    pub stands: Option<DeltaHash>,
}

/// One branch: a delta at which it parts from another, and what builds on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchDetail {
    /// Its first delta: what a decision names.
    pub first: DeltaHash,
    /// That delta's place in the epoch.
    pub first_seq: u64,
    /// The last place it has.
    pub last_seq: u64,
    /// How many deltas.
    pub deltas: u64,
    /// How many records they are about.
    pub records: u64,
    /// How many of them were merged before the fork was known, or since it was decided.
    pub merged: u64,
    /// When the server received its first.
    pub first_received_at: Instant,
    /// When the server received its last.
    pub last_received_at: Instant,
}

/// A decision on a fork, before it is signed.
#[derive(Debug, Clone)]
pub struct BranchRequest {
    /// Whose epoch.
    pub seat: SeatId,
    /// Which.
    pub epoch: EpochId,
    /// The first delta of the branch that stands, or any other delta of it.
    pub stands: DeltaHash,
    /// Why, in the decider's words.
    pub reason: String,
    /// The account that decides.
    pub account: String,
}

/// One entry of an epoch, as its neighbours know it.
struct Node {
    entry: LogEntry,
    hash: DeltaHash,
}

impl Node {
    fn header(&self) -> &Header {
        self.entry.delta.header()
    }
}

/// Every fork of these seats, decided or not.
pub(crate) fn forks_of(
    tx: &dyn ReadTx,
    seats: impl Iterator<Item = SeatId>,
) -> Result<Vec<ForkDetail>, StoreError> {
    let mut forks = Vec::new();
    for seat in seats {
        for row in tx.epochs_of(seat)?.into_iter().filter(|row| row.frozen_by.is_some()) {
            let stands = decision_of(tx, &row)?.map(|act| act.stands);
            forks.push(ForkDetail { seat, epoch: row.epoch, branches: branches(tx, &row)?, stands });
        }
    }
    Ok(forks)
}

/// The epoch's entries from the place at which they part, as branches.
fn branches(tx: &dyn ReadTx, row: &EpochRow) -> Result<Vec<BranchDetail>, StoreError> {
    let mut nodes = Vec::new();
    for (_, index) in tx.chain_of(row.seat, row.epoch)? {
        if let Some(entry) = tx.log_entry(index)? {
            nodes.push(Node { hash: entry.delta.hash(), entry });
        }
    }
    let known: BTreeSet<DeltaHash> = nodes.iter().map(|node| node.hash).collect();
    let parts_at = parting(&nodes, &known);
    // Which branch a delta belongs to: that of the delta it builds on, unless another has taken its place there.
    let mut branch_of: BTreeMap<DeltaHash, usize> = BTreeMap::new();
    let mut continued: BTreeSet<DeltaHash> = BTreeSet::new();
    let mut found: Vec<(BranchDetail, BTreeSet<record_model::RecordId>)> = Vec::new();
    for node in nodes.iter().filter(|node| node.header().seq >= parts_at) {
        let before = node.header().prev_hash;
        let inherited = branch_of.get(&before).copied().filter(|_| continued.insert(before));
        let at = inherited.unwrap_or(found.len());
        if at == found.len() {
            found.push((BranchDetail::beginning_with(node), BTreeSet::new()));
        }
        let (branch, records) = &mut found[at];
        branch.take(tx, node)?;
        records.extend(node.header().about());
        branch.records = records.len() as u64;
        branch_of.insert(node.hash, at);
    }
    let mut branches: Vec<BranchDetail> = found.into_iter().map(|(branch, _)| branch).collect();
    branches.sort_by_key(|branch| branch.first_received_at);
    Ok(branches)
}

/// The first place at which the entries part: two stand there, or one that builds on what is not here.
fn parting(nodes: &[Node], known: &BTreeSet<DeltaHash>) -> u64 {
    let rivals = nodes.windows(2).find(|pair| pair[0].header().seq == pair[1].header().seq);
    let foreign =
        nodes.iter().find(|node| node.header().seq > 1 && !known.contains(&node.header().prev_hash));
    let rivals = rivals.map(|pair| pair[0].header().seq);
    // Both the delta of a foreign past and the one it does not build on are branches.
    let foreign = foreign.map(|node| node.header().seq.saturating_sub(1).max(1));
    rivals.into_iter().chain(foreign).min().unwrap_or(1)
}

impl BranchDetail {
    fn beginning_with(node: &Node) -> Self {
        Self {
            first: node.hash,
            first_seq: node.header().seq,
            last_seq: node.header().seq,
            deltas: 0,
            records: 0,
            merged: 0,
            first_received_at: node.entry.received_at,
            last_received_at: node.entry.received_at,
        }
    }

    fn take(&mut self, tx: &dyn ReadTx, node: &Node) -> Result<(), StoreError> {
        let outcome = tx.outcome(node.entry.index)?;
        self.deltas += 1;
        self.merged += u64::from(outcome.is_some_and(|outcome| outcome.code == OutcomeCode::Merged));
        self.last_seq = self.last_seq.max(node.header().seq);
        self.last_received_at = self.last_received_at.max(node.entry.received_at);
        Ok(())
    }
}

/// Checks a decision and gives what is to be signed.
pub(crate) fn branch_act(
    tx: &dyn ReadTx,
    request: &BranchRequest,
) -> Result<(BranchAct, EpochRow), StoreError> {
    let BranchRequest { seat, epoch, stands, reason, account } = request.clone();
    if reason.trim().is_empty() || account.trim().is_empty() {
        let reason = "a decision names who decided and why".to_owned();
        return Err(RegistryError::Resolution { reason }.into());
    }
    let row = tx.epoch(seat, epoch)?.filter(|row| row.frozen_by.is_some());
    let row = row.ok_or(RegistryError::NotForked { seat, epoch })?;
    if row.decided_by.is_some() {
        return Err(RegistryError::ForkDecided { seat, epoch }.into());
    }
    for (seq, index) in tx.chain_of(seat, epoch)? {
        if tx.log_entry(index)?.is_some_and(|entry| entry.delta.hash() == stands) {
            return Ok((BranchAct { seat, epoch, seq, stands, reason, account }, row));
        }
    }
    Err(RegistryError::UnknownBranch { stands }.into())
}

/// The decision on an epoch, if there is one.
fn decision_of(tx: &dyn ReadTx, row: &EpochRow) -> Result<Option<BranchAct>, StoreError> {
    let Some(index) = row.decided_by else { return Ok(None) };
    let entry = tx.log_entry(index)?;
    let act = entry.as_ref().and_then(branch_act_of);
    act.map(Some).ok_or_else(|| RegistryError::damaged("the decision on a fork").into())
}

/// What a log entry says of a fork, if it is a decision on one.
pub(crate) fn branch_act_of(entry: &LogEntry) -> Option<BranchAct> {
    let header = entry.delta.header();
    let (_, _, body) = entry.delta.parts();
    let body = body.filter(|_| header.kind == DeltaKind::Branch)?;
    match Body::decode(header.kind, body).ok()?.act {
        Act::Branch(act) => Some(act),
        _ => None,
    }
}

/// A decided epoch while a step works.
struct Decided {
    act: BranchAct,
    /// What the decision's delta builds on, by place, itself included.
    path: BTreeMap<u64, DeltaHash>,
    /// Entries behind it that were looked at already, by log index.
    behind: BTreeMap<u64, Stands>,
}

/// Whether an entry of a decided epoch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    Yes,
    No,
    /// What leads from it to the decision's delta, or back, has a gap at this place.
    Unknown {
        seq: u64,
    },
}

/// Which branch of each decided epoch stands, worked out once a step. A function of the log up to the place it is asked at.
#[derive(Default)]
pub(crate) struct Branches {
    decided: RefCell<BTreeMap<(SeatId, EpochId), Decided>>,
    /// Where the log was put back from backups, once that was asked.
    restored: OnceCell<Vec<u64>>,
}

impl Branches {
    /// Whether the entry belongs to the branch that stands, as far as the log up to `at` says. `row` is the entry's epoch,
    /// decided at or before `at`.
    pub(crate) fn stands(
        &self,
        tx: &dyn ReadTx,
        row: &EpochRow,
        entry: &LogEntry,
        at: u64,
    ) -> Result<Stands, StoreError> {
        let mut known = self.decided.borrow_mut();
        let decided = match known.entry((row.seat, row.epoch)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let damaged = || RegistryError::damaged("the decision on a fork");
                let act = decision_of(tx, row)?.ok_or_else(damaged)?;
                let path = BTreeMap::from([(act.seq, act.stands)]);
                new.insert(Decided { act, path, behind: BTreeMap::new() })
            }
        };
        if entry.delta.header().seq <= decided.act.seq {
            decided.before(tx, entry, at)
        } else {
            decided.behind(tx, entry, at)
        }
    }
}

impl Branches {
    /// Log index of the last restoration up to `at`.
    pub(crate) fn restored_at(
        &self,
        tx: &dyn ReadTx,
        registry: SeatId,
        at: u64,
    ) -> Result<Option<u64>, StoreError> {
        let all = match self.restored.get() {
            Some(known) => known,
            None => {
                let found = restorations(tx, registry)?.iter().map(|entry| entry.index).collect();
                self.restored.get_or_init(|| found)
            }
        };
        Ok(all.iter().copied().filter(|index| *index <= at).max())
    }
}

/// The entries that say how the log went on from backups, in log order.
pub(crate) fn restorations(tx: &dyn ReadTx, registry: SeatId) -> Result<Vec<LogEntry>, StoreError> {
    let mut found = Vec::new();
    for epoch in tx.epochs_of(registry)? {
        // It is what such an epoch is opened for.
        for (index, _) in tx.chain_at(registry, epoch.epoch, 2)? {
            let entry = tx.log_entry(index)?;
            found.extend(entry.filter(|entry| entry.delta.header().kind == DeltaKind::Restoration));
        }
    }
    Ok(found)
}

impl Decided {
    /// Down from the decision's delta, as far as the log has what it builds on.
    fn before(&mut self, tx: &dyn ReadTx, entry: &LogEntry, at: u64) -> Result<Stands, StoreError> {
        let wanted = entry.delta.header().seq;
        let (mut seq, mut hash) = (self.act.seq, self.act.stands);
        if let Some((lowest, known)) = self.path.first_key_value() {
            (seq, hash) = (*lowest, *known);
        }
        while seq > wanted {
            match place(tx, &self.act, seq, hash, at)? {
                Some(known) => (seq, hash) = (seq - 1, known.delta.header().prev_hash),
                None => return Ok(Stands::Unknown { seq }),
            }
            self.path.insert(seq, hash);
        }
        let same = self.path.get(&wanted) == Some(&entry.delta.hash());
        Ok(if same { Stands::Yes } else { Stands::No })
    }

    /// Back from an entry to the decision's delta. Of two that build on the same delta the first in the log stands.
    fn behind(&mut self, tx: &dyn ReadTx, entry: &LogEntry, at: u64) -> Result<Stands, StoreError> {
        let mut passed = Vec::new();
        let mut here = entry.clone();
        let stands = loop {
            match self.behind.get(&here.index) {
                Some(Stands::Unknown { .. }) | None => {}
                Some(known) => break *known,
            }
            let header = here.delta.header();
            let (seq, before) = (header.seq, header.prev_hash);
            if seq == self.act.seq {
                let same = here.delta.hash() == self.act.stands;
                break if same { Stands::Yes } else { Stands::No };
            }
            passed.push(here.index);
            if self.is_second(tx, &here)? {
                break Stands::No;
            }
            match place(tx, &self.act, seq - 1, before, at)? {
                Some(earlier) => here = earlier,
                None => break Stands::Unknown { seq: seq - 1 },
            }
        };
        self.behind.extend(passed.into_iter().map(|index| (index, stands)));
        Ok(stands)
    }

    /// True when another delta that builds on the same one reached the log before.
    fn is_second(&self, tx: &dyn ReadTx, entry: &LogEntry) -> Result<bool, StoreError> {
        let header = entry.delta.header();
        for (index, _) in tx.chain_at(header.seat, header.epoch, header.seq)? {
            if index >= entry.index {
                break;
            }
            let rival = tx.log_entry(index)?;
            if rival.is_some_and(|rival| rival.delta.header().prev_hash == header.prev_hash) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The entry of this hash at a place of the epoch, if the log up to `at` has it.
fn place(
    tx: &dyn ReadTx,
    act: &BranchAct,
    seq: u64,
    hash: DeltaHash,
    at: u64,
) -> Result<Option<LogEntry>, StoreError> {
    let here = tx.chain_at(act.seat, act.epoch, seq)?;
    let found = here.into_iter().find(|(index, known)| *known == hash && *index <= at);
    found.map_or(Ok(None), |(index, _)| tx.log_entry(index))
}
