//! Review items as people see them, and the decisions that settle them.

use std::collections::BTreeSet;

use record_doc::RecordDoc;
use record_model::{
    Alternative, AnswerPath, Answers, ChangeHash, FindingKind, FormRevision, Instant, ItemId, Marker,
    RecordId, Value, Visit,
};
use registry_store::{ItemRow, ReadTx, RecordRow, StoreError};

use crate::error::RegistryError;
use crate::roster::certificate_at;

/// One of the values an item is about, with where it came from.
#[derive(Debug, Clone, serde::Serialize)]
pub struct AlternativeDetail {
    /// Counted from 1, in the item's fixed order: what `decide --choose` names.
    pub number: usize,
    /// Where.
    pub path: AnswerPath,
    /// What stands there.
    pub value: Value,
    /// The change that wrote it.
    pub change: Option<ChangeHash>,
    /// Who wrote it.
    pub enumerator: Option<String>,
    /// On which device.
    pub device: Option<String>,
    /// When the person said the visit was.
    pub visit: Option<Visit>,
    /// When the server received it.
    pub received_at: Option<Instant>,
}

/// A review item with its evidence.
#[derive(Debug, Clone)]
pub struct ItemDetail {
    /// The item.
    pub item: ItemRow,
    /// The record it is about.
    pub record: RecordRow,
    /// Its values, side by side.
    pub alternatives: Vec<AlternativeDetail>,
}

/// How a supervisor settles an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// A conflict: this alternative stands (its number, from 1).
    Choose(usize),
    /// These answers are right (path, value); for a conflict or a broken rule.
    Write(Vec<(AnswerPath, Value)>),
    /// A removed and edited member stays removed; or a broken rule is true to life and stands.
    Keep,
    /// A removed and edited member belongs to the household after all.
    Restore,
}

/// A supervisor's decision, before it is signed.
#[derive(Debug, Clone)]
pub struct DecideRequest {
    /// Which item.
    pub item: ItemId,
    /// How.
    pub resolution: Resolution,
    /// Why, in the decider's words.
    pub reason: String,
    /// The account that decides.
    pub account: String,
}

/// What happened when a seat was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// The last place of its chain that counts, if any does.
    pub last: Option<(record_model::EpochId, u64)>,
}

pub(crate) fn detail(tx: &dyn ReadTx, id: ItemId) -> Result<ItemDetail, StoreError> {
    let item = tx.item(id)?.ok_or(RegistryError::UnknownItem { item: id })?;
    let record = tx
        .record(item.record)?
        .ok_or_else(|| RegistryError::damaged(format!("item {id} is about no record")))?;
    let mut alternatives = Vec::with_capacity(item.alternatives.len());
    for (index, alternative) in item.alternatives.iter().enumerate() {
        alternatives.push(trace(tx, index + 1, alternative)?);
    }
    Ok(ItemDetail { item, record, alternatives })
}

fn trace(tx: &dyn ReadTx, number: usize, alternative: &Alternative) -> Result<AlternativeDetail, StoreError> {
    let mut detail = AlternativeDetail {
        number,
        path: alternative.path.clone(),
        value: alternative.value.clone(),
        change: alternative.change,
        enumerator: None,
        device: None,
        visit: None,
        received_at: None,
    };
    let origin = match alternative.change {
        Some(change) => tx.change_origin(change)?,
        None => None,
    };
    if let Some(origin) = origin {
        detail.visit = origin.visit;
        detail.received_at = tx.log_entry(origin.log_index)?.map(|entry| entry.received_at);
        if let Some(seat) = tx.seat(origin.seat)? {
            let certificate = certificate_at(tx, seat.certificate_index)?;
            detail.enumerator = Some(certificate.fields.person);
            detail.device = Some(certificate.fields.device);
        }
    }
    Ok(detail)
}

/// The answers a resolution writes; none when it only says that the item is settled.
pub(crate) fn answers_of(item: &ItemRow, resolution: &Resolution) -> Result<Answers, RegistryError> {
    let refuse = |reason: &str| RegistryError::Resolution { reason: reason.to_owned() };
    match (item.kind, resolution) {
        (FindingKind::Conflict, Resolution::Choose(number)) => {
            let chosen = number.checked_sub(1).and_then(|index| item.alternatives.get(index));
            let chosen = chosen.ok_or_else(|| refuse("there is no alternative with this number"))?;
            Ok(Answers::from([(chosen.path.clone(), chosen.value.clone())]))
        }
        (FindingKind::Conflict | FindingKind::RuleBreak, Resolution::Write(answers))
            if !answers.is_empty() =>
        {
            let paths: BTreeSet<&AnswerPath> = item.alternatives.iter().map(|known| &known.path).collect();
            let settles =
                item.kind == FindingKind::RuleBreak || answers.iter().any(|(path, _)| paths.contains(path));
            if settles {
                Ok(answers.iter().cloned().collect())
            } else {
                Err(refuse("the answers written are not the ones in conflict"))
            }
        }
        (FindingKind::RemovedAndEdited, Resolution::Restore) => {
            let removed = item.alternatives.iter().find(|known| known.path.marker() == Some(Marker::Removed));
            let removed = removed.ok_or_else(|| refuse("the item names no removal"))?;
            Ok(Answers::from([(removed.path.clone(), Value::Null)]))
        }
        (FindingKind::RemovedAndEdited | FindingKind::RuleBreak, Resolution::Keep) => Ok(Answers::new()),
        (FindingKind::Conflict, _) => {
            Err(refuse("a conflict is settled by choosing an alternative or writing a value"))
        }
        (FindingKind::RemovedAndEdited, _) => Err(refuse("a removed member is kept removed or restored")),
        (FindingKind::RuleBreak, _) => {
            Err(refuse("an inconsistency is kept as true, or mended by writing answers"))
        }
    }
}

/// The changes whose writes an item rests on, sorted.
pub(crate) fn settles(item: &ItemRow) -> Vec<ChangeHash> {
    let changes: BTreeSet<ChangeHash> = item.alternatives.iter().filter_map(|known| known.change).collect();
    changes.into_iter().collect()
}

/// Writes a decision's answers into a copy of the record; gives the change to sign.
pub(crate) fn write_answers(
    row: &RecordRow,
    actor: record_doc::ActorBytes,
    message: [u8; 16],
    answers: &Answers,
) -> Result<Option<(FormRevision, Vec<u8>)>, RegistryError> {
    if answers.is_empty() {
        return Ok(None);
    }
    let damaged = |record: RecordId| RegistryError::damaged(format!("the state of record {record}"));
    let mut doc = RecordDoc::load(&row.state).map_err(|_| damaged(row.record))?;
    let written = doc
        .write(actor, message, answers)
        .map_err(|error| RegistryError::Resolution { reason: error.to_string() })?;
    Ok(written.map(|change| (row.revision, change.bytes)))
}
