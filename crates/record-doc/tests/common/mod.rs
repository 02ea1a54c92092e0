//! Replicas of one record, and changes taken apart and put together again.
#![allow(dead_code, reason = "each test file uses its part")]

use automerge::{Change, ExpandedChange};
use record_doc::{ActorBytes, ForeignChange, LocalChange, MergeVerdict, RecordDoc, derive_actor};
use record_model::{Answers, EpochId, Finding, FindingKind, RecordId, Value};
use sha2::{Digest, Sha256};

pub(crate) const RECORD: RecordId = RecordId::from_bytes([9; 16]);
pub(crate) const MEMBER: &str = "roster/AAAAAAAAAAAAC";

/// The actor of the seat with this number.
pub(crate) fn actor(seat: u8) -> ActorBytes {
    derive_actor(&[seat; 32], EpochId::from_bytes([0; 8]), RECORD, 0)
}

pub(crate) fn answers<const N: usize>(given: [(&str, Value); N]) -> Answers {
    given.into_iter().map(|(path, value)| (path.parse().unwrap(), value)).collect()
}

/// One seat's copy of the record.
#[derive(Clone)]
pub(crate) struct Replica {
    pub(crate) record: RecordDoc,
    pub(crate) seat: u8,
    written: u8,
}

impl Replica {
    pub(crate) fn new(seat: u8) -> Self {
        Self { record: RecordDoc::new(), seat, written: 0 }
    }

    /// The same record in another seat's hands.
    pub(crate) fn copy_for(&self, seat: u8) -> Self {
        Self { record: self.record.clone(), seat, written: 0 }
    }

    pub(crate) fn write<const N: usize>(&mut self, given: [(&str, Value); N]) -> LocalChange {
        self.write_all(&answers(given)).expect("something changes")
    }

    pub(crate) fn write_all(&mut self, given: &Answers) -> Option<LocalChange> {
        self.written = self.written.wrapping_add(1);
        let mut message = [self.seat; 16];
        message[0] = self.written;
        self.record.write(actor(self.seat), message, given).unwrap()
    }

    pub(crate) fn merge(&mut self, from: u8, change: &LocalChange) -> MergeVerdict {
        self.record.merge(&ForeignChange { bytes: &change.bytes, actor: actor(from) })
    }

    pub(crate) fn take(&mut self, from: u8, change: &LocalChange) {
        assert_eq!(self.merge(from, change), MergeVerdict::Merged { change: change.hash });
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.record.view().get(path).clone()
    }

    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.record.findings(&self.record.view(), RECORD, 0)
    }

    /// Kinds and subjects of the findings.
    pub(crate) fn found(&self) -> Vec<(FindingKind, String)> {
        self.findings().into_iter().map(|finding| (finding.kind, finding.subject)).collect()
    }
}

/// A household of about 100 answers and 5 members, as one visit writes it.
pub(crate) fn household() -> Answers {
    let mut given: Answers = (0..100)
        .map(|index| {
            let value = match index % 5 {
                0 => Value::from(index % 3 == 0),
                1 => Value::from(index * 7),
                _ => Value::from(format!("answer {}", index * 37 % 41)),
            };
            (format!("question_{index}").parse().unwrap(), value)
        })
        .collect();
    for member in ["AAAAAAAAAAAAC", "AAAAAAAAAAAAE", "AAAAAAAAAAAAG", "AAAAAAAAAAAAI", "AAAAAAAAAAAAK"] {
        let leaves = ["@order", "@person", "given_name", "family_name", "birth_date", "sex", "relation"];
        for leaf in leaves {
            let path = format!("roster/{member}/{leaf}").parse().unwrap();
            given.insert(path, Value::from(format!("{leaf} {member}")));
        }
        given.insert(format!("roster/{member}/age").parse().unwrap(), Value::from(member.len() as i64));
    }
    given
}

/// A change chunk's data, without magic, checksum, type and length.
pub(crate) fn chunk_data(chunk: &[u8]) -> Vec<u8> {
    let length_bytes = chunk[9..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    chunk[9 + length_bytes..].to_vec()
}

/// A chunk round this data, with a checksum that fits.
pub(crate) fn chunk(kind: u8, data: &[u8]) -> Vec<u8> {
    let mut head = vec![kind];
    uleb(&mut head, data.len() as u64);
    let hash = Sha256::new().chain_update(&head).chain_update(data).finalize();
    [&[0x85, 0x6f, 0x4a, 0x83], &hash[..4], head.as_slice(), data].concat()
}

pub(crate) fn uleb(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The change as Automerge writes it after `edit` has had its hands on it.
pub(crate) fn reforged(change: &LocalChange, edit: impl FnOnce(&mut ExpandedChange)) -> Vec<u8> {
    let mut expanded = Change::from_bytes(change.bytes.clone()).unwrap().decode();
    edit(&mut expanded);
    Change::from(expanded).raw_bytes().to_vec()
}
