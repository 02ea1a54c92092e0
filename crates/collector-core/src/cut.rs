//! Cutting: answers leave the journal as one signed delta with exactly one change.

use device_store::{ChangeRow, Cut, Draft, RecordRow, RecordStatus, StatementKind, StatementRow, Tx};
use form_engine::{Evaluation, Level, Violation, closing_answers, evaluate};
use record_doc::derive_actor;
use record_model::{
    AnswerPath, Answers, AreaCode, Class, DeltaHash, Marker, RecordId, RecordView, RegistrationNumber,
    SeatId, Value,
};
use signed_delta::{Act, ChangeAct, Finalise, StatementAct};

use crate::collector::{Author, Collector};
use crate::error::CollectorError;
use crate::forms::{FormLibrary, PublishedForm};
use crate::interview::{open_visit, writable};
use crate::pen::Pen;
use crate::ports::random;
use crate::records::{known_record, number_in, open_document, overlaid, refresh_row, title};

/// A finished interview.
#[derive(Debug, Clone)]
pub struct Finalised {
    /// The record's registration number.
    pub number: String,
    /// The delta that says so.
    pub delta: DeltaHash,
    /// What a person should look at, and that did not keep the interview open.
    pub warnings: Vec<Violation>,
    /// The area the record is filed under.
    pub area: AreaCode,
    /// False when the seat's certificate does not reach that area: head office will set the record aside until it does.
    pub area_is_certified: bool,
}

impl Collector {
    /// Signs what the person answered to a record, and leaves the visit open. None when there is nothing to sign.
    pub fn pause(&mut self, record: RecordId) -> Result<Option<DeltaHash>, CollectorError> {
        let (store, mut pen, forms, author) = self.parts();
        store.write(|tx| cut_journal(tx, &mut pen, forms, &author, record))
    }

    /// Signs everything in the person's journal, and writes anew what a decision on a fork left out: before a sync, and when
    /// the screen is locked.
    pub fn cut_all(&mut self) -> Result<Vec<DeltaHash>, CollectorError> {
        self.write_anew()?;
        let seat = self.seat.seat;
        let records = self.store.read(|tx| tx.journalled_records(seat)).map_err(CollectorError::Store)?;
        let mut deltas = Vec::new();
        for (record, _) in records {
            deltas.extend(self.pause(record)?);
        }
        Ok(deltas)
    }

    /// Declares the interview finished. Refused with the list when something blocks; gives the record its registration
    /// number if it has none. One delta, with the last answers and the signed statement.
    pub fn finalise(&mut self, record: RecordId) -> Result<Finalised, CollectorError> {
        let (store, mut pen, forms, author) = self.parts();
        store.write(|tx| finalise(tx, &mut pen, forms, &author, record))
    }

    /// Withdraws a record, with the reason. What it says stays in the log.
    pub fn withdraw(&mut self, record: RecordId, reason: &str) -> Result<DeltaHash, CollectorError> {
        if reason.trim().is_empty() {
            return Err(CollectorError::ReasonMissing);
        }
        let (store, mut pen, forms, author) = self.parts();
        store.write(|tx| {
            writable(tx, record)?;
            cut_journal(tx, &mut pen, forms, &author, record)?;
            let mut row = known_record(tx, record)?;
            let area = area_of(&row, None, &author)?;
            let place = pen.place(tx)?;
            let act = Act::Statement(StatementAct::Withdraw { reason: reason.trim().to_owned() });
            let about = Some((record, row.generation, area.clone()));
            let signed = pen.sign_at(tx, place, about, Class::Personal, act)?;
            row.status = RecordStatus::Withdrawn;
            settle(&mut row, &area);
            row.updated_at = pen.now;
            let statement = Some(StatementRow {
                delta: signed.hash,
                record,
                seat: author.seat,
                kind: StatementKind::Withdraw,
                hlc: signed.hlc,
                revision: None,
                visit: None,
            });
            let (delta, change) = (signed.own(), None);
            tx.cut(&Cut { delta, record: &row, change, statement, ends_visit: true })?;
            Ok(signed.hash)
        })
    }
}

/// The area in the header: what the answers say, else where the record is, else the seat's first.
fn area_of(
    row: &RecordRow,
    answered: Option<AreaCode>,
    author: &Author<'_>,
) -> Result<AreaCode, CollectorError> {
    answered
        .or_else(|| row.area.clone())
        .or_else(|| author.certificate.fields.areas.first().cloned())
        .ok_or(CollectorError::NoArea { record: row.record })
}

/// A record lives where its first delta says; afterwards only a placement moves it.
fn settle(row: &mut RecordRow, area: &AreaCode) {
    if row.state.is_none() || row.area.is_none() {
        row.area = Some(area.clone());
    }
}

/// Where a visit that is not finished is filed: where its answers say, as far as the seat may file there. A department
/// alone, answered before its commune, names no place of work yet.
fn area_so_far(form: &PublishedForm, answers: &Answers, author: &Author<'_>) -> Option<AreaCode> {
    let answered = answered_area(form, answers)?;
    author.certificate.covers_area(&answered, &form.areas.tree).then_some(answered)
}

