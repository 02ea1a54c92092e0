//! What the registry has promised to keep, a laptop can have proven.

#![allow(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod support;

use collector_core::*;
use support::*;

#[test]
fn every_delta_of_a_record_is_proven_and_what_waits_is_said_to_wait() {
    let world = World::new();
    let (mut ana, mut bo) = (world.laptop("Ana"), world.laptop("Bo"));
    let record = ana.finalised();
    ana.sync().unwrap();
    bo.sync().unwrap();
    bo.set(record, "roof", "tile");
    bo.collector().finalise(record).unwrap();
    bo.sync().unwrap();
    ana.sync().unwrap();
    ana.set(record, "roof", "thatch");
    ana.collector().finalise(record).unwrap();
    let mut road = world.road();
    let proof = ana.collector().prove(record, &mut road).unwrap();
    let states: Vec<(bool, bool)> =
        proof.deltas.iter().map(|delta| (delta.waits, delta.place.is_some())).collect();
    assert_eq!(states, [(false, true), (true, false), (false, true)]);
    assert_eq!(proof.missing(), 0);
    assert_eq!(proof.head.size, world.registry.tree_head().unwrap().size);
}

#[test]
fn a_server_that_lost_what_it_promised_is_found_out() {
    let world = World::new();
    let mut ana = world.laptop("Ana");
    let record = ana.finalised();
    ana.sync().unwrap();
    // Its twin from before the work came: the same keys and the same log id, and never had the delta.
    let twin = World::new();
    let mut other = twin.laptop("Ana");
    other.finalised();
    let mut road = twin.road();
    let found = ana.collector().prove(record, &mut road).unwrap_err();
    assert!(matches!(found, CollectorError::Pull(PullFailure::Inconsistent(_))), "{found}");
}
