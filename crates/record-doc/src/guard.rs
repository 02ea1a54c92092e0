//! What a foreign change must be, and the rule it broke if it is not.

use automerge::{Automerge, ReadDoc};
use record_model::{ChangeHash, ReasonCode};

use crate::actor::ActorBytes;
use crate::doc::{hashes, is_known, visible_ids};
use crate::preparse::{ParsedChange, parse};

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $code:literal, $word:literal, $text:literal;)*) => {
        /// A rule of the guard. Codes and words are stable and never given twice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum GuardRule {
            $($(#[$doc])* $rule,)*
        }

        impl GuardRule {
            /// Every rule, in order of code.
            pub const ALL: &'static [Self] = &[$(Self::$rule),*];

            /// The stable number.
            pub const fn code(self) -> u16 {
                match self { $(Self::$rule => $code),* }
            }

            /// The rule of that number.
            pub const fn from_code(code: u16) -> Option<Self> {
                match code {
                    $($code => Some(Self::$rule),)*
                    _ => None,
                }
            }

            /// The stable word in JSON, logs and tables.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$rule => $word),* }
            }
        }

        impl std::fmt::Display for GuardRule {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$rule => $text),* })
            }
        }
    };
}

rules! {
    /// More than [`MAX_CHANGE_BYTES`](crate::MAX_CHANGE_BYTES).
    TooLarge = 1, "too_large", "the change is larger than a change may be";
    /// Other bytes, a compressed or another chunk, or something before or behind it.
    NotOneChange = 2, "not_one_change", "the bytes are not exactly one uncompressed change";
    /// The chunk's checksum does not fit.
    Checksum = 3, "checksum", "the change's checksum does not fit its bytes";
    /// None, twice the same, or out of order.
    Dependencies = 4, "dependencies", "the change's dependencies must be named, each once and in order";
    /// Not the actor derived from the seat.
    WrongActor = 5, "wrong_actor", "the change's actor is not the one derived from its signer";
    /// Not the next of this actor, or its own change before is not among the dependencies.
    Sequence = 6, "sequence", "the change is not the next one of its actor";
    /// Not one more than the highest operation its dependencies have.
    StartOp = 7, "start_op", "the change's first operation number does not follow from its dependencies";
    /// Our writer writes none.
    Time = 8, "time", "the change names a time";
    /// Not 16 random bytes.
    Message = 9, "message", "the change's message is not 16 bytes";
    /// Other actors that are none.
    OtherActors = 10, "other_actors", "the change names other actors wrongly";
    /// Unknown, missing, repeated or misplaced columns.
    Columns = 11, "columns", "the change's table of columns is not the one our writer writes";
    /// A deflated column.
    CompressedColumn = 12, "compressed_column", "the change has a compressed column";
    /// Bytes behind the last column.
    ExtraBytes = 13, "extra_bytes", "the change has extra bytes";
    /// An empty change.
    NoOperation = 14, "no_operation", "the change writes nothing";
    /// More than [`MAX_OPERATIONS`](crate::MAX_OPERATIONS).
    TooManyOperations = 15, "too_many_operations", "the change has more operations than a change may have";
    /// A delete, make, increment, mark or insertion.
    Action = 16, "action", "the change does something else than write answers";
    /// Not the one map that genesis made.
    Object = 17, "object", "the change writes elsewhere than in the record's one map";
    /// Not an answer path.
    Key = 18, "key", "the change writes to a key that is not an answer path";
    /// A key twice, or keys out of order.
    KeyOrder = 19, "key_order", "the change's keys must ascend, each once";
    /// Not null, a boolean, a whole number, or a text of bounded length.
    Value = 20, "value", "the change writes a value of a kind or size that no answer has";
    /// Not exactly the writes that its dependencies have standing at that key.
    Predecessors = 21, "predecessors", "the change does not replace exactly what its dependencies have there";
    /// Another byte form than the one our writer gives.
    NotCanonical = 22, "not_canonical", "the change is not written the one way our writer writes it";
    /// Automerge would not take it, or panicked over it.
    NotApplied = 23, "not_applied", "the change could not be applied";
    /// With it the record would be larger than a record may be.
    RecordTooLarge = 24, "record_too_large", "the record would be larger than a record may be";
}

impl GuardRule {
    /// The reason a delta with such a change is quarantined for.
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::TooLarge => ReasonCode::TooLarge,
            Self::WrongActor => ReasonCode::WrongActor,
            _ => ReasonCode::ChangeRefused,
        }
    }
}

/// Switches parts of the guard off, so that a test can show that they are needed.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardOptions {
    /// Hold a change against the rules of [`GuardRule`]. Off: only what Automerge itself checks.
    pub rules: bool,
    /// Save, load again and compare before a merge stands.
    pub reload_check: bool,
}

impl Default for GuardOptions {
    fn default() -> Self {
        Self { rules: true, reload_check: true }
    }
}

/// What the guard says of a change before it is applied.
pub(crate) enum Checked {
    /// Every rule holds.
    Good { hash: ChangeHash, operations: usize },
    /// The record has it.
    AlreadyHave(ChangeHash),
    /// The record lacks what it builds upon.
    MissingDeps(Vec<ChangeHash>),
}

/// Holds a foreign change against every rule, from values alone: nothing is applied.
pub(crate) fn check(doc: &Automerge, bytes: &[u8], actor: ActorBytes) -> Result<Checked, GuardRule> {
    let ParsedChange { hash, content } = parse(bytes)?;
    if content.actor != *actor.as_bytes() {
        return Err(GuardRule::WrongActor);
    }
    if is_known(doc, &hash) {
        return Ok(Checked::AlreadyHave(hash));
    }
    let missing: Vec<ChangeHash> = content.deps.iter().filter(|dep| !is_known(doc, dep)).copied().collect();
    if !missing.is_empty() {
        return Ok(Checked::MissingDeps(missing));
    }
    check_place(doc, &content)?;
    check_preds(doc, &content)?;
    Ok(Checked::Good { hash, operations: content.puts.len() })
}

/// Holds sequence and first operation against the dependencies.
fn check_place(doc: &Automerge, content: &crate::encode::ChangeContent<'_>) -> Result<(), GuardRule> {
    let mut own_seq = 0;
    let mut max_op = 0;
    for dep in hashes(&content.deps) {
        let meta = doc.get_change_meta_by_hash(&dep).ok_or(GuardRule::Dependencies)?;
        max_op = max_op.max(meta.max_op);
        if meta.actor.to_bytes() == content.actor {
            own_seq = own_seq.max(meta.seq);
        }
    }
    // Automerge names an actor's own change before among the dependencies even where others cover it, so its absence
    // means a second branch of one actor. That the record has no later change of this actor is Automerge's to say.
    if content.seq != own_seq + 1 {
        return Err(GuardRule::Sequence);
    }
    if content.start_op != max_op + 1 {
        return Err(GuardRule::StartOp);
    }
    Ok(())
}

/// Holds each key's predecessors against what stands there at the dependencies.
fn check_preds(doc: &Automerge, content: &crate::encode::ChangeContent<'_>) -> Result<(), GuardRule> {
    let deps = hashes(&content.deps);
    let keys: Vec<&str> = content.puts.iter().map(|put| put.key).collect();
    let standing = visible_ids(doc, &deps, &keys);
    let same = content.puts.iter().zip(standing).all(|(put, standing)| put.preds == standing);
    if same { Ok(()) } else { Err(GuardRule::Predecessors) }
}

/// True when nothing waits in the document's queue.
pub(crate) fn nothing_waits(doc: &Automerge) -> bool {
    doc.get_missing_deps(&[]).is_empty()
}
