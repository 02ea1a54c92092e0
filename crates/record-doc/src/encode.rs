//! A change as bytes: the only form our writer emits and our guard takes.
//!
//! Automerge's own format allows a change many byte forms and many meanings. We write one: puts of scalars on the one
//! map, in ascending order of key. [`ChangeContent::encode`] gives that form, `preparse` reads it, and whatever does not
//! encode back to the bytes it came in is refused.
//!
//! ```text
//! magic 4 ‖ checksum 4 ‖ type 1 ‖ length ‖ data          checksum = first 4 bytes of SHA-256(type ‖ length ‖ data)
//! data = dependencies ‖ actor ‖ seq ‖ first op ‖ time 0 ‖ message ‖ other actors ‖ column table ‖ columns
//! ```

use record_model::ChangeHash;
use sha2::{Digest, Sha256};

use crate::columns::{Sign, write_prefixed, write_runs, write_sleb, write_uleb};
use crate::genesis::{GENESIS_ACTOR, MAP_COUNTER};

/// What every chunk begins with.
pub(crate) const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// The chunk type of an uncompressed change.
pub(crate) const CHANGE_CHUNK: u8 = 1;
/// The action "set", the only one that occurs.
pub(crate) const PUT: i64 = 1;

/// A column's number: id times 16, plus its type. The compression bit (8) is never set.
pub(crate) mod column {
    pub(crate) const OBJECT_ACTOR: u64 = 0x01;
    pub(crate) const OBJECT_COUNTER: u64 = 0x02;
    pub(crate) const KEY: u64 = 0x15;
    pub(crate) const INSERT: u64 = 0x34;
    pub(crate) const ACTION: u64 = 0x42;
    pub(crate) const VALUE_META: u64 = 0x56;
    pub(crate) const VALUE: u64 = 0x57;
    pub(crate) const PRED_COUNT: u64 = 0x70;
    pub(crate) const PRED_ACTOR: u64 = 0x71;
    pub(crate) const PRED_COUNTER: u64 = 0x73;
    /// The bit that marks a deflated column.
    pub(crate) const DEFLATED: u64 = 0x08;
}

/// The low four bits of a value's meta number; the rest is its length in bytes.
pub(crate) mod kind {
    pub(crate) const NULL: i64 = 0;
    pub(crate) const FALSE: i64 = 1;
    pub(crate) const TRUE: i64 = 2;
    pub(crate) const INT: i64 = 4;
    pub(crate) const TEXT: i64 = 6;
}

/// Names an operation. Ordered as Automerge orders them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OpId {
    pub(crate) counter: u64,
    pub(crate) actor: [u8; 16],
}

/// A value as it stands in a change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Text(&'a str),
}

/// One answer written.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Put<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: Scalar<'a>,
    /// The writes it replaces, ascending: all that its writer saw standing at this key.
    pub(crate) preds: Vec<OpId>,
}

/// All that a change says.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ChangeContent<'a> {
    /// Ascending.
    pub(crate) deps: Vec<ChangeHash>,
    pub(crate) actor: [u8; 16],
    pub(crate) seq: u64,
    pub(crate) start_op: u64,
    pub(crate) message: &'a str,
    /// Ascending by key, each key once, at least one.
    pub(crate) puts: Vec<Put<'a>>,
}

