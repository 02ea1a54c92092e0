//! `interview`

use std::path::PathBuf;

use collector_core::{Collector, RecordStatus};
use jiff::civil::Date;
use record_model::{Lineage, RecordId, Visit};

use super::record::RecordRef;
use crate::answers;
use crate::app::App;
use crate::clock;
use crate::failure::{Failure, Kind};
use crate::interview::{Ended, Script, interview, print_finished, run_script};
use crate::messages::{Language, Text};
use crate::shapes::{InterviewShape, InterviewedRow};
use crate::slip::slip;
use crate::when::{self, date_argument};

/// Interviews a household: question by question, or from a file of answers. Every answer is kept as it is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The form, by its short name such as household.
    #[arg(value_name = "FORM")]
    form: Lineage,
    /// Answers written beforehand: a JSON object by answer path, a list of them, or one a line; - reads them from
    /// standard input.
    #[arg(long, value_name = "FILE.json")]
    answers: Option<PathBuf>,
    /// Go on with, or correct, this record: its number, its id or the beginning of one, or its place in `record list`.
    #[arg(long, value_name = "RECORD")]
    record: Option<RecordRef>,
    /// Declare each household of the file finished, which gives it its number.
    #[arg(long, requires = "answers")]
    finalise: bool,
    /// Many households in one go: what cannot be declared finished is left out and listed.
    #[arg(long, requires = "answers", conflicts_with = "record")]
    batch: bool,
    /// Date of the visit, when it is not today.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date_argument)]
    visit_date: Option<Date>,
}

pub(crate) fn run(args: Args, app: &mut App) -> Result<(), Failure> {
    let households = match &args.answers {
        Some(path) if path.as_os_str() == "-" => Some(answers::read(&app.ui.read_all()?)?),
        Some(path) => Some(answers::read(&std::fs::read(path).map_err(|error| Failure::file(path, error))?)?),
        None => None,
    };
    let mut collector = app.unlock()?;
    app.learn_zone(&mut collector)?;
    let record = args.record.as_ref().map(|record| record.find(&collector)).transpose()?;
    let visit = clock::visit(app, &mut collector, args.visit_date)?;
    if let Some(record) = record {
        open_visit(&mut collector, record, visit, args.visit_date.is_some())?;
    }
    match households {
        Some(households) => {
            if record.is_some() && households.len() != 1 {
                return Err(Failure::new(
                    Kind::Usage,
                    Text::new("answers-one-record").with("count", households.len()),
                ));
            }
            let script = Script {
                lineage: &args.form,
                households: &households,
                visit,
                record,
                finalise: args.finalise,
                batch: args.batch,
            };
            scripted(app, &mut collector, &script)
        }
        None => at_the_terminal(app, &mut collector, &args.form, record, visit),
    }
}

/// A known record is visited today, unless it is a draft that is gone on with.
fn open_visit(
    collector: &mut Collector,
    record: RecordId,
    visit: Visit,
    date_is_given: bool,
) -> Result<(), Failure> {
    let summary = collector.show(record)?.summary;
    let goes_on = summary.status == RecordStatus::Draft || summary.pending_answers > 0;
    if date_is_given || !goes_on {
        collector.visit(record, visit)?;
    }
    Ok(())
}

fn scripted(app: &mut App, collector: &mut Collector, script: &Script<'_>) -> Result<(), Failure> {
    let mut outcome = run_script(app, collector, script)?;
    if script.batch && script.finalise {
        number_batch(collector, script, &mut outcome.shape)?;
    }
    let failure = outcome.failure();
    if !app.ui.json(&outcome.shape) {
        print(app, &outcome.shape);
    }
    failure.map_or(Ok(()), Err)
}

/// A batch is numbered by the core; the numbers are read back.
fn number_batch(
    collector: &mut Collector,
    script: &Script<'_>,
    shape: &mut InterviewShape,
) -> Result<(), Failure> {
    let form = collector.form(script.lineage)?;
    let date = when::date(script.visit, Language::Fr);
    let known = collector.list(&collector_core::RecordFilter::default())?;
    let by_id: std::collections::HashMap<String, &collector_core::RecordSummary> =
        known.iter().map(|summary| (summary.record.to_string(), summary)).collect();
    for row in &mut shape.records {
        if let Some(summary) = by_id.get(&row.record) {
            row.status = summary.status.as_str();
            row.number.clone_from(&summary.number);
            row.area = summary.area.as_ref().map(ToString::to_string);
            row.slip =
                summary.number.as_ref().map(|number| slip(&form, number, &date).lines).unwrap_or_default();
        }
    }
    Ok(())
}

fn print(app: &mut App, shape: &InterviewShape) {
    if let [only] = &shape.records[..] {
        print_one(app, only);
    } else if !shape.records.is_empty() {
        for row in &shape.records {
            let number = row.number.as_deref().unwrap_or_default();
            app.ui.result(format!("{}  {number}", row.record).trim_end());
        }
        app.ui.say(&Text::new("interview-recorded").with("count", shape.records.len()));
    }
    if shape.records.len() + shape.blocked.len() > 1 {
        for blocked in &shape.blocked {
            app.ui.say(&Text::new("interview-blocked").with("household", blocked.household));
            for violation in &blocked.violations {
                let place = violation.path.as_deref().unwrap_or(&violation.id);
                app.ui.say_plain(&format!("  {place}: {}", violation.message));
            }
        }
    }
}

fn print_one(app: &mut App, row: &InterviewedRow) {
    if row.number.is_some() {
        print_finished(app, row);
    } else {
        app.ui.result_text(&Text::new("interview-draft").with("record", row.record.as_str()));
    }
}

fn at_the_terminal(
    app: &mut App,
    collector: &mut Collector,
    form: &Lineage,
    record: Option<RecordId>,
    visit: Visit,
) -> Result<(), Failure> {
    let (id, resumed) = match record {
        Some(record) => (record, true),
        None => (collector.start(form, None, Some(visit))?, false),
    };
    let row = match interview(app, collector, id, resumed)? {
        Ended::Finished(row) => *row,
        Ended::Draft => InterviewedRow {
            record: id.to_string(),
            status: "draft",
            number: None,
            area: None,
            slip: Vec::new(),
            warnings: Vec::new(),
        },
    };
    let shape = InterviewShape { records: vec![row], blocked: Vec::new() };
    if !app.ui.json(&shape) {
        print_one(app, &shape.records[0]);
    }
    Ok(())
}
