//! Writing anew what a decision on a fork left out: in another epoch, with what its writer had seen then.

use std::collections::BTreeSet;

use device_store::{ChangeRow, DeviceStore, LeftOut, StatementKind, StatementRow, Tx};
use form_engine::evaluate;
use record_doc::{
    ForeignChange, MergeVerdict, RecordDoc, change_hash, derive_actor, genesis_hash, read_change,
};
use record_model::{ChangeHash, RecordId};
use signed_delta::{Act, Body, ChangeAct, Finalise, Header, SignedDelta, StatementAct};

use crate::collector::Collector;
use crate::error::CollectorError;
use crate::forms::FormLibrary;
use crate::pen::Pen;
use crate::ports::random;
use crate::records::{known_record, open_document, refresh_row};

/// Takes the changes of left-out deltas, and all that builds on them, out of the documents: the registry has none of them,
/// and what it has in their place can come in. True when anything changed, so that what was set aside is looked at again.
pub(crate) fn take_out(store: &mut DeviceStore, forms: &mut FormLibrary) -> Result<bool, CollectorError> {
    let records = store.read(|tx| tx.records_to_write_anew(None)).map_err(CollectorError::Store)?;
    let mut any = false;
    for record in records {
        any |= store.write(|tx| take_out_of(tx, forms, record))?;
    }
    for (record, delta) in store.read(|tx| tx.to_put_back()).map_err(CollectorError::Store)? {
        any |= store.write(|tx| put_back(tx, forms, record, &delta))?;
    }
    Ok(any)
}

/// Puts an own delta back into its record: our own bytes, signed here. False when what it builds on is not there yet.
fn put_back(
    tx: &Tx<'_>,
    forms: &mut FormLibrary,
    record: RecordId,
    delta: &LeftOut,
) -> Result<bool, CollectorError> {
    let mut row = known_record(tx, record)?;
    let mut doc = open_document(&row)?;
    let Some((header, act)) = read(delta) else { return Ok(false) };
    let statement = |kind, finalise: Option<&Finalise>| StatementRow {
        delta: delta.hash,
        record,
        seat: delta.seat,
        kind,
        hlc: header.hlc,
        revision: finalise.map(|finalise| finalise.revision),
        visit: finalise.map(|finalise| finalise.visit),
    };
    match act {
        Act::Change(act) => {
            let key = tx.seat(delta.seat)?.public_key;
            let actor = derive_actor(key.as_bytes(), header.epoch, record, header.generation);
            let change = match doc.merge(&ForeignChange { bytes: &act.change, actor }) {
                MergeVerdict::Merged { change } | MergeVerdict::AlreadyHave { change } => change,
                _ => return Ok(false),
            };
            row.state = Some(doc.save());
            tx.put_record(&row)?;
            let (seat, hlc, visit) = (delta.seat, header.hlc, Some(act.visit));
            let revision = act.revision;
            tx.put_change(&ChangeRow { change, record, seat, delta: delta.hash, hlc, revision, visit })?;
            if let Some(finalise) = &act.finalise {
                tx.put_statement(&statement(StatementKind::Finalise, Some(finalise)))?;
            }
        }
        Act::Statement(StatementAct::Finalise(finalise)) => {
            tx.put_statement(&statement(StatementKind::Finalise, Some(&finalise)))?;
        }
        Act::Statement(StatementAct::Withdraw { .. }) => {
            tx.put_statement(&statement(StatementKind::Withdraw, None))?;
        }
        _ => {}
    }
    tx.mark_put_back(delta.hash)?;
    refresh_row(tx, forms, row, &doc)?;
    Ok(true)
}

fn take_out_of(tx: &Tx<'_>, forms: &mut FormLibrary, record: RecordId) -> Result<bool, CollectorError> {
    let mut row = known_record(tx, record)?;
    let doc = open_document(&row)?;
    let left_out = tx.left_out(record)?;
    let changes: BTreeSet<ChangeHash> =
        left_out.iter().filter_map(change_of).filter(|change| doc.has_change(change)).collect();
    let (doc, gone) = doc.without(&changes)?;
    for change in &gone {
        tx.take_out_change(*change)?;
    }
    let silenced = tx.take_out_statements(record)?;
    if gone.is_empty() && silenced == 0 {
        return Ok(false);
    }
    tx.look_again(record)?;
    row.state = Some(doc.save());
    tx.put_record(&row)?;
    refresh_row(tx, forms, row, &doc)?;
    Ok(true)
}

/// What an own delta says, and under which header.
fn read(left_out: &LeftOut) -> Option<(Header, Act)> {
    let delta = SignedDelta::decode(&left_out.envelope).ok()?;
    let header = delta.header().clone();
    let (_, _, body) = delta.parts();
    let act = Body::decode(header.kind, body?).ok()?.act;
    Some((header, act))
}

fn change_of(left_out: &LeftOut) -> Option<ChangeHash> {
    match read(left_out)?.1 {
        Act::Change(act) => change_hash(&act.change),
        _ => None,
    }
}

