//! Taking changes out of a record, and reading what they said, so that it can be written anew.

use std::collections::BTreeSet;

use record_model::{Answers, ChangeHash, Value};

use crate::doc::{RecordDoc, load_document};
use crate::encode::Scalar;
use crate::error::DocError;
use crate::genesis::genesis_document;
use crate::guard::GuardRule;
use crate::preparse::parse;

/// What one change says, read without a record.
#[derive(Clone, PartialEq, Eq)]
pub struct WrittenChange {
    /// Its name.
    pub hash: ChangeHash,
    /// The changes its writer had seen last, sorted.
    pub deps: Vec<ChangeHash>,
    /// The answers it writes.
    pub answers: Answers,
}

/// Names only: the rest is answers.
impl std::fmt::Debug for WrittenChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WrittenChange")
            .field("hash", &self.hash)
            .field("deps", &self.deps)
            .finish_non_exhaustive()
    }
}

/// The name of a change, if the bytes are one in the one shape we take.
pub fn change_hash(bytes: &[u8]) -> Option<ChangeHash> {
    parse(bytes).ok().map(|parsed| parsed.hash)
}

/// Reads one change chunk, or names the first rule it breaks.
pub fn read_change(bytes: &[u8]) -> Result<WrittenChange, GuardRule> {
    let parsed = parse(bytes)?;
    let mut answers = Answers::new();
    for put in &parsed.content.puts {
        let value = match put.value {
            Scalar::Null => Value::Null,
            Scalar::Bool(flag) => Value::Bool(flag),
            Scalar::Int(number) => Value::Int(number),
            Scalar::Text(text) => Value::Text(text.to_owned()),
        };
        answers.insert(put.key.parse().map_err(|_| GuardRule::Key)?, value);
    }
    Ok(WrittenChange { hash: parsed.hash, deps: parsed.content.deps, answers })
}

impl RecordDoc {
    /// The record without these changes and all that builds on them, and the names of what went, each after what it built
    /// on. A name the record does not have is passed over.
    pub fn without(&self, changes: &BTreeSet<ChangeHash>) -> Result<(Self, Vec<ChangeHash>), DocError> {
        let mut gone: Vec<ChangeHash> = Vec::new();
        let mut kept = Vec::new();
        // Each comes after what it builds on.
        for change in self.doc.get_changes(&[]) {
            let hash = ChangeHash::from_bytes(change.hash().0);
            let builds_on = |dep: &automerge::ChangeHash| gone.contains(&ChangeHash::from_bytes(dep.0));
            if changes.contains(&hash) || change.deps().iter().any(builds_on) {
                gone.push(hash);
            } else {
                kept.push(change);
            }
        }
        let mut doc = genesis_document();
        doc.apply_changes(kept).map_err(|error| DocError::Unloadable { source: Some(Box::new(error)) })?;
        let saved = doc.save_nocompress();
        Ok((Self { doc: load_document(&saved)?, saved: Some(saved) }, gone))
    }
}
