//! Edits are valid alone; clashes are what they are called.

use std::collections::BTreeSet;

use form_engine::{CompiledForm, Level, evaluate};
use record_model::{Answers, Instant, Visit};
use testkit::edits::{
    Clash, apply, different_fields, random_edit, removed_and_edited, same_field, second_head,
};
use testkit::households::Generator;
use testkit::pack::haiti_form;

fn visit() -> Visit {
    Visit { at: Instant::from_unix_ms(1_795_359_600_000), utc_offset_minutes: -300 }
}

fn blocking(form: &CompiledForm, answers: &Answers) -> Vec<String> {
    let evaluation = evaluate(form, answers, visit());
    let blocking = evaluation.violations().iter().filter(|violation| violation.level == Level::Block);
    blocking.map(|violation| violation.id.clone()).collect()
}

fn complete_households(count: usize, members: usize) -> Vec<Answers> {
    let form = haiti_form();
    let mut generator = Generator::new(21, "HT0111");
    (0..count).map(|_| generator.next_complete(&form, visit(), members)).collect()
}

/// Each side alone blocks nothing.
fn assert_sides_are_valid(form: &CompiledForm, household: &Answers, clash: &Clash) {
    for side in [&clash.left, &clash.right] {
        assert_eq!(blocking(form, &apply(household, side)), Vec::<String>::new());
    }
}

/// What both sides wrote, and whether they differ there.
fn both_wrote(clash: &Clash) -> Vec<(&str, bool)> {
    let both = clash.left.iter().filter_map(|(path, left)| Some((path, left, clash.right.get(path)?)));
    both.map(|(path, left, right)| (path.as_str(), left != right)).collect()
}

fn merged(household: &Answers, clash: &Clash) -> Answers {
    apply(&apply(household, &clash.left), &clash.right)
}

#[test]
fn a_random_edit_changes_one_answer_and_leaves_the_record_valid() {
    let form = haiti_form();
    let mut generator = Generator::new(20, "HT0511");
    let mut edited = BTreeSet::new();
    for seed in 0..300 {
        let household = generator.next_household(&form, visit());
        let writes = random_edit(seed, &form, &household, visit());
        assert_eq!(writes.len(), 1);
        assert!(writes.iter().all(|(path, value)| household.get(path) != Some(value)));
        assert_eq!(blocking(&form, &apply(&household, &writes)), Vec::<String>::new());
        assert_eq!(writes, random_edit(seed, &form, &household, visit()));
        edited.extend(writes.keys().map(|path| path.leaf().to_owned()));
    }
    assert!(edited.len() >= 9, "{edited:?}");
}

#[test]
fn different_fields_meet_nowhere() {
    let form = haiti_form();
    for household in complete_households(20, 4) {
        let clash = different_fields(&form, &household, visit()).unwrap();
        assert_sides_are_valid(&form, &household, &clash);
        assert_eq!(both_wrote(&clash), []);
        assert_eq!(blocking(&form, &merged(&household, &clash)), Vec::<String>::new());
    }
}

#[test]
fn the_same_field_is_the_roof() {
    let form = haiti_form();
    for household in complete_households(20, 4) {
        let clash = same_field(&form, &household, visit()).unwrap();
        assert_sides_are_valid(&form, &household, &clash);
        assert_eq!(both_wrote(&clash), [("roof", true)]);
    }
}

#[test]
fn a_second_head_breaks_a_rule_and_no_question_is_in_conflict() {
    let form = haiti_form();
    let clashes: Vec<(Answers, Clash)> = complete_households(40, 6)
        .into_iter()
        .filter_map(|household| Some((household.clone(), second_head(&form, &household, visit())?)))
        .collect();
    assert!(clashes.len() >= 10, "only {} of 40 households of six can have two heads", clashes.len());
    for (household, clash) in clashes {
        assert_sides_are_valid(&form, &household, &clash);
        assert!(both_wrote(&clash).iter().all(|(_, differs)| !differs));
        for order in [merged(&household, &clash), apply(&apply(&household, &clash.right), &clash.left)] {
            assert_eq!(blocking(&form, &order), ["V01-one-head"]);
        }
    }
}

#[test]
fn a_member_removed_on_one_side_is_edited_on_the_other() {
    let form = haiti_form();
    for household in complete_households(20, 4) {
        let clash = removed_and_edited(&form, &household, visit()).unwrap();
        assert_sides_are_valid(&form, &household, &clash);
        assert_eq!(both_wrote(&clash), []);
        let removed = clash.left.keys().find(|path| path.leaf() == "@removed").unwrap();
        assert!(clash.right.keys().all(|path| path.instance_prefix() == removed.instance_prefix()));
        assert_eq!(blocking(&form, &merged(&household, &clash)), Vec::<String>::new());
    }
}

#[test]
fn what_was_not_interviewed_has_no_clash() {
    let form = haiti_form();
    let refused = Answers::from([("visit_result".parse().unwrap(), "refused".into())]);
    assert_eq!(same_field(&form, &refused, visit()), None);
    assert_eq!(second_head(&form, &refused, visit()), None);
    assert_eq!(removed_and_edited(&form, &refused, visit()), None);
}
