//! Any order, any repetition, any split: the same record.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{MEMBER, RECORD, Replica, actor};
use proptest::prelude::*;
use proptest::sample::Index;
use record_doc::{ForeignChange, LocalChange, MergeOutcome, MergeVerdict, RecordDoc, merge_change};
use record_model::{Answers, RecordView, Value};

const SEATS: usize = 3;

/// What happens on one laptop.
#[derive(Debug, Clone)]
enum Step {
    Write(usize, Answers),
    /// One seat takes another's changes that it can take.
    Sync(usize, usize),
}

fn paths() -> Vec<String> {
    let mut paths: Vec<String> =
        ["consent", "water", "rooms", "assets#", "assets#radio", "assets#goat", "@number", "note"]
            .map(str::to_owned)
            .into();
    for instance in [MEMBER, "roster/BAAAAAAAAAAAC"] {
        for leaf in ["age", "given_name", "@order", "@person", "@removed", "work/CAAAAAAAAAAAC/place"] {
            paths.push(format!("{instance}/{leaf}"));
        }
    }
    paths
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..3).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ]
}

fn given() -> impl Strategy<Value = Answers> {
    let path = proptest::sample::select(paths()).prop_map(|path| path.parse().unwrap());
    proptest::collection::btree_map(path, value(), 0..14)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..SEATS, given()).prop_map(|(seat, given)| Step::Write(seat, given)),
        2 => (0..SEATS, 0..SEATS).prop_map(|(to, from)| Step::Sync(to, from)),
    ]
}

/// Plays the steps; gives every change with its seat, in the order they were written, and each view on the way.
fn play(steps: &[Step]) -> (Vec<Replica>, Vec<(u8, LocalChange)>, Vec<RecordView>) {
    let mut replicas: Vec<Replica> = (0..SEATS as u8).map(Replica::new).collect();
    let mut log: Vec<(u8, LocalChange)> = Vec::new();
    let mut views = Vec::new();
    for step in steps {
        views.extend(replicas.iter().map(|replica| replica.record.view()));
        match step {
            Step::Write(seat, given) => {
                let written = replicas[*seat].write_all(given);
                log.extend(written.map(|change| (*seat as u8, change)));
            }
            Step::Sync(to, from) => {
                for (seat, change) in &log {
                    if replicas[*from].record.has_change(&change.hash) {
                        replicas[*to].merge(*seat, change);
                    }
                }
            }
        }
    }
    (replicas, log, views)
}

/// Merges changes in the given order, the waiting ones again after each that fitted.
fn merge_in_order(order: &[&(u8, LocalChange)]) -> RecordDoc {
    let mut record = RecordDoc::new();
    let mut waiting: Vec<&(u8, LocalChange)> = Vec::new();
    for next in order {
        waiting.push(next);
        let mut moved = true;
        while moved {
            moved = false;
            waiting.retain(|(seat, change)| {
                match record.merge(&ForeignChange { bytes: &change.bytes, actor: actor(*seat) }) {
                    MergeVerdict::Merged { .. } => {
                        moved = true;
                        false
                    }
                    MergeVerdict::AlreadyHave { .. } => false,
                    MergeVerdict::MissingDeps { .. } => true,
                    other => panic!("an honest change was answered with {other:?}"),
                }
            });
        }
    }
    assert!(waiting.is_empty(), "{} changes still wait", waiting.len());
    record
}