impl ChangeContent<'_> {
    /// The one byte form of this change, as a chunk.
    pub(crate) fn encode(&self) -> Vec<u8> {
        chunk(&self.encode_data())
    }

    /// What is inside the chunk.
    pub(crate) fn encode_data(&self) -> Vec<u8> {
        let others = self.other_actors();
        let mut data = Vec::with_capacity(256 + self.puts.len() * 32);
        write_uleb(&mut data, self.deps.len() as u64);
        self.deps.iter().for_each(|dep| data.extend_from_slice(dep.as_bytes()));
        write_prefixed(&mut data, &self.actor);
        write_uleb(&mut data, self.seq);
        write_uleb(&mut data, self.start_op);
        write_sleb(&mut data, 0);
        write_prefixed(&mut data, self.message.as_bytes());
        write_uleb(&mut data, others.len() as u64);
        others.iter().for_each(|actor| write_prefixed(&mut data, actor));
        self.encode_columns(&others, &mut data);
        data
    }

    /// Every actor named besides the author, ascending: that of genesis, which made the map, and those of replaced writes.
    fn other_actors(&self) -> Vec<[u8; 16]> {
        let mut others = vec![GENESIS_ACTOR];
        others.extend(self.puts.iter().flat_map(|put| put.preds.iter().map(|pred| pred.actor)));
        others.sort_unstable();
        others.dedup();
        others.retain(|actor| *actor != self.actor);
        others
    }

    fn encode_columns(&self, others: &[[u8; 16]], data: &mut Vec<u8>) {
        let count = self.puts.len();
        let preds = || self.puts.iter().flat_map(|put| &put.preds);
        // The author is actor 0, the others follow. Genesis is always among them, so the search cannot fail.
        let index_of = |actor: &[u8; 16]| others.binary_search(actor).map_or(0, |index| index as i64 + 1);
        let runs = |values: &[i64], sign| {
            let mut out = Vec::new();
            write_runs(&mut out, values, sign);
            out
        };
        let mut previous = 0;
        let counters: Vec<i64> = preds()
            .map(|pred| {
                let step = pred.counter as i64 - previous;
                previous = pred.counter as i64;
                step
            })
            .collect();
        let columns = [
            (column::OBJECT_ACTOR, runs(&vec![index_of(&GENESIS_ACTOR); count], Sign::Unsigned)),
            (column::OBJECT_COUNTER, runs(&vec![MAP_COUNTER as i64; count], Sign::Unsigned)),
            (column::KEY, self.keys()),
            (column::INSERT, self.no_insertions()),
            (column::ACTION, runs(&vec![PUT; count], Sign::Unsigned)),
            (column::VALUE_META, runs(&self.value_metas(), Sign::Unsigned)),
            (column::VALUE, self.values()),
            (
                column::PRED_COUNT,
                runs(&self.puts.iter().map(|put| put.preds.len() as i64).collect::<Vec<_>>(), Sign::Unsigned),
            ),
            (
                column::PRED_ACTOR,
                runs(&preds().map(|pred| index_of(&pred.actor)).collect::<Vec<_>>(), Sign::Unsigned),
            ),
            (column::PRED_COUNTER, runs(&counters, Sign::Signed)),
        ];
        let present = || columns.iter().filter(|(_, bytes)| !bytes.is_empty());
        write_uleb(data, present().count() as u64);
        for (number, bytes) in present() {
            write_uleb(data, *number);
            write_uleb(data, bytes.len() as u64);
        }
        present().for_each(|(_, bytes)| data.extend_from_slice(bytes));
    }

    /// Keys differ from each other, so their column is one literal.
    fn keys(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_sleb(&mut out, -(self.puts.len() as i64));
        self.puts.iter().for_each(|put| write_prefixed(&mut out, put.key.as_bytes()));
        out
    }

    /// A column of booleans counts the falses first, and there is nothing else.
    fn no_insertions(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_uleb(&mut out, self.puts.len() as u64);
        out
    }

    fn value_metas(&self) -> Vec<i64> {
        self.puts
            .iter()
            .map(|put| match put.value {
                Scalar::Null => kind::NULL,
                Scalar::Bool(false) => kind::FALSE,
                Scalar::Bool(true) => kind::TRUE,
                Scalar::Int(number) => {
                    let mut bytes = Vec::with_capacity(10);
                    write_sleb(&mut bytes, number);
                    ((bytes.len() as i64) << 4) | kind::INT
                }
                Scalar::Text(text) => ((text.len() as i64) << 4) | kind::TEXT,
            })
            .collect()
    }

    fn values(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for put in &self.puts {
            match put.value {
                Scalar::Null | Scalar::Bool(_) => {}
                Scalar::Int(number) => write_sleb(&mut out, number),
                Scalar::Text(text) => out.extend_from_slice(text.as_bytes()),
            }
        }
        out
    }
}

/// Wraps a change's data into a chunk.
fn chunk(data: &[u8]) -> Vec<u8> {
    let hash = chunk_hash(data);
    let mut out = Vec::with_capacity(data.len() + 16);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&hash.as_bytes()[..4]);
    out.push(CHANGE_CHUNK);
    write_prefixed(&mut out, data);
    out
}

/// A change's hash, which is its name.
pub(crate) fn chunk_hash(data: &[u8]) -> ChangeHash {
    let mut head = vec![CHANGE_CHUNK];
    write_uleb(&mut head, data.len() as u64);
    ChangeHash::from_bytes(Sha256::new().chain_update(&head).chain_update(data).finalize().into())
}
