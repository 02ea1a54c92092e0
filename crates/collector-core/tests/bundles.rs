//! Work that travels by stick: late, in parts, in any order, twice, or never. Nothing is lost, nothing is doubled.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod support;

use collector_core::*;
use registry_core::{BundleAnswer, RegistryError, TakenPart};
use support::*;

const PART: usize = DEFAULT_PART_BYTES;

fn exported(laptop: &mut Laptop) -> Vec<Vec<u8>> {
    exported_in_parts(laptop, PART)
}

fn exported_in_parts(laptop: &mut Laptop, max_part_bytes: usize) -> Vec<Vec<u8>> {
    let export = laptop.collector().export_bundle(max_part_bytes).unwrap();
    export.files.into_iter().map(|file| file.bytes).collect()
}

/// Head office takes these parts and answers each seat.
fn answered(world: &World, parts: &[Vec<u8>], max_part_bytes: usize) -> Vec<Vec<u8>> {
    let taken: Vec<TakenPart> =
        parts.iter().map(|part| world.registry.take_bundle_part(part).unwrap()).collect();
    world.registry.merge_all().unwrap();
    let answers = BundleAnswer::to(taken).into_iter();
    let files = answers.flat_map(|answer| world.registry.pack_answer(answer, max_part_bytes).unwrap());
    files.map(|file| file.bytes).collect()
}

fn import(laptop: &mut Laptop, parts: &[Vec<u8>]) -> BundleImport {
    let mut last = BundleImport::default();
    for part in parts {
        let part = laptop.collector().import_bundle_part(part).unwrap();
        last = BundleImport {
            delivered: last.delivered + part.delivered,
            pulled: last.pulled + part.pulled,
            files: last.files + part.files,
            ..part
        };
    }
    last
}

fn to_send(laptop: &mut Laptop) -> u64 {
    laptop.collector().status().unwrap().deltas.to_send.deltas
}

#[test]
fn a_stick_there_and_back_is_as_good_as_a_sync() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    let of_bo = bo.finalised();
    bo.sync().unwrap();
    let of_ana = ana.finalised();
    let up = exported(&mut ana);
    assert_eq!(to_send(&mut ana), 1, "nothing counts as delivered before its receipt");
    let down = answered(&world, &up, PART);
    // Work goes on while the stick is under way.
    let later = ana.finalised();
    let report = import(&mut ana, &down);
    assert_eq!(report.delivered, 1);
    assert_eq!(to_send(&mut ana), 1, "what was written since is still to be sent");
    assert!(ana.collector().show(of_bo).is_ok());
    assert!(world.registry.record(of_ana).is_ok() && world.registry.record(later).is_err());

    let again = exported(&mut ana);
    let back = answered(&world, &again, PART);
    import(&mut ana, &back);
    assert_eq!(to_send(&mut ana), 0);
    bo.sync().unwrap();
    assert_eq!((ana.hash(), bo.hash()), (world.registry.records_hash(None).unwrap(), ana.hash()));
    assert_eq!(world.registry.verify().unwrap().faults, vec![]);
}

#[test]
fn parts_may_come_in_any_order_and_more_than_once_on_both_sides() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    // More than one page of a pull.
    for _ in 0..sync_protocol::MAX_BATCH_DELTAS + 3 {
        bo.finalised();
    }
    bo.sync().unwrap();
    for _ in 0..12 {
        ana.finalised();
    }
    // One item a part.
    let mut up = exported_in_parts(&mut ana, 1);
    up.reverse();
    let twice = [up.clone(), up].concat();
    let mut down = answered(&world, &twice, 1);
    assert!(down.len() > 3, "{}", down.len());
    down.reverse();
    let first = import(&mut ana, &down[..1]);
    assert_eq!((first.pulled, first.waiting), (0, 1), "the last page waits for the first");
    let twice = [down.clone(), down].concat();
    let report = import(&mut ana, &twice);
    assert_eq!((report.delivered, report.pulled > 0, report.waiting), (12, true, 0), "{report:?}");
    assert_eq!(to_send(&mut ana), 0);
    assert_eq!(ana.hash(), world.registry.records_hash(None).unwrap());
}

#[test]
fn a_stick_that_never_arrives_costs_nothing_but_the_next_one() {
    let world = World::new();
    let mut ana = world.laptop("Ana");
    ana.finalised();
    let lost = exported(&mut ana);
    ana.finalised();
    let arrived = exported(&mut ana);
    let down = answered(&world, &arrived, PART);
    assert_eq!(import(&mut ana, &down).delivered, 2);
    assert_eq!(to_send(&mut ana), 0);
    // The lost one turns up a year later.
    let size = world.registry.tree_head().unwrap().size;
    let late = answered(&world, &lost, PART);
    assert_eq!(world.registry.tree_head().unwrap().size, size);
    assert_eq!(import(&mut ana, &late).delivered, 0);
    assert_eq!(ana.hash(), world.registry.records_hash(None).unwrap());
}

