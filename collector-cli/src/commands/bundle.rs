//! `bundle`

use std::path::{Path, PathBuf};

use bundle_files::{PartError, find_parts, read_part, shown, write_part};
use clap::Subcommand;
use collector_core::{BundleError, BundleImport, Collector, CollectorError, DEFAULT_PART_BYTES, FileKind};

use super::sync::{reason_text, reasons};
use crate::app::App;
use crate::clock;
use crate::failure::{Failure, Kind};
use crate::messages::Text;
use crate::shapes::{BundleExportShape, BundleImportShape, BundlePartShape, WrittenPartShape};

/// Sends and receives without a network: by USB stick, mail or messenger.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Export(ExportArgs),
    Import(ImportArgs),
}

/// Writes everything that head office has not confirmed, sealed for head office. Nothing counts as sent before its answer
/// is imported here.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Where to write: a folder on the stick, for one.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// No file larger than so many megabytes: what mail and messengers carry.
    #[arg(long, value_name = "MB", default_value_t = (DEFAULT_PART_BYTES / BYTES_PER_MB) as u32,
          value_parser = clap::value_parser!(u32).range(1..=60))]
    max_size: u32,
}

/// Takes what head office answered: files, or the folders they are in. Anything else there is passed over.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// Files or folders.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

const BYTES_PER_MB: usize = 1_000_000;

pub(crate) fn run(command: Command, app: &mut App) -> Result<(), Failure> {
    match command {
        Command::Export(args) => export(&args, app),
        Command::Import(args) => import(&args, app),
    }
}

fn export(args: &ExportArgs, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    clock::confirm(app, &mut collector)?;
    let export = collector.export_bundle(args.max_size as usize * BYTES_PER_MB)?;
    let bar = app.ui.progress(export.files.len() as u64, &Text::new("bundle-writing"));
    let mut files = Vec::with_capacity(export.files.len());
    for file in &export.files {
        let path = write_part(&args.folder, &file.name, &file.bytes)?;
        files.push(WrittenPartShape { file: shown(&path), size_bytes: file.bytes.len() as u64 });
        bar.inc(1);
    }
    bar.finish_and_clear();
    let shape = BundleExportShape {
        bundle: export.bundle.to_string(),
        signed: export.cut,
        deltas: export.deltas,
        files,
    };
    if app.ui.json(&shape) {
        return Ok(());
    }
    for written in &shape.files {
        app.ui.result(&written.file);
    }
    let count = shape.files.len();
    app.ui.result_text(&Text::new("bundle-written").with("deltas", shape.deltas).with("files", count));
    app.ui.result_text(&Text::new("bundle-may-unplug"));
    app.ui.say(&Text::new("bundle-not-delivered"));
    Ok(())
}

