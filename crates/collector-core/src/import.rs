//! Many households at once: for imports from other systems, the generator and the benchmark.

use std::num::NonZeroUsize;
use std::sync::Arc;

use device_store::{ChangeRow, Cut, RecordRow, RecordStatus, StatementKind, StatementRow, Tx};
use form_engine::{Violation, evaluate};
use record_doc::{RecordDoc, derive_actor};
use record_model::{AnswerPath, Answers, AreaCode, Class, EpochId, Lineage, Marker, RecordId, Visit};
use signed_delta::{Act, ChangeAct, Finalise};

use crate::collector::{Author, Collector};
use crate::cut::{answered_area, judge, next_number};
use crate::error::CollectorError;
use crate::forms::PublishedForm;
use crate::pen::Pen;
use crate::ports::random;
use crate::records::title;

/// How an import goes.
#[derive(Debug, Clone, Copy)]
pub struct ImportOptions {
    /// The visit all of them were made on.
    pub visit: Visit,
    /// Declare each finished, and give it a number; those that do not hold are left out and listed.
    pub finalise: bool,
    /// Records in one transaction.
    pub per_transaction: NonZeroUsize,
    /// Threads that build documents.
    pub threads: NonZeroUsize,
}

/// What an import did.
#[derive(Debug, Clone, Default)]
pub struct ImportReport {
    /// The records made, in the order given.
    pub records: Vec<RecordId>,
    /// Which of the given answers were left out (from 0), and why.
    pub blocked: Vec<(usize, Vec<Violation>)>,
}

/// All that is random about a record, drawn beforehand so that documents can be built on several threads.
struct Draw {
    index: usize,
    record: RecordId,
    message: [u8; 16],
    number: Option<String>,
    answers: Answers,
}

/// A record that only needs to be signed.
struct Built {
    record: RecordId,
    change: record_doc::LocalChange,
    state: Vec<u8>,
    finalise: Option<Finalise>,
    number: Option<String>,
    title: String,
    area: Option<AreaCode>,
}

enum Outcome {
    Built(Box<Built>),
    Blocked(usize, Vec<Violation>),
}

impl Collector {
    /// Makes a record of each set of answers, one signed delta each, many in one transaction.
    pub fn import_answers(
        &mut self,
        lineage: &Lineage,
        households: impl IntoIterator<Item = Answers>,
        options: ImportOptions,
    ) -> Result<ImportReport, CollectorError> {
        if !self.certificate.covers_lineage(lineage) {
            return Err(CollectorError::LineageNotCertified { lineage: lineage.clone() });
        }
        let form = self.form(lineage)?;
        let mut report = ImportReport::default();
        let mut households = households.into_iter().enumerate().peekable();
        while households.peek().is_some() {
            let chunk: Vec<(usize, Answers)> =
                households.by_ref().take(options.per_transaction.get()).collect();
            let (store, mut pen, _, author) = self.parts();
            let (records, blocked) =
                store.write(|tx| import_chunk(tx, &mut pen, &author, &form, chunk, &options))?;
            report.records.extend(records);
            report.blocked.extend(blocked);
        }
        Ok(report)
    }
}

type Chunk = (Vec<RecordId>, Vec<(usize, Vec<Violation>)>);

fn import_chunk(
    tx: &Tx<'_>,
    pen: &mut Pen<'_>,
    author: &Author<'_>,
    form: &Arc<PublishedForm>,
    chunk: Vec<(usize, Answers)>,
    options: &ImportOptions,
) -> Result<Chunk, CollectorError> {
    let epoch = pen.place(tx)?.epoch;
    let mut draws = Vec::with_capacity(chunk.len());
    for (index, answers) in chunk {
        let has_number = answers.contains_key(&AnswerPath::record_marker(Marker::Number));
        let number = match options.finalise && !has_number {
            true => Some(next_number(tx, author)?),
            false => None,
        };
        draws.push(Draw {
            index,
            record: RecordId::from_bytes(random(pen.randomness)),
            message: random(pen.randomness),
            number,
            answers,
        });
    }
    let public_key = *pen.key.public().as_bytes();
    let outcomes = on_threads(draws, options.threads, |draw| build(draw, &public_key, epoch, form, options))?;
    let (mut records, mut blocked) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Outcome::Built(built) => {
                records.push(built.record);
                sign(tx, pen, author, form, *built, options.visit)?;
            }
            Outcome::Blocked(index, violations) => blocked.push((index, violations)),
        }
    }
    Ok((records, blocked))
}

