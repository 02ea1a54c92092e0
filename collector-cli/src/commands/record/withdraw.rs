//! `record withdraw`

use super::RecordRef;
use super::set::print_withdrawn;
use crate::app::App;
use crate::clock;
use crate::failure::Failure;

/// Withdraws a record, with the reason. What it says stays in the history.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its number, its id or the beginning of one, or its place in `record list`.
    #[arg(value_name = "RECORD")]
    record: RecordRef,
    /// Why, such as recorded twice.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(super) fn run(args: &Args, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    clock::confirm(app, &mut collector)?;
    let record = args.record.find(&collector)?;
    collector.withdraw(record, &args.reason)?;
    print_withdrawn(app, &collector, record)
}
