//! Proof that the log is whole and that all below it follows from it.

use record_model::{DeltaKind, LogId, SeatId};
use registry_store::{LogEntry, ReadTx, StoreError};
use signed_delta::{Act, Body, PublicKey, RestorationAct, Roster, Tree, TreeHead, leaf_hash};

use crate::proof_tables::Tables;

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

impl VerifyReport {
    pub(crate) fn add(&mut self, what: &str) {
        self.faults.push(Fault { log_index: None, what: what.to_owned() });
    }
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

/// Checks everything that can be checked without trusting any row. Of each entry: canonical bytes, signature, commitment,
/// leaf, place in its chain. Of the log: its root against the last signed head. Of the tables beside the log, which the
/// registry goes by from day to day: that they say what the log says, verdicts against the registry's signed word.
///
/// Who can write to the disk and knows the keys can cut the log back or write another, and sign that. An exported head,
/// kept elsewhere, tells: the log must still begin as it did then.
pub(crate) fn verify_log(
    tx: &dyn ReadTx,
    roster: &dyn Roster,
    log: LogId,
    stored_head: Option<&[u8]>,
    exported_head: Option<&[u8]>,
) -> Result<VerifyReport, StoreError> {
    let entries = tx.log_len()?;
    let mut audit = Audit {
        tx,
        roster,
        tree: Tree::new(),
        faults: Faults::default(),
        tables: Tables::new(roster.registry_key().seat()),
        restorations: Vec::new(),
        epoch_opened_at: (0, [0; 32]),
    };
    let exported = exported_head.and_then(|head| audit.exported(head));
    let leaves = tx.leaves_after(0)?;
    for index in 1..=entries {
        if audit.faults.are_enough() {
            break;
        }
        let entry = tx.log_entry(index);
        match audit.faults.readable(Some(index), entry)? {
            Some(Some(entry)) => audit.entry(&entry, leaves.get(index as usize - 1))?,
            Some(None) => audit.faults.add(Some(index), "the entry is missing"),
            None => {}
        }
        if let Some(exported) = exported.as_ref().filter(|exported| exported.size == index) {
            let same = audit.tree.root() == exported.root;
            audit.faults.check(
                same,
                None,
                "another history: the log does not begin as the exported tree head says",
            );
        }
    }
    if let Some(exported) = &exported {
        audit.goes_on_from(exported, log, entries);
    }
    if leaves.len() as u64 != entries {
        audit.faults.add(None, "the log and its leaves differ in length");
    }
    if audit.restorations.last().is_some_and(|last| last.log != log) {
        audit.faults.add(None, "the settings name another log than the last restoration");
    }
    audit.head(log, stored_head, &leaves)?;
    let Audit { tree, mut faults, tables, .. } = audit;
    tables.check(tx, &mut faults)?;
    let root = data_encoding::HEXLOWER.encode(&tree.root());
    Ok(VerifyReport { entries, root, faults: faults.0 })
}

/// What was found not to hold, in the order it was found.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, log_index: Option<u64>, what: &str) {
        if !self.are_enough() {
            self.0.push(Fault { log_index, what: what.to_owned() });
        }
    }

    pub(crate) fn check(&mut self, holds: bool, log_index: Option<u64>, what: &str) {
        if !holds {
            self.add(log_index, what);
        }
    }

    fn are_enough(&self) -> bool {
        self.0.len() >= MAX_FAULTS
    }

    /// A row that cannot be read is a fault like another; that the store cannot be read is not.
    pub(crate) fn readable<T>(
        &mut self,
        log_index: Option<u64>,
        read: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Row { table, column }) => {
                self.add(log_index, &format!("a stored row cannot be read ({table}.{column})"));
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }
}

struct Audit<'a> {
    tx: &'a dyn ReadTx,
    roster: &'a dyn Roster,
    tree: Tree,
    faults: Faults,
    tables: Tables,
    restorations: Vec<RestorationAct>,
    /// Size and root of the log before the registry's last opening of an epoch.
    epoch_opened_at: (u64, [u8; 32]),
}

