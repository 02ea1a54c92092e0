//! A record's life: written, merged, read, and what a person must look at in it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{MEMBER, RECORD, Replica, actor, answers, household};
use record_doc::{
    DocError, ForeignChange, GuardRule, MAX_TEXT_BYTES, MergeOutcome, MergeVerdict, RecordDoc, genesis_bytes,
    genesis_hash, merge_change, read_change,
};
use record_model::{ChangeHash, FindingKind, Value};

fn member(leaf: &str) -> String {
    format!("{MEMBER}/{leaf}")
}

/// Two seats that hold the same record with one member in it.
fn two_seats() -> (Replica, Replica) {
    let mut ann = Replica::new(1);
    ann.write([
        ("consent", "yes".into()),
        ("water", "well".into()),
        (&member("age"), 4i64.into()),
        (&member("given_name"), "Rose".into()),
    ]);
    let ben = ann.copy_for(2);
    (ann, ben)
}

#[test]
fn a_new_record_holds_genesis_and_no_answer() {
    let record = RecordDoc::new();
    assert_eq!(record.heads(), [genesis_hash()]);
    assert_eq!(record.view().answers.len(), 0);
    assert_eq!(record.changes_since(&[]), []);
    assert_eq!(RecordDoc::load(&record.save()).unwrap().heads(), [genesis_hash()]);
}

#[test]
fn two_laptops_that_start_one_record_keep_all_answers_of_both() {
    let (mut ann, mut ben) = (Replica::new(1), Replica::new(2));
    let first = ann.write([("consent", "yes".into()), (&member("age"), 4i64.into())]);
    let second = ben.write([("water", "well".into()), ("roster/BAAAAAAAAAAAC/age", 5i64.into())]);
    ann.take(2, &second);
    ben.take(1, &first);

    assert_eq!(ann.record.view(), ben.record.view());
    assert_eq!(ann.record.view().shown().len(), 4);
    assert_eq!(ann.findings(), []);
}

#[test]
fn every_value_comes_back_as_it_was_given_from_memory_and_from_disk() {
    let mut ann = Replica::new(1);
    let texts = ["", "é", "Marie-Ange", "محمد", "1.50", "\u{0}"];
    let numbers = [0, 1, -1, 63, 64, -64, -65, i64::MIN, i64::MAX];
    let mut given = answers([("yes", true.into()), ("no", false.into())]);
    for (index, text) in texts.iter().enumerate() {
        given.insert(format!("text_{index}").parse().unwrap(), Value::from(*text));
    }
    for (index, number) in numbers.iter().enumerate() {
        given.insert(format!("number_{index}").parse().unwrap(), Value::from(*number));
    }
    given.insert("long".parse().unwrap(), Value::from("x".repeat(MAX_TEXT_BYTES)));
    ann.write_all(&given).unwrap();

    assert_eq!(ann.record.view().shown(), given);
    assert_eq!(RecordDoc::load(&ann.record.save()).unwrap().view(), ann.record.view());
}

#[test]
fn writing_what_stands_already_makes_no_change() {
    let (mut ann, _) = two_seats();
    let before = ann.record.save();
    assert_eq!(ann.write_all(&answers([("consent", "yes".into())])), None);
    assert_eq!(ann.write_all(&answers([("never_asked", Value::Null)])), None);
    assert_eq!(ann.write_all(&answers([])), None);
    assert_eq!(ann.record.save(), before);
}

#[test]
fn a_change_holds_only_the_answers_that_differ() {
    let (mut ann, _) = two_seats();
    let change = ann.write([("consent", "yes".into()), ("water", "tap".into())]);
    let expanded = automerge::Change::from_bytes(change.bytes).unwrap().decode();
    assert_eq!(expanded.operations.len(), 1);
}

#[test]
fn clearing_an_answer_writes_null_and_beats_nothing_made_without_its_sight() {
    let (mut ann, mut ben) = two_seats();
    let cleared = ann.write([("water", Value::Null)]);
    assert_eq!(ann.record.view().answers["water"][0].value, Value::Null);
    assert_eq!(ann.get("water"), Value::Null);

    ben.write([("water", "tap".into())]);
    ben.take(1, &cleared);
    assert_eq!(ben.found(), [(FindingKind::Conflict, "water".to_owned())]);
}

