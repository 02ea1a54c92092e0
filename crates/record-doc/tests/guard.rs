//! Hostile changes: each is refused by the rule it breaks, and the record stays as it was.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::num::NonZeroU64;

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, ExpandedChange, ObjType, ScalarValue};
use common::{Replica, actor, answers, chunk, chunk_data, household, reforged, uleb};
use record_doc::{
    ForeignChange, GuardOptions, GuardRule, LocalChange, MAX_CHANGE_BYTES, MAX_TEXT_BYTES, MergeVerdict,
    RecordDoc,
};
use record_model::ReasonCode;

/// Where the table of columns begins in the data of Ann's change: behind one dependency, the actor, sequence, first
/// operation, time, message and one other actor.
const TABLE: usize = (1 + 32) + 17 + 1 + 2 + 1 + 23 + (1 + 17);

/// Ben's record, and a change of Ann's that fits it and writes two answers.
fn scene() -> (Replica, LocalChange) {
    let mut ann = Replica::new(1);
    ann.write_all(&household()).unwrap();
    let ben = ann.copy_for(2);
    let change = ann.write([("question_2", "other".into()), ("question_new", 5i64.into())]);
    (ben, change)
}

fn verdict(bytes: &[u8]) -> MergeVerdict {
    let (mut ben, _) = scene();
    let before = ben.record.save();
    let verdict = ben.record.merge(&ForeignChange { bytes, actor: actor(1) });
    assert_eq!(ben.record.save() == before, !matches!(verdict, MergeVerdict::Merged { .. }));
    verdict
}

#[track_caller]
fn assert_refused(bytes: &[u8], rule: GuardRule) {
    assert_eq!(verdict(bytes), MergeVerdict::Refused { rule });
}

/// Ann's change after `edit`, as Automerge writes it.
fn forged(edit: impl FnOnce(&mut ExpandedChange)) -> Vec<u8> {
    reforged(&scene().1, edit)
}

/// Ann's change after `edit` of its data, with a checksum that fits.
fn tampered(edit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut data = chunk_data(&scene().1.bytes);
    edit(&mut data);
    chunk(1, &data)
}

#[test]
fn the_change_these_tests_forge_is_good_and_automerge_writes_it_as_we_do() {
    let (_, change) = scene();
    assert_eq!(verdict(&change.bytes), MergeVerdict::Merged { change: change.hash });
    assert_eq!(forged(|_| {}), change.bytes);
    assert_eq!(tampered(|_| {}), change.bytes);
}

#[test]
fn anything_else_than_one_uncompressed_change_is_refused() {
    let (ben, change) = scene();
    let bytes = &change.bytes;
    let data = chunk_data(bytes);
    for other in [
        Vec::new(),
        bytes[..bytes.len() - 1].to_vec(),
        [bytes.as_slice(), &[0]].concat(),
        [bytes.as_slice(), bytes].concat(),
        ben.record.save(),
        chunk(0, &data),
        chunk(2, &data),
        chunk(3, &data),
        chunk(9, &data),
    ] {
        assert_refused(&other, GuardRule::NotOneChange);
    }
    // What Automerge itself makes of a large change: deflated. Inflating it has no bound.
    let mut ann = Replica::new(1);
    let large = ann.write_all(&household()).unwrap();
    let deflated = automerge::Change::from_bytes(large.bytes).unwrap().bytes().into_owned();
    assert_eq!(deflated[8], 2);
    assert_refused(&deflated, GuardRule::NotOneChange);
}

#[test]
fn a_wrong_checksum_is_refused() {
    let mut bytes = scene().1.bytes;
    bytes[4] ^= 1;
    assert_refused(&bytes, GuardRule::Checksum);
}

#[test]
fn a_change_beyond_the_size_limit_is_refused_unread() {
    assert_refused(&vec![0x85; MAX_CHANGE_BYTES + 1], GuardRule::TooLarge);
    assert_eq!(GuardRule::TooLarge.reason(), ReasonCode::TooLarge);
}

