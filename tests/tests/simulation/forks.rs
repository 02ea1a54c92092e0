//! Two stores that write to one chain: by a copy of the disk in a second machine, or by an old image put back.

use record_model::{DeltaHash, OutcomeCode};
use registry_store::RegistryStoreExt;

use crate::check;
use crate::laptop::Copied;
use crate::ledger::Breach;
use crate::world::{Size, World};

/// Forks in one world: each laptop has one.
const IN_ONE_WORLD: u64 = 10;

/// Makes so many forks, and gives what did not go as it must.
/// `heard`: whether the laptops hear of the decisions.
pub(crate) fn make(seed: u64, forks: u64, heard: bool) -> Vec<Breach> {
    let laptops = forks.min(IN_ONE_WORLD) as usize;
    let mut world = World::begin(seed, Size { laptops, steps: 0 }, None);
    for at in 0..laptops {
        fork(&mut world, at);
    }
    decide(&mut world, heard);
    world.ledger.breaches
}

/// Each fork is decided one way or the other, and all that anybody said is in the registry afterwards.
fn decide(world: &mut World, heard: bool) {
    world.decide_all_forks();
    for _ in 0..if heard { 3 } else { 0 } {
        for at in 0..world.laptops.len() {
            world.sync(at, false);
        }
        let _ = world.server.ask(|registry| registry.merge_all());
    }
    let found = check::interviews(world);
    world.ledger.breaches.extend(found);
}

fn fork(world: &mut World, at: usize) {
    let by_copy = world.dice.chance(50);
    let mut before: Vec<DeltaHash> = Vec::new();
    write(world, at, &mut before);
    world.sync(at, false);
    // The one branch, and the other; who is heard first is chance.
    let (mut one, mut other) = (Vec::new(), Vec::new());
    if by_copy {
        world.double(at).expect("a disk can be copied");
        let copy = world.laptops.len() - 1;
        write(world, at, &mut one);
        write(world, copy, &mut other);
        let order = if world.dice.chance(50) { [at, copy] } else { [copy, at] };
        order.into_iter().for_each(|laptop| drop(world.sync(laptop, false)));
    } else {
        let image = world.new_folder();
        world.laptops[at].back_up(image, Copied::AsImage).expect("a disk can be imaged");
        write(world, at, &mut one);
        world.sync(at, false);
        world.laptops[at].restore().expect("there is an image");
        world.ledger.doubled.insert(world.laptops[at].seat);
        write(world, at, &mut other);
        world.sync(at, false);
    }
    found_out(world, at, &[before, one, other].concat());
}

/// A few finished interviews.
fn write(world: &mut World, at: usize, branch: &mut Vec<DeltaHash>) {
    for _ in 0..=world.dice.below(3) {
        let record = world.new_interview(at).expect("an interview is begun");
        world.declare(at, record).expect("an interview is finished");
        branch.push(world.ledger.declared.last().expect("it was just declared").delta);
    }
}

/// Every delta of both branches is in the log, and the registry knows of the fork.
fn found_out(world: &mut World, at: usize, deltas: &[DeltaHash]) {
    let seat = world.laptops[at].seat;
    let _ = world.server.ask(|registry| registry.merge_all());
    let read = world.server.registry().store().read(|tx| {
        let log = tx.log_after(0, 1_000_000)?;
        let mut forked = false;
        for entry in log.iter().filter(|entry| entry.delta.header().seat == seat) {
            forked |= tx.outcome(entry.index)?.is_some_and(|outcome| outcome.code == OutcomeCode::Forked);
        }
        let frozen = tx.epochs_of(seat)?.iter().any(|epoch| epoch.frozen_by.is_some());
        let known: std::collections::BTreeSet<DeltaHash> =
            log.iter().map(|entry| entry.delta.hash()).collect();
        Ok((known, forked && frozen))
    });
    let (log, is_known) = read.expect("the log can be read");
    if !is_known {
        world.ledger.breaches.push(Breach::ForkMissed { seat });
    }
    let lost = deltas.iter().find(|delta| !log.contains(delta));
    if let Some(delta) = lost {
        let laptop = world.laptops[at].name.clone();
        world.ledger.breaches.push(Breach::DeclaredLost { laptop, delta: *delta });
    }
}

/// How many forks each world makes, for a number of them in all.
pub(crate) fn worlds_of(forks: u64) -> Vec<u64> {
    (0..forks.div_ceil(IN_ONE_WORLD)).map(|world| IN_ONE_WORLD.min(forks - world * IN_ONE_WORLD)).collect()
}