/// Where a finished visit is filed: where its answers say, also when that is outside the certificate, since the office must
/// hear of it; but not an area around the seat's own, which says too little.
fn area_in_the_end(form: &PublishedForm, answers: &Answers, author: &Author<'_>) -> Option<AreaCode> {
    let answered = answered_area(form, answers)?;
    let tree = &form.areas.tree;
    let is_around = |mine: &AreaCode| *mine != answered && tree.is_within(mine, &answered);
    let own = &author.certificate.fields.areas;
    (author.certificate.covers_area(&answered, tree) || !own.iter().any(is_around)).then_some(answered)
}

/// The smallest area that the answers name.
pub(crate) fn answered_area(form: &PublishedForm, answers: &Answers) -> Option<AreaCode> {
    form.settings
        .area_questions
        .iter()
        .find_map(|question| answers.get(question.as_str())?.as_text()?.parse().ok())
}

/// What of the journal a visit has not said yet. An answer that stands already is a word of this visit too: without it,
/// another value that somebody wrote meanwhile would take its place unseen.
fn spoken(
    tx: &Tx<'_>,
    before: &RecordView,
    journal: &Answers,
    draft: &Draft,
    seat: SeatId,
) -> Result<Answers, CollectorError> {
    let mut spoken = Answers::new();
    for (path, value) in journal {
        let standing = before.answers.get(path).map_or(&[][..], Vec::as_slice);
        let mut is_said = standing.is_empty() && value.is_null();
        if standing.iter().all(|candidate| candidate.value == *value) {
            for candidate in standing {
                let change = tx.change(candidate.change)?;
                is_said |= value.is_null()
                    || change.is_some_and(|by| by.seat == seat && by.visit == Some(draft.visit));
            }
        }
        if !is_said {
            spoken.insert(path.clone(), value.clone());
        }
    }
    Ok(spoken)
}

fn cut_journal(
    tx: &Tx<'_>,
    pen: &mut Pen<'_>,
    forms: &mut FormLibrary,
    author: &Author<'_>,
    record: RecordId,
) -> Result<Option<DeltaHash>, CollectorError> {
    let mut row = known_record(tx, record)?;
    let journal = tx.journalled(record, author.seat)?;
    if journal.is_empty() {
        return Ok(None);
    }
    let draft = open_visit(tx, forms, record, author.seat, author.closed)?;
    let form = forms.get(tx, draft.revision)?;
    let place = pen.place(tx)?;
    let mut doc = open_document(&row)?;
    let actor = derive_actor(pen.key.public().as_bytes(), place.epoch, record, row.generation);
    let spoken = spoken(tx, &doc.view(), &journal, &draft, author.seat)?;
    if spoken.is_empty() {
        // This visit has said all of it before: there is nothing to sign, and nothing to keep.
        for path in journal.keys() {
            tx.forget_journalled(record, author.seat, path)?;
        }
        return Ok(None);
    }
    let change = doc.write_at(&doc.heads(), actor, random(pen.randomness), &spoken)?;
    let shown = doc.view().shown();
    let area = area_of(&row, area_so_far(&form, &shown, author), author)?;
    settle(&mut row, &area);
    row.state = Some(doc.save());
    row.updated_at = pen.now;
    let act = Act::Change(ChangeAct {
        revision: draft.revision,
        visit: draft.visit,
        change: change.bytes,
        finalise: None,
    });
    let signed = pen.sign_at(tx, place, Some((record, row.generation, area)), Class::Personal, act)?;
    let index = ChangeRow {
        change: change.hash,
        record,
        seat: author.seat,
        delta: signed.hash,
        hlc: signed.hlc,
        revision: draft.revision,
        visit: Some(draft.visit),
    };
    let delta = signed.own();
    tx.cut(&Cut { delta, record: &row, change: Some(index), statement: None, ends_visit: false })?;
    refresh_row(tx, forms, row, &doc)?;
    Ok(Some(signed.hash))
}