#[test]
fn a_hundred_bytes_that_promise_a_million_operations_are_refused_at_once() {
    let run = |length: i64, value: u8| {
        let mut out = Vec::new();
        let mut rest = length;
        loop {
            let byte = (rest & 0x7f) as u8;
            rest >>= 7;
            if rest == 0 && byte & 0x40 == 0 {
                out.push(byte);
                break;
            }
            out.push(byte | 0x80);
        }
        out.push(value);
        out
    };
    let bomb = tampered(|data| {
        let million = 1_000_000;
        let mut counted = Vec::new();
        uleb(&mut counted, million as u64);
        let mut key = run(million, 1);
        key.push(b'a');
        let columns: [(u8, Vec<u8>); 7] = [
            (0x01, run(million, 1)),
            (0x02, run(million, 1)),
            (0x15, key),
            (0x34, counted),
            (0x42, run(million, 1)),
            (0x56, run(million, 0)),
            (0x70, run(million, 0)),
        ];
        let table = TABLE;
        assert_eq!(data[table - 18], 1, "one other actor");
        data.truncate(table);
        data.push(columns.len() as u8);
        columns.iter().for_each(|(number, bytes)| data.extend([*number, bytes.len() as u8]));
        columns.iter().for_each(|(_, bytes)| data.extend(bytes));
    });
    assert!(bomb.len() < 160, "{} bytes", bomb.len());
    let (mut ben, _) = scene();
    #[expect(clippy::disallowed_methods, reason = "the test is about time")]
    let begin = std::time::Instant::now();
    let verdict = ben.record.merge(&ForeignChange { bytes: &bomb, actor: actor(1) });
    let took = begin.elapsed();
    assert_eq!(verdict, MergeVerdict::Refused { rule: GuardRule::TooManyOperations });
    assert!(took.as_micros() < 1_000, "{took:?}");
}

#[test]
fn a_change_by_another_actor_than_the_signers_is_refused() {
    assert_refused(
        &forged(|change| change.actor_id = ActorId::from(*actor(2).as_bytes())),
        GuardRule::WrongActor,
    );
    assert_refused(&forged(|change| change.actor_id = ActorId::from([1u8; 15])), GuardRule::WrongActor);
    assert_eq!(GuardRule::WrongActor.reason(), ReasonCode::WrongActor);
    let (mut ben, change) = scene();
    let as_someone_else = ForeignChange { bytes: &change.bytes, actor: actor(3) };
    assert_eq!(ben.record.merge(&as_someone_else), MergeVerdict::Refused { rule: GuardRule::WrongActor });
}

#[test]
fn a_sequence_that_is_not_the_next_is_refused() {
    for seq in [0, 1, 3, u64::MAX] {
        assert_refused(&forged(|change| change.seq = seq), GuardRule::Sequence);
    }
}

#[test]
fn a_first_operation_that_does_not_follow_is_refused_far_below_where_automerge_panics() {
    let start = automerge::Change::from_bytes(scene().1.bytes).unwrap().start_op().get();
    for start_op in [1, start - 1, start + 1, 1 << 30, 1 << 31, 0xFFFF_FFFE] {
        let start_op = NonZeroU64::new(start_op).unwrap();
        assert_refused(&forged(|change| change.start_op = start_op), GuardRule::StartOp);
    }
}

#[test]
fn dependencies_that_are_absent_repeated_or_out_of_order_are_refused() {
    assert_refused(&forged(|change| change.deps.clear()), GuardRule::Dependencies);
    assert_refused(&forged(|change| change.deps.extend(change.deps.clone())), GuardRule::Dependencies);
    // Genesis is known but not what Ann had seen last.
    let with_genesis = forged(|change| {
        change.deps.push(automerge::ChangeHash(*record_doc::genesis_hash().as_bytes()));
    });
    let swapped = {
        let mut data = chunk_data(&with_genesis);
        let (one, two) = (data[1..33].to_vec(), data[33..65].to_vec());
        data[1..65].copy_from_slice(&[two, one].concat());
        chunk(1, &data)
    };
    assert_refused(&swapped, GuardRule::Dependencies);
    // A superfluous one is harmless: an actor's own last change is named even where another covers it.
    assert!(matches!(verdict(&with_genesis), MergeVerdict::Merged { .. }));
    assert_refused(
        &forged(|change| change.deps = vec![automerge::ChangeHash(*record_doc::genesis_hash().as_bytes())]),
        GuardRule::Sequence,
    );
}

#[test]
fn a_change_without_an_operation_is_refused() {
    assert_refused(&forged(|change| change.operations.clear()), GuardRule::NoOperation);
}

