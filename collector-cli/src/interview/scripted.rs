//! Interviews written down beforehand, one or thousands.

use std::num::NonZeroUsize;

use collector_core::{Collector, ImportOptions, PublishedForm};
use data_encoding::BASE32_NOPAD;
use form_engine::Preload;
use record_model::{Answers, Lineage, Marker, RecordId, Visit};

use super::finish::{Finished, finalise, texts};
use crate::answers::{Checked, Checker, Fault, Household, renamed};
use crate::app::App;
use crate::failure::{Failure, Kind};
use crate::messages::Text;
use crate::shapes::{BlockedRow, InterviewShape, InterviewedRow, ViolationRow};

/// Households in one transaction of a batch.
const PER_TRANSACTION: usize = 100;
const MAX_THREADS: usize = 4;

/// What to do with the households of a file.
pub(crate) struct Script<'a> {
    pub(crate) lineage: &'a Lineage,
    pub(crate) households: &'a [Household],
    pub(crate) visit: Visit,
    /// The record they are about, which then is one; none for new ones.
    pub(crate) record: Option<RecordId>,
    pub(crate) finalise: bool,
    /// Many in one transaction; what does not hold is left out instead of kept as a draft.
    pub(crate) batch: bool,
}

/// What came of it, also when it ended early.
pub(crate) struct Outcome {
    pub(crate) shape: InterviewShape,
    pub(crate) failure: Option<Failure>,
}

/// Records every household of the script.
pub(crate) fn run_script(
    app: &mut App,
    collector: &mut Collector,
    script: &Script<'_>,
) -> Result<Outcome, Failure> {
    let form = collector.form(script.lineage)?;
    let mut randomness = app.randomness();
    let mut random = |bytes: &mut [u8]| randomness.fill(bytes);
    let preload = preload(collector, &mut random);
    let bar = app.ui.progress(script.households.len() as u64, &Text::new("interview-recording"));
    let mut run =
        Run { app, collector, script, form: &form, preload, shape: InterviewShape::default(), not_asked: 0 };
    let ended = if script.batch { run.batch(&mut random, &bar) } else { run.one_by_one(&mut random, &bar) };
    bar.finish_and_clear();
    let Run { shape, not_asked, .. } = run;
    if not_asked > 0 {
        app.ui.say(&Text::new("answers-not-asked").with("count", not_asked));
    }
    Ok(Outcome { shape, failure: ended.err() })
}

struct Run<'a> {
    app: &'a App,
    collector: &'a mut Collector,
    script: &'a Script<'a>,
    form: &'a PublishedForm,
    preload: Preload,
    shape: InterviewShape,
    not_asked: usize,
}

/// What was written to a known record.
pub(crate) struct Written {
    pub(crate) answers: Answers,
    /// The instances added (`roster/7K3QF…`).
    pub(crate) added: Vec<String>,
}

/// Writes what was checked. New members get the id and the place that the core gives them.
fn write_known(
    collector: &mut Collector,
    record: RecordId,
    form: &PublishedForm,
    base: &Answers,
    checked: &Checked,
) -> Result<Written, Failure> {
    let mut names: Vec<(String, String)> = Vec::new();
    for added in &checked.added {
        let within = names.iter().find(|(from, _)| *from == added.within).map_or(&added.within, |(_, to)| to);
        let around = (!within.is_empty()).then_some(within.as_str());
        let instance = collector.add_instance(record, &added.repeat, around)?;
        let below = format!("{}/{instance}", added.repeat);
        let prefix = around.map_or_else(|| below.clone(), |around| format!("{around}/{below}"));
        names.push((added.prefix.clone(), prefix));
    }
    let mut writes = checked.writes(form, base);
    writes.retain(|path, _| !matches!(path.marker(), Some(Marker::Order | Marker::Person)));
    let answers = renamed(writes, &names)?;
    collector.set_values(record, &answers)?;
    Ok(Written { answers, added: names.into_iter().map(|(_, to)| to).collect() })
}

/// Holds a few answers to a known record against its form, then writes them.
pub(crate) fn correct(
    app: &App,
    collector: &mut Collector,
    record: RecordId,
    household: &Household,
) -> Result<Written, Failure> {
    let open = collector.evaluate(record)?;
    let mut randomness = app.randomness();
    let mut random = |bytes: &mut [u8]| randomness.fill(bytes);
    let preload = preload(collector, &mut random);
    let mut checker = Checker { form: &open.form, visit: open.visit, preload: &preload, random: &mut random };
    let checked = checker
        .check(Some(&open.answers), household)
        .map_err(|fault| Failure::new(Kind::InvalidAnswers, fault.text()).hint(Text::new("hint-path")))?;
    write_known(collector, record, &open.form, &open.answers, &checked)
}

/// As the core fills it in for an interview at the terminal.
fn preload(collector: &Collector, random: &mut dyn FnMut(&mut [u8])) -> Preload {
    let who = collector.who_am_i();
    let mut seed = [0; 16];
    random(&mut seed);
    Preload {
        device_id: who.certificate.fields.device.clone(),
        username: who.person,
        uuid_seed: BASE32_NOPAD.encode(&seed),
        ..Preload::default()
    }
}

