//! A record's document, open in memory.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::{Automerge, ObjId, ReadDoc, ScalarValueRef, ValueRef};
use record_model::{AnswerPath, Answers, Candidate, ChangeHash, RecordView, Value};

use crate::actor::ActorBytes;
use crate::columns::Reader;
use crate::encode::{ChangeContent, MAGIC, OpId, Put, Scalar};
use crate::error::DocError;
use crate::genesis::{answers_map, genesis_document, genesis_hash};
use crate::guard::GuardOptions;
use crate::merge::{ForeignChange, MergeVerdict};
use crate::preparse::{MAX_CHANGE_BYTES, MAX_OPERATIONS, MAX_TEXT_BYTES, message_text};

/// A saved record has at most so many bytes, several hundred times an ordinary one.
///
/// Automerge's work for one change grows with the record it meets: at this size the largest change that passes the guard
/// takes a second or two. The deadline per delta must be longer than that.
pub const MAX_STATE_BYTES: usize = 2 * 1024 * 1024;

/// The chunk type of a whole document.
const DOCUMENT_CHUNK: u8 = 0;

/// A record's document, open in memory.
///
/// Only the guard and [`RecordDoc::write`] put changes in, so it holds puts of scalars on one map and nothing else.
/// It has no `Debug`: it is made of answers.
#[derive(Clone)]
pub struct RecordDoc {
    pub(crate) doc: Automerge,
    /// What [`RecordDoc::save`] gives, where it is known already.
    pub(crate) saved: Option<Vec<u8>>,
}

/// A change as it leaves this device, or as the record holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalChange {
    /// Its name.
    pub hash: ChangeHash,
    /// Uncompressed, as [`merge_change`](crate::merge_change) takes it.
    pub bytes: Vec<u8>,
    /// The changes its writer had seen last, sorted.
    pub deps: Vec<ChangeHash>,
}

/// Names and sizes only: the bytes are answers.
impl std::fmt::Debug for LocalChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalChange")
            .field("hash", &self.hash)
            .field("size_bytes", &self.bytes.len())
            .field("deps", &self.deps)
            .finish()
    }
}

impl Default for RecordDoc {
    fn default() -> Self {
        Self::new()
    }
}

impl RecordDoc {
    /// A record that nobody has written to yet.
    pub fn new() -> Self {
        Self { doc: genesis_document(), saved: None }
    }

    /// Opens what [`RecordDoc::save`] gave. For our own bytes only: a foreign document is never loaded.
    pub fn load(state: &[u8]) -> Result<Self, DocError> {
        let doc = load_document(state)?;
        if !is_known(&doc, &genesis_hash()) {
            return Err(DocError::NotARecord);
        }
        Ok(Self { doc, saved: Some(state.to_vec()) })
    }

    /// The whole record, uncompressed.
    pub fn save(&self) -> Vec<u8> {
        self.saved.clone().unwrap_or_else(|| self.doc.save_nocompress())
    }

    /// The changes nobody has built upon, sorted.
    pub fn heads(&self) -> Vec<ChangeHash> {
        heads(&self.doc)
    }

    /// True when the record holds this change.
    pub fn has_change(&self, hash: &ChangeHash) -> bool {
        is_known(&self.doc, hash)
    }

    /// A change the record holds.
    pub fn change(&self, hash: &ChangeHash) -> Option<LocalChange> {
        self.doc.get_change_by_hash(&automerge::ChangeHash(*hash.as_bytes())).map(|change| local(&change))
    }

    /// The changes that are not among these heads and what they build upon, each after what it builds upon. Genesis is
    /// never one of them. Heads the record does not have are passed over.
    pub fn changes_since(&self, heads: &[ChangeHash]) -> Vec<LocalChange> {
        let mut known: Vec<ChangeHash> =
            heads.iter().filter(|head| is_known(&self.doc, head)).copied().collect();
        known.push(genesis_hash());
        self.doc.get_changes(&hashes(&known)).iter().map(local).collect()
    }

    /// What the record says now: of each answer the value Automerge shows first, then the others of its conflict set.
    pub fn view(&self) -> RecordView {
        RecordView { heads: self.heads(), answers: answers(&self.doc, None) }
    }