#[test]
fn a_time_a_strange_message_and_extra_bytes_are_refused() {
    assert_refused(&forged(|change| change.time = 1), GuardRule::Time);
    for message in [None, Some(""), Some("Marie-Ange lives here."), Some("AAAAAAAAAAAAAAAAAAAAA")] {
        assert_refused(&forged(|change| change.message = message.map(str::to_owned)), GuardRule::Message);
    }
    assert_refused(&forged(|change| change.extra_bytes = vec![1, 0]), GuardRule::ExtraBytes);
}

#[test]
fn everything_else_than_putting_an_answer_is_refused() {
    for action in [
        OpType::Delete,
        OpType::Make(ObjType::Map),
        OpType::Make(ObjType::List),
        OpType::Make(ObjType::Text),
        OpType::Increment(1),
        OpType::MarkEnd(false),
    ] {
        assert_refused(&forged(|change| change.operations[0].action = action), GuardRule::Action);
    }
    let inserted = forged(|change| change.operations[0].insert = true);
    assert_refused(&inserted, GuardRule::Action);
}

#[test]
fn another_object_than_the_one_map_is_refused() {
    assert_refused(
        &forged(|change| change.operations.iter_mut().for_each(|op| op.obj = ObjectId::Root)),
        GuardRule::Object,
    );
    for counter in [0, 2] {
        let other = OpId::new(counter, &ActorId::from([0u8; 16]));
        assert_refused(&forged(|change| change.operations[0].obj = ObjectId::Id(other)), GuardRule::Object);
    }
    let list_key = forged(|change| change.operations[0].key = Key::head());
    assert_refused(&list_key, GuardRule::Columns);
}

#[test]
fn keys_that_are_no_answer_paths_repeated_or_out_of_order_are_refused() {
    let long = format!("z{}", "a".repeat(128));
    for key in ["", "z z", "z/b", "z/@order", "@else", &long] {
        let bytes = forged(|change| change.operations[1].key = Key::Map(key.into()));
        assert_refused(&bytes, GuardRule::Key);
    }
    let twice = forged(|change| {
        let last = change.operations[1].clone();
        change.operations.push(Op { action: OpType::Put("y".into()), ..last });
    });
    assert_refused(&twice, GuardRule::Key);
    assert_refused(&forged(|change| change.operations.reverse()), GuardRule::KeyOrder);
}

#[test]
fn values_of_kinds_and_sizes_that_no_answer_has_are_refused() {
    for value in [
        ScalarValue::F64(1.5),
        ScalarValue::Uint(1),
        ScalarValue::counter(1),
        ScalarValue::Timestamp(1),
        ScalarValue::Bytes(vec![1]),
        ScalarValue::Unknown { type_code: 11, bytes: vec![1] },
        ScalarValue::Str("x".repeat(MAX_TEXT_BYTES + 1).into()),
    ] {
        assert_refused(&forged(|change| change.operations[0].action = OpType::Put(value)), GuardRule::Value);
    }
    let full = forged(|change| {
        change.operations[0].action = OpType::Put("x".repeat(MAX_TEXT_BYTES).as_str().into());
    });
    assert!(matches!(verdict(&full), MergeVerdict::Merged { .. }));
}

#[test]
fn replacing_other_writes_than_the_dependencies_have_is_refused() {
    let own = |counter| OpId::new(counter, &ActorId::from(*actor(1).as_bytes()));
    for preds in [vec![], vec![own(2)], vec![own(2), own(3)], vec![own(90_000)]] {
        let bytes = forged(|change| change.operations[0].pred = preds.clone().into());
        assert_refused(&bytes, GuardRule::Predecessors);
    }
    let of_a_new_key = forged(|change| change.operations[1].pred = vec![own(2)].into());
    assert_refused(&of_a_new_key, GuardRule::Predecessors);
}

#[test]
fn a_change_that_hides_one_side_of_a_conflict_it_had_seen_is_refused() {
    let (mut ben, change) = scene();
    let other = ben.write([("question_2", "mine".into())]);
    ben.take(1, &change);
    let settled = ben.write([("question_2", "ours".into())]);
    let mut ann = Replica::new(3);
    for (seat, change) in [(1, &ben.record.changes_since(&[])[0]), (1, &change), (2, &other)] {
        ann.take(seat, change);
    }
    let half = reforged(&settled, |change| {
        let preds: Vec<OpId> = change.operations[0].pred.iter().take(1).cloned().collect();
        change.operations[0].pred = preds.into();
    });
    let verdict = ann.record.merge(&ForeignChange { bytes: &half, actor: actor(2) });
    assert_eq!(verdict, MergeVerdict::Refused { rule: GuardRule::Predecessors });
    ann.take(2, &settled);
}

