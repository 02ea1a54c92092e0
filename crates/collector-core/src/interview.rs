//! An interview: starting a record, answering, adding and removing members. Everything goes to the journal as it is given.

use data_encoding::BASE32_NOPAD;
use device_store::{Draft, RecordRow, RecordStatus, Tx};
use form_engine::{
    Preload, QuestionKind, answer_writes, initial_answers, instance_defaults, triggered_answers,
};
use record_model::{
    AnswerPath, Answers, AreaCode, InstanceId, Lineage, Marker, RecordId, SeatId, Value, Visit,
};

use crate::collector::Collector;
use crate::error::CollectorError;
use crate::forms::FormLibrary;
use crate::order;
use crate::ports::random;
use crate::records::{Interview, interview, known_record};

impl Collector {
    /// Starts a record of a lineage under its newest form. `visit` is the date the person confirmed; without one it is
    /// now, as the machine sees it.
    pub fn start(
        &mut self,
        lineage: &Lineage,
        area: Option<&AreaCode>,
        visit: Option<Visit>,
    ) -> Result<RecordId, CollectorError> {
        if !self.certificate.covers_lineage(lineage) {
            return Err(CollectorError::LineageNotCertified { lineage: lineage.clone() });
        }
        let now = self.visit_now();
        let visit = visit.unwrap_or(now);
        let record = RecordId::from_bytes(random(self.ports.randomness.as_mut()));
        let preload = self.preload();
        let Self { store, forms, seat, .. } = self;
        store.write(|tx| {
            let form = forms.newest(tx, lineage)?;
            tx.put_record(&RecordRow {
                record,
                generation: 0,
                lineage: lineage.clone(),
                area: area.cloned(),
                state: None,
                status: RecordStatus::Draft,
                number: None,
                title: String::new(),
                open_items: 0,
                created_at: now.at,
                updated_at: now.at,
            })?;
            tx.put_draft(record, seat.seat, &Draft { revision: form.revision, visit, opened_at: now.at })?;
            tx.journal(record, seat.seat, &initial_answers(&form.form, visit, &preload), now.at)?;
            Ok(record)
        })
    }

    /// Opens a visit to a known record under the newest form, or changes the date of the one that is open.
    pub fn visit(&mut self, record: RecordId, visit: Visit) -> Result<(), CollectorError> {
        let now = self.visit_now();
        let Self { store, forms, seat, .. } = self;
        store.write(|tx| {
            let row = writable(tx, record)?;
            let revision = match tx.draft(record, seat.seat)? {
                Some(open) => open.revision,
                None => forms.newest(tx, &row.lineage)?.revision,
            };
            Ok(tx.put_draft(record, seat.seat, &Draft { revision, visit, opened_at: now.at })?)
        })
    }

    /// Answers a question with what was typed. Gives what was written: the answer, options unticked by it, and what it
    /// triggers. An empty text clears the answer.
    pub fn set(
        &mut self,
        record: RecordId,
        path: &AnswerPath,
        typed: &str,
    ) -> Result<Answers, CollectorError> {
        self.write_answers(record, |open| {
            let question = askable(open, path)?;
            let source = |source| CollectorError::Answer { path: path.clone(), source };
            let mut writes =
                answer_writes(&open.form.form, &question, typed, &open.answers).map_err(source)?;
            let mut after = open.answers.clone();
            after.extend(writes.clone());
            writes.extend(triggered_answers(&open.form.form, &question, &after, open.visit));
            Ok(writes)
        })
    }

    /// Writes values as they are: for programs that have them typed already. The form's check comes with the evaluation.
    pub fn set_values(&mut self, record: RecordId, values: &Answers) -> Result<(), CollectorError> {
        self.write_answers(record, |open| {
            for path in values.keys().filter(|path| path.marker().is_none()) {
                askable(open, path)?;
            }
            Ok(values.clone())
        })
        .map(drop)
    }

    /// Takes back an answer that no delta holds yet.
    pub fn undo(&mut self, record: RecordId, path: &AnswerPath) -> Result<(), CollectorError> {
        let seat = self.seat.seat;
        Ok(self.store.write(|tx| tx.forget_journalled(record, seat, path))?)
    }

    /// Adds an instance of a repeat, last in its order: a member with a permanent id of their own. `within` is the
    /// instance around it (`roster/7K3QF…`), for a repeat inside a repeat.
    pub fn add_instance(
        &mut self,
        record: RecordId,
        repeat: &str,
        within: Option<&str>,
    ) -> Result<InstanceId, CollectorError> {
        let instance = InstanceId::from_bytes(random(self.ports.randomness.as_mut()));
        let person = BASE32_NOPAD.encode(&random::<16>(self.ports.randomness.as_mut()));
        let preload = self.preload();
        self.write_answers(record, |open| {
            let around = within.unwrap_or_default();
            let known = open.form.form.find(repeat).filter(|q| q.kind() == QuestionKind::Repeat);
            if known.is_none() {
                return Err(CollectorError::NotInForm { what: "repeat", path: repeat.to_owned() });
            }
            let prefix = match around {
                "" => format!("{repeat}/{instance}"),
                around => format!("{around}/{repeat}/{instance}"),
            };
            let marker = |marker: Marker| format!("{prefix}/{}", marker.as_str()).parse::<AnswerPath>();
            let mut writes = Answers::new();
            writes.insert(marker(Marker::Order)?, next_order(open, repeat, around).into());
            if open.form.settings.person_repeat.as_deref().is_none_or(|people| people == repeat) {
                writes.insert(marker(Marker::Person)?, person.into());
            }
            let mut after = open.answers.clone();
            after.extend(writes.clone());
            writes.extend(instance_defaults(&open.form.form, &prefix, &after, open.visit, &preload));
            Ok(writes)
        })?;
        Ok(instance)
    }

