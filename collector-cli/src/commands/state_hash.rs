//! `state-hash`

use data_encoding::HEXLOWER;
use record_model::AreaCode;

use crate::app::App;
use crate::failure::Failure;
use crate::shapes::StateHashShape;

/// A fingerprint of the records held here: two that hold the same have the same.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the records of this area and all within it.
    #[arg(long, value_name = "CODE")]
    area: Option<AreaCode>,
}

pub(crate) fn run(args: Args, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    let hash = collector.records_hash(args.area.as_ref())?;
    let shape = StateHashShape {
        records_hash: HEXLOWER.encode(&hash.finish()),
        records: hash.records(),
        area: args.area.map(|area| area.to_string()),
    };
    if !app.ui.json(&shape) {
        app.ui.result(&shape.records_hash);
    }
    Ok(())
}
