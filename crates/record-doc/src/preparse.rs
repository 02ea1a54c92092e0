//! Reads a foreign change before Automerge sees a byte of it.
//!
//! Automerge expands run lengths while it parses: a 104-byte change can make it work through a million operations, and
//! crafted columns make it panic. So the chunk is read here first, by a small reader that knows only the one shape we
//! write, allocates nothing a length only promises, and names the rule a change breaks.

use data_encoding::BASE64URL_NOPAD;
use record_model::{AnswerPath, ChangeHash, MAX_PATH_BYTES};

use crate::columns::{Reader, RunError, Sign, read_runs, write_uleb};
use crate::encode::{CHANGE_CHUNK, ChangeContent, MAGIC, OpId, PUT, Put, Scalar, chunk_hash, column, kind};
use crate::genesis::{GENESIS_ACTOR, MAP_COUNTER};
use crate::guard::GuardRule;

/// A change has at most so many bytes.
pub const MAX_CHANGE_BYTES: usize = 256 * 1024;
/// A change has at most so many operations.
pub const MAX_OPERATIONS: usize = 5_000;
/// A text answer has at most so many bytes.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;
/// A change replaces at most so many writes, over all its keys.
const MAX_PREDS: usize = 4 * MAX_OPERATIONS;
/// No honest record counts its operations so far, and Automerge panics near the end of 32 bits.
const MAX_COUNTER: u64 = 1 << 30;
/// 16 random bytes as base64url without padding. An Automerge message is a text, so it cannot hold them as they are.
const MESSAGE_CHARS: usize = 22;

/// A change in the one shape we take, nothing known yet about the record it is for.
pub(crate) struct ParsedChange<'a> {
    pub(crate) hash: ChangeHash,
    pub(crate) content: ChangeContent<'a>,
}

/// The message of a change that was given these random bytes.
pub(crate) fn message_text(random: [u8; 16]) -> String {
    BASE64URL_NOPAD.encode(&random)
}

/// Reads one change chunk, or names the first rule it breaks.
pub(crate) fn parse(bytes: &[u8]) -> Result<ParsedChange<'_>, GuardRule> {
    if bytes.len() > MAX_CHANGE_BYTES {
        return Err(GuardRule::TooLarge);
    }
    let data = chunk_data(bytes)?;
    let hash = chunk_hash(data);
    if bytes[MAGIC.len()..][..4] != hash.as_bytes()[..4] {
        return Err(GuardRule::Checksum);
    }
    let content = parse_data(data)?;
    // Whatever the reader above was lenient about (long forms of numbers, other splits into runs, an actor named and not
    // used) shows here.
    if content.encode_data() != data {
        return Err(GuardRule::NotCanonical);
    }
    Ok(ParsedChange { hash, content })
}

/// What is inside the chunk, if the bytes are exactly one uncompressed change chunk.
fn chunk_data(bytes: &[u8]) -> Result<&[u8], GuardRule> {
    let mut reader = Reader::new(bytes);
    let framed = reader.take(MAGIC.len()) == Some(MAGIC.as_slice()) && reader.take(4).is_some();
    if !framed || reader.take(1) != Some([CHANGE_CHUNK].as_slice()) {
        return Err(GuardRule::NotOneChange);
    }
    let header = bytes.len() - reader.len();
    let data = reader.prefixed().ok_or(GuardRule::NotOneChange)?;
    if !reader.is_empty() {
        return Err(GuardRule::NotOneChange);
    }
    let mut length = Vec::new();
    write_uleb(&mut length, data.len() as u64);
    if bytes.len() - header - data.len() == length.len() { Ok(data) } else { Err(GuardRule::NotCanonical) }
}

fn parse_data(data: &[u8]) -> Result<ChangeContent<'_>, GuardRule> {
    let mut reader = Reader::new(data);
    let deps = parse_deps(&mut reader)?;
    let actor = reader.prefixed().and_then(|actor| actor.try_into().ok()).ok_or(GuardRule::WrongActor)?;
    let seq = reader.uleb().ok_or(GuardRule::Sequence)?;
    let start_op = reader.uleb().ok_or(GuardRule::StartOp)?;
    if reader.sleb() != Some(0) {
        return Err(GuardRule::Time);
    }
    let message = parse_message(&mut reader)?;
    let others = parse_other_actors(&mut reader)?;
    let columns = Columns::parse(&mut reader)?;
    let count = columns.operations()?;
    if start_op == 0 || start_op > MAX_COUNTER - count as u64 {
        return Err(GuardRule::StartOp);
    }
    let actors = [&[actor], others.as_slice()].concat();
    columns.check_object(count, &actors)?;
    columns.check_insert(count)?;
    let keys = columns.keys(count)?;
    let values = columns.values(count)?;
    let preds = columns.preds(count, &actors)?;
    let puts = keys
        .into_iter()
        .zip(values)
        .zip(preds)
        .map(|((key, value), preds)| Put { key, value, preds })
        .collect();
    Ok(ChangeContent { deps, actor, seq, start_op, message, puts })
}