fn import(args: &ImportArgs, app: &mut App) -> Result<(), Failure> {
    let found = find_parts(&args.paths)?;
    if found.parts.is_empty() {
        let passed_over = found.passed_over;
        return Err(Failure::new(Kind::NotFound, Text::new("error-no-parts").with("others", passed_over))
            .hint(Text::new("hint-no-parts")));
    }
    let mut collector = app.unlock()?;
    let bar = app.ui.progress(found.parts.len() as u64, &Text::new("bundle-reading"));
    let mut total = BundleImport::default();
    let (mut parts, mut refused, mut for_others) = (Vec::new(), Vec::new(), 0);
    for path in &found.parts {
        match import_one(&mut collector, path) {
            // One stick serves many.
            Ok(None) => for_others += 1,
            Ok(Some(part)) => {
                add(&mut total, part);
                parts.push(BundlePartShape { file: shown(path), taken: true, reason: None });
            }
            // One part that cannot be used keeps no other from being used.
            Err(failure) => {
                let reason = Some(app.ui.text(&failure.message));
                parts.push(BundlePartShape { file: shown(path), taken: false, reason });
                refused.push((path, failure));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    app.learn_zone(&mut collector)?;
    let left = collector.status()?.deltas.to_send.deltas;
    for (path, failure) in &refused {
        let line = Text::new("bundle-part-refused").with("file", shown(path));
        app.ui.say(&line.with("reason", app.ui.text(&failure.message)));
    }
    if refused.len() == parts.len() {
        let nothing = || {
            let text = Text::new("error-nothing-for-here").with("others", for_others);
            Failure::new(Kind::NotFound, text).hint(Text::new("hint-nothing-for-here"))
        };
        return Err(refused.pop().map_or_else(nothing, |(_, failure)| failure));
    }
    let passed_over = found.passed_over;
    let shape = BundleImportShape {
        parts,
        passed_over,
        for_others,
        delivered: total.delivered,
        refused: reasons(&total.refused),
        received: total.pulled,
        applied: total.applied.applied,
        held: total.applied.held,
        set_aside: total.applied.quarantined,
        files: total.files,
        waiting_pages: total.waiting,
        still_to_send: left,
    };
    if !app.ui.json(&shape) {
        print_received(app, &total, left);
    }
    Ok(())
}

/// None: it is for somebody else.
fn import_one(collector: &mut Collector, path: &Path) -> Result<Option<BundleImport>, Failure> {
    let bytes = read_part(path)?;
    if FileKind::of(&bytes) != FileKind::Part {
        return Ok(None);
    }
    match collector.import_bundle_part(&bytes) {
        Ok(brought) => Ok(Some(brought)),
        Err(CollectorError::BundleForRegistry | CollectorError::Bundle(BundleError::SealedToAnother)) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// One part more. What is held and what waits is so now, and not in each part.
pub(super) fn add(total: &mut BundleImport, part: BundleImport) {
    total.delivered += part.delivered;
    total.pulled += part.pulled;
    total.files += part.files;
    total.applied.applied += part.applied.applied;
    total.applied.quarantined += part.applied.quarantined;
    total.applied.held = part.applied.held;
    total.refused.extend(part.refused);
    total.waiting = part.waiting;
}

/// What came, and what head office has not confirmed yet.
pub(super) fn print_received(app: &mut App, total: &BundleImport, still_to_send: u64) {
    app.ui.result_text(&Text::new("sync-delivered").with("count", total.delivered));
    app.ui.result_text(&Text::new("sync-received").with("count", total.pulled));
    let counted = [
        ("sync-fetched", total.files),
        ("sync-held", total.applied.held),
        ("sync-set-aside", total.applied.quarantined),
    ];
    for (key, count) in counted.into_iter().filter(|(_, count)| *count > 0) {
        app.ui.result_text(&Text::new(key).with("count", count));
    }
    for (reason, count) in &total.refused {
        app.ui.result_text(
            &Text::new("sync-refused").with("count", *count).with("reason", reason_text(*reason)),
        );
    }
    let counted = [("bundle-waiting", total.waiting), ("bundle-still-to-send", still_to_send)];
    for (key, count) in counted.into_iter().filter(|(_, count)| *count > 0) {
        app.ui.result_text(&Text::new(key).with("count", count));
    }
}

impl From<PartError> for Failure {
    fn from(error: PartError) -> Self {
        let at = |key: &'static str, path: &Path| Text::new(key).with("path", shown(path));
        match error {
            PartError::File { path, source } => Self::file(&path, source),
            PartError::Differs { ref path } => {
                let text = at("error-stick-differs", path);
                Self::new(Kind::System, text).hint(Text::new("hint-stick-differs")).source(error)
            }
            PartError::NotAPart { ref path } => {
                let text = at("error-not-a-part", path);
                Self::new(Kind::Usage, text).hint(Text::new("hint-no-parts")).source(error)
            }
            PartError::TooManyEntries { ref path } => {
                let text = at("error-too-many-entries", path);
                Self::new(Kind::Usage, text).hint(Text::new("hint-no-parts")).source(error)
            }
        }
    }
}