/// `PROPTEST_CASES` asks for more than CI takes the time for.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { asked } else { ProptestConfig { cases: 96, ..asked } }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_order_any_repetition_and_any_split_give_the_same_record(
        steps in proptest::collection::vec(step(), 1..25),
        shuffle in proptest::collection::vec(any::<Index>(), 0..60),
        repeats in proptest::collection::vec(any::<Index>(), 0..20),
        split in any::<Index>(),
    ) {
        let (mut replicas, log, views) = play(&steps);
        let straight = merge_in_order(&log.iter().collect::<Vec<_>>());

        let mut order: Vec<&(u8, LocalChange)> = log.iter().collect();
        if !order.is_empty() {
            order.extend(repeats.iter().map(|index| index.get(&log)));
            let length = order.len();
            for (at, index) in shuffle.iter().enumerate() {
                order.swap(at % length, index.index(length));
            }
        }
        let shuffled = merge_in_order(&order);
        prop_assert_eq!(shuffled.view(), straight.view());
        prop_assert_eq!(
            shuffled.findings(&shuffled.view(), RECORD, 0),
            straight.findings(&straight.view(), RECORD, 0)
        );

        // In two sittings with the disk between, in one batch, and bytes to bytes.
        let (before, after) = log.split_at(if log.is_empty() { 0 } else { split.index(log.len()) });
        let mut batch = RecordDoc::load(&merge_in_order(&before.iter().collect::<Vec<_>>()).save()).unwrap();
        let mut state = Some(batch.save());
        let foreign = |(seat, change): &(u8, LocalChange)| (actor(*seat), change.bytes.clone());
        let rest: Vec<_> = after.iter().map(foreign).collect();
        let rest: Vec<ForeignChange<'_>> =
            rest.iter().map(|(actor, bytes)| ForeignChange { bytes, actor: *actor }).collect();
        batch.merge_all(&rest);
        for change in &rest {
            match merge_change(state.as_deref(), change) {
                MergeOutcome::Merged { state: next, .. } => state = Some(next),
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert_eq!(batch.view(), straight.view());
        prop_assert_eq!(RecordDoc::load(&state.unwrap()).unwrap().view(), straight.view());

        // What each laptop saw on the way can be read from what all know at the end.
        for view in &views {
            prop_assert_eq!(&straight.view_at(&view.heads).unwrap(), view);
        }

        // Each laptop ends with the same once it has all.
        for replica in &mut replicas {
            for (seat, change) in &log {
                replica.merge(*seat, change);
            }
            prop_assert_eq!(replica.record.view(), straight.view());
        }
    }

    #[test]
    fn what_we_encode_is_what_automerge_encodes(steps in proptest::collection::vec(step(), 1..20)) {
        let (_, log, _) = play(&steps);
        let whole = merge_in_order(&log.iter().collect::<Vec<_>>());
        for (_, change) in &log {
            let parsed = automerge::Change::from_bytes(change.bytes.clone()).unwrap();
            prop_assert_eq!(parsed.hash().0, *change.hash.as_bytes());
            let again = automerge::Change::from(parsed.decode());
            prop_assert_eq!(again.raw_bytes(), change.bytes.as_slice());
            // Built anew from the document's own columns.
            prop_assert_eq!(&whole.change(&change.hash).unwrap(), change);
        }
    }

    #[test]
    fn a_finding_stays_one_finding_however_often_its_changes_come(
        steps in proptest::collection::vec(step(), 1..25),
    ) {
        let (_, log, _) = play(&steps);
        let record = merge_in_order(&log.iter().chain(&log).collect::<Vec<_>>());
        let findings = record.findings(&record.view(), RECORD, 0);
        let mut names: Vec<_> = findings.iter().map(|finding| finding.id).collect();
        let mut subjects: Vec<_> = findings.iter().map(|finding| (finding.kind, &finding.subject)).collect();
        names.sort();
        names.dedup();
        subjects.sort();
        subjects.dedup();
        prop_assert_eq!((names.len(), subjects.len()), (findings.len(), findings.len()));
        let known: Vec<_> = findings.iter().flat_map(|finding| &finding.alternatives).collect();
        for alternative in known {
            prop_assert!(record.has_change(&alternative.change.unwrap()));
        }
    }

    #[test]
    fn foreign_bytes_of_any_kind_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let verdict = RecordDoc::new().merge(&ForeignChange { bytes: &bytes, actor: actor(1) });
        let refused = matches!(verdict, MergeVerdict::Refused { .. });
        prop_assert!(refused);
        prop_assert!(RecordDoc::load(&bytes).is_err());
    }
}