#[test]
fn two_different_answers_made_without_sight_of_each_other_are_one_conflict_with_both_writers() {
    let (mut ann, mut ben) = two_seats();
    let tap = ann.write([("water", "tap".into())]);
    let river = ben.write([("water", "river".into())]);
    ann.take(2, &river);
    ben.take(1, &tap);

    let findings = ann.findings();
    assert_eq!(findings, ben.findings());
    assert_eq!(findings.len(), 1);
    let mut sides: Vec<_> = findings[0].alternatives.iter().map(|one| (&one.value, one.change)).collect();
    sides.sort();
    assert_eq!(sides, [(&"river".into(), Some(river.hash)), (&"tap".into(), Some(tap.hash))]);
    assert_eq!(ann.record.view().answers["water"][0].value, *ann.record.view().get("water"));
}

#[test]
fn equal_answers_made_without_sight_of_each_other_are_no_conflict() {
    let (mut ann, mut ben) = two_seats();
    ann.write([("water", "tap".into())]);
    let same = ben.write([("water", "tap".into())]);
    ann.take(2, &same);

    assert_eq!(ann.record.view().answers["water"].len(), 2);
    assert_eq!(ann.found(), []);
    assert_eq!(ann.write_all(&answers([("water", "tap".into())])), None);
}

#[test]
fn deciding_for_either_side_settles_a_conflict_with_a_change_the_guard_takes() {
    for choice in ["tap", "river", "both"] {
        let (mut ann, mut ben) = two_seats();
        let tap = ann.write([("water", "tap".into())]);
        let river = ben.write([("water", "river".into())]);
        ann.take(2, &river);
        ben.take(1, &tap);

        // Automerge's own put of the value shown would become deletes of the others.
        let decision = ann.write([("water", choice.into())]);
        ben.take(1, &decision);
        assert_eq!(ben.record.view(), ann.record.view());
        assert_eq!(ben.get("water"), choice.into());
        assert_eq!(ben.found(), []);
    }
}

#[test]
fn ticks_of_different_options_merge_and_each_option_is_its_own_conflict() {
    let (mut ann, mut ben) = two_seats();
    ann.write([("assets#radio", true.into()), ("assets#", true.into()), ("assets#goat", true.into())]);
    let other =
        ben.write([("assets#bike", true.into()), ("assets#", true.into()), ("assets#goat", false.into())]);
    ann.take(2, &other);

    assert_eq!(ann.get("assets#radio"), true.into());
    assert_eq!(ann.get("assets#bike"), true.into());
    assert_eq!(ann.found(), [(FindingKind::Conflict, "assets#goat".to_owned())]);
}

#[test]
fn an_order_is_never_shown_as_a_conflict() {
    let (mut ann, mut ben) = two_seats();
    ann.write([(&member("@order"), "a0".into())]);
    let other = ben.write([(&member("@order"), "b0".into())]);
    ann.take(2, &other);
    assert_eq!(ann.record.view().answers[member("@order").as_str()].len(), 2);
    assert_eq!(ann.found(), []);
}

#[test]
fn a_member_removed_here_and_edited_there_is_found_once_with_the_removal_and_each_edit() {
    let (mut ann, mut ben) = two_seats();
    let removal = ann.write([(&member("@removed"), "moved away".into())]);
    let first = ben.write([(&member("age"), 5i64.into())]);
    let second = ben.write([(&member("school"), "yes".into()), (&member("@order"), "b".into())]);
    ann.take(2, &first);
    ann.take(2, &second);
    ben.take(1, &removal);

    let findings = ann.findings();
    assert_eq!(findings, ben.findings());
    assert_eq!(ann.found(), [(FindingKind::RemovedAndEdited, MEMBER.to_owned())]);
    let about: Vec<_> =
        findings[0].alternatives.iter().map(|one| (one.path.to_string(), one.change)).collect();
    assert_eq!(
        about,
        [
            (member("@removed"), Some(removal.hash)),
            (member("age"), Some(first.hash)),
            (member("school"), Some(second.hash)),
        ]
    );
}

#[test]
fn a_removal_that_saw_the_edit_and_an_edit_that_saw_the_removal_are_no_finding() {
    let (mut ann, mut ben) = two_seats();
    let edit = ben.write([(&member("age"), 5i64.into())]);
    ann.take(2, &edit);
    let removal = ann.write([(&member("@removed"), "moved away".into())]);
    ben.take(1, &removal);
    let afterwards = ben.write([(&member("age"), 6i64.into())]);
    ann.take(2, &afterwards);
    assert_eq!(ann.found(), []);
    assert_eq!(ben.found(), []);
}

