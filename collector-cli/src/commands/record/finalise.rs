//! `record finalise`

use jiff::civil::Date;

use super::RecordRef;
use crate::app::App;
use crate::clock;
use crate::failure::{Failure, Kind};
use crate::form_text;
use crate::interview::{Finished, finalise, print_finished};
use crate::messages::Text;
use crate::shapes::InterviewShape;
use crate::when::date_argument;

/// Declares an interview finished: checks every rule, gives the household its number and its slip.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its number, its id or the beginning of one, or its place in `record list`.
    #[arg(value_name = "RECORD")]
    record: RecordRef,
    /// Date of the visit, when it is not the one the interview began with.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date_argument)]
    visit_date: Option<Date>,
}

pub(super) fn run(args: &Args, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    let record = args.record.find(&collector)?;
    let other_date = match args.visit_date {
        Some(date) => Some(date),
        None => clock::confirm(app, &mut collector)?,
    };
    if other_date.is_some() {
        let visit = clock::visit(app, &mut collector, other_date)?;
        collector.visit(record, visit)?;
    }
    match finalise(app, &mut collector, record)? {
        Finished::Done(row) => {
            let shape = InterviewShape { records: vec![*row], blocked: Vec::new() };
            if !app.ui.json(&shape) {
                print_finished(app, &shape.records[0]);
            }
            Ok(())
        }
        Finished::Blocked(violations) => {
            let text = Text::new("error-blocked").with("count", violations.len());
            let details = violations.iter().map(form_text::violation);
            Err(Failure::new(Kind::InvalidAnswers, text).details(details))
        }
    }
}
