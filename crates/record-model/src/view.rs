//! What a record says at its heads, and the hash that proves two parties hold the same.

use std::collections::BTreeMap;

use crate::answer::{AnswerPath, Answers, Value};
use crate::finding::Decision;
use crate::hash::{PartsHasher, hash_parts};
use crate::ids::{ChangeHash, RecordId};

/// One value of an answer and the change that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The change that wrote it: leads to the delta, so to the person, the device and the visit.
    pub change: ChangeHash,
    /// What was written.
    pub value: Value,
}

/// A record at its heads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordView {
    /// Sorted hashes of the changes nobody has built upon.
    pub heads: Vec<ChangeHash>,
    /// Every answer ever given and still standing. The first candidate is the one Automerge shows; more than one
    /// means writes made without sight of each other, equal values included. Never empty.
    pub answers: BTreeMap<AnswerPath, Vec<Candidate>>,
}

impl RecordView {
    /// The shown value of each answer that is not cleared.
    pub fn shown(&self) -> Answers {
        self.answers
            .iter()
            .filter_map(|(path, candidates)| {
                candidates.first().map(|first| (path.clone(), first.value.clone()))
            })
            .filter(|(_, value)| !value.is_null())
            .collect()
    }

    /// The shown value of one answer; [`Value::Null`] when it was never given.
    pub fn get(&self, path: &str) -> &Value {
        static NULL: Value = Value::Null;
        self.answers.get(path).and_then(|candidates| candidates.first()).map_or(&NULL, |first| &first.value)
    }

    /// This record's part of `records_hash`: record, generation, heads, each answer with all its candidates sorted,
    /// and the decisions in force. See docs/PROTOCOL.md, "records_hash".
    pub fn digest(&self, record: RecordId, generation: u32, decisions: &[Decision]) -> [u8; 32] {
        let mut hasher = PartsHasher::new("lakou/record/v1");
        hasher.add(record.as_bytes());
        hasher.add(&generation.to_be_bytes());
        hasher.add(&(self.heads.len() as u64).to_be_bytes());
        self.heads.iter().for_each(|head| hasher.add(head.as_bytes()));
        let mut add_answer = |path: &AnswerPath, candidates: &[&Candidate]| {
            hasher.add(path.as_str().as_bytes());
            hasher.add(&(candidates.len() as u64).to_be_bytes());
            for candidate in candidates {
                hasher.add(candidate.change.as_bytes());
                hasher.add_value(&candidate.value);
            }
        };
        for (path, candidates) in &self.answers {
            if let [alone] = candidates.as_slice() {
                add_answer(path, &[alone]);
            } else {
                let mut sorted: Vec<&Candidate> = candidates.iter().collect();
                sorted.sort();
                add_answer(path, &sorted);
            }
        }
        let mut decided: Vec<[u8; 32]> = decisions.iter().map(|decision| *decision.item.as_bytes()).collect();
        decided.sort_unstable();
        decided.dedup();
        hasher.add(b"decisions");
        decided.iter().for_each(|item| hasher.add(item));
        hasher.finish()
    }
}

/// `records_hash` over many records, whatever order they are given in.
#[derive(Debug, Clone, Default)]
pub struct RecordsHash {
    digests: BTreeMap<RecordId, [u8; 32]>,
}

impl RecordsHash {
    /// Adds a record's digest. A record given twice counts once, as given last.
    pub fn add(&mut self, record: RecordId, digest: [u8; 32]) {
        self.digests.insert(record, digest);
    }

    /// How many records are in.
    pub fn records(&self) -> usize {
        self.digests.len()
    }

    /// The hash.
    pub fn finish(&self) -> [u8; 32] {
        hash_parts(
            "lakou/records/v1",
            self.digests
                .iter()
                .flat_map(|(record, digest)| [record.as_bytes().as_slice(), digest.as_slice()]),
        )
    }
}
