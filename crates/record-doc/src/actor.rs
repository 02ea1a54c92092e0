//! Who wrote a change, in Automerge's terms.

use record_model::{EpochId, RecordId};
use sha2::{Digest, Sha256};

/// The Automerge actor of a seat in one generation of a record.
///
/// Derived, never chosen: it ties Automerge's actor, which nobody signs, to the seat that signed the delta. A new epoch
/// (after a restore or a fork) gives a new actor, so no two changes ever claim one place in an actor's sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorBytes([u8; 16]);

impl ActorBytes {
    /// Takes the bytes as they are; [`derive_actor`] makes the right ones.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The actor of the seat that holds `public_key`, in this epoch, for this record and generation.
///
/// ```text
/// SHA-256( public key, 32 bytes ‖ epoch id, 8 ‖ record id, 16 ‖ generation, 4, big-endian ), its first 16 bytes
/// ```
pub fn derive_actor(public_key: &[u8; 32], epoch: EpochId, record: RecordId, generation: u32) -> ActorBytes {
    let digest = Sha256::new()
        .chain_update(public_key)
        .chain_update(epoch.as_bytes())
        .chain_update(record.as_bytes())
        .chain_update(generation.to_be_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    ActorBytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_pinned_to_key_epoch_record_and_generation() {
        let (key, epoch, record) = ([1; 32], EpochId::from_bytes([2; 8]), RecordId::from_bytes([3; 16]));
        let actor = derive_actor(&key, epoch, record, 4);

        let mut input = vec![1; 32];
        input.extend([2; 8]);
        input.extend([3; 16]);
        input.extend([0, 0, 0, 4]);
        assert_eq!(actor.as_bytes()[..], Sha256::digest(&input)[..16]);

        assert_ne!(actor, derive_actor(&[9; 32], epoch, record, 4));
        assert_ne!(actor, derive_actor(&key, EpochId::from_bytes([9; 8]), record, 4));
        assert_ne!(actor, derive_actor(&key, epoch, RecordId::from_bytes([9; 16]), 4));
        assert_ne!(actor, derive_actor(&key, epoch, record, 5));
    }
}
