//! The one way in which things are hashed here.

use sha2::{Digest, Sha256};

use crate::answer::Value;

/// SHA-256 over a tag and parts, each part preceded by its length as 8 big-endian bytes, so that no two lists of parts
/// give the same input.
pub fn hash_parts<'a>(tag: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hasher = PartsHasher::new(tag);
    parts.into_iter().for_each(|part| hasher.add(part));
    hasher.finish()
}

/// [`hash_parts`] one part at a time: for records, whose parts are thousands.
pub struct PartsHasher(Sha256);

impl PartsHasher {
    /// Begins with the tag.
    pub fn new(tag: &str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.add(tag.as_bytes());
        hasher
    }

    /// The next part.
    pub fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    /// The next part: a value in its [canonical bytes](Value::canonical_bytes).
    pub fn add_value(&mut self, value: &Value) {
        value.with_canonical(|tag, payload| {
            self.0.update((payload.len() as u64 + 1).to_be_bytes());
            self.0.update([tag]);
            self.0.update(payload);
        });
    }

    /// The hash.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_concatenate_alike_hash_differently() {
        let one = hash_parts("t", [b"ab".as_slice(), b"c"]);
        let other = hash_parts("t", [b"a".as_slice(), b"bc"]);
        assert_ne!(one, other);
    }

    #[test]
    fn values_are_hashed_by_their_canonical_bytes() {
        for value in
            [Value::Null, Value::Bool(true), Value::Bool(false), Value::Int(-7), Value::from("Léogâne")]
        {
            let mut hasher = PartsHasher::new("t");
            hasher.add_value(&value);
            assert_eq!(hasher.finish(), hash_parts("t", [value.canonical_bytes().as_slice()]));
        }
    }
}
