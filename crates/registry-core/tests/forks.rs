//! Forks until a decision names the branch that stands, and after it.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what does not hold")]

mod support;

use record_model::*;
use registry_core::*;
use registry_store::RegistryStoreExt;
use signed_delta::*;
use support::*;

/// A laptop and a copy made of it: from here both go on, neither knows of the other.
fn copied(world: &World, laptop: &Laptop) -> Laptop {
    let mut copy = world.copy(laptop);
    (copy.seq, copy.prev) = (laptop.seq, laptop.prev);
    copy.docs = laptop.docs.clone();
    copy.visit = laptop.visit;
    copy
}

fn request(laptop: &Laptop, stands: DeltaHash) -> BranchRequest {
    BranchRequest {
        seat: laptop.key.seat(),
        epoch: laptop.epoch,
        stands,
        reason: "the disk of the other is dead".to_owned(),
        account: "supervisor".to_owned(),
    }
}

fn hash_of(envelope: &[u8]) -> DeltaHash {
    SignedDelta::decode(envelope).unwrap().hash()
}

fn outcome(world: &World, envelope: &[u8]) -> (OutcomeCode, Option<ReasonCode>) {
    let delta = SignedDelta::decode(envelope).unwrap();
    let header = delta.header();
    let row = world
        .store
        .read(|tx| {
            let here = tx.chain_at(header.seat, header.epoch, header.seq)?;
            let index = here.into_iter().find(|(_, hash)| *hash == delta.hash()).unwrap().0;
            tx.outcome(index)
        })
        .unwrap()
        .unwrap();
    (row.code, row.reason)
}

fn whole(world: &World) {
    assert_eq!(world.registry.verify().unwrap().faults, vec![]);
    let report = world.registry.rebuild().unwrap();
    assert_eq!(report.before, report.after);
    assert_eq!(world.registry.verify().unwrap().faults, vec![]);
}

const MERGED: (OutcomeCode, Option<ReasonCode>) = (OutcomeCode::Merged, None);
const FORK: (OutcomeCode, Option<ReasonCode>) = (OutcomeCode::Quarantined, Some(ReasonCode::Fork));
const OTHER: (OutcomeCode, Option<ReasonCode>) = (OutcomeCode::Quarantined, Some(ReasonCode::OtherBranch));
const TAKEN: (OutcomeCode, Option<ReasonCode>) = (OutcomeCode::Quarantined, Some(ReasonCode::PlaceTaken));

fn record(n: u8) -> RecordId {
    RecordId::from_bytes([n; 16])
}

fn shown(world: &World, of: RecordId, path: &str) -> Option<Value> {
    let row = world.registry.record(of).ok()?;
    record_doc::RecordDoc::load(&row.state).unwrap().view().shown().get(path).cloned()
}