fn finalise(
    tx: &Tx<'_>,
    pen: &mut Pen<'_>,
    forms: &mut FormLibrary,
    author: &Author<'_>,
    record: RecordId,
) -> Result<Finalised, CollectorError> {
    let mut row = writable(tx, record)?;
    let draft = open_visit(tx, forms, record, author.seat, author.closed)?;
    let form = forms.get(tx, draft.revision)?;
    let mut doc = open_document(&row)?;
    let mut journal = tx.journalled(record, author.seat)?;
    let before = doc.view();
    if before.answers.is_empty() && journal.is_empty() {
        return Err(CollectorError::Empty { record });
    }
    // `end` is when the interview was first closed: writing it with every correction would make false conflicts.
    for (path, value) in closing_answers(&form.form, author.closed) {
        if before.get(path.as_str()).is_null() {
            journal.entry(path).or_insert(value);
        }
    }
    let standing = overlaid(&before, &journal);
    let evaluation = evaluate(&form.form, &standing, draft.visit);
    let (blocking, warnings) = judge(&evaluation);
    if !blocking.is_empty() {
        return Err(CollectorError::Blocked { violations: blocking });
    }
    if form.settings.is_refusal(&standing) {
        drop_what_is_not_asked(tx, &row, &draft, &before, &evaluation, &mut journal)?;
    }
    for (path, value) in evaluation.to_store() {
        if standing.get(&path).is_none_or(Value::is_null) {
            journal.entry(path).or_insert(value);
        }
    }
    let number = match number_in(&before) {
        Some(number) => number,
        None => {
            let number = next_number(tx, author)?;
            journal.insert(AnswerPath::record_marker(Marker::Number), number.clone().into());
            number
        }
    };

    let place = pen.place(tx)?;
    let actor = derive_actor(pen.key.public().as_bytes(), place.epoch, record, row.generation);
    let spoken = spoken(tx, &before, &journal, &draft, author.seat)?;
    let change = match spoken.is_empty() {
        true => None,
        false => Some(doc.write_at(&doc.heads(), actor, random(pen.randomness), &spoken)?),
    };
    let shown = doc.view().shown();
    let evaluation = evaluate(&form.form, &shown, draft.visit);
    let declared = Finalise {
        heads: doc.heads(),
        revision: draft.revision,
        visit: draft.visit,
        export_hash: evaluation.export_hash(),
    };
    let area = area_of(&row, area_in_the_end(&form, &shown, author), author)?;
    settle(&mut row, &area);
    row.state = Some(doc.save());
    row.updated_at = pen.now;
    let change_hash = change.as_ref().map(|change| change.hash);
    let act = match change {
        Some(change) => Act::Change(ChangeAct {
            revision: draft.revision,
            visit: draft.visit,
            change: change.bytes,
            finalise: Some(declared),
        }),
        None => Act::Statement(StatementAct::Finalise(declared)),
    };
    let about = Some((record, row.generation, area.clone()));
    let signed = pen.sign_at(tx, place, about, Class::Personal, act)?;
    let index = change_hash.map(|change| ChangeRow {
        change,
        record,
        seat: author.seat,
        delta: signed.hash,
        hlc: signed.hlc,
        revision: draft.revision,
        visit: Some(draft.visit),
    });
    let statement = StatementRow {
        delta: signed.hash,
        record,
        seat: author.seat,
        kind: StatementKind::Finalise,
        hlc: signed.hlc,
        revision: Some(draft.revision),
        visit: Some(draft.visit),
    };
    row.title = title(&form, &evaluation);
    tx.cut(&Cut {
        delta: signed.own(),
        record: &row,
        change: index,
        statement: Some(statement),
        ends_visit: true,
    })?;
    refresh_row(tx, forms, row, &doc)?;
    let area_is_certified = author.certificate.covers_area(&area, &form.areas.tree);
    Ok(Finalised { number, delta: signed.hash, warnings, area, area_is_certified })
}

/// A refusal keeps what the form still asks of it: area, date and result. What was typed at this visit before, names among
/// it, is dropped: what no delta holds yet is forgotten, the rest is cleared. What an earlier visit declared stays.
fn drop_what_is_not_asked(
    tx: &Tx<'_>,
    row: &RecordRow,
    draft: &Draft,
    before: &RecordView,
    evaluation: &Evaluation,
    journal: &mut Answers,
) -> Result<(), CollectorError> {
    journal.retain(|path, _| evaluation.belongs(path));
    let never_finished = row.status == RecordStatus::Draft;
    for (path, candidates) in &before.answers {
        let stands = path.marker().is_none() && candidates.iter().any(|candidate| !candidate.value.is_null());
        if !stands || evaluation.belongs(path) {
            continue;
        }
        let mut of_this_visit = never_finished;
        for candidate in candidates {
            let change = tx.change(candidate.change)?;
            of_this_visit |= change.is_some_and(|change| change.visit == Some(draft.visit));
        }
        if of_this_visit {
            journal.insert(path.clone(), Value::Null);
        }
    }
    Ok(())
}

/// What keeps the interview open, and what does not.
pub(crate) fn judge(evaluation: &Evaluation) -> (Vec<Violation>, Vec<Violation>) {
    let seen = evaluation.violations().iter().filter(|violation| violation.level != Level::Central).cloned();
    seen.partition(|violation| violation.level == Level::Block)
}

/// The next number of the seat's own range: no two seats can give the same one.
pub(crate) fn next_number(tx: &Tx<'_>, author: &Author<'_>) -> Result<String, CollectorError> {
    let serial = tx.next_registration_serial(author.seat)?;
    let range = author.certificate.fields.registration_range;
    RegistrationNumber::new(author.registration_prefix, range, serial)
        .map(|number| number.to_string())
        .ok_or(CollectorError::NumbersUsedUp)
}
