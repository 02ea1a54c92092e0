//! The fixed first change of every record.
//!
//! Two laptops that each made the one map of answers would lose one of the two maps whole. So nobody makes it: it comes
//! with a first change that is a constant, the same bytes on every device, never sent and never part of a log.

use std::sync::LazyLock;

use automerge::{ActorId, Automerge, Change, ObjId};
use record_model::ChangeHash;

/// Actor of 16 zero bytes, sequence 1, time 0, no message; one operation: make the map `answers` at the root.
const GENESIS: [u8; 60] = [
    0x85, 0x6f, 0x4a, 0x83, // magic
    0x6a, 0x0e, 0x30, 0x38, // checksum: the first bytes of the hash
    0x01, 0x32, // a change of 50 bytes
    0x00, // no dependencies
    0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // actor
    0x01, 0x01, // sequence 1, first operation 1
    0x00, 0x00, 0x00, // time 0, no message, no other actors
    0x05, 0x15, 0x09, 0x34, 0x01, 0x42, 0x02, 0x56, 0x02, 0x70, 0x02, // five columns
    0x7f, 0x07, b'a', b'n', b's', b'w', b'e', b'r', b's', // key
    0x01, // not an insertion
    0x7f, 0x00, // action: make map
    0x7f, 0x00, // value: none
    0x7f, 0x00, // predecessors: none
];

const GENESIS_HASH: [u8; 32] = [
    0x6a, 0x0e, 0x30, 0x38, 0x3d, 0xcf, 0xee, 0x41, 0x60, 0xab, 0xc2, 0xaf, 0x94, 0x7f, 0xe8, 0x38, 0xf5,
    0x29, 0xec, 0x6e, 0xe0, 0xd7, 0x7d, 0x8c, 0xf1, 0x2e, 0x70, 0xb5, 0xfc, 0xe5, 0x78, 0x1f,
];

/// Actor of the genesis change; no seat's actor can be it.
pub(crate) const GENESIS_ACTOR: [u8; 16] = [0; 16];

/// Counter of the operation that makes the map, so the map's object id is (1, [`GENESIS_ACTOR`]).
pub(crate) const MAP_COUNTER: u64 = 1;

/// The fixed first change of every record, byte-identical everywhere. Never shipped.
pub fn genesis_bytes() -> &'static [u8] {
    &GENESIS
}

/// The hash of [`genesis_bytes`].
pub fn genesis_hash() -> ChangeHash {
    ChangeHash::from_bytes(GENESIS_HASH)
}

/// A document that holds genesis and nothing else.
pub(crate) fn genesis_document() -> Automerge {
    static DOCUMENT: LazyLock<Automerge> = LazyLock::new(|| {
        let change = Change::from_bytes(GENESIS.to_vec()).expect("the genesis constant is a change");
        let mut document = Automerge::new();
        document.apply_changes([change]).expect("genesis needs no other change");
        document
    });
    DOCUMENT.clone()
}

/// The one map of a record. The index is only a hint, and right: the zero actor sorts before all others.
pub(crate) fn answers_map() -> ObjId {
    ObjId::Id(MAP_COUNTER, ActorId::from(GENESIS_ACTOR), 0)
}

#[cfg(test)]
mod tests {
    use automerge::transaction::Transactable;
    use automerge::{ObjType, ROOT};

    use super::*;

    #[test]
    fn genesis_is_pinned_and_is_what_automerge_itself_would_write() {
        let mut document = Automerge::new();
        document.set_actor(ActorId::from(GENESIS_ACTOR));
        let mut transaction = document.transaction();
        let map = transaction.put_object(ROOT, "answers", ObjType::Map).unwrap();
        transaction.commit();
        let change = document.get_last_local_change().unwrap();

        assert_eq!(change.raw_bytes(), genesis_bytes());
        assert_eq!(change.hash().0, *genesis_hash().as_bytes());
        assert_eq!(map, answers_map());
        assert_eq!(
            genesis_hash().to_string(),
            "6a0e30383dcfee4160abc2af947fe838f529ec6ee0d77d8cf12e70b5fce5781f"
        );
    }
}