#[test]
fn an_edit_back_to_what_the_removal_saw_is_no_finding() {
    let (mut ann, mut ben) = two_seats();
    let away = ben.write([(&member("age"), 5i64.into())]);
    let back = ben.write([(&member("age"), 4i64.into())]);
    let removal = ann.write([(&member("@removed"), "moved away".into())]);
    for change in [&away, &back] {
        ann.take(2, change);
    }
    ben.take(1, &removal);
    assert_eq!(ann.found(), []);
}

#[test]
fn a_decision_on_a_removed_and_edited_member_ends_the_finding_and_an_unseen_edit_reopens_it() {
    for decided in [Value::Null, "died".into()] {
        let (mut ann, mut ben) = two_seats();
        let removal = ann.write([(&member("@removed"), "moved away".into())]);
        let edit = ben.write([(&member("age"), 5i64.into())]);
        let mut late = ben.copy_for(3);
        ann.take(2, &edit);
        assert_eq!(ann.found().len(), 1);

        let decision = ann.write([(&member("@removed"), decided.clone())]);
        assert_eq!(ann.found(), []);

        let unseen = late.write([(&member("age"), 7i64.into())]);
        ann.take(3, &unseen);
        let expected = if decided.is_null() { 0 } else { 1 };
        assert_eq!(ann.found().len(), expected);
        late.take(1, &removal);
        late.take(1, &decision);
        assert_eq!(late.findings(), ann.findings());
    }
}

#[test]
fn two_removals_of_one_member_are_one_finding_beside_the_conflict_of_their_reasons() {
    let (mut ann, mut ben) = two_seats();
    let mut cleo = ann.copy_for(3);
    ann.write([(&member("@removed"), "moved away".into())]);
    let died = ben.write([(&member("@removed"), "died".into())]);
    let edit = cleo.write([(&member("age"), 5i64.into())]);
    ann.take(2, &died);
    ann.take(3, &edit);
    assert_eq!(
        ann.found(),
        [(FindingKind::Conflict, member("@removed")), (FindingKind::RemovedAndEdited, MEMBER.to_owned()),]
    );
    assert_eq!(ann.findings()[1].alternatives.len(), 3);
}

#[test]
fn an_edit_in_a_repeat_inside_a_removed_member_is_found_and_its_neighbours_are_not() {
    let inner = member("work/BAAAAAAAAAAAC/place");
    let (mut ann, mut ben) = two_seats();
    ann.write([(&member("@removed"), "moved away".into())]);
    let edit = ben.write([(&inner, "field".into()), ("roster/AAAAAAAAAAAAE/age", 9i64.into())]);
    ann.take(2, &edit);
    let findings = ann.findings();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].subject, MEMBER);
    assert!(findings[0].alternatives.iter().any(|one| one.path.as_str() == inner));
    assert_eq!(findings[0].alternatives.len(), 2);
}

#[test]
fn the_record_at_earlier_heads_says_what_it_said_then() {
    let (mut ann, mut ben) = two_seats();
    let then = ann.record.view();
    ann.write([("water", "tap".into())]);
    let river = ben.write([("water", "river".into())]);
    ann.take(2, &river);
    let now = ann.record.view();

    assert_eq!(ann.record.view_at(&then.heads).unwrap(), then);
    assert_eq!(ann.record.view_at(&now.heads).unwrap(), now);
    assert_eq!(ann.record.view_at(&[genesis_hash()]).unwrap().answers.len(), 0);
    let unknown = ChangeHash::from_bytes([1; 32]);
    assert!(matches!(
        ann.record.view_at(&[unknown]),
        Err(DocError::UnknownHeads { first, others: 0 }) if first == unknown
    ));
}

#[test]
fn the_changes_since_some_heads_bring_another_copy_up_to_date() {
    let (mut ann, ben) = two_seats();
    ann.write([("water", "tap".into())]);
    ann.write([("water", "river".into())]);
    let mut other = ben.copy_for(3);
    let missing = ann.record.changes_since(&other.record.heads());
    assert_eq!(missing.len(), 2);
    for change in &missing {
        other.take(1, change);
        assert_eq!(ann.record.change(&change.hash).as_ref(), Some(change));
    }
    assert_eq!(other.record.view(), ann.record.view());
    assert_eq!(ann.record.changes_since(&[]).len(), 3);
}

