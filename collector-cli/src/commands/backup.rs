//! `backup`

use std::path::PathBuf;

use crate::app::App;
use crate::failure::Failure;
use crate::messages::Text;
use crate::settings::Settings;
use crate::shapes::BackupShape;

/// Writes a copy of the store to a new folder, and reads it back. It opens with the same passphrases.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The new folder.
    #[arg(value_name = "DEST")]
    folder: PathBuf,
}

pub(crate) fn run(args: Args, app: &mut App) -> Result<(), Failure> {
    let collector = app.unlock()?;
    let copy = collector.backup(&args.folder)?;
    Settings::load(collector.home())?.save(&copy)?;
    let shape = BackupShape { folder: copy.root().display().to_string() };
    if !app.ui.json(&shape) {
        app.ui.result_text(&Text::new("backup-done").with("folder", shape.folder));
    }
    Ok(())
}
