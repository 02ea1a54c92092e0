//! A change that kills whoever merges it: set aside alone, said once, and the same in every rebuild.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what does not hold")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use record_doc::{ForeignChange, MergeOutcome, MergerUnavailable, merge_change};
use record_model::{Instant, OutcomeCode, ReasonCode, RecordId};
use registry_core::{Merger, Registry, RegistryError, Surroundings};
use support::{Laptop, Played, World, keys};
use sync_protocol::PushBatch;

/// Dies of every change that holds this word, while it is mortal.
const POISON: &[u8] = b"poison";

struct Mortal {
    world: Played,
    mortal: AtomicBool,
    absent: AtomicBool,
}

impl Mortal {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            world: Played::new(77),
            mortal: AtomicBool::new(true),
            absent: AtomicBool::new(false),
        })
    }
}

/// What a registry is handed: the same one in every rebuild.
struct Shared(Arc<Mortal>);

impl Surroundings for Shared {
    fn now(&self) -> Instant {
        self.0.world.now()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        self.0.world.fill_random(bytes);
    }

    fn merger(&self) -> &dyn Merger {
        self.0.as_ref()
    }
}

impl Merger for Mortal {
    fn merge(
        &self,
        state: Option<&[u8]>,
        change: &ForeignChange<'_>,
    ) -> Result<MergeOutcome, MergerUnavailable> {
        if self.absent.load(Ordering::Relaxed) {
            return Err(MergerUnavailable { source: std::io::ErrorKind::OutOfMemory.into() });
        }
        let poisonous = change.bytes.windows(POISON.len()).any(|part| part == POISON);
        if poisonous && self.mortal.load(Ordering::Relaxed) {
            return Ok(MergeOutcome::Killed);
        }
        Ok(merge_change(state, change))
    }
}

fn record(byte: u8) -> RecordId {
    RecordId::from_bytes([byte; 16])
}

fn open(world: &World, mortal: &Arc<Mortal>) -> Registry {
    Registry::open(Arc::clone(&world.store), keys(), Arc::new(Shared(Arc::clone(mortal)))).unwrap()
}

fn push_all(registry: &Registry, laptop: &Laptop) {
    registry.receive(&PushBatch { envelopes: laptop.sent.clone() }).unwrap();
}

fn aside(registry: &Registry) -> Vec<(OutcomeCode, Option<ReasonCode>)> {
    registry.set_aside(100).unwrap().into_iter().map(|row| (row.code, row.reason)).collect()
}

fn has(registry: &Registry, byte: u8) -> bool {
    registry.record(record(byte)).is_ok()
}

/// Sound, poisoned, what builds on the poison, and what comes after it in the same chain.
fn scene(world: &World) -> Laptop {
    let mut laptop = world.laptop(1, &["HT01"]);
    laptop.write(record(1), &[("roof", "tin")]).unwrap();
    laptop.write(record(2), &[("phone", "poison")]).unwrap();
    laptop.write(record(2), &[("roof", "tile")]).unwrap();
    laptop.write(record(3), &[("roof", "thatch")]).unwrap();
    laptop.write(record(1), &[("phone", "3412")]).unwrap();
    laptop
}

#[test]
fn a_change_that_kills_is_set_aside_what_builds_on_it_waits_and_everything_else_flows() {
    let (world, mortal) = (World::new(5), Mortal::new());
    let laptop = scene(&world);
    let registry = open(&world, &mortal);
    push_all(&registry, &laptop);
    registry.merge_all().unwrap();

    assert!(has(&registry, 1) && has(&registry, 3) && !has(&registry, 2));
    let roof = registry.record(record(1)).unwrap();
    assert_eq!(record_doc::RecordDoc::load(&roof.state).unwrap().heads(), laptop.docs[&record(1)].heads());
    let quarantined = (OutcomeCode::Quarantined, Some(ReasonCode::MergeKilled));
    let held = (OutcomeCode::Held, Some(ReasonCode::MissingChange));
    assert_eq!(aside(&registry), [quarantined, held]);
    assert_eq!(registry.verify().unwrap().faults, []);
}

#[test]
fn a_rebuild_repeats_what_was_said_of_a_change_that_killed_though_it_would_live_now() {
    let (world, mortal) = (World::new(6), Mortal::new());
    let laptop = scene(&world);
    let registry = open(&world, &mortal);
    push_all(&registry, &laptop);
    registry.merge_all().unwrap();
    let before = registry.registry_hash().unwrap();

    mortal.mortal.store(false, Ordering::Relaxed);
    let rebuilt = registry.rebuild().unwrap();
    assert_eq!(rebuilt.before, rebuilt.after);
    assert_eq!(registry.registry_hash().unwrap(), before);
    assert_eq!(aside(&registry)[0].1, Some(ReasonCode::MergeKilled));
}

#[test]
fn while_nothing_can_be_merged_nothing_is_judged_and_nothing_is_lost() {
    let (world, mortal) = (World::new(7), Mortal::new());
    let laptop = scene(&world);
    let registry = open(&world, &mortal);
    push_all(&registry, &laptop);
    mortal.absent.store(true, Ordering::Relaxed);
    assert!(matches!(registry.merge_all(), Err(RegistryError::Merger(_))));
    assert_eq!(aside(&registry), []);
    assert!(!has(&registry, 1));

    mortal.absent.store(false, Ordering::Relaxed);
    registry.merge_all().unwrap();
    assert!(has(&registry, 1) && has(&registry, 3));
}