    /// What the record said at these heads.
    pub fn view_at(&self, heads: &[ChangeHash]) -> Result<RecordView, DocError> {
        let mut unknown = heads.iter().filter(|head| !is_known(&self.doc, head));
        if let Some(first) = unknown.next() {
            return Err(DocError::UnknownHeads { first: *first, others: unknown.count() });
        }
        let mut heads = heads.to_vec();
        heads.sort_unstable();
        heads.dedup();
        let answers = answers(&self.doc, Some(&hashes(&heads)));
        Ok(RecordView { heads, answers })
    }

    /// Writes answers in one change by this actor; none when nothing would change.
    ///
    /// Left out are answers that already stand alone with that value, concurrent equal writes included, and nulls where
    /// nothing stands. An answer in conflict is written even with the value shown: that settles it. `message` must be
    /// random, so that the change's hash tells nothing of the answers.
    ///
    /// The change passes our own guard and the record is loaded again before it stands: what nobody would take is never
    /// signed.
    pub fn write(
        &mut self,
        actor: ActorBytes,
        message: [u8; 16],
        answers: &Answers,
    ) -> Result<Option<LocalChange>, DocError> {
        let changed = self.what_changes(answers)?;
        if changed.is_empty() {
            return Ok(None);
        }
        self.sign_off(self.heads(), actor, message, changed).map(Some)
    }

    /// Writes every one of these answers in one change by this actor, who had seen the record at these heads and nothing of
    /// what others wrote since; an answer that stands there already is written again. `message` as in [`RecordDoc::write`].
    pub fn write_at(
        &mut self,
        heads: &[ChangeHash],
        actor: ActorBytes,
        message: [u8; 16],
        answers: &Answers,
    ) -> Result<LocalChange, DocError> {
        let mut unknown = heads.iter().filter(|head| !is_known(&self.doc, head));
        if let Some(first) = unknown.next() {
            return Err(DocError::UnknownHeads { first: *first, others: unknown.count() });
        }
        if answers.len() > MAX_OPERATIONS {
            return Err(DocError::TooManyAnswers { found: answers.len() });
        }
        let mut written = Vec::with_capacity(answers.len());
        for (path, value) in answers {
            written.push((path, scalar_of(path, value)?));
        }
        self.sign_off(heads.to_vec(), actor, message, written)
    }

    /// Makes the change and puts it in, by way of our own guard.
    fn sign_off(
        &mut self,
        seen: Vec<ChangeHash>,
        actor: ActorBytes,
        message: [u8; 16],
        written: Vec<(&AnswerPath, Scalar<'_>)>,
    ) -> Result<LocalChange, DocError> {
        let message = message_text(message);
        let content = self.next_change(seen, actor, &message, written);
        let bytes = content.encode();
        if bytes.len() > MAX_CHANGE_BYTES {
            return Err(DocError::ChangeTooLarge { found_bytes: bytes.len() });
        }
        let deps = content.deps;
        match self.merge_with(&ForeignChange { bytes: &bytes, actor }, GuardOptions::default()) {
            MergeVerdict::Merged { change } => Ok(LocalChange { hash: change, bytes, deps }),
            MergeVerdict::Refused { rule } => Err(DocError::Refused { rule }),
            // The record has all that it builds on and the message is random, so the other verdicts are a document gone
            // wrong.
            MergeVerdict::Unloadable
            | MergeVerdict::AlreadyHave { .. }
            | MergeVerdict::MissingDeps { .. } => Err(DocError::WriteUnloadable),
        }
    }

    /// The answers that differ from what stands, ascending by path.
    fn what_changes<'a>(&self, answers: &'a Answers) -> Result<Vec<(&'a AnswerPath, Scalar<'a>)>, DocError> {
        let standing = self.view().answers;
        let differs = |path: &AnswerPath, value: &Value| match standing.get(path) {
            Some(candidates) => candidates.iter().any(|candidate| candidate.value != *value),
            None => !value.is_null(),
        };
        let mut changed = Vec::new();
        for (path, value) in answers.iter().filter(|(path, value)| differs(path, value)) {
            changed.push((path, scalar_of(path, value)?));
        }
        if changed.len() > MAX_OPERATIONS {
            return Err(DocError::TooManyAnswers { found: changed.len() });
        }
        Ok(changed)
    }