#[test]
fn the_branch_that_a_decision_names_is_merged_and_the_other_is_to_be_written_anew() {
    let world = World::new(50);
    let mut old = world.laptop(1, &["HT0111"]);
    old.write(RECORD, &[("roof", "tin")]);
    let mut copy = copied(&world, &old);
    let one = old.write(record(0x41), &[("roof", "tile")]).unwrap();
    world.push(&old.sent);
    world.registry.merge_all().unwrap();

    let rival = copy.write(record(0x42), &[("roof", "thatch")]).unwrap();
    let behind = copy.write(record(0x43), &[("roof", "thatch")]).unwrap();
    world.push(&[rival.clone(), behind.clone()]);
    let two = old.write(record(0x44), &[("roof", "tile")]).unwrap();
    world.push(std::slice::from_ref(&two));
    world.registry.merge_all().unwrap();
    assert_eq!([outcome(&world, &behind), outcome(&world, &two)], [FORK, FORK]);

    let forks = world.registry.forks().unwrap();
    let [fork] = forks.as_slice() else { panic!("{forks:?}") };
    assert_eq!((fork.seat, fork.epoch, fork.stands), (old.key.seat(), old.epoch, None));
    let seen: Vec<_> =
        fork.branches.iter().map(|b| (b.first, b.first_seq, b.last_seq, b.deltas, b.merged)).collect();
    assert_eq!(seen, [(hash_of(&one), 3, 4, 2, 1), (hash_of(&rival), 3, 4, 2, 0)]);

    // Who does not exist is not decided for.
    let nobody = request(&old, DeltaHash::from_bytes([7; 32]));
    assert!(matches!(world.registry.decide_fork(nobody), Err(RegistryError::UnknownBranch { .. })));
    world.registry.decide_fork(request(&old, hash_of(&rival))).unwrap();
    // What was merged stays, what stands is merged, the rest is to be written anew.
    assert_eq!([outcome(&world, &one), outcome(&world, &two)], [MERGED, OTHER]);
    assert_eq!([outcome(&world, &rival), outcome(&world, &behind)], [MERGED, MERGED]);
    assert_eq!(shown(&world, record(0x43), "roof"), Some("thatch".into()));
    let again = world.registry.decide_fork(request(&old, hash_of(&one)));
    assert!(matches!(again, Err(RegistryError::ForkDecided { .. })), "{again:?}");

    // Both go on where they were; a third copy comes as well.
    let mut third = copied(&world, &copy);
    let late = old.write(record(0x45), &[("roof", "tin")]).unwrap();
    let on = copy.write(record(0x46), &[("roof", "tin")]).unwrap();
    let beside = third.write(record(0x47), &[("roof", "tin")]).unwrap();
    world.push(&[late.clone(), on.clone(), beside.clone()]);
    world.registry.merge_all().unwrap();
    assert_eq!(
        [outcome(&world, &late), outcome(&world, &on), outcome(&world, &beside)],
        [OTHER, MERGED, OTHER]
    );
    whole(&world);
}

#[test]
fn where_the_other_branch_was_merged_first_what_stands_is_written_anew_with_all_that_builds_on_it() {
    let world = World::new(51);
    let mut old = world.laptop(1, &["HT0111"]);
    let mut copy = copied(&world, &old);
    let first = old.write(RECORD, &[("roof", "tin")]).unwrap();
    world.push(&old.sent);
    world.registry.merge_all().unwrap();

    let rival = copy.write(RECORD, &[("roof", "tile")]).unwrap();
    let behind = copy.write(RECORD, &[("phone", "33")]).unwrap();
    let elsewhere = copy.write(record(0x42), &[("roof", "tile")]).unwrap();
    // The copy heard of the fork and opened an epoch; it builds on what it has.
    copy.epoch = EpochId::from_bytes([0x77; 8]);
    let previous = Some((old.epoch, copy.seq, copy.prev));
    (copy.seq, copy.prev) = (0, Header::NO_PREVIOUS);
    let opening = copy.cut(Act::Epoch(EpochAct { previous }), None);
    let on_top = copy.write(RECORD, &[("phone", "44")]).unwrap();
    let apart = copy.write(record(0x43), &[("roof", "tile")]).unwrap();
    world.push(&[&rival, &behind, &elsewhere, &opening, &on_top, &apart].map(Clone::clone));
    world.registry.merge_all().unwrap();
    let waits = (OutcomeCode::Held, Some(ReasonCode::MissingChange));
    assert_eq!([outcome(&world, &on_top), outcome(&world, &apart)], [waits, MERGED]);

    let on_the_old_epoch = BranchRequest { epoch: old.epoch, ..request(&copy, hash_of(&rival)) };
    world.registry.decide_fork(on_the_old_epoch).unwrap();
    assert_eq!(outcome(&world, &first), MERGED);
    assert_eq!([outcome(&world, &rival), outcome(&world, &behind)], [TAKEN, TAKEN]);
    assert_eq!([outcome(&world, &elsewhere), outcome(&world, &on_top)], [MERGED, OTHER]);
    whole(&world);

    // Written anew, in the copy's new epoch and with what it had seen, both answers on the roof stand.
    let doc = copy.docs.get(&RECORD).unwrap();
    let hashes: Vec<ChangeHash> = doc.changes_since(&[]).iter().map(|change| change.hash).collect();
    let (doc, gone) = doc.without(&hashes.into_iter().collect()).unwrap();
    assert_eq!(gone.len(), 3);
    copy.docs.insert(RECORD, doc);
    let anew = copy.write(RECORD, &[("roof", "tile"), ("phone", "44")]).unwrap();
    world.push(std::slice::from_ref(&anew));
    world.registry.merge_all().unwrap();
    assert_eq!(outcome(&world, &anew), MERGED);
    assert_eq!(shown(&world, RECORD, "phone"), Some("44".into()));
    assert_eq!(world.open_items().len(), 1, "two roofs");
    whole(&world);
}

