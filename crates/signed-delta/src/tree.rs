//! The Merkle tree over the log (RFC 6962, SHA-256), through the crate ct-merkle.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{HashableLeaf, RootHash};
use record_model::{Instant, hash_parts};
use sha2::Sha256;

use crate::delta::SignedDelta;

/// What a leaf is the hash of: header, signature, log index and when the server received it. Bodies can be erased
/// without touching the tree.
pub fn leaf_hash(delta: &SignedDelta, log_index: u64, received_at: Instant) -> [u8; 32] {
    let (header, signature, _) = delta.parts();
    hash_parts(
        "lakou/leaf/v1",
        [
            header,
            signature.as_bytes().as_slice(),
            log_index.to_be_bytes().as_slice(),
            received_at.unix_ms().to_be_bytes().as_slice(),
        ],
    )
}

#[derive(Clone, Debug)]
struct Leaf([u8; 32]);

impl HashableLeaf for Leaf {
    fn hash<H: ct_merkle::digest::Update>(&self, hasher: &mut H) {
        hasher.update(&self.0);
    }
}

/// The log's tree, in memory: 96 bytes a leaf.
#[derive(Clone, Debug, Default)]
pub struct Tree(MemoryBackedTree<Sha256, Leaf>);

/// Why two tree heads are not of one growing log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// The new log is shorter than the one already seen: a rollback.
    #[error("the log has {found} entries, fewer than the {known} seen before")]
    Shorter {
        /// How many there are now.
        found: u64,
        /// How many there were.
        known: u64,
    },
    /// The proof does not lead from one root to the other: the log was rewritten.
    #[error("the log's history is not the one seen before")]
    Rewritten,
}

impl Tree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: [u8; 32]) {
        self.0.push(Leaf(leaf));
    }

    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.0.len()
    }

    /// The root over all leaves.
    pub fn root(&self) -> [u8; 32] {
        (*self.0.root().as_bytes()).into()
    }

    /// Proof that the first `old_size` leaves are still the beginning. `None` outside `1..=size`; empty when nothing
    /// was added.
    pub fn prove_consistency(&self, old_size: u64) -> Option<Vec<u8>> {
        match self.size().checked_sub(old_size)? {
            _ if old_size == 0 => None,
            0 => Some(Vec::new()),
            added => Some(self.0.prove_consistency(usize::try_from(added).ok()?).as_bytes().to_vec()),
        }
    }

    /// Proof that the leaf at this index (from 0) is in the tree.
    pub fn prove_inclusion(&self, index: u64) -> Option<Vec<u8>> {
        if index >= self.size() {
            return None;
        }
        Some(self.0.prove_inclusion(usize::try_from(index).ok()?).as_bytes().to_vec())
    }
}

/// Checks that a log of `new` (size, root) begins with the one of `old` (size, root).
pub fn verify_consistency(
    old: (u64, [u8; 32]),
    new: (u64, [u8; 32]),
    proof: &[u8],
) -> Result<(), ConsistencyError> {
    if new.0 < old.0 {
        return Err(ConsistencyError::Shorter { found: new.0, known: old.0 });
    }
    if old.0 == 0 || old == new {
        return Ok(());
    }
    if old.0 == new.0 {
        return Err(ConsistencyError::Rewritten);
    }
    let proof = ct_merkle::ConsistencyProof::<Sha256>::try_from_bytes(proof.to_vec())
        .map_err(|_| ConsistencyError::Rewritten)?;
    root_hash(new).verify_consistency(&root_hash(old), &proof).map_err(|_| ConsistencyError::Rewritten)
}

/// Checks that `leaf` stands at `index` (from 0) of the log of `head` (size, root).
pub fn verify_inclusion(head: (u64, [u8; 32]), index: u64, leaf: [u8; 32], proof: &[u8]) -> bool {
    if index >= head.0 {
        return false;
    }
    let Ok(proof) = ct_merkle::InclusionProof::<Sha256>::try_from_bytes(proof.to_vec()) else { return false };
    root_hash(head).verify_inclusion(&Leaf(leaf), index, &proof).is_ok()
}

fn root_hash((size, root): (u64, [u8; 32])) -> RootHash<Sha256> {
    RootHash::new(root.into(), size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(leaves: u64) -> Tree {
        let mut tree = Tree::new();
        (0..leaves).for_each(|n| tree.push([n as u8; 32]));
        tree
    }

    #[test]
    fn a_growing_log_proves_that_it_kept_its_beginning() {
        for old in 1..=12 {
            for new in old..=12 {
                let (before, after) = (tree(old), tree(new));
                let proof = after.prove_consistency(old).unwrap();
                let heads = ((old, before.root()), (new, after.root()));
                assert_eq!(verify_consistency(heads.0, heads.1, &proof), Ok(()));
                let rewritten = ((old, [0; 32]), heads.1);
                assert_eq!(
                    verify_consistency(rewritten.0, rewritten.1, &proof),
                    Err(ConsistencyError::Rewritten)
                );
            }
        }
        let shorter = ConsistencyError::Shorter { found: 2, known: 3 };
        assert_eq!(verify_consistency((3, tree(3).root()), (2, tree(2).root()), &[]), Err(shorter));
    }

    #[test]
    fn a_leaf_proves_its_place_and_no_other() {
        let tree = tree(7);
        let head = (7, tree.root());
        for index in 0..7 {
            let proof = tree.prove_inclusion(index).unwrap();
            assert!(verify_inclusion(head, index, [index as u8; 32], &proof));
            assert!(!verify_inclusion(head, index, [99; 32], &proof));
            assert!(!verify_inclusion(head, (index + 1) % 7, [index as u8; 32], &proof));
        }
        assert!(!verify_inclusion(head, 7, [7; 32], &[]));
    }
}
