//! A record's life: written, merged, read, and what a person must look at in it.

use record_doc::{
    ActorBytes, DocError, ForeignChange, LocalChange, MergeOutcome, MergeVerdict, RecordDoc, derive_actor,
    genesis_hash, merge_change,
};
use record_model::{Answers, EpochId, FindingKind, RecordId, Value};

const RECORD: RecordId = RecordId::from_bytes([9; 16]);
const MEMBER: &str = "roster/AAAAAAAAAAAAC";

fn actor(seat: u8) -> ActorBytes {
    derive_actor(&[seat; 32], EpochId::from_bytes([0; 8]), RECORD, 0)
}

fn answers<const N: usize>(given: [(&str, Value); N]) -> Answers {
    given.into_iter().map(|(path, value)| (path.parse().unwrap(), value)).collect()
}

/// One seat's copy of the record.
struct Replica {
    record: RecordDoc,
    seat: u8,
    written: u8,
}

impl Replica {
    fn new(seat: u8) -> Self {
        Self { record: RecordDoc::new(), seat, written: 0 }
    }

    fn write<const N: usize>(&mut self, given: [(&str, Value); N]) -> LocalChange {
        self.try_write(given).expect("something changes")
    }

    fn try_write<const N: usize>(&mut self, given: [(&str, Value); N]) -> Option<LocalChange> {
        self.written += 1;
        self.record.write(actor(self.seat), [self.written; 16], &answers(given)).unwrap()
    }

    fn take(&mut self, from: u8, change: &LocalChange) {
        let verdict = self.record.merge(&ForeignChange { bytes: &change.bytes, actor: actor(from) });
        assert_eq!(verdict, MergeVerdict::Merged { change: change.hash });
    }

    fn get(&self, path: &str) -> Value {
        self.record.view().get(path).clone()
    }

    fn findings(&self) -> Vec<(FindingKind, String)> {
        let found = self.record.findings(&self.record.view(), RECORD, 0);
        found.into_iter().map(|finding| (finding.kind, finding.subject)).collect()
    }
}

#[test]
fn two_laptops_that_start_one_record_keep_all_answers_of_both() {
    let (mut ann, mut ben) = (Replica::new(1), Replica::new(2));
    let first = ann.write([("consent", "yes".into()), (&format!("{MEMBER}/age"), 4i64.into())]);
    let second = ben.write([("water", "well".into()), ("roster/BAAAAAAAAAAAC/age", 5i64.into())]);
    ann.take(2, &second);
    ben.take(1, &first);

    assert_eq!(ann.record.view(), ben.record.view());
    assert_eq!(ann.record.view().shown().len(), 4);
    assert_eq!(ann.findings(), []);
}
