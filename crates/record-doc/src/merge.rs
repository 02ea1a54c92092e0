//! The one merge function, and the same on a record already open.

use automerge::{Automerge, AutomergeError, Change};
use record_model::ChangeHash;

use crate::actor::ActorBytes;
use crate::doc::{MAX_STATE_BYTES, RecordDoc, guarded, heads, load_document};
use crate::guard::{Checked, GuardOptions, GuardRule, check, nothing_waits};

/// A change from elsewhere. Its delta's signature is verified already; its bytes are not trusted for that.
#[derive(Clone, Copy)]
pub struct ForeignChange<'a> {
    /// One uncompressed Automerge change.
    pub bytes: &'a [u8],
    /// The actor derived from the seat that signed the delta ([`derive_actor`](crate::derive_actor)).
    pub actor: ActorBytes,
}

/// What became of one change and one saved record.
#[derive(Clone, PartialEq, Eq)]
pub enum MergeOutcome {
    /// The record with the change in it. Not stored: that is the caller's to commit.
    Merged {
        /// What to save. It was loaded again and has the heads it must have.
        state: Vec<u8>,
        /// The change's name.
        change: ChangeHash,
    },
    /// The record has it already.
    AlreadyHave {
        /// The change's name.
        change: ChangeHash,
    },
    /// The record lacks what it builds upon.
    MissingDeps {
        /// What it lacks, sorted.
        missing: Vec<ChangeHash>,
    },
    /// The change breaks a rule.
    Refused {
        /// Which.
        rule: GuardRule,
    },
    /// With the change the record could not be loaded again.
    Unloadable,
    /// The saved record could not be loaded as it was given: damage of the caller's, no fault of the change.
    StateDamaged,
    /// The process that merged died of it ([`Merger`](crate::Merger)).
    Killed,
}

/// Names and sizes only: a state is made of answers.
impl std::fmt::Debug for MergeOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Merged { state, change } => {
                write!(f, "Merged {{ state: {} bytes, change: {change} }}", state.len())
            }
            Self::AlreadyHave { change } => write!(f, "AlreadyHave {{ change: {change} }}"),
            Self::MissingDeps { missing } => write!(f, "MissingDeps {{ missing: {missing:?} }}"),
            Self::Refused { rule } => write!(f, "Refused {{ rule: {rule:?} }}"),
            Self::Unloadable => f.write_str("Unloadable"),
            Self::StateDamaged => f.write_str("StateDamaged"),
            Self::Killed => f.write_str("Killed"),
        }
    }
}

/// What became of one change and an open record. Only `Merged` changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeVerdict {
    /// The record has it now.
    Merged {
        /// The change's name.
        change: ChangeHash,
    },
    /// The record had it already.
    AlreadyHave {
        /// The change's name.
        change: ChangeHash,
    },
    /// The record lacks what it builds upon.
    MissingDeps {
        /// What it lacks, sorted.
        missing: Vec<ChangeHash>,
    },
    /// The change breaks a rule.
    Refused {
        /// Which.
        rule: GuardRule,
    },
    /// With the change the record could not be loaded again.
    Unloadable,
}

impl MergeVerdict {
    /// The same as an outcome; `save` is asked for the record when it changed.
    pub fn with_state(self, save: impl FnOnce() -> Vec<u8>) -> MergeOutcome {
        match self {
            Self::Merged { change } => MergeOutcome::Merged { state: save(), change },
            Self::AlreadyHave { change } => MergeOutcome::AlreadyHave { change },
            Self::MissingDeps { missing } => MergeOutcome::MissingDeps { missing },
            Self::Refused { rule } => MergeOutcome::Refused { rule },
            Self::Unloadable => MergeOutcome::Unloadable,
        }
    }
}

/// Applies one foreign change to a saved record (none: a new one). Bytes to bytes, no database in hand.
pub fn merge_change(state: Option<&[u8]>, change: &ForeignChange<'_>) -> MergeOutcome {
    let opened = state.map_or_else(|| Ok(RecordDoc::new()), RecordDoc::load);
    let Ok(mut record) = opened else { return MergeOutcome::StateDamaged };
    record.merge(change).with_state(|| record.save())
}

impl RecordDoc {
    /// Applies one foreign change to this record, or leaves it exactly as it was.
    pub fn merge(&mut self, change: &ForeignChange<'_>) -> MergeVerdict {
        self.merge_with(change, GuardOptions::default())
    }

