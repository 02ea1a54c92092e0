//! Two laptops and the registry end with the same records, whatever the order.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what does not hold")]

mod support;

use proptest::prelude::*;
use record_model::{FindingKind, InstanceId, Instant, RecordId, Visit};
use registry_core::Resolution;
use registry_store::{RecordFilter, RecordStatus};
use signed_delta::{Act, Finalise, StatementAct};
use support::{Laptop, NOW, RECORD, World};

fn member(number: u8, leaf: &str) -> String {
    format!("roster/{}/{leaf}", InstanceId::from_bytes([number; 8]))
}

/// Laptop A makes a household that B has too.
fn shared_household(seed: u64) -> (World, Laptop, Laptop) {
    let world = World::new(seed);
    let (mut a, mut b) = (world.laptop(1, &["HT0111"]), world.laptop(2, &["HT0111"]));
    let (head, child) = (member(1, "given_name"), member(2, "given_name"));
    let (head_is, child_is) = (member(1, "relationship"), member(2, "relationship"));
    let (p1, p2) = (member(1, "@person"), member(2, "@person"));
    a.write(
        RECORD,
        &[
            ("roof", "tin"),
            ("phone", "+509 3000 0000"),
            (&head, "Marie"),
            (&head_is, "01"),
            (&p1, "PERSON1"),
            (&child, "Jean"),
            (&child_is, "03"),
            (&p2, "PERSON2"),
        ],
    );
    exchange(&world, &mut [&mut a, &mut b]);
    assert_eq!(a.records_hash(), b.records_hash());
    (world, a, b)
}

/// Everybody sends all they have, the server works, everybody fetches.
fn exchange(world: &World, laptops: &mut [&mut Laptop]) {
    for laptop in laptops.iter() {
        let receipt = world.push(&laptop.sent);
        assert_eq!(receipt.refusals, []);
    }
    world.registry.merge_all().unwrap();
    for laptop in laptops.iter_mut() {
        laptop.pull(world);
    }
}

fn assert_settled_everywhere(world: &World, laptops: &mut [&mut Laptop]) {
    exchange(world, laptops);
    assert_eq!(world.open_items(), []);
    let (_, server) = world.registry.records_hash(None).unwrap();
    for laptop in laptops {
        assert_eq!(laptop.open_findings(world, RECORD), []);
        assert_eq!(laptop.records_hash(), server);
    }
}

#[test]
fn different_answers_of_one_household_merge_without_a_question() {
    let (world, mut a, mut b) = shared_household(1);
    a.write(RECORD, &[("roof", "tile")]);
    b.write(RECORD, &[("phone", "+509 3000 0001")]);
    assert_settled_everywhere(&world, &mut [&mut a, &mut b]);
    let projection = world.registry.projection(RECORD).unwrap();
    assert_eq!(projection.household.unwrap().label, "+509 3000 0001");
    assert_eq!(projection.persons.len(), 2);
    assert_eq!(projection.memberships.len(), 2);
}

#[test]
fn one_answer_given_twice_is_one_item_and_one_decision_settles_it_everywhere() {
    let (world, mut a, mut b) = shared_household(2);
    a.write(RECORD, &[("roof", "tile")]);
    b.write(RECORD, &[("roof", "thatch")]);
    exchange(&world, &mut [&mut a, &mut b]);
    let items = world.open_items();
    assert_eq!(items.len(), 1);
    assert_eq!((items[0].kind, items[0].subject.as_str()), (FindingKind::Conflict, "roof"));
    assert_eq!(a.open_findings(&world, RECORD)[0].id, items[0].id);
    assert_eq!(b.open_findings(&world, RECORD)[0].id, items[0].id);
    let detail = world.registry.item(items[0].id).unwrap();
    let people: Vec<_> = detail.alternatives.iter().map(|known| known.enumerator.clone().unwrap()).collect();
    assert!(people.contains(&"Person 1".to_owned()) && people.contains(&"Person 2".to_owned()), "{people:?}");

    world.decide(items[0].id, Resolution::Choose(1));
    assert_settled_everywhere(&world, &mut [&mut a, &mut b]);
    let chosen = items[0].alternatives[0].value.clone();
    assert_eq!(*a.docs[&RECORD].view().get("roof"), chosen);
    assert_eq!(*b.docs[&RECORD].view().get("roof"), chosen);
}

