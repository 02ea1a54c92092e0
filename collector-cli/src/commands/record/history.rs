//! `record history`

use collector_core::{HistoryEntry, HistoryEvent, Interview, Progress};
use record_model::{Marker, OutcomeCode, ReasonCode, Value};

use super::RecordRef;
use super::show::author;
use crate::app::App;
use crate::commands::sync::reason_text;
use crate::failure::Failure;
use crate::form_text::{path_words, value_words};
use crate::messages::Text;
use crate::shapes::{ChangedAnswer, HistoryRow, HistoryShape};
use crate::when;

/// Shows how a record came to what it says: who wrote what, when, and how far it has come.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its number, its id or the beginning of one, or its place in `record list`.
    #[arg(value_name = "RECORD")]
    record: RecordRef,
}

pub(super) fn run(args: &Args, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    let record = args.record.find(&collector)?;
    let entries = collector.history(record)?;
    let shape = HistoryShape { record: record.to_string(), entries: entries.iter().map(row).collect() };
    if app.ui.json(&shape) {
        return Ok(());
    }
    if entries.is_empty() {
        app.ui.result_text(&Text::new("history-none"));
    }
    let open = collector.evaluate(record).ok();
    for entry in &entries {
        print(app, entry, open.as_ref());
    }
    Ok(())
}

fn row(entry: &HistoryEntry) -> HistoryRow {
    let (event, answers, reason) = match &entry.event {
        HistoryEvent::Change { answers, finalised, .. } => {
            let changed = answers
                .iter()
                .map(|(path, before, after)| ChangedAnswer {
                    path: path.to_string(),
                    before: before.clone(),
                    after: after.clone(),
                })
                .collect();
            (if *finalised { "answered_and_finalised" } else { "answered" }, changed, None)
        }
        HistoryEvent::Finalised => ("finalised", Vec::new(), None),
        HistoryEvent::Withdrawn { reason } => ("withdrawn", Vec::new(), Some(reason.clone())),
        HistoryEvent::Decided { reason, .. } => ("decided", Vec::new(), Some(reason.clone())),
        _ => ("other", Vec::new(), None),
    };
    let (progress, reason_code) = progress(entry.progress);
    HistoryRow {
        delta: entry.delta.to_string(),
        at: when::rfc3339(entry.at),
        event,
        by: author(&entry.by),
        answers,
        reason,
        progress,
        reason_code: reason_code.map(ReasonCode::as_str),
    }
}

fn progress(progress: Progress) -> (&'static str, Option<ReasonCode>) {
    match progress {
        Progress::ToSend => ("to_send", None),
        Progress::Delivered => ("delivered", None),
        Progress::Outcome(OutcomeCode::Merged, _) => ("merged", None),
        Progress::Outcome(OutcomeCode::Held, reason) => ("held", reason),
        Progress::Outcome(OutcomeCode::Quarantined, reason) => ("set_aside", reason),
        Progress::Outcome(OutcomeCode::Forked, reason) => ("forked", reason),
        Progress::Refused(reason) => ("refused", reason),
        Progress::Pulled => ("received", None),
        Progress::Held => ("held", None),
        Progress::Quarantined(reason) => ("set_aside", Some(reason)),
        _ => ("other", None),
    }
}

/// The places and ids of members, and the mark that a choice was answered at all, say nothing to a person.
fn is_for_people(path: &str) -> bool {
    !path.ends_with(Marker::Order.as_str())
        && !path.ends_with(Marker::Person.as_str())
        && !path.ends_with('#')
}

/// What a marker is called.
fn marker_key(leaf: &str) -> Option<&'static str> {
    match leaf {
        "@number" => Some("marker-number"),
        "@removed" => Some("marker-removed"),
        _ => None,
    }
}

fn print(app: &mut App, entry: &HistoryEntry, open: Option<&Interview>) {
    let row = row(entry);
    let at = when::date_time(entry.at, &app.zone.get(), app.ui.catalogue.language);
    let person = entry.by.person.clone().unwrap_or_else(|| app.ui.text(&Text::new("history-office")));
    let device = entry.by.device.clone().unwrap_or_default();
    let event = app.ui.text(&Text::new(format!("event-{}", row.event.replace('_', "-"))));
    let mut progress_text = app.ui.text(&Text::new(format!("delta-{}", row.progress.replace('_', "-"))));
    if let (_, Some(reason)) = progress(entry.progress) {
        progress_text = format!("{progress_text} ({})", app.ui.text(&reason_text(reason)));
    }
    app.ui.result(&format!("{at}  {person}, {device}  {event}  [{progress_text}]"));
    if let Some(reason) = &row.reason {
        app.ui.result(&format!("    {reason}"));
    }
    let lang = app.ui.lang();
    for answer in row.answers.iter().filter(|answer| is_for_people(&answer.path)) {
        let words = match (answer.path.rsplit('/').next().and_then(marker_key), open) {
            (Some(key), _) => app.ui.text(&Text::new(key)),
            (None, Some(open)) => path_words(open, &answer.path, lang),
            (None, None) => answer.path.clone(),
        };
        let value = |value: &Value| match (value, open) {
            (Value::Null, _) => "—".to_owned(),
            (Value::Bool(true), _) => app.ui.text(&Text::new("ticked")),
            (Value::Bool(false), _) => app.ui.text(&Text::new("not-ticked")),
            (value, Some(open)) => value_words(open, &answer.path, value, lang),
            (value, None) => value.to_string(),
        };
        let line = format!("    {words} : {} -> {}", value(&answer.before), value(&answer.after));
        app.ui.result(&line);
    }
}