    fn next_change<'a>(
        &self,
        seen: Vec<ChangeHash>,
        actor: ActorBytes,
        message: &'a str,
        changed: Vec<(&'a AnswerPath, Scalar<'a>)>,
    ) -> ChangeContent<'a> {
        let metas = self.doc.get_changes_meta(&[]);
        let own_last =
            metas.iter().filter(|meta| meta.actor.to_bytes() == actor.as_bytes()).max_by_key(|meta| meta.seq);
        let mut deps = seen;
        // Automerge's own habit, which the guard relies on: the actor's last change is named even where a head covers it.
        deps.extend(own_last.map(|meta| ChangeHash::from_bytes(meta.hash.0)));
        deps.sort_unstable();
        deps.dedup();
        let named =
            |meta: &&automerge::ChangeMetadata<'_>| deps.contains(&ChangeHash::from_bytes(meta.hash.0));
        let max_op = metas.iter().filter(named).map(|meta| meta.max_op).max().unwrap_or(0);
        let keys: Vec<&str> = changed.iter().map(|(path, _)| path.as_str()).collect();
        let preds = visible_ids(&self.doc, &hashes(&deps), &keys);
        ChangeContent {
            deps,
            actor: *actor.as_bytes(),
            seq: own_last.map_or(0, |meta| meta.seq) + 1,
            start_op: max_op + 1,
            message,
            puts: changed
                .into_iter()
                .zip(preds)
                .map(|((path, value), preds)| Put { key: path.as_str(), value, preds })
                .collect(),
        }
    }
}

fn scalar_of<'a>(path: &AnswerPath, value: &'a Value) -> Result<Scalar<'a>, DocError> {
    Ok(match value {
        Value::Null => Scalar::Null,
        Value::Bool(flag) => Scalar::Bool(*flag),
        Value::Int(number) => Scalar::Int(*number),
        Value::Text(text) if text.len() > MAX_TEXT_BYTES => {
            return Err(DocError::TextTooLong { path: path.clone(), found_bytes: text.len() });
        }
        Value::Text(text) => Scalar::Text(text),
    })
}

fn local(change: &automerge::Change) -> LocalChange {
    let mut deps: Vec<ChangeHash> = change.deps().iter().map(|dep| ChangeHash::from_bytes(dep.0)).collect();
    deps.sort_unstable();
    LocalChange { hash: ChangeHash::from_bytes(change.hash().0), bytes: change.raw_bytes().to_vec(), deps }
}

/// Loads saved bytes that are exactly one document chunk. Automerge would also take loose changes behind it.
pub(crate) fn load_document(state: &[u8]) -> Result<Automerge, DocError> {
    if state.len() > MAX_STATE_BYTES {
        return Err(DocError::TooLarge { found_bytes: state.len() });
    }
    if !is_one_document(state) {
        return Err(DocError::NotARecord);
    }
    match catch_unwind(|| Automerge::load(state)) {
        Ok(Ok(doc)) => Ok(doc),
        Ok(Err(error)) => Err(DocError::Unloadable { source: Some(Box::new(error)) }),
        Err(_) => Err(DocError::Unloadable { source: None }),
    }
}

fn is_one_document(state: &[u8]) -> bool {
    let mut reader = Reader::new(state);
    reader.take(MAGIC.len()) == Some(MAGIC.as_slice())
        && reader.take(4).is_some()
        && reader.take(1) == Some([DOCUMENT_CHUNK].as_slice())
        && reader.prefixed().is_some()
        && reader.is_empty()
}

pub(crate) fn hashes(ours: &[ChangeHash]) -> Vec<automerge::ChangeHash> {
    ours.iter().map(|hash| automerge::ChangeHash(*hash.as_bytes())).collect()
}

pub(crate) fn heads(doc: &Automerge) -> Vec<ChangeHash> {
    doc.get_heads().iter().map(|head| ChangeHash::from_bytes(head.0)).collect()
}

pub(crate) fn is_known(doc: &Automerge, hash: &ChangeHash) -> bool {
    doc.get_change_meta_by_hash(&automerge::ChangeHash(*hash.as_bytes())).is_some()
}