impl Collector {
    /// Writes anew what a decision on a fork left out of this person's work: the same answers, of the same visit, declared
    /// finished as they were. Gives how many deltas that made. Work of others of this laptop waits until they unlock it.
    pub fn write_anew(&mut self) -> Result<u64, CollectorError> {
        let seat = self.seat.seat;
        let records =
            self.store.read(|tx| tx.records_to_write_anew(Some(seat))).map_err(CollectorError::Store)?;
        if records.is_empty() {
            return Ok(0);
        }
        // The power may have gone between the word that they are left out and this.
        take_out(&mut self.store, &mut self.forms)?;
        let mut written = 0;
        for record in records {
            let (store, mut pen, forms, author) = self.parts();
            written += store.write(|tx| {
                let mut made = 0;
                for left_out in tx.left_out(record)?.into_iter().filter(|delta| delta.seat == author.seat) {
                    made += u64::from(write_one_anew(tx, &mut pen, forms, record, &left_out)?);
                }
                Ok::<_, CollectorError>(made)
            })?;
        }
        Ok(written)
    }
}

/// Writes one delta anew; false when it says nothing that could be.
fn write_one_anew(
    tx: &Tx<'_>,
    pen: &mut Pen<'_>,
    forms: &mut FormLibrary,
    record: RecordId,
    left_out: &LeftOut,
) -> Result<bool, CollectorError> {
    let said = read(left_out).and_then(|(header, act)| Some((header.area.clone()?, header.class, act)));
    let Some((area, class, act)) = said else {
        tx.mark_written_anew(left_out.hash, None)?;
        return Ok(false);
    };
    let mut row = known_record(tx, record)?;
    let mut doc = open_document(&row)?;
    let place = pen.place(tx)?;
    let about = Some((record, row.generation, area));
    let (mut changes, mut index) = (None, None);
    let statement;
    let act = match act {
        Act::Change(act) => {
            let Ok(before) = read_change(&act.change) else {
                return Err(CollectorError::Unreadable { what: "a delta of this computer" });
            };
            let actor = derive_actor(pen.key.public().as_bytes(), place.epoch, record, row.generation);
            let seen = standing(tx, &doc, &before.deps)?;
            let change = doc.write_at(&seen, actor, random(pen.randomness), &before.answers)?;
            changes = Some((before.hash, change.hash));
            let finalise = match act.finalise {
                Some(finalise) => Some(declared_anew(tx, forms, &doc, finalise, changes)?),
                None => None,
            };
            row.state = Some(doc.save());
            index = Some((change.hash, act.revision, act.visit));
            statement = finalise.as_ref().map(|finalise| (StatementKind::Finalise, Some(finalise.clone())));
            Act::Change(ChangeAct { change: change.bytes, finalise, ..act })
        }
        Act::Statement(StatementAct::Finalise(finalise)) => {
            let finalise = declared_anew(tx, forms, &doc, finalise, None)?;
            statement = Some((StatementKind::Finalise, Some(finalise.clone())));
            Act::Statement(StatementAct::Finalise(finalise))
        }
        Act::Statement(withdrawn @ StatementAct::Withdraw { .. }) => {
            statement = Some((StatementKind::Withdraw, None));
            Act::Statement(withdrawn)
        }
        // Only deltas about records are left out, and a laptop writes no others.
        _ => {
            tx.mark_written_anew(left_out.hash, None)?;
            return Ok(false);
        }
    };
    let signed = pen.sign_at(tx, place, about, class, act)?;
    // Not by `Tx::cut`: what the person typed meanwhile stays in the journal, and an open visit stays open.
    tx.append(signed.own())?;
    row.updated_at = pen.now;
    tx.put_record(&row)?;
    let (seat, delta, hlc) = (left_out.seat, signed.hash, signed.hlc);
    if let Some((change, revision, visit)) = index {
        let visit = Some(visit);
        tx.put_change(&ChangeRow { change, record, seat, delta, hlc, revision, visit })?;
    }
    if let Some((kind, finalise)) = statement {
        let (revision, visit) = (finalise.as_ref().map(|f| f.revision), finalise.as_ref().map(|f| f.visit));
        tx.put_statement(&StatementRow { delta, record, seat, kind, hlc, revision, visit })?;
    }
    tx.mark_written_anew(left_out.hash, changes)?;
    refresh_row(tx, forms, row, &doc)?;
    Ok(true)
}

/// These changes, or what was written in their place, as far as the record has them; its beginning when it has none.
fn standing(tx: &Tx<'_>, doc: &RecordDoc, changes: &[ChangeHash]) -> Result<Vec<ChangeHash>, CollectorError> {
    let mut standing = BTreeSet::new();
    for change in changes {
        let now = tx.standing_for(*change)?;
        standing.extend(doc.has_change(&now).then_some(now));
    }
    if standing.is_empty() {
        standing.insert(genesis_hash());
    }
    Ok(standing.into_iter().collect())
}

/// The same word over the heads as they are now.
fn declared_anew(
    tx: &Tx<'_>,
    forms: &mut FormLibrary,
    doc: &RecordDoc,
    finalise: Finalise,
    changes: Option<(ChangeHash, ChangeHash)>,
) -> Result<Finalise, CollectorError> {
    let now = |head: &ChangeHash| changes.filter(|(old, _)| old == head).map_or(*head, |(_, anew)| anew);
    let heads: Vec<ChangeHash> = finalise.heads.iter().map(now).collect();
    let heads = standing(tx, doc, &heads)?;
    let form = forms.get(tx, finalise.revision)?;
    let shown = doc.view_at(&heads)?.shown();
    let export_hash = evaluate(&form.form, &shown, finalise.visit).export_hash();
    Ok(Finalise { heads, export_hash, ..finalise })
}
