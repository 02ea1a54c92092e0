//! Proof that the log is whole and that all below it follows from it.

use record_model::{DeltaHash, EpochId, OutcomeCode, SeatId};
use registry_store::{LogEntry, ReadTx, StoreError};
use signed_delta::{Act, Body, PublicKey, Roster, Tree, TreeHead, leaf_hash};

use std::collections::BTreeMap;

/// Changes whenever the same log would give other rows.
pub const ENGINE_VERSION: u32 = 1;

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// Which log entry, if it is about one.
    pub log_index: Option<u64>,
    /// What is wrong, in words without personal data.
    pub what: String,
}

/// What `verify` found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct VerifyReport {
    /// How many entries were checked.
    pub entries: u64,
    /// The root over them, hex.
    pub root: String,
    /// What does not hold; empty when all does.
    pub faults: Vec<Fault>,
}

/// What `rebuild` found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RebuildReport {
    /// How many entries were worked through.
    pub entries: u64,
    /// `registry_hash` before, hex.
    pub before: String,
    /// `registry_hash` after, hex. Equal unless the tables had been altered.
    pub after: String,
}

/// More faults than this say no more than the first ones.
const MAX_FAULTS: usize = 100;

/// Entries read at a time.
const PAGE: usize = 1_000;

/// Reads every entry of the log and checks what can be checked without trusting any row: canonical bytes, signature,
/// commitment, leaf, chain, tree root against the last signed head, and each outcome against the registry's signed word.
pub(crate) fn verify_log(
    tx: &dyn ReadTx,
    roster: &dyn Roster,
    head: Option<&TreeHead>,
) -> Result<VerifyReport, StoreError> {
    let mut audit = Audit {
        tx,
        roster,
        tree: Tree::new(),
        faults: Vec::new(),
        said: BTreeMap::new(),
        at: BTreeMap::new(),
    };
    let leaves = tx.leaves_after(0)?;
    let len = tx.log_len()?;
    let mut next = 1;
    while next <= len && audit.faults.len() < MAX_FAULTS {
        for index in next..(next + PAGE as u64).min(len + 1) {
            match tx.log_entry(index) {
                Ok(Some(entry)) => audit.entry(&entry, leaves.get(index as usize - 1))?,
                Ok(None) => audit.fault(Some(index), "the entry is missing"),
                Err(StoreError::Row { column, .. }) => {
                    audit.fault(Some(index), &format!("the stored row cannot be read ({column})"));
                }
                Err(other) => return Err(other),
            }
        }
        next += PAGE as u64;
    }
    if leaves.len() as u64 != len {
        audit.fault(None, "the log and its leaves differ in length");
    }
    audit.head(head, &leaves);
    audit.outcomes()?;
    audit.faults.truncate(MAX_FAULTS);
    let root = data_encoding::HEXLOWER.encode(&audit.tree.root());
    Ok(VerifyReport { entries: len, root, faults: audit.faults })
}

type Place = (SeatId, EpochId, u64);

struct Audit<'a> {
    tx: &'a dyn ReadTx,
    roster: &'a dyn Roster,
    tree: Tree,
    faults: Vec<Fault>,
    /// The registry's last signed word on each delta.
    said: BTreeMap<Place, (OutcomeCode, u16)>,
    /// Log index of each delta, and its hash.
    at: BTreeMap<Place, Vec<(u64, DeltaHash)>>,
}

impl Audit<'_> {
    fn fault(&mut self, log_index: Option<u64>, what: &str) {
        self.faults.push(Fault { log_index, what: what.to_owned() });
    }

    fn key_of(&self, seat: SeatId) -> Option<PublicKey> {
        let registry = self.roster.registry_key();
        if registry.seat() == seat {
            return Some(registry);
        }
        self.roster.standing(seat).map(|standing| standing.certificate.public_key)
    }

    fn entry(&mut self, entry: &LogEntry, stored_leaf: Option<&[u8; 32]>) -> Result<(), StoreError> {
        let index = Some(entry.index);
        let header = entry.delta.header();
        match self.key_of(header.seat) {
            None => self.fault(index, "no certificate for the seat that signed"),
            Some(key) if !entry.delta.is_signed_by(&key, self.roster.deployment()) => {
                self.fault(index, "the signature does not fit");
            }
            Some(_) => {}
        }
        if !entry.delta.body_fits() {
            self.fault(index, "the body is not the one the header commits to");
        }
        let leaf = leaf_hash(&entry.delta, entry.index, entry.received_at);
        if stored_leaf != Some(&leaf) {
            self.fault(index, "header, signature, place or receive instant differ from the leaf");
        }
        self.tree.push(leaf);
        let place = (header.seat, header.epoch, header.seq);
        self.at.entry(place).or_default().push((entry.index, entry.delta.hash()));
        if !self.tx.chain_at(place.0, place.1, place.2)?.contains(&(entry.index, entry.delta.hash())) {
            self.fault(index, "the row's own columns differ from the header");
        }
        let (_, _, body) = entry.delta.parts();
        if let Some(Act::Outcome(act)) =
            body.and_then(|body| Body::decode(header.kind, body).ok()).map(|body| body.act)
        {
            for run in &act.runs {
                for seq in run.from_seq..=run.to_seq.min(run.from_seq + 1_000_000) {
                    let word = (run.code, run.reason.map_or(0, |reason| reason.code()));
                    self.said.insert((act.seat, run.epoch, seq), word);
                }
            }
        }
        Ok(())
    }

    fn head(&mut self, head: Option<&TreeHead>, leaves: &[[u8; 32]]) {
        let Some(head) = head else { return };
        if (leaves.len() as u64) < head.size {
            self.fault(None, "the log is shorter than the last signed tree head");
            return;
        }
        let mut tree = Tree::new();
        // What was computed from the rows themselves is in `self.tree`; the head may be older than the last entries.
        leaves.iter().take(head.size as usize).for_each(|leaf| tree.push(*leaf));
        if tree.root() != head.root {
            self.fault(None, "the log's root is not the one in the last signed tree head");
        }
    }

    /// The outcome rows against the registry's signed word.
    fn outcomes(&mut self) -> Result<(), StoreError> {
        let places: Vec<(Place, u64)> = self
            .at
            .iter()
            .filter(|(_, entries)| entries.len() == 1)
            .filter_map(|(place, entries)| entries.first().map(|(index, _)| (*place, *index)))
            .collect();
        for (place, index) in places {
            let Some(said) = self.said.get(&place).copied() else { continue };
            let row = match self.tx.outcome(index) {
                Ok(row) => row,
                Err(StoreError::Row { .. }) => None,
                Err(other) => return Err(other),
            };
            let row = row.map(|row| (row.code, row.reason.map_or(0, |reason| reason.code())));
            if row != Some(said) {
                self.fault(Some(index), "the outcome row differs from the registry's signed word");
            }
        }
        Ok(())
    }
}