/// Every answer with its candidates, the shown one first, in one walk of the map.
fn answers(doc: &Automerge, at: Option<&[automerge::ChangeHash]>) -> BTreeMap<AnswerPath, Vec<Candidate>> {
    let map = answers_map();
    let walk = match at {
        None => doc.map_range(&map, ..),
        Some(heads) => doc.map_range_at(&map, .., heads),
    };
    walk.filter_map(|item| {
        // Neither can fail: what the guard and our writer let in are answer paths and scalars we know.
        let path: AnswerPath = item.key.parse().ok()?;
        let candidates = if item.conflict {
            conflict_set(doc, &map, &item.key, at)
        } else {
            candidate(doc, &item.value, &item.id()).into_iter().collect()
        };
        (!candidates.is_empty()).then_some((path, candidates))
    })
    .collect()
}

/// All candidates of one answer. Automerge lists them ascending by operation and shows the last.
fn conflict_set(
    doc: &Automerge,
    map: &ObjId,
    key: &str,
    at: Option<&[automerge::ChangeHash]>,
) -> Vec<Candidate> {
    all_at(doc, map, key, at)
        .into_iter()
        .rev()
        .filter_map(|(value, id)| {
            let value = match value {
                automerge::Value::Scalar(scalar) => value_of_owned(&scalar)?,
                automerge::Value::Object(_) => return None,
            };
            Some(Candidate { change: written_by(doc, &id)?, value })
        })
        .collect()
}

fn all_at<'a>(
    doc: &'a Automerge,
    map: &ObjId,
    key: &str,
    at: Option<&[automerge::ChangeHash]>,
) -> Vec<(automerge::Value<'a>, ObjId)> {
    match at {
        None => doc.get_all(map, key),
        Some(heads) => doc.get_all_at(map, key, heads),
    }
    .unwrap_or_default()
}

fn candidate(doc: &Automerge, value: &ValueRef<'_>, id: &ObjId) -> Option<Candidate> {
    let value = match value {
        ValueRef::Scalar(ScalarValueRef::Null) => Value::Null,
        ValueRef::Scalar(ScalarValueRef::Boolean(flag)) => Value::Bool(*flag),
        ValueRef::Scalar(ScalarValueRef::Int(number)) => Value::Int(*number),
        ValueRef::Scalar(ScalarValueRef::Str(text)) => Value::Text(text.to_string()),
        _ => return None,
    };
    Some(Candidate { change: written_by(doc, id)?, value })
}

fn value_of_owned(scalar: &automerge::ScalarValue) -> Option<Value> {
    Some(match scalar {
        automerge::ScalarValue::Null => Value::Null,
        automerge::ScalarValue::Boolean(flag) => Value::Bool(*flag),
        automerge::ScalarValue::Int(number) => Value::Int(*number),
        automerge::ScalarValue::Str(text) => Value::Text(text.to_string()),
        _ => return None,
    })
}

fn written_by(doc: &Automerge, id: &ObjId) -> Option<ChangeHash> {
    doc.hash_for_opid(id).map(|hash| ChangeHash::from_bytes(hash.0))
}

/// Up to so many keys are looked up one by one; beyond, one walk over the map is cheaper.
const KEYS_WORTH_A_WALK: usize = 8;

/// The writes standing at each of these keys at these heads, ascending. The keys must ascend too.
pub(crate) fn visible_ids(doc: &Automerge, at: &[automerge::ChangeHash], keys: &[&str]) -> Vec<Vec<OpId>> {
    let map = answers_map();
    let all = |key: &str| -> Vec<OpId> {
        all_at(doc, &map, key, Some(at)).iter().filter_map(|(_, id)| op_id(id)).collect()
    };
    if keys.len() <= KEYS_WORTH_A_WALK {
        return keys.iter().map(|key| all(key)).collect();
    }
    let mut found = vec![Vec::new(); keys.len()];
    for item in doc.map_range_at(&map, .., at) {
        if let Ok(index) = keys.binary_search(&item.key.as_ref()) {
            found[index] =
                if item.conflict { all(&item.key) } else { op_id(&item.id()).into_iter().collect() };
        }
    }
    found
}

fn op_id(id: &ObjId) -> Option<OpId> {
    match id {
        ObjId::Root => None,
        ObjId::Id(counter, actor, _) => {
            Some(OpId { counter: *counter, actor: actor.to_bytes().try_into().ok()? })
        }
    }
}

/// Runs Automerge on a change or a document that may make it panic. What it was working on is thrown away.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
