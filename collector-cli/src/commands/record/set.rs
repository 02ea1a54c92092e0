//! `record set`

use std::str::FromStr;

use collector_core::{Collector, Interview};
use record_model::{Answers, RecordId};

use super::RecordRef;
use crate::answers::{Household, numbered};
use crate::app::App;
use crate::clock;
use crate::failure::{Failure, Kind};
use crate::interview::correct;
use crate::messages::Text;
use crate::shapes::ChangeShape;

/// Answers questions of a record, and keeps the answers as a visit of today.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its number, its id or the beginning of one, or its place in `record list`.
    #[arg(value_name = "RECORD")]
    record: RecordRef,
    /// Where and what: a question's path, =, the answer. `roster[2]/age` is the second member's. Empty clears it.
    #[arg(value_name = "PATH=VALUE", required = true)]
    answers: Vec<Assignment>,
}

/// `path=value`
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub(super) path: String,
    pub(super) value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').ok_or_else(|| "PATH=VALUE".to_owned())?;
        Ok(Self { path: path.trim().to_owned(), value: value.trim().to_owned() })
    }
}

pub(super) fn run(args: &Args, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    clock::confirm(app, &mut collector)?;
    let record = args.record.find(&collector)?;
    let open = collector.evaluate(record)?;
    let mut household = Household::new();
    for answer in &args.answers {
        household.insert(resolve(&open, &answer.path)?, answer.value.as_str().into());
    }
    let written = correct(app, &mut collector, record, &household)?;
    print(app, &collector, record, written.answers, None)
}

/// A path as a person writes it: `roster[2]/age` counts the members as `record show` does.
fn resolve(open: &Interview, text: &str) -> Result<String, Failure> {
    let mut prefix = String::new();
    let mut segments = text.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let next = match numbered(segment).filter(|_| !is_last) {
            Some((repeat, number)) => {
                let instances = open.evaluation.instances_in(repeat, &prefix);
                let instance = number.checked_sub(1).and_then(|at| instances.get(at)).ok_or_else(|| {
                    Failure::new(
                        Kind::InvalidAnswers,
                        Text::new("error-no-such-member")
                            .with("place", number)
                            .with("count", instances.len()),
                    )
                })?;
                format!("{repeat}/{instance}")
            }
            None => segment.to_owned(),
        };
        prefix = if prefix.is_empty() { next } else { format!("{prefix}/{next}") };
    }
    Ok(prefix)
}

/// What was written.
pub(super) fn print(
    app: &mut App,
    collector: &Collector,
    record: RecordId,
    written: Answers,
    member: Option<String>,
) -> Result<(), Failure> {
    let summary = summary(collector, record)?;
    let shape = ChangeShape { record: record.to_string(), status: summary, written, member };
    if !app.ui.json(&shape) {
        app.ui.result_text(&Text::new("record-changed").with("count", shape.written.len()));
    }
    Ok(())
}

/// Which record was withdrawn: a place in the list may be another one a moment later.
pub(super) fn print_withdrawn(app: &mut App, collector: &Collector, record: RecordId) -> Result<(), Failure> {
    let records = collector.list(&collector_core::RecordFilter::default())?;
    let found = records.iter().find(|summary| summary.record == record);
    let number = found.and_then(|summary| summary.number.clone()).unwrap_or_else(|| record.to_string());
    let title = found.map(|summary| summary.title.clone()).unwrap_or_default();
    let status = summary(collector, record)?;
    let written = Answers::new();
    if !app.ui.json(&ChangeShape { record: record.to_string(), status, written, member: None }) {
        app.ui.result_text(&Text::new("record-withdrawn-done").with("number", number).with("title", title));
    }
    Ok(())
}

fn summary(collector: &Collector, record: RecordId) -> Result<&'static str, Failure> {
    let records = collector.list(&collector_core::RecordFilter::default())?;
    let found = records.iter().find(|summary| summary.record == record);
    Ok(found.map_or("draft", |summary| summary.status.as_str()))
}
