//! `record add-member`, `record remove-member`

use collector_core::{Collector, Interview};
use record_model::{Answers, RecordId};

use super::RecordRef;
use super::set::{Assignment, print};
use crate::answers::Household;
use crate::app::App;
use crate::clock;
use crate::failure::{Failure, Kind};
use crate::form_text::person_repeat;
use crate::interview::correct;
use crate::messages::Text;

/// Adds a member to a household.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Its number, its id or the beginning of one, or its place in `record list`.
    #[arg(value_name = "RECORD")]
    record: RecordRef,
    /// The new member's answers: a question's name, =, the answer.
    #[arg(value_name = "NAME=VALUE")]
    answers: Vec<Assignment>,
    /// Which list of the form, when people are not meant.
    #[arg(long, value_name = "NAME")]
    repeat: Option<String>,
}

/// Removes a member from a household, with the reason. What was said stays in the history.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// Its number, its id or the beginning of one, or its place in `record list`.
    #[arg(value_name = "RECORD")]
    record: RecordRef,
    /// The member: place in the household as `record show` counts, or id.
    #[arg(value_name = "MEMBER")]
    member: String,
    /// Why, such as moved away.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Which list of the form, when people are not meant.
    #[arg(long, value_name = "NAME")]
    repeat: Option<String>,
}

pub(super) fn add(args: &AddArgs, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    clock::confirm(app, &mut collector)?;
    let record = args.record.find(&collector)?;
    let repeat = repeat(&mut collector, record, args.repeat.as_deref())?;
    if args.answers.is_empty() {
        let instance = collector.add_instance(record, &repeat, None)?;
        return print(app, &collector, record, Answers::new(), Some(format!("{repeat}/{instance}")));
    }
    let household: Household = args
        .answers
        .iter()
        .map(|answer| (format!("{repeat}[1]/{}", answer.path), answer.value.as_str().into()))
        .collect();
    let written = correct(app, &mut collector, record, &household)?;
    print(app, &collector, record, written.answers, written.added.into_iter().next())
}

pub(super) fn remove(args: &RemoveArgs, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    clock::confirm(app, &mut collector)?;
    let record = args.record.find(&collector)?;
    let repeat = repeat(&mut collector, record, args.repeat.as_deref())?;
    let open = collector.evaluate(record)?;
    let prefix = member(&open, &repeat, &args.member)?;
    collector.remove_instance(record, &prefix, &args.reason)?;
    print(app, &collector, record, Answers::new(), Some(prefix))
}

fn repeat(collector: &mut Collector, record: RecordId, told: Option<&str>) -> Result<String, Failure> {
    if let Some(told) = told {
        return Ok(told.to_owned());
    }
    let open = collector.evaluate(record)?;
    person_repeat(&open.form).ok_or_else(|| Failure::new(Kind::Usage, Text::new("error-which-repeat")))
}

/// By place, by id, or by the beginning of an id.
fn member(open: &Interview, repeat: &str, told: &str) -> Result<String, Failure> {
    let instances = open.evaluation.instances_in(repeat, "");
    let wanted = told.trim().to_uppercase();
    let wanted = wanted.rsplit('/').next().unwrap_or_default();
    let by_place = wanted.parse::<usize>().ok().and_then(|place| instances.get(place.checked_sub(1)?));
    let fits: Vec<_> = instances.iter().filter(|instance| instance.to_string().starts_with(wanted)).collect();
    let found = by_place.or(match fits[..] {
        [only] if !wanted.is_empty() => Some(only),
        _ => None,
    });
    found.map(|instance| format!("{repeat}/{instance}")).ok_or_else(|| {
        Failure::new(
            Kind::NotFound,
            Text::new("error-unknown-member").with("member", told).with("count", instances.len()),
        )
    })
}