#[test]
fn a_change_that_came_twice_changes_nothing() {
    let (mut ann, mut ben) = two_seats();
    let change = ann.write([("water", "tap".into())]);
    ben.take(1, &change);
    let before = ben.record.save();
    assert_eq!(ben.merge(1, &change), MergeVerdict::AlreadyHave { change: change.hash });
    assert_eq!(ben.record.save(), before);
}

#[test]
fn a_change_that_came_too_early_is_named_with_what_it_waits_for_and_leaves_no_trace() {
    let (mut ann, mut ben) = two_seats();
    let first = ann.write([("water", "tap".into())]);
    let second = ann.write([("water", "river".into())]);
    let before = ben.record.save();
    assert_eq!(ben.merge(1, &second), MergeVerdict::MissingDeps { missing: vec![first.hash] });
    assert_eq!(ben.record.save(), before);
    ben.take(1, &first);
    ben.take(1, &second);
    assert_eq!(ben.record.view(), ann.record.view());
}

#[test]
fn a_laptop_restored_from_a_backup_cannot_write_the_same_place_twice() {
    let (ann, mut ben) = two_seats();
    let (mut ann, mut restored) = (ann.clone(), ann);
    let sent = ann.write([("water", "tap".into())]);
    let again = restored.write([("water", "river".into())]);
    ben.take(1, &sent);
    let before = ben.record.save();
    assert_eq!(ben.merge(1, &again), MergeVerdict::Refused { rule: GuardRule::Sequence });
    assert_eq!(ben.record.save(), before);
}

#[test]
fn bytes_to_bytes_gives_what_an_open_record_gives() {
    let (mut ann, ben) = two_seats();
    let change = ann.write([("water", "tap".into())]);
    let foreign = ForeignChange { bytes: &change.bytes, actor: actor(1) };
    let MergeOutcome::Merged { state, change: hash } = merge_change(Some(&ben.record.save()), &foreign)
    else {
        panic!("an honest change merges");
    };
    assert_eq!((hash, state), (change.hash, ann.record.save()));
    assert_eq!(merge_change(None, &foreign), MergeOutcome::MissingDeps { missing: change.deps });
    assert_eq!(merge_change(Some(b"no record"), &foreign), MergeOutcome::StateDamaged);
}

#[test]
fn a_batch_gives_the_same_record_and_verdicts_as_one_by_one() {
    let (mut ann, ben) = two_seats();
    let changes: Vec<_> =
        ["tap", "river", "rain"].map(|water| ann.write([("water", water.into())])).into_iter().collect();
    let mut bad = changes[2].bytes.clone();
    bad[20] ^= 1;
    let offered = [&changes[1].bytes, &changes[0].bytes, &changes[0].bytes, &changes[1].bytes, &bad]
        .map(|bytes| ForeignChange { bytes, actor: actor(1) });

    let (mut one, mut all) = (ben.record.clone(), ben.record);
    let singly: Vec<_> = offered.iter().map(|change| one.merge(change)).collect();
    assert_eq!(all.merge_all(&offered), singly);
    assert_eq!(all.save(), one.save());
    assert!(matches!(singly[0], MergeVerdict::MissingDeps { .. }));
    assert!(matches!(singly[2], MergeVerdict::AlreadyHave { .. }));
    assert!(matches!(singly[4], MergeVerdict::Refused { .. }));
}

#[test]
fn answers_nobody_would_take_are_an_error_and_leave_the_record_as_it_was() {
    let (mut ann, _) = two_seats();
    let before = ann.record.save();
    let mut write = |given: &record_model::Answers| ann.record.write(actor(1), [0; 16], given);

    let long = answers([("water", "x".repeat(MAX_TEXT_BYTES + 1).into())]);
    assert!(
        matches!(write(&long), Err(DocError::TextTooLong { found_bytes, .. }) if found_bytes == MAX_TEXT_BYTES + 1)
    );
    let many = (0..5_001).map(|index| (format!("q{index}").parse().unwrap(), 1i64.into())).collect();
    assert!(matches!(write(&many), Err(DocError::TooManyAnswers { found: 5_001 })));
    let large = (0..17)
        .map(|index| (format!("q{index}").parse().unwrap(), "x".repeat(MAX_TEXT_BYTES).into()))
        .collect();
    assert!(matches!(write(&large), Err(DocError::ChangeTooLarge { .. })));
    assert_eq!(ann.record.save(), before);
}