impl Run<'_> {
    fn one_by_one(
        &mut self,
        random: &mut dyn FnMut(&mut [u8]),
        bar: &indicatif::ProgressBar,
    ) -> Result<(), Failure> {
        for (at, household) in self.script.households.iter().enumerate() {
            let record = match self.script.record {
                None => {
                    let checked = self.check(None, at, household, random)?;
                    self.write_new(&checked)?
                }
                Some(record) => {
                    let base = self.collector.evaluate(record)?.answers;
                    let checked = self.check(Some(&base), at, household, random)?;
                    write_known(self.collector, record, self.form, &base, &checked)?;
                    record
                }
            };
            self.close(at, record)?;
            bar.inc(1);
        }
        Ok(())
    }

    fn check(
        &mut self,
        base: Option<&Answers>,
        at: usize,
        household: &Household,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Checked, Failure> {
        // Each record has random texts of its own.
        let mut seed = [0; 16];
        random(&mut seed);
        self.preload.uuid_seed = BASE32_NOPAD.encode(&seed);
        let mut checker =
            Checker { form: self.form, visit: self.script.visit, preload: &self.preload, random };
        match checker.check(base, household) {
            Ok(checked) => {
                self.not_asked += checked.not_asked;
                Ok(checked)
            }
            Err(fault) => Err(self.faulty(at, &fault)),
        }
    }

    fn faulty(&self, at: usize, fault: &Fault) -> Failure {
        let saved = self.shape.records.len();
        Failure::new(Kind::InvalidAnswers, Text::new("answers-invalid").with("household", at + 1))
            .details([fault.text(), Text::new("answers-saved-before").with("count", saved)])
    }

    fn write_new(&mut self, checked: &Checked) -> Result<RecordId, Failure> {
        let record = self.collector.start(self.script.lineage, None, Some(self.script.visit))?;
        self.collector.set_values(record, &checked.writes(self.form, &Answers::new()))?;
        Ok(record)
    }

    fn close(&mut self, at: usize, record: RecordId) -> Result<(), Failure> {
        if !self.script.finalise {
            self.shape.records.push(draft_row(record));
            return Ok(());
        }
        match finalise(self.app, self.collector, record)? {
            Finished::Done(row) => self.shape.records.push(*row),
            Finished::Blocked(violations) => {
                let lang = self.app.ui.lang();
                self.shape.records.push(draft_row(record));
                self.shape.blocked.push(BlockedRow {
                    household: at + 1,
                    record: Some(record.to_string()),
                    violations: violations
                        .iter()
                        .map(|violation| ViolationRow::new(violation, lang))
                        .collect(),
                });
                if self.script.households.len() == 1 {
                    return Err(not_finished(1).details(texts(&violations)));
                }
            }
        }
        Ok(())
    }

    fn batch(
        &mut self,
        random: &mut dyn FnMut(&mut [u8]),
        bar: &indicatif::ProgressBar,
    ) -> Result<(), Failure> {
        let mut from = 0;
        for chunk in self.script.households.chunks(PER_TRANSACTION) {
            let mut checked = Vec::with_capacity(chunk.len());
            let mut failed = None;
            for (at, household) in chunk.iter().enumerate() {
                match self.check(None, from + at, household, random) {
                    Ok(household) => checked.push(household.closed(self.form, self.script.visit)),
                    Err(failure) => {
                        failed = Some((from + at, failure));
                        break;
                    }
                }
            }
            bar.inc(checked.len() as u64);
            self.import(from, checked)?;
            if let Some((at, failure)) = failed {
                // What came before it in its own hundred is saved too, now.
                let saved = self.shape.records.len();
                let mut failure = failure;
                failure.details.truncate(1);
                tracing::debug!(household = at + 1, saved, "answers file stopped");
                return Err(failure.details([Text::new("answers-saved-before").with("count", saved)]));
            }
            from += chunk.len();
        }
        Ok(())
    }

    fn import(&mut self, from: usize, households: Vec<Answers>) -> Result<(), Failure> {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MAX_THREADS);
        let options = ImportOptions {
            visit: self.script.visit,
            finalise: self.script.finalise,
            per_transaction: NonZeroUsize::new(PER_TRANSACTION).unwrap_or(NonZeroUsize::MIN),
            threads: NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN),
        };
        let report = self.collector.import_answers(self.script.lineage, households, options)?;
        let lang = self.app.ui.lang();
        for (at, violations) in report.blocked {
            self.shape.blocked.push(BlockedRow {
                household: from + at + 1,
                record: None,
                violations: violations.iter().map(|violation| ViolationRow::new(violation, lang)).collect(),
            });
        }
        self.shape.records.extend(report.records.into_iter().map(draft_row));
        Ok(())
    }
}

fn draft_row(record: RecordId) -> InterviewedRow {
    InterviewedRow {
        record: record.to_string(),
        status: "draft",
        number: None,
        area: None,
        slip: Vec::new(),
        warnings: Vec::new(),
    }
}

/// Some could not be declared finished.
pub(super) fn not_finished(count: usize) -> Failure {
    Failure::new(Kind::InvalidAnswers, Text::new("error-blocked-households").with("count", count))
}

impl Outcome {
    /// The failure to end with: the one that stopped it, else the households that are not finished.
    pub(crate) fn failure(&mut self) -> Option<Failure> {
        let blocked = self.shape.blocked.len();
        self.failure.take().or_else(|| (blocked > 0).then(|| not_finished(blocked)))
    }
}