/// Runs `work` on each, in order, shared out over some threads.
fn on_threads<T: Send>(
    draws: Vec<Draw>,
    threads: NonZeroUsize,
    work: impl Fn(Draw) -> Result<T, CollectorError> + Sync,
) -> Result<Vec<T>, CollectorError> {
    if threads.get() == 1 || draws.len() < 2 {
        return draws.into_iter().map(work).collect();
    }
    let share = draws.len().div_ceil(threads.get());
    let mut shares: Vec<Vec<Draw>> = Vec::new();
    let mut draws = draws.into_iter().peekable();
    while draws.peek().is_some() {
        shares.push(draws.by_ref().take(share).collect());
    }
    let work = &work;
    let results: Vec<Result<Vec<T>, CollectorError>> = std::thread::scope(|scope| {
        let running: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || share.into_iter().map(work).collect()))
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut all = Vec::new();
    for result in results {
        all.extend(result?);
    }
    Ok(all)
}

fn build(
    draw: Draw,
    public_key: &[u8; 32],
    epoch: EpochId,
    form: &PublishedForm,
    options: &ImportOptions,
) -> Result<Outcome, CollectorError> {
    let Draw { index, record, message, number, mut answers } = draw;
    let evaluation = evaluate(&form.form, &answers, options.visit);
    if options.finalise {
        let (blocking, _) = judge(&evaluation);
        if !blocking.is_empty() {
            return Ok(Outcome::Blocked(index, blocking));
        }
    }
    answers.extend(evaluation.to_store());
    if let Some(number) = &number {
        answers.insert(AnswerPath::record_marker(Marker::Number), number.clone().into());
    }
    let area = answered_area(form, &answers);
    let title = title(form, &evaluation);
    let mut doc = RecordDoc::new();
    let actor = derive_actor(public_key, epoch, record, 0);
    let Some(change) = doc.write(actor, message, &answers)? else {
        return Ok(Outcome::Blocked(index, Vec::new()));
    };
    let finalise = options.finalise.then(|| Finalise {
        heads: doc.heads(),
        revision: form.revision,
        visit: options.visit,
        export_hash: evaluation.export_hash(),
    });
    let state = doc.save();
    Ok(Outcome::Built(Box::new(Built { record, change, state, finalise, number, title, area })))
}

fn sign(
    tx: &Tx<'_>,
    pen: &mut Pen<'_>,
    author: &Author<'_>,
    form: &PublishedForm,
    built: Built,
    visit: Visit,
) -> Result<(), CollectorError> {
    let Built { record, change, state, finalise, number, title, area } = built;
    let area = area
        .or_else(|| author.certificate.fields.areas.first().cloned())
        .ok_or(CollectorError::NoArea { record })?;
    let finalised = finalise.is_some();
    let change_hash = change.hash;
    let act = Act::Change(ChangeAct { revision: form.revision, visit, change: change.bytes, finalise });
    let place = pen.place(tx)?;
    let signed = pen.sign_at(tx, place, Some((record, 0, area.clone())), Class::Personal, act)?;
    let (seat, hlc) = (author.seat, signed.hlc);
    let row = RecordRow {
        record,
        generation: 0,
        lineage: form.lineage.clone(),
        area: Some(area),
        state: Some(state),
        status: if finalised { RecordStatus::Finalised } else { RecordStatus::Draft },
        number,
        title,
        open_items: 0,
        created_at: pen.now,
        updated_at: pen.now,
    };
    let index = ChangeRow {
        change: change_hash,
        record,
        seat,
        delta: signed.hash,
        hlc,
        revision: form.revision,
        visit: Some(visit),
    };
    let statement = finalised.then_some(StatementRow {
        delta: signed.hash,
        record,
        seat,
        kind: StatementKind::Finalise,
        hlc,
        revision: Some(form.revision),
        visit: Some(visit),
    });
    let delta = signed.own();
    Ok(tx.cut(&Cut { delta, record: &row, change: Some(index), statement, ends_visit: true })?)
}