#[test]
fn an_answer_that_comes_after_a_sync_changes_nothing() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    ana.finalised();
    let down = {
        let up = exported(&mut ana);
        answered(&world, &up, PART)
    };
    bo.finalised();
    bo.sync().unwrap();
    ana.sync().unwrap();
    let before = ana.hash();
    assert_eq!(import(&mut ana, &down).pulled, 0);
    assert_eq!(ana.hash(), before);
    bo.finalised();
    bo.sync().unwrap();
    ana.sync().unwrap();
    assert_eq!(ana.hash(), world.registry.records_hash(None).unwrap());
}

#[test]
fn a_laptop_that_has_never_synced_gets_its_forms_by_stick() {
    let world = World::new();
    let mut ana = world.laptop("Ana");
    ana.open = None;
    let mut fresh = Laptop {
        home: Home::at(world.folder.path().join("fresh")),
        clock: ana.clock.clone(),
        dice: Dice::new(50),
        person: "Cy".to_owned(),
        road: world.road(),
        open: None,
    };
    fresh.enrol(&world.invite("HT0111")).unwrap();
    assert!(fresh.collector().start(&lineage(), None, None).is_err());
    let up = exported(&mut fresh);
    let down = answered(&world, &up, 1);
    // The files of the form come before the page that names them.
    let reversed: Vec<Vec<u8>> = down.into_iter().rev().collect();
    assert!(import(&mut fresh, &reversed).files > 0);
    let record = fresh.finalised();
    let up = exported(&mut fresh);
    answered(&world, &up, PART);
    assert!(world.registry.record(record).is_ok());
}

#[test]
fn what_is_not_for_here_is_refused_in_words_and_takes_nothing() {
    let (world, elsewhere) = (World::new(), World::new());
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    let mut stranger = elsewhere.laptop("Zed");
    ana.finalised();
    let up = exported(&mut ana);
    let down = answered(&world, &up, PART);
    // Back to the laptop that packed it; to a colleague's; to another registry.
    let own = ana.collector().import_bundle_part(&up[0]).unwrap_err();
    assert!(matches!(own, CollectorError::BundleForRegistry), "{own}");
    let others = bo.collector().import_bundle_part(&down[0]).unwrap_err();
    assert!(matches!(others, CollectorError::Bundle(BundleError::SealedToAnother)), "{others}");
    let returned = world.registry.take_bundle_part(&down[0]).unwrap_err();
    assert!(matches!(returned, RegistryError::BundleForDevice), "{returned}");
    // A seat of another registry, with this one's deployment id: not certified here.
    let foreign = exported(&mut stranger);
    let refused = world.registry.take_bundle_part(&foreign[0]).unwrap_err();
    assert!(matches!(refused, RegistryError::UnknownSeat { .. }), "{refused}");
    for at in [3, 40, down[0].len() / 2, down[0].len() - 1] {
        let mut damaged = down[0].clone();
        damaged[at] ^= 1;
        assert!(ana.collector().import_bundle_part(&damaged).is_err(), "byte {at}");
    }
    assert_eq!(to_send(&mut ana), 1);
    assert_eq!(import(&mut ana, &down).delivered, 1);
}

#[test]
fn two_people_of_one_laptop_each_see_their_own_area_whoever_synced_first() {
    let world = World::new();
    let (mut bo, mut other) = (world.laptop("Bo"), world.laptop_in("Ot", "HT0112"));
    let mut ana = world.laptop("Ana");
    let code = world.invite("HT0112");
    let clock = ana.clock.clone();
    let enrolment = Enrolment {
        code: &code,
        person: "Dan",
        device: "Laptop",
        passphrase: PASSPHRASE,
        kdf: KdfParams::WEAK_FOR_TESTS,
    };
    let mut road = world.road();
    ana.collector().add_person(&enrolment, &mut road).unwrap();
    let in_first = bo.finalised();
    bo.sync().unwrap();
    // Dan's area has something older than what Ana has seen by then.
    let in_second = other.collector().start(&lineage(), None, None).unwrap();
    for (path, typed) in [("commune", "HT0112"), ("roof", "tin")] {
        other.set(in_second, path, typed);
    }
    other.collector().finalise(in_second).unwrap();
    other.sync().unwrap();
    bo.finalised();
    bo.sync().unwrap();
    ana.sync().unwrap();
    ana.open = None;
    ana.person = "Dan".to_owned();
    clock.0.fetch_add(60_000, std::sync::atomic::Ordering::Relaxed);
    ana.reopen();
    ana.sync().unwrap();
    assert!(ana.collector().show(in_first).is_ok(), "what a colleague pulled is on the laptop");
    assert!(ana.collector().show(in_second).is_ok(), "the record of the second person's area");
}
