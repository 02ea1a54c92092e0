//! Bytes that follow from a seed, and the ids made from them.

use std::ops::RangeInclusive;

use data_encoding::BASE32_NOPAD;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use record_model::{InstanceId, RecordId, hash_parts};

/// A stream of bytes. How numbers are drawn from it is written here and not left to a library, whose next version may
/// draw others from the same bytes.
#[derive(Debug)]
pub struct Seeded {
    key: [u8; 32],
    stream: ChaCha8Rng,
}

impl Seeded {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self::of_key(hash_parts("lakou/testkit/seed", [seed.to_be_bytes().as_slice()]))
    }

    /// A stream of its own for one thing among many, whatever was drawn from this one before.
    pub fn child(&self, name: &str, number: u64) -> Self {
        let parts = [self.key.as_slice(), name.as_bytes(), &number.to_be_bytes()];
        Self::of_key(hash_parts("lakou/testkit/child", parts))
    }

    fn of_key(key: [u8; 32]) -> Self {
        Self { key, stream: ChaCha8Rng::from_seed(key) }
    }

    /// The next bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.stream.fill_bytes(bytes);
    }

    /// The next so many bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A repeat instance's id.
    pub fn instance_id(&mut self) -> InstanceId {
        InstanceId::from_bytes(self.bytes())
    }

    /// A permanent person id, as the marker `@person` holds it.
    pub fn person_id(&mut self) -> String {
        BASE32_NOPAD.encode(&self.bytes::<16>())
    }

    /// A record's id.
    pub fn record_id(&mut self) -> RecordId {
        RecordId::from_bytes(self.bytes())
    }

    /// A number below `bound`; 0 when the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.stream.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in a range that is not empty.
    pub fn between(&mut self, range: RangeInclusive<i64>) -> i64 {
        let count = range.end().saturating_sub(*range.start()).saturating_add(1);
        range.start() + self.below(count.max(0).cast_unsigned()).cast_signed()
    }

    /// True so many times in a hundred.
    pub fn chance(&mut self, per_cent: u64) -> bool {
        self.below(100) < per_cent
    }

    /// One of a list that is not empty.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// One of a list that is not empty, each as often as its weight says.
    pub fn weighted<T: Copy>(&mut self, from: &[(T, u64)]) -> T {
        let mut at = self.below(from.iter().map(|(_, weight)| weight).sum());
        for (value, weight) in from {
            match at.checked_sub(*weight) {
                None => return *value,
                Some(rest) => at = rest,
            }
        }
        from[from.len() - 1].0
    }

    /// The same things in another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            things.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_bytes_on_every_machine() {
        assert_eq!(Seeded::new(1).instance_id().to_string(), "MMI2UZQKFWXDS");
        assert_eq!(Seeded::new(1).person_id().len(), 26);
    }

    #[test]
    fn a_child_does_not_depend_on_what_was_drawn_before() {
        let mut drawn = Seeded::new(1);
        drawn.bytes::<100>();
        assert_eq!(drawn.child("household", 3).record_id(), Seeded::new(1).child("household", 3).record_id());
        assert_ne!(drawn.child("household", 3).record_id(), drawn.child("household", 4).record_id());
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_its_ends() {
        let mut seeded = Seeded::new(2);
        let drawn: Vec<i64> = (0..500).map(|_| seeded.between(-2..=2)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&-2), Some(&2)));
        assert_eq!(seeded.between(5..=5), 5);
        assert_eq!(seeded.weighted(&[("never", 0), ("always", 1)]), "always");
    }
}