#[test]
fn a_value_the_decider_had_not_seen_opens_the_item_again() {
    let (world, mut a, mut b) = shared_household(3);
    a.write(RECORD, &[("roof", "tile")]);
    b.write(RECORD, &[("roof", "thatch")]);
    world.push(&a.sent);
    world.push(&b.sent);
    world.registry.merge_all().unwrap();
    let seen = world.open_items()[0].id;
    // A goes on offline, without having heard of B.
    a.write(RECORD, &[("roof", "tin")]);
    world.decide(seen, Resolution::Choose(1));
    exchange(&world, &mut [&mut a, &mut b]);
    let items = world.open_items();
    assert_eq!(items.len(), 1, "{items:?}");
    assert_ne!(items[0].id, seen);
}

#[test]
fn a_second_head_made_by_merging_is_one_item_and_one_decision_settles_it_everywhere() {
    let (world, mut a, mut b) = shared_household(4);
    // Each side alone has one head.
    a.write(RECORD, &[(&member(1, "relationship"), "02"), (&member(2, "relationship"), "01")]);
    let (third, third_is) = (member(3, "given_name"), member(3, "relationship"));
    b.write(RECORD, &[(&member(1, "relationship"), "02"), (&third, "Rose"), (&third_is, "01")]);
    exchange(&world, &mut [&mut a, &mut b]);
    let items = world.open_items();
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!((items[0].kind, items[0].subject.as_str()), (FindingKind::RuleBreak, "V01"));
    let mend = (third_is.parse().unwrap(), "03".into());
    world.decide(items[0].id, Resolution::Write(vec![mend]));
    assert_settled_everywhere(&world, &mut [&mut a, &mut b]);
}

#[test]
fn a_rule_break_that_is_true_to_life_can_be_kept() {
    let (world, mut a, mut b) = shared_household(5);
    a.write(RECORD, &[(&member(2, "relationship"), "01")]);
    exchange(&world, &mut [&mut a, &mut b]);
    let items = world.open_items();
    assert_eq!(items.len(), 1);
    world.decide(items[0].id, Resolution::Keep);
    assert_settled_everywhere(&world, &mut [&mut a, &mut b]);
}

#[test]
fn a_member_removed_here_and_edited_there_is_one_item_and_one_decision_settles_it_everywhere() {
    for resolution in [Resolution::Keep, Resolution::Restore] {
        let (world, mut a, mut b) = shared_household(6);
        a.write(RECORD, &[(&member(2, "@removed"), "moved away")]);
        b.write(RECORD, &[(&member(2, "given_name"), "Jean-Baptiste")]);
        exchange(&world, &mut [&mut a, &mut b]);
        let items = world.open_items();
        assert_eq!(items.len(), 1, "{items:?}");
        assert_eq!(items[0].kind, FindingKind::RemovedAndEdited);
        world.decide(items[0].id, resolution.clone());
        assert_settled_everywhere(&world, &mut [&mut a, &mut b]);
        let persons = world.registry.projection(RECORD).unwrap().persons.len();
        assert_eq!(persons, if resolution == Resolution::Restore { 2 } else { 1 });
    }
}

#[test]
fn two_supervisors_cannot_settle_one_item_twice() {
    let (world, mut a, mut b) = shared_household(7);
    a.write(RECORD, &[("roof", "tile")]);
    b.write(RECORD, &[("roof", "thatch")]);
    exchange(&world, &mut [&mut a, &mut b]);
    let item = world.open_items()[0].id;
    world.decide(item, Resolution::Choose(1));
    let second = world.registry.decide(registry_core::DecideRequest {
        item,
        resolution: Resolution::Choose(2),
        reason: String::new(),
        account: "other".to_owned(),
    });
    assert!(matches!(second, Err(registry_core::RegistryError::SettledItem { .. })), "{second:?}");
}