impl Audit<'_> {
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
            None => self.faults.add(index, "no certificate for the seat that signed"),
            Some(key) if !entry.delta.is_signed_by(&key, self.roster.deployment()) => {
                self.faults.add(index, "the signature does not fit");
            }
            Some(_) => {}
        }
        let (_, _, body) = entry.delta.parts();
        match body {
            // No kind of delta that this version writes orders an erasure.
            None => self.faults.add(index, "the body is gone, and nothing in the log orders its erasure"),
            Some(_) if !entry.delta.body_fits() => {
                self.faults.add(index, "the body is not the one the header commits to");
            }
            Some(_) => {}
        }
        let leaf = leaf_hash(&entry.delta, entry.index, entry.received_at);
        if stored_leaf != Some(&leaf) {
            self.faults.add(index, "header, signature, place or receive instant differ from the leaf");
        }
        if header.kind == DeltaKind::Epoch && header.seat == self.roster.registry_key().seat() {
            self.epoch_opened_at = (self.tree.size(), self.tree.root());
        }
        self.tree.push(leaf);
        let hash = entry.delta.hash();
        let here = self.tx.chain_at(header.seat, header.epoch, header.seq);
        let here = self.faults.readable(index, here)?;
        if here.is_some_and(|here| !here.contains(&(entry.index, hash))) {
            self.faults.add(index, "the row's own columns differ from the header");
        }
        let act: Option<Act> =
            body.and_then(|body| Body::decode(header.kind, body).ok()).map(|body| body.act);
        if let Some(Act::Restoration(act)) = &act
            && header.seat == self.roster.registry_key().seat()
        {
            // Its epoch was opened for it, where the backup ended.
            let same = self.epoch_opened_at == (act.size, act.root)
                && self.restorations.last().is_none_or(|last| last.log == act.previous);
            self.faults.check(same, index, "the restoration names another log than the one it goes on from");
            self.restorations.push(*act);
        }
        self.tables.take(entry, act.as_ref(), &mut self.faults)
    }

    /// The log must be the one the exported head is of, or have gone on from it by a declared restoration, and be no shorter.
    fn goes_on_from(&mut self, exported: &TreeHead, log: LogId, entries: u64) {
        // Where the log of that id ended in a backup, later backups may have ended before.
        let mut at = exported.log;
        let mut ends = u64::MAX;
        for act in &self.restorations {
            if act.previous == at {
                (at, ends) = (act.log, ends.min(act.size));
            }
        }
        if at != log {
            self.faults.add(None, "the exported tree head is of another log");
        } else if exported.size > ends {
            let what = format!(
                "restored from a backup of {ends} entries, and the exported tree head has {}: what is missing came back \
                 only if its laptops sent it again",
                exported.size
            );
            self.faults.add(None, &what);
        } else if exported.size > entries {
            let what =
                format!("rolled back: {entries} entries, and the exported tree head has {}", exported.size);
            self.faults.add(None, &what);
        }
    }

    /// A head that somebody kept, if this registry signed it.
    fn exported(&mut self, head: &[u8]) -> Option<TreeHead> {
        let key = self.roster.registry_key();
        let Ok(head) = TreeHead::decode_and_verify(head, self.roster.deployment(), &key) else {
            self.faults.add(None, "the exported tree head is not signed by this registry");
            return None;
        };
        Some(head)
    }

    fn head(&mut self, log: LogId, stored: Option<&[u8]>, leaves: &[[u8; 32]]) -> Result<(), StoreError> {
        let merged_through = self.tx.merged_through()?;
        let Some(stored) = stored else {
            if merged_through > 0 {
                self.faults.add(None, "the last signed tree head is missing");
            }
            return Ok(());
        };
        let key = self.roster.registry_key();
        let Ok(head) = TreeHead::decode_and_verify(stored, self.roster.deployment(), &key) else {
            self.faults.add(None, "the stored tree head is not signed by this registry");
            return Ok(());
        };
        if head.log != log {
            self.faults.add(None, "the settings name another log than the last signed tree head");
        }
        if head.size < merged_through {
            self.faults.add(None, "the last signed tree head is older than what was merged");
        }
        if (leaves.len() as u64) < head.size {
            self.faults.add(None, "the log is shorter than the last signed tree head");
            return Ok(());
        }
        let mut tree = Tree::new();
        // What was computed from the rows themselves is in `self.tree`; the head may be older than the last entries.
        leaves.iter().take(head.size as usize).for_each(|leaf| tree.push(*leaf));
        if tree.root() != head.root {
            self.faults.add(None, "the log's root is not the one in the last signed tree head");
        }
        Ok(())
    }
}