    /// Applies several foreign changes in their order, each with its own verdict, and loads the record again once for all.
    ///
    /// When that fails, everything is taken back and done again with a check each, so that one bad change costs time and
    /// not its neighbours.
    pub fn merge_all(&mut self, changes: &[ForeignChange<'_>]) -> Vec<MergeVerdict> {
        let before = self.clone();
        let unchecked = GuardOptions { reload_check: false, ..GuardOptions::default() };
        let verdicts: Vec<MergeVerdict> =
            changes.iter().map(|change| self.merge_with(change, unchecked)).collect();
        if !verdicts.iter().any(|verdict| matches!(verdict, MergeVerdict::Merged { .. })) {
            return verdicts;
        }
        match guarded(|| checked_by_reload(&self.doc)) {
            Some(Ok((doc, saved))) => {
                *self = Self { doc, saved: Some(saved) };
                verdicts
            }
            Some(Err(_)) | None => {
                *self = before;
                changes.iter().map(|change| self.merge(change)).collect()
            }
        }
    }

    /// [`RecordDoc::merge`] with parts of the guard switched off, so that a test can show that they are needed.
    #[doc(hidden)]
    pub fn merge_with(&mut self, change: &ForeignChange<'_>, options: GuardOptions) -> MergeVerdict {
        let expected = if options.rules {
            let checked = guarded(|| check(&self.doc, change.bytes, change.actor));
            match checked.unwrap_or(Err(GuardRule::NotApplied)) {
                Ok(Checked::Good { hash, operations }) => Some((hash, operations)),
                Ok(Checked::AlreadyHave(change)) => return MergeVerdict::AlreadyHave { change },
                Ok(Checked::MissingDeps(missing)) => return MergeVerdict::MissingDeps { missing },
                Err(rule) => return MergeVerdict::Refused { rule },
            }
        } else {
            None
        };
        let applied = guarded(|| apply_to_copy(&self.doc, change.bytes, expected));
        let (doc, hash) = match applied.unwrap_or(Err(GuardRule::NotApplied)) {
            Ok(applied) => applied,
            Err(rule) => return MergeVerdict::Refused { rule },
        };
        if !options.reload_check {
            *self = Self { doc, saved: None };
            return MergeVerdict::Merged { change: hash };
        }
        match guarded(|| checked_by_reload(&doc)) {
            Some(Ok((doc, saved))) => {
                *self = Self { doc, saved: Some(saved) };
                MergeVerdict::Merged { change: hash }
            }
            Some(Err(Some(rule))) => MergeVerdict::Refused { rule },
            Some(Err(None)) | None => MergeVerdict::Unloadable,
        }
    }
}

/// A copy of the document with the change in it. That Automerge says `Ok` proves nothing: a change it only queues is `Ok`
/// too, so the heads must name it and nothing may wait.
fn apply_to_copy(
    doc: &Automerge,
    bytes: &[u8],
    expected: Option<(ChangeHash, usize)>,
) -> Result<(Automerge, ChangeHash), GuardRule> {
    let change = Change::from_bytes(bytes.to_vec()).map_err(|_| GuardRule::NotApplied)?;
    let hash = ChangeHash::from_bytes(change.hash().0);
    if expected.is_some_and(|expected| expected != (hash, change.len())) {
        return Err(GuardRule::NotApplied);
    }
    let mut copy = doc.clone();
    copy.apply_changes([change]).map_err(|error| match error {
        AutomergeError::DuplicateSeqNumber(..) => GuardRule::Sequence,
        _ => GuardRule::NotApplied,
    })?;
    let applied = heads(&copy).contains(&hash) && nothing_waits(&copy);
    if applied { Ok((copy, hash)) } else { Err(GuardRule::NotApplied) }
}

/// Saves, loads what was saved, and gives the loaded document: what a later process will see is what this one goes on with.
fn checked_by_reload(doc: &Automerge) -> Result<(Automerge, Vec<u8>), Option<GuardRule>> {
    let saved = doc.save_nocompress();
    if saved.len() > MAX_STATE_BYTES {
        return Err(Some(GuardRule::RecordTooLarge));
    }
    let loaded = load_document(&saved).map_err(|_| None)?;
    if loaded.get_heads() == doc.get_heads() { Ok((loaded, saved)) } else { Err(None) }
}