#[test]
fn saved_bytes_that_are_no_record_are_an_error() {
    let (mut ann, _) = two_seats();
    let saved = ann.record.save();
    let change = ann.write([("water", "tap".into())]);
    let load = |bytes: &[u8]| RecordDoc::load(bytes).err().expect("not a record");

    assert!(matches!(load(&[]), DocError::NotARecord));
    assert!(matches!(load(genesis_bytes()), DocError::NotARecord));
    assert!(matches!(load(&[saved.as_slice(), &change.bytes].concat()), DocError::NotARecord));
    assert!(matches!(load(&automerge::Automerge::new().save()), DocError::NotARecord));
    assert!(matches!(load(&saved[..saved.len() - 1]), DocError::NotARecord));
    let mut flipped = saved.clone();
    flipped[60] ^= 4;
    assert!(matches!(load(&flipped), DocError::Unloadable { .. }));
}

#[test]
fn a_whole_household_is_one_change_of_about_two_kilobytes() {
    let mut ann = Replica::new(1);
    let change = ann.write_all(&household()).unwrap();
    assert!(change.bytes.len() < 6_000, "{} bytes", change.bytes.len());
    assert_eq!(ann.record.view().shown(), household());
}

#[test]
fn what_is_printed_for_developers_shows_no_answer() {
    let mut ann = Replica::new(1);
    let change = ann.write([("name", "Marie-Ange".into())]);
    let outcome = merge_change(None, &ForeignChange { bytes: &change.bytes, actor: actor(1) });
    for shown in [format!("{change:?}"), format!("{outcome:?}"), format!("{:?}", ann.findings())] {
        assert!(!shown.contains("Marie") && !shown.contains("77, 97, 114"), "{shown}");
    }
    assert_eq!(ann.record.findings(&ann.record.view(), RECORD, 0), []);
}

#[test]
fn a_change_taken_out_and_written_anew_stands_beside_what_others_wrote_meanwhile() {
    let (mut ann, mut ben) = two_seats();
    let before = ann.record.heads();
    let lost = ann.write([("water", "river".into())]);
    let behind = ann.write([("roof", "tin".into())]);
    let other = ben.write([("water", "spring".into())]);
    ann.take(2, &other);

    let read = read_change(&lost.bytes).unwrap();
    assert_eq!((read.hash, &read.deps), (lost.hash, &lost.deps));
    let (mut record, gone) = ann.record.without(&[lost.hash].into()).unwrap();
    assert_eq!(gone, [lost.hash, behind.hash]);
    assert_eq!(record.view().shown().get("water"), Some(&"spring".into()));
    assert_eq!(record.view().shown().get("roof"), None);

    // By another actor, who had seen what the first had seen: so both answers on the water stand.
    let anew = record.write_at(&before, actor(3), [9; 16], &read.answers).unwrap();
    let next = read_change(&behind.bytes).unwrap();
    record.write_at(&[anew.hash], actor(3), [10; 16], &next.answers).unwrap();
    let view = record.view();
    let water: Vec<&Value> = view.answers["water"].iter().map(|one| &one.value).collect();
    assert_eq!(water.len(), 2);
    assert!(water.contains(&&"river".into()) && water.contains(&&"spring".into()));
    assert_eq!(view.shown().get("roof"), Some(&"tin".into()));

    // And whoever has only what the others have can merge it.
    let merged = ben.record.merge(&ForeignChange { bytes: &anew.bytes, actor: actor(3) });
    assert_eq!(merged, MergeVerdict::Merged { change: anew.hash });
}

#[test]
fn of_a_record_that_held_nothing_else_genesis_is_left() {
    let mut ann = Replica::new(1);
    let only = ann.write([("consent", "yes".into())]);
    let (record, gone) = ann.record.without(&[only.hash].into()).unwrap();
    assert_eq!((record.heads(), gone), (vec![genesis_hash()], vec![only.hash]));
    assert_eq!(RecordDoc::load(&record.save()).unwrap().heads(), [genesis_hash()]);
}