fn parse_deps(reader: &mut Reader<'_>) -> Result<Vec<ChangeHash>, GuardRule> {
    let count = reader.length().ok_or(GuardRule::Dependencies)?;
    let bytes = reader.take(count.saturating_mul(ChangeHash::LEN)).ok_or(GuardRule::Dependencies)?;
    let deps: Vec<ChangeHash> =
        bytes.chunks_exact(ChangeHash::LEN).filter_map(ChangeHash::from_slice).collect();
    if deps.is_empty() || !deps.is_sorted_by(|one, next| one < next) {
        return Err(GuardRule::Dependencies);
    }
    Ok(deps)
}

fn parse_message<'a>(reader: &mut Reader<'a>) -> Result<&'a str, GuardRule> {
    let bytes = reader.prefixed().filter(|bytes| bytes.len() == MESSAGE_CHARS).ok_or(GuardRule::Message)?;
    BASE64URL_NOPAD.decode(bytes).map_err(|_| GuardRule::Message)?;
    std::str::from_utf8(bytes).map_err(|_| GuardRule::Message)
}

fn parse_other_actors(reader: &mut Reader<'_>) -> Result<Vec<[u8; 16]>, GuardRule> {
    let count = reader.length().ok_or(GuardRule::OtherActors)?;
    (0..count)
        .map(|_| {
            let actor = reader.prefixed()?;
            actor.try_into().ok()
        })
        .collect::<Option<_>>()
        .ok_or(GuardRule::OtherActors)
}

/// The columns we know; a missing one is empty.
#[derive(Default)]
struct Columns<'a> {
    object_actor: &'a [u8],
    object_counter: &'a [u8],
    key: &'a [u8],
    insert: &'a [u8],
    action: &'a [u8],
    value_meta: &'a [u8],
    value: &'a [u8],
    pred_count: &'a [u8],
    pred_actor: &'a [u8],
    pred_counter: &'a [u8],
}

impl<'a> Columns<'a> {
    /// Reads the table and cuts the columns. An unknown, repeated, misplaced or compressed one is refused.
    fn parse(reader: &mut Reader<'a>) -> Result<Self, GuardRule> {
        let count = reader.length().ok_or(GuardRule::Columns)?;
        let mut table = Vec::new();
        for _ in 0..count {
            let number = reader.uleb().ok_or(GuardRule::Columns)?;
            let length = reader.uleb().ok_or(GuardRule::Columns)?;
            if number & column::DEFLATED != 0 {
                return Err(GuardRule::CompressedColumn);
            }
            if table.last().is_some_and(|(last, _)| *last >= number) {
                return Err(GuardRule::Columns);
            }
            table.push((number, length));
        }
        let mut columns = Self::default();
        for (number, length) in table {
            let bytes = usize::try_from(length).ok().and_then(|length| reader.take(length));
            *columns.slot(number).ok_or(GuardRule::Columns)? = bytes.ok_or(GuardRule::Columns)?;
        }
        if reader.is_empty() { Ok(columns) } else { Err(GuardRule::ExtraBytes) }
    }