#[test]
fn a_branch_whose_beginning_has_not_come_waits_for_it() {
    let world = World::new(52);
    let mut old = world.laptop(1, &["HT0111"]);
    let mut copy = copied(&world, &old);
    old.write(RECORD, &[("roof", "tin")]);
    let missing = copy.write(record(0x41), &[("roof", "tile")]).unwrap();
    let second = copy.write(record(0x42), &[("roof", "tile")]).unwrap();
    let third = copy.write(record(0x43), &[("roof", "tile")]).unwrap();
    world.push(&old.sent);
    world.push(&[second.clone(), third.clone()]);
    world.registry.merge_all().unwrap();
    world.registry.decide_fork(request(&old, hash_of(&third))).unwrap();
    let held = (OutcomeCode::Held, None);
    assert_eq!([outcome(&world, &second), outcome(&world, &third)], [held, held]);
    world.push(std::slice::from_ref(&missing));
    world.registry.merge_all().unwrap();
    assert_eq!([&missing, &second, &third].map(|delta| outcome(&world, delta)), [MERGED; 3]);
    whole(&world);
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}

#[test]
fn whatever_arrives_when_every_delta_of_a_decided_fork_is_merged_or_to_be_written_anew() {
    let mut anew = 0;
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let world = World::new(100 + seed);
        let mut old = world.laptop(1, &["HT0111"]);
        old.write(RECORD, &[("roof", "tin")]);
        let mut copies = [copied(&world, &old), copied(&world, &old), copied(&world, &old)];
        world.push(&old.sent);
        let mut branches: Vec<Vec<Vec<u8>>> = Vec::new();
        for (number, copy) in copies.iter_mut().enumerate() {
            let branch = (0..1 + dice.below(5))
                .filter_map(|turn| {
                    let of = record(0x40 + dice.below(3) as u8);
                    copy.write(of, &[("phone", &format!("{number}-{turn}"))])
                })
                .collect();
            branches.push(branch);
        }
        // Each branch in its order or not, cut into the others; the decision somewhere between.
        let mut waiting: Vec<Vec<u8>> = branches.concat();
        let mut decided = false;
        while !waiting.is_empty() || !decided {
            if !decided && (waiting.is_empty() || dice.below(4) == 0) {
                let forks = world.registry.forks().unwrap();
                if let Some(fork) = forks.first() {
                    let branch = &fork.branches[dice.below(fork.branches.len())];
                    world.registry.decide_fork(request(&old, branch.first)).unwrap();
                    decided = true;
                } else if waiting.is_empty() {
                    break;
                }
                continue;
            }
            let front = dice.below(waiting.len().min(6));
            world.push(&[waiting.remove(front)]);
            if dice.below(2) == 0 {
                world.registry.merge_all().unwrap();
            }
        }
        world.registry.merge_all().unwrap();
        let all: Vec<_> = branches.concat().iter().map(|delta| outcome(&world, delta)).collect();
        assert!(all.iter().all(|outcome| [MERGED, OTHER, TAKEN].contains(outcome)), "seed {seed}: {all:?}");
        anew += all.iter().filter(|outcome| **outcome != MERGED).count();
        whole(&world);
    }
    assert!(anew > 100, "{anew}");
}