/// What a laptop does next.
#[derive(Debug, Clone)]
enum Step {
    Answer {
        record: u8,
        question: u8,
        value: u8,
    },
    Remove {
        record: u8,
        member: u8,
    },
    Withdraw {
        record: u8,
    },
    /// A finalise statement without new answers.
    Finalise {
        record: u8,
    },
    Sync,
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let answer = (0u8..3, 0u8..6, 0u8..4).prop_map(|(record, question, value)| Step::Answer {
        record,
        question,
        value,
    });
    let remove = (0u8..3, 1u8..3).prop_map(|(record, member)| Step::Remove { record, member });
    let withdraw = (0u8..3).prop_map(|record| Step::Withdraw { record });
    let finalise = (0u8..3).prop_map(|record| Step::Finalise { record });
    let step = prop_oneof![6 => answer, 1 => remove, 1 => withdraw, 1 => finalise, 2 => Just(Step::Sync)];
    proptest::collection::vec((0usize..3, step), 1..25)
}

fn act(laptop: &mut Laptop, step: &Step) {
    let record = |number: u8| RecordId::from_bytes([0x20 + number; 16]);
    match step {
        Step::Answer { record: number, question, value } => {
            let path = match question {
                0 => "roof".to_owned(),
                1 => "phone".to_owned(),
                2 => member(1, "given_name"),
                3 => member(1, "relationship"),
                4 => member(2, "given_name"),
                _ => member(2, "relationship"),
            };
            let value = ["01", "02", "03", "tin"][usize::from(*value)];
            laptop.write(record(*number), &[(&path, value)]);
        }
        Step::Remove { record: number, member: who } => {
            laptop.write(record(*number), &[(&member(*who, "@removed"), "died")]);
        }
        Step::Withdraw { record: number } => {
            if laptop.docs.contains_key(&record(*number)) {
                let act = StatementAct::Withdraw { reason: "counted twice".to_owned() };
                laptop.cut(Act::Statement(act), Some(record(*number)));
            }
        }
        Step::Finalise { record: number } => {
            let heads = laptop.docs.get(&record(*number)).map(record_doc::RecordDoc::heads);
            if let Some(heads) = heads {
                let visit = Visit { at: Instant::from_unix_ms(NOW), utc_offset_minutes: -300 };
                let finalise = Finalise { heads, revision: laptop.revision, visit, export_hash: [0; 32] };
                laptop.cut(Act::Statement(StatementAct::Finalise(finalise)), Some(record(*number)));
            }
        }
        Step::Sync => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Any history of three laptops, sent in any order, any repetition and any split into batches, ends with one
    /// records_hash on all, and the registry made again from its log is the same registry.
    #[test]
    fn any_order_repetition_and_split_end_in_one_hash(
        history in steps(),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..60),
        batch in 1usize..7,
    ) {
        let world = World::new(42);
        let mut laptops: Vec<Laptop> = (1..=3).map(|number| world.laptop(number, &["HT0111"])).collect();
        for (who, step) in &history {
            if matches!(step, Step::Sync) {
                let laptop = &mut laptops[*who];
                world.push(&laptop.sent);
                world.registry.merge_all().unwrap();
                laptop.pull(&world);
            } else {
                act(&mut laptops[*who], step);
            }
        }
        // Shuffled and repeated at will, then everything once.
        let all: Vec<Vec<u8>> = laptops.iter().flat_map(|laptop| laptop.sent.clone()).collect();
        let mut road: Vec<Vec<u8>> = order.iter().map(|index| index.get(&all).clone()).collect();
        road.extend(all.iter().rev().cloned());
        for frames in road.chunks(batch) {
            world.push(frames);
            world.registry.merge_step().unwrap();
        }
        world.registry.merge_all().unwrap();
        for laptop in &mut laptops {
            laptop.pull(&world);
        }
        let (_, server) = world.registry.records_hash(None).unwrap();
        for laptop in &laptops {
            prop_assert_eq!(laptop.records_hash(), server);
        }
        prop_assert_eq!(world.registry.set_aside(10).unwrap(), vec![]);
        for row in world.registry.records(&RecordFilter::default(), 10).unwrap() {
            let withdrawn = history.iter().any(|(who, step)| {
                matches!(step, Step::Withdraw { record } if RecordId::from_bytes([0x20 + record; 16]) == row.record)
                    && laptops[*who].withdrew(row.record)
            });
            prop_assert_eq!(row.status == RecordStatus::Withdrawn, withdrawn);
        }
        let rebuilt = world.registry.rebuild().unwrap();
        prop_assert_eq!(rebuilt.before, rebuilt.after);
        prop_assert_eq!(world.registry.verify().unwrap().faults, vec![]);
    }
}
