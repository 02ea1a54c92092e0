//! `record list`

use collector_core::{RecordFilter, RecordProgress, RecordStatus, RecordSummary};
use record_model::{AreaCode, Instant, Lineage};

use crate::app::App;
use crate::commands::sync::{reason_text, todo_text};
use crate::failure::Failure;
use crate::messages::Text;
use crate::shapes::{RecordRow, RecordsShape};
use crate::when;

/// Lists records, the latest changed first.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only records whose name or number contains this.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only records of this form.
    #[arg(long, value_name = "FORM")]
    form: Option<Lineage>,
    /// Only records of this area.
    #[arg(long, value_name = "CODE")]
    area: Option<AreaCode>,
    /// Only records in this state.
    #[arg(long, value_name = "STATE")]
    state: Option<State>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum State {
    Draft,
    Finalised,
    Withdrawn,
}

pub(super) fn run(args: Args, app: &mut App) -> Result<(), Failure> {
    let collector = app.unlock()?;
    let whole = args.form.is_none() && args.area.is_none() && args.state.is_none() && args.search.is_none();
    let filter = RecordFilter {
        lineage: args.form,
        areas: args.area.map(|area| vec![area]),
        status: args.state.map(|state| match state {
            State::Draft => RecordStatus::Draft,
            State::Finalised => RecordStatus::Finalised,
            State::Withdrawn => RecordStatus::Withdrawn,
        }),
        search: args.search,
        limit: args.limit,
    };
    let records = collector.list(&filter)?;
    let shape = RecordsShape { records: records.iter().map(RecordRow::from).collect() };
    if app.ui.json(&shape) {
        return Ok(());
    }
    if records.is_empty() {
        app.ui.result_text(&Text::new("record-none"));
    }
    let now = collector.visit_now().at;
    let rows: Vec<Vec<String>> = records
        .iter()
        .enumerate()
        .map(|(at, record)| {
            // A place in a filtered list names nothing.
            let place = if whole { (at + 1).to_string() } else { String::new() };
            vec![
                place,
                record.number.clone().unwrap_or_else(|| record.record.to_string().chars().take(8).collect()),
                record.title.clone(),
                states(app, record, now),
            ]
        })
        .collect();
    app.ui.table(&rows);
    Ok(())
}

/// Where a record is, in the words of the field: its life, how far it has come, and what a person should look at.
pub(super) fn states(app: &App, record: &RecordSummary, now: Instant) -> String {
    let mut words = vec![Text::new(format!("status-{}", record.status.as_str()))];
    // An interview in progress has said so already.
    if record.progress != RecordProgress::InProgress || record.status != RecordStatus::Draft {
        words.push(progress(record.progress, now));
    }
    let is_in_review = record.progress == RecordProgress::InReview;
    if record.open_items > 0 && !is_in_review {
        words.push(Text::new("state-open-items"));
    }
    let words: Vec<String> = words.iter().map(|text| app.ui.text(text)).collect();
    words.join(" · ")
}

fn progress(progress: RecordProgress, now: Instant) -> Text {
    match progress {
        RecordProgress::SetAside { reason: Some(reason) } => Text::new("progress-set-aside")
            .with("reason", reason_text(reason))
            .with("todo", todo_text(reason)),
        RecordProgress::ToSend { since } => {
            let age = now.unix_ms().saturating_sub(since.unix_ms());
            Text::new("progress-to-send").with("age", when::age(age))
        }
        other => Text::new(format!("progress-{}", other.as_str().replace('_', "-"))),
    }
}
