//! Deltas come in whatever order roads bring them. Every order of a small history, and many of a larger one, end in one
//! state.
//!
//! `LAKOU_ORDERS` sets how many random orders are tried (20,000 in the soak, fewer here), `LAKOU_SEED` how they are drawn.

#![allow(clippy::unwrap_used, reason = "a test says by panicking what does not hold")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use record_model::{InstanceId, RecordId};
use registry_core::Registry;
use registry_store::{ItemFilter, RegistryStore, SqliteRegistry};
use support::{Laptop, Played, RECORD, World, keys};
use sync_protocol::PushBatch;
use testkit::seeded::Seeded;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(otherwise)
}

fn member(number: u8, leaf: &str) -> String {
    format!("roster/{}/{leaf}", InstanceId::from_bytes([number; 8]))
}

/// A registry that knows form and seats and nothing else, as a file to be copied; and all that its laptops ever sign.
struct History {
    folder: tempfile::TempDir,
    deltas: Vec<Vec<u8>>,
}

impl History {
    /// Of so many laptops, which meet the registry as `play` says.
    fn of(laptops: u8, play: impl FnOnce(&World, &mut [Laptop])) -> Self {
        let world = World::new(1);
        let mut all: Vec<Laptop> = (1..=laptops).map(|number| world.laptop(number, &["HT0111"])).collect();
        let folder = in_memory();
        world.store.backup_to(&folder.path().join("begun.db")).unwrap();
        play(&world, &mut all);
        Self { folder, deltas: all.into_iter().flat_map(|laptop| laptop.sent).collect() }
    }

    fn begun(&self) -> PathBuf {
        self.folder.path().join("begun.db")
    }

    /// The state that this order ends in, `batch` deltas at a time.
    fn state_after(&self, order: &[usize], batch: usize, copy: &Path) -> State {
        std::fs::copy(self.begun(), copy).unwrap();
        let store: Arc<dyn RegistryStore> = Arc::new(SqliteRegistry::open_existing(copy, None).unwrap());
        let registry = Registry::open(store, keys(), Arc::new(Played::new(2))).unwrap();
        for some in order.chunks(batch) {
            let envelopes = some.iter().map(|at| self.deltas[*at].clone()).collect();
            assert_eq!(registry.receive(&PushBatch { envelopes }).unwrap().refusals, []);
            registry.merge_all().unwrap();
        }
        assert_eq!(registry.set_aside(10).unwrap(), [], "{order:?}");
        let filter = ItemFilter { open_only: true, ..ItemFilter::default() };
        let mut doubts: Vec<_> =
            registry.items(&filter, 1_000).unwrap().into_iter().map(|item| item.id).collect();
        doubts.sort_unstable();
        State { records: registry.records_hash(None).unwrap(), doubts }
    }

    /// Tries orders until there are no more, on as many threads as there are cores: each ends as the first did.
    fn all_end_alike(&self, orders: usize, order_of: impl Fn(usize) -> Vec<usize> + Sync) {
        let in_turn: Vec<usize> = (0..self.deltas.len()).collect();
        let expected = self.state_after(&in_turn, 1, &self.folder.path().join("first.db"));
        assert!(expected.records.0 > 0 && !expected.doubts.is_empty(), "a history that shows something");
        let next = AtomicUsize::new(0);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| {
            for _ in 0..cores {
                let (next, expected, order_of) = (&next, &expected, &order_of);
                scope.spawn(move || {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= orders {
                            return;
                        }
                        let order = order_of(number);
                        // Some one by one, others many at a time.
                        let batch = [1, order.len(), 2, order.len()][number % 4];
                        // A name of its own: the last file's writer may still be closing it.
                        let copy = self.folder.path().join(format!("{number}.db"));
                        let state = self.state_after(&order, batch, &copy);
                        let _ = std::fs::remove_file(&copy);
                        assert_eq!(state, *expected, "order {number}, {batch} at a time: {order:?}");
                    }
                });
            }
        });
    }
}

/// What must not depend on the order.
#[derive(Debug, PartialEq, Eq)]
struct State {
    records: (usize, [u8; 32]),
    doubts: Vec<record_model::ItemId>,
}

/// In memory where there is a place for that: thousands of registries are made and thrown away.
fn in_memory() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    let made = if shared.is_dir() { tempfile::tempdir_in(shared).ok() } else { None };
    made.unwrap_or_else(|| tempfile::tempdir().unwrap())
}

fn sync(world: &World, laptop: &mut Laptop) {
    world.push(&laptop.sent);
    world.registry.merge_all().unwrap();
    laptop.pull(world);
}

#[test]
fn every_order_of_seven_deltas_ends_in_one_hash() {
    let history = History::of(2, |world, laptops| {
        let [a, b] = laptops else { unreachable!("two were asked for") };
        let (head, child) = (member(1, "given_name"), member(2, "given_name"));
        a.write(
            RECORD,
            &[("roof", "tin"), (&head, "Marie"), (&child, "Jean"), (&member(2, "relationship"), "03")],
        );
        sync(world, a);
        sync(world, b);
        a.write(RECORD, &[("roof", "tile")]);
        a.write(RECORD, &[(&child, "Jean-Baptiste")]);
        b.write(RECORD, &[("roof", "thatch")]);
        b.write(RECORD, &[(&member(2, "@removed"), "moved away")]);
    });
    assert_eq!(history.deltas.len(), 7);
    history.all_end_alike(5_040, |number| permutation(number, 7));
}

/// The n-th order of so many things.
fn permutation(mut number: usize, of: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..of).collect();
    let mut order = Vec::with_capacity(of);
    while !left.is_empty() {
        order.push(left.remove(number % left.len()));
        number /= left.len() + 1;
    }
    order
}

#[test]
fn permutations_are_all_different() {
    let all: std::collections::BTreeSet<Vec<usize>> =
        (0..5_040).map(|number| permutation(number, 7)).collect();
    assert_eq!(all.len(), 5_040);
}

#[test]
fn random_orders_of_forty_deltas_end_in_one_hash() {
    let history = History::of(4, |world, laptops| {
        let record = |number: usize| RecordId::from_bytes([0x20 + (number % 3) as u8; 16]);
        for round in 0..9 {
            for (at, laptop) in laptops.iter_mut().enumerate() {
                let (roof, name) =
                    (["tin", "tile", "thatch"][(round + at) % 3], format!("Name {round} {at}"));
                let answers: [(&str, &str); 2] = match (round + at) % 4 {
                    0 => [("roof", roof), ("phone", &name)],
                    1 => [("roof", roof), (&member(1, "given_name"), &name)],
                    2 => [("phone", &name), (&member(2, "relationship"), "03")],
                    _ => [(&member(2, "given_name"), &name), (&member(1, "relationship"), "02")],
                };
                laptop.write(record(round + at), &answers).unwrap();
                // Some meet the registry on the way, so that later deltas build on those of others.
                if (round * 4 + at) % 5 == 0 {
                    sync(world, laptop);
                }
            }
        }
    });
    assert_eq!(history.deltas.len(), 40);
    let (orders, seed) = (number("LAKOU_ORDERS", 300), number("LAKOU_SEED", 1));
    history.all_end_alike(orders as usize, |number| {
        let mut order: Vec<usize> = (0..40).collect();
        Seeded::new(seed).child("order", number as u64).shuffle(&mut order);
        order
    });
    println!("LAKOU_SEED={seed} LAKOU_ORDERS={orders}");
}