#[test]
fn odd_and_compressed_columns_are_refused() {
    let table = TABLE;
    let number = |index: usize| table + 1 + 2 * index;
    assert_eq!(tampered(|data| assert_eq!(data[number(0)], 1)), scene().1.bytes);
    assert_refused(&tampered(|data| data[number(3)] |= 8), GuardRule::CompressedColumn);
    assert_refused(&tampered(|data| data[number(9)] = 0x74), GuardRule::Columns);
    assert_refused(&tampered(|data| data[number(1)] = 1), GuardRule::Columns);
    assert_refused(&tampered(|data| data[number(0) + 1] = 120), GuardRule::Columns);
    assert_refused(&tampered(|data| data.push(0)), GuardRule::ExtraBytes);
}

#[test]
fn another_form_of_the_same_change_is_refused() {
    // An other actor that nothing names.
    let superfluous = tampered(|data| {
        let count = 1 + 32 + 17 + 1 + 2 + 1 + 23;
        assert_eq!(data[count], 1);
        data[count] = 2;
        data.splice(count + 18..count + 18, [&[16], [7; 16].as_slice()].concat());
    });
    assert_refused(&superfluous, GuardRule::NotCanonical);
    // Sequence 2 in two bytes.
    let long_number = tampered(|data| {
        let seq = 1 + 32 + 17;
        data.splice(seq..seq + 1, [0x82, 0x00]);
    });
    assert_refused(&long_number, GuardRule::NotCanonical);
    // The chunk's own length in one byte more than it needs.
    let mut long_length = scene().1.bytes;
    assert_eq!(long_length[10] & 0x80, 0);
    long_length[10] |= 0x80;
    long_length.insert(11, 0);
    assert_refused(&long_length, GuardRule::NotCanonical);
}

#[test]
fn codes_and_words_of_the_rules_are_never_given_twice() {
    let mut codes: Vec<u16> = GuardRule::ALL.iter().map(|rule| rule.code()).collect();
    let mut words: Vec<&str> = GuardRule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(codes, (1..=GuardRule::ALL.len() as u16).collect::<Vec<_>>());
    codes.dedup();
    words.sort_unstable();
    words.dedup();
    assert_eq!((codes.len(), words.len()), (GuardRule::ALL.len(), GuardRule::ALL.len()));
    assert!(GuardRule::ALL.iter().all(|rule| rule.to_string().starts_with("the ")));
}

/// The planted bug and what it costs: an empty change is `Ok` for Automerge, which then saves a document that it cannot
/// load. With our rules off, only the reload check stands between that and the store.
#[test]
fn without_the_rules_only_the_reload_check_keeps_a_record_that_cannot_be_loaded_out_of_the_store() {
    let (ben, change) = scene();
    let empty = reforged(&change, |change| {
        change.operations.clear();
        change.start_op = NonZeroU64::new(4).unwrap();
    });
    let merge = |options| {
        let mut record: RecordDoc = ben.record.clone();
        let verdict = record.merge_with(&ForeignChange { bytes: &empty, actor: actor(1) }, options);
        (verdict, RecordDoc::load(&record.save()).is_ok())
    };
    let on = GuardOptions::default();
    assert!(matches!(merge(on), (MergeVerdict::Refused { .. }, true)));
    let reload_only = GuardOptions { rules: false, ..on };
    assert_eq!(merge(reload_only), (MergeVerdict::Unloadable, true));
    let planted = GuardOptions { rules: false, reload_check: false };
    assert!(matches!(merge(planted), (MergeVerdict::Merged { .. }, false)));
}

#[test]
fn a_guarded_answer_may_be_anything_an_answer_may_be() {
    let mut ann = Replica::new(1);
    let given = answers([
        ("assets#", true.into()),
        ("assets#radio", false.into()),
        ("roster/AAAAAAAAAAAAC/@removed", "moved away".into()),
        ("roster/AAAAAAAAAAAAC/work/BAAAAAAAAAAAC/place", "Grand-Goâve".into()),
        ("@number", "HT-1".into()),
    ]);
    let change = ann.write_all(&given).unwrap();
    Replica::new(2).take(1, &change);
}
