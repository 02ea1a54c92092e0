//! The end of an interview: declared finished, numbered, and a slip to hand over.

use collector_core::{Collector, CollectorError, Finalised};
use form_engine::Violation;
use record_model::RecordId;

use crate::app::App;
use crate::failure::Failure;
use crate::form_text;
use crate::messages::Text;
use crate::shapes::{InterviewedRow, ViolationRow};
use crate::slip::slip;
use crate::when;

/// What came of it.
pub(crate) enum Finished {
    /// It has its number.
    Done(Box<InterviewedRow>),
    /// Something must be corrected first.
    Blocked(Vec<Violation>),
}

/// Declares an interview finished.
pub(crate) fn finalise(app: &App, collector: &mut Collector, record: RecordId) -> Result<Finished, Failure> {
    match collector.finalise(record) {
        Ok(done) => Ok(Finished::Done(Box::new(row(app, collector, record, &done)?))),
        Err(CollectorError::Blocked { violations }) => Ok(Finished::Blocked(violations)),
        Err(error) => Err(error.into()),
    }
}

fn row(
    app: &App,
    collector: &mut Collector,
    record: RecordId,
    done: &Finalised,
) -> Result<InterviewedRow, Failure> {
    let open = collector.evaluate(record)?;
    let date = when::date(open.visit, crate::messages::Language::Fr);
    let lang = app.ui.lang();
    let mut warnings: Vec<ViolationRow> =
        done.warnings.iter().map(|violation| ViolationRow::new(violation, lang)).collect();
    if !done.area_is_certified {
        let text = Text::new("area-not-certified").with("area", done.area.as_str());
        warnings.push(ViolationRow {
            id: "area_not_certified".to_owned(),
            path: None,
            kind: "rule",
            level: "warn",
            message: app.ui.text(&text),
        });
    }
    let slip = slip(&open.form, &done.number, &date);
    if slip.telephone_is_placeholder {
        warnings.push(ViolationRow {
            id: "complaint_telephone_is_placeholder".to_owned(),
            path: None,
            kind: "rule",
            level: "warn",
            message: app.ui.text(&Text::new("telephone-is-placeholder")),
        });
    }
    Ok(InterviewedRow {
        record: record.to_string(),
        status: "finalised",
        number: Some(done.number.clone()),
        area: Some(done.area.to_string()),
        slip: slip.lines,
        warnings,
    })
}

/// One finished interview, with the slip.
pub(crate) fn print_finished(app: &mut App, row: &InterviewedRow) {
    for warning in &row.warnings {
        let message = warning.message.as_str();
        app.ui.say(&Text::new("warning").with("message", message));
    }
    app.ui.result_text(
        &Text::new("interview-finished")
            .with("record", row.record.as_str())
            .with("number", row.number.as_deref().unwrap_or_default()),
    );
    app.ui.result("");
    for line in &row.slip {
        app.ui.result(&format!("  {line}"));
    }
}

/// What keeps it open, one a line.
pub(crate) fn texts(violations: &[Violation]) -> impl Iterator<Item = Text> {
    violations.iter().map(form_text::violation)
}