    /// Removes an instance (`roster/7K3QF…`), with the reason. Its answers stay in the record.
    pub fn remove_instance(
        &mut self,
        record: RecordId,
        prefix: &str,
        reason: &str,
    ) -> Result<(), CollectorError> {
        if reason.trim().is_empty() {
            return Err(CollectorError::ReasonMissing);
        }
        self.write_answers(record, |open| {
            let below = format!("{prefix}/");
            if !open.answers.keys().any(|path| path.as_str().starts_with(&below)) {
                return Err(CollectorError::NotInForm { what: "repeat", path: prefix.to_owned() });
            }
            let path = format!("{prefix}/{}", Marker::Removed.as_str()).parse::<AnswerPath>()?;
            Ok([(path, Value::from(reason.trim()))].into())
        })
        .map(drop)
    }

    /// Where this person left the interview, in the words of the program that asks.
    pub fn position(&self, record: RecordId) -> Result<Option<String>, CollectorError> {
        Ok(self.store.read(|tx| tx.position(record, self.seat.seat))?)
    }

    /// Remembers it.
    pub fn set_position(&mut self, record: RecordId, position: &str) -> Result<(), CollectorError> {
        let seat = self.seat.seat;
        Ok(self.store.write(|tx| tx.set_position(record, seat, position))?)
    }

    fn preload(&mut self) -> Preload {
        Preload {
            device_id: self.seat.device.clone(),
            username: self.seat.person.clone(),
            uuid_seed: BASE32_NOPAD.encode(&random::<16>(self.ports.randomness.as_mut())),
            ..Preload::default()
        }
    }

    /// Decides what to write from the record as it stands and writes it to the journal: one transaction.
    fn write_answers(
        &mut self,
        record: RecordId,
        decide: impl FnOnce(&Interview) -> Result<Answers, CollectorError>,
    ) -> Result<Answers, CollectorError> {
        let now = self.visit_now();
        let Self { store, forms, seat, .. } = self;
        store.write(|tx| {
            writable(tx, record)?;
            open_visit(tx, forms, record, seat.seat, now)?;
            let writes = decide(&interview(tx, forms, seat.seat, record, now)?)?;
            tx.journal(record, seat.seat, &writes, now.at)?;
            Ok(writes)
        })
    }
}

pub(crate) fn writable(tx: &Tx<'_>, record: RecordId) -> Result<RecordRow, CollectorError> {
    match known_record(tx, record)? {
        row if row.status == RecordStatus::Withdrawn => Err(CollectorError::Withdrawn { record }),
        row => Ok(row),
    }
}

/// Answering without having opened a visit opens one now, under the newest form.
pub(crate) fn open_visit(
    tx: &Tx<'_>,
    forms: &mut FormLibrary,
    record: RecordId,
    seat: SeatId,
    now: Visit,
) -> Result<Draft, CollectorError> {
    if let Some(draft) = tx.draft(record, seat)? {
        return Ok(draft);
    }
    let row = known_record(tx, record)?;
    let draft = Draft { revision: forms.newest(tx, &row.lineage)?.revision, visit: now, opened_at: now.at };
    tx.put_draft(record, seat, &draft)?;
    Ok(draft)
}

/// The question's own path (an option's path names its question), if a person may answer it there.
fn askable(open: &Interview, path: &AnswerPath) -> Result<AnswerPath, CollectorError> {
    let not_there = || CollectorError::NotInForm { what: "question", path: path.to_string() };
    if path.marker().is_some() {
        return Err(CollectorError::NotForPeople { path: path.clone() });
    }
    let form = &open.form.form;
    let question = form.find(path.leaf()).ok_or_else(not_there)?;
    let repeats: Vec<&str> =
        form.repeats_around(question.index()).iter().map(|repeat| form.question(*repeat).key()).collect();
    let segments: Vec<&str> = path.as_str().split('/').collect();
    let around: Vec<&str> = segments[..segments.len() - 1].iter().step_by(2).copied().collect();
    if repeats != around {
        return Err(not_there());
    }
    match question.kind() {
        QuestionKind::Question | QuestionKind::Preload if !question.is_calculated() => {
            Ok(path.sibling(path.leaf())?)
        }
        _ => Err(CollectorError::NotForPeople { path: path.clone() }),
    }
}

fn next_order(open: &Interview, repeat: &str, around: &str) -> String {
    let depth = if around.is_empty() { 0 } else { around.split('/').count() };
    let last = open
        .answers
        .iter()
        .filter(|(path, _)| path.marker() == Some(Marker::Order))
        .filter(|(path, _)| {
            let segments: Vec<&str> = path.as_str().split('/').collect();
            segments.len() == depth + 3 && segments[depth] == repeat && path.as_str().starts_with(around)
        })
        .filter_map(|(_, value)| value.as_text())
        .max();
    order::after(last)
}