    fn slot(&mut self, number: u64) -> Option<&mut &'a [u8]> {
        Some(match number {
            column::OBJECT_ACTOR => &mut self.object_actor,
            column::OBJECT_COUNTER => &mut self.object_counter,
            column::KEY => &mut self.key,
            column::INSERT => &mut self.insert,
            column::ACTION => &mut self.action,
            column::VALUE_META => &mut self.value_meta,
            column::VALUE => &mut self.value,
            column::PRED_COUNT => &mut self.pred_count,
            column::PRED_ACTOR => &mut self.pred_actor,
            column::PRED_COUNTER => &mut self.pred_counter,
            _ => return None,
        })
    }

    /// How many operations there are, which the actions' run lengths say before anything is expanded.
    fn operations(&self) -> Result<usize, GuardRule> {
        let actions =
            read_runs(self.action, Sign::Unsigned, MAX_OPERATIONS).map_err(|error| match error {
                RunError::TooMany => GuardRule::TooManyOperations,
                RunError::Malformed => GuardRule::Action,
            })?;
        if actions.is_empty() {
            return Err(GuardRule::NoOperation);
        }
        if actions.iter().any(|action| *action != PUT) {
            return Err(GuardRule::Action);
        }
        Ok(actions.len())
    }

    fn check_object(&self, count: usize, actors: &[[u8; 16]]) -> Result<(), GuardRule> {
        let owners = exactly(self.object_actor, Sign::Unsigned, count).ok_or(GuardRule::Object)?;
        let counters = exactly(self.object_counter, Sign::Unsigned, count).ok_or(GuardRule::Object)?;
        let made_by_genesis = owners.iter().all(|owner| actor_at(actors, *owner) == Some(GENESIS_ACTOR));
        if made_by_genesis && counters.iter().all(|counter| *counter == MAP_COUNTER as i64) {
            Ok(())
        } else {
            Err(GuardRule::Object)
        }
    }

    /// A put into a map inserts nothing: the column of booleans is one run of "no".
    fn check_insert(&self, count: usize) -> Result<(), GuardRule> {
        let mut reader = Reader::new(self.insert);
        let no = reader.uleb();
        if no == Some(count as u64) && reader.is_empty() { Ok(()) } else { Err(GuardRule::Action) }
    }

    fn keys(&self, count: usize) -> Result<Vec<&'a str>, GuardRule> {
        let mut reader = Reader::new(self.key);
        // Any other header is a run of equal keys, or keys for another number of operations.
        if reader.sleb() != Some(-(count as i64)) {
            return Err(GuardRule::Key);
        }
        let mut keys: Vec<&str> = Vec::with_capacity(count);
        for _ in 0..count {
            let bytes =
                reader.prefixed().filter(|bytes| bytes.len() <= MAX_PATH_BYTES).ok_or(GuardRule::Key)?;
            let key = std::str::from_utf8(bytes).map_err(|_| GuardRule::Key)?;
            key.parse::<AnswerPath>().map_err(|_| GuardRule::Key)?;
            if keys.last().is_some_and(|last| *last >= key) {
                return Err(GuardRule::KeyOrder);
            }
            keys.push(key);
        }
        if reader.is_empty() { Ok(keys) } else { Err(GuardRule::Key) }
    }

    fn values(&self, count: usize) -> Result<Vec<Scalar<'a>>, GuardRule> {
        let metas = exactly(self.value_meta, Sign::Unsigned, count).ok_or(GuardRule::Value)?;
        let mut reader = Reader::new(self.value);
        let values = metas
            .into_iter()
            .map(|meta| parse_value(meta, &mut reader))
            .collect::<Option<_>>()
            .ok_or(GuardRule::Value)?;
        if reader.is_empty() { Ok(values) } else { Err(GuardRule::Value) }
    }

    fn preds(&self, count: usize, actors: &[[u8; 16]]) -> Result<Vec<Vec<OpId>>, GuardRule> {
        let counts = exactly(self.pred_count, Sign::Unsigned, count).ok_or(GuardRule::Predecessors)?;
        let total = counts
            .iter()
            .try_fold(0usize, |sum, count| sum.checked_add(usize::try_from(*count).ok()?))
            .filter(|total| *total <= MAX_PREDS)
            .ok_or(GuardRule::Predecessors)?;
        let owners = exactly(self.pred_actor, Sign::Unsigned, total).ok_or(GuardRule::Predecessors)?;
        let steps = exactly(self.pred_counter, Sign::Signed, total).ok_or(GuardRule::Predecessors)?;
        let mut counter = 0i64;
        let mut ids = owners.into_iter().zip(steps).map(|(owner, step)| {
            counter = counter.checked_add(step)?;
            Some(OpId { counter: u64::try_from(counter).ok()?, actor: actor_at(actors, owner)? })
        });
        counts
            .into_iter()
            .map(|count| ids.by_ref().take(count as usize).collect::<Option<Vec<_>>>())
            .collect::<Option<_>>()
            .ok_or(GuardRule::Predecessors)
    }
}

fn exactly(bytes: &[u8], sign: Sign, count: usize) -> Option<Vec<i64>> {
    read_runs(bytes, sign, count).ok().filter(|values| values.len() == count)
}

fn actor_at(actors: &[[u8; 16]], index: i64) -> Option<[u8; 16]> {
    actors.get(usize::try_from(index).ok()?).copied()
}

/// One of the four kinds our writer writes. Floats, counters, timestamps, bytes and unsigned numbers have no meaning in
/// a record.
fn parse_value<'a>(meta: i64, reader: &mut Reader<'a>) -> Option<Scalar<'a>> {
    let length = usize::try_from(meta >> 4).ok()?;
    let bytes = reader.take(length)?;
    match (meta & 0x0f, length) {
        (kind::NULL, 0) => Some(Scalar::Null),
        (kind::FALSE, 0) => Some(Scalar::Bool(false)),
        (kind::TRUE, 0) => Some(Scalar::Bool(true)),
        (kind::INT, 1..=10) => {
            let mut number = Reader::new(bytes);
            let value = number.sleb()?;
            number.is_empty().then_some(Scalar::Int(value))
        }
        (kind::TEXT, 0..=MAX_TEXT_BYTES) => std::str::from_utf8(bytes).ok().map(Scalar::Text),
        _ => None,
    }
}
