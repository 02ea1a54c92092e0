//! `bundle`: takes what laptops without a network sent by stick, mail or messenger, and answers them the same way.

use std::path::{Path, PathBuf};

use bundle_files::{PartError, find_parts, read_part, write_part};
use record_model::SeatId;
use registry_core::{BundleAnswer, Registry, TakenPart};
use sync_protocol::DEFAULT_PART_BYTES;

use super::{App, unique_prefix};
use crate::failure::{Failure, FailureKind};
use crate::views::{BundleExportView, BundleImportView, BundlePartView, WrittenPartView};
use crate::words::msg;

/// Take bundles from laptops without a network, and answer them.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Take parts of bundles: each batch in them as if it had come over the network.
    Import(ImportArgs),
    /// Write everything a seat may see, from the beginning, and the files of its forms.
    Export(ExportArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// Files, or the folders they are in; anything else there is passed over.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Where to write the answers: receipts, and what is new for each laptop.
    #[arg(long, value_name = "DIR")]
    reply: Option<PathBuf>,

    #[command(flatten)]
    size: PartSize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Where to write.
    folder: PathBuf,

    /// For which seat, or the beginning of its id (8 characters or more).
    #[arg(long)]
    seat: String,

    #[command(flatten)]
    size: PartSize,
}

#[derive(Debug, clap::Args)]
struct PartSize {
    /// No file larger than so many megabytes: what mail and messengers carry.
    #[arg(long, value_name = "MB", default_value_t = (DEFAULT_PART_BYTES / BYTES_PER_MB) as u32,
          value_parser = clap::value_parser!(u32).range(1..=60))]
    max_size: u32,
}

const BYTES_PER_MB: usize = 1_000_000;

impl PartSize {
    fn bytes(&self) -> usize {
        self.max_size as usize * BYTES_PER_MB
    }
}

pub(crate) fn run(app: &App, command: Command) -> Result<(), Failure> {
    match command {
        Command::Import(args) => import(app, &args),
        Command::Export(args) => export(app, &args),
    }
}

fn import(app: &App, args: &ImportArgs) -> Result<(), Failure> {
    let found = find_parts(&args.paths)?;
    if found.parts.is_empty() {
        let none = msg("bundle-no-parts").count("others", found.passed_over);
        return Err(Failure::new(FailureKind::NotFound, none).hint(msg("hint-no-parts")));
    }
    let open = app.open()?;
    let bar = app.ui.progress(found.parts.len() as u64);
    let (mut taken, mut parts, mut first_failure) = (Vec::new(), Vec::new(), None);
    for path in &found.parts {
        let (view, outcome) = match take(&open.registry, path) {
            Ok(part) => (BundlePartView::taken(path, &part), Ok(part)),
            // One part that cannot be used keeps no other from being used.
            Err(failure) => (BundlePartView::refused(path, app.ui.text(&failure.message)), Err(failure)),
        };
        parts.push(view);
        match outcome {
            Ok(part) => taken.push(part),
            Err(failure) => drop(first_failure.get_or_insert(failure)),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for part in &parts {
        if let Some(reason) = &part.reason {
            app.ui.note(&msg("bundle-part-refused").with("file", &part.file).with("reason", reason));
        }
    }
    if taken.is_empty()
        && let Some(failure) = first_failure
    {
        return Err(failure);
    }
    // What became of the work belongs into the answer.
    open.registry.merge_all()?;
    let mut replies = Vec::new();
    if let Some(folder) = &args.reply {
        for answer in BundleAnswer::to(taken) {
            replies.extend(write(&open.registry, answer, folder, &args.size)?);
        }
    }
    let total = |count: fn(&BundlePartView) -> u64| parts.iter().map(count).sum::<u64>();
    let (deltas, refused) = (total(|part| part.deltas), total(|part| part.refused));
    let view = BundleImportView { parts, passed_over: found.passed_over, deltas, refused, replies };
    app.ui.result(&view, |ui| {
        ui.say(&msg("bundle-taken").count("deltas", view.deltas).count("refused", view.refused));
        show_written(ui, &view.replies);
    });
    if args.reply.is_none() {
        app.ui.note(&msg("bundle-no-reply"));
    }
    Ok(())
}

fn take(registry: &Registry, path: &Path) -> Result<TakenPart, Failure> {
    let bytes = read_part(path)?;
    Ok(registry.take_bundle_part(&bytes)?)
}

fn export(app: &App, args: &ExportArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let seats: Vec<SeatId> = open.registry.seats()?.iter().map(|row| row.seat).collect();
    let ids: Vec<String> = seats.iter().map(ToString::to_string).collect();
    let at = unique_prefix(&ids, &args.seat)?.ok_or_else(|| {
        Failure::new(FailureKind::NotFound, msg("seat-unknown").with("seat", &args.seat))
            .hint(msg("hint-device-list"))
    })?;
    open.registry.merge_all()?;
    let files = write(&open.registry, BundleAnswer::from_nothing(seats[at]), &args.folder, &args.size)?;
    let view = BundleExportView { seat: seats[at], files };
    app.ui.result(&view, |ui| show_written(ui, &view.files));
    Ok(())
}

fn write(
    registry: &Registry,
    answer: BundleAnswer,
    folder: &Path,
    size: &PartSize,
) -> Result<Vec<WrittenPartView>, Failure> {
    let seat = answer.seat;
    let mut written = Vec::new();
    for file in registry.pack_answer(answer, size.bytes())? {
        let path = write_part(folder, &file.name, &file.bytes)?;
        let size_bytes = file.bytes.len() as u64;
        written.push(WrittenPartView { file: path.display().to_string(), seat, size_bytes });
    }
    Ok(written)
}

fn show_written(ui: &crate::ui::Ui, files: &[WrittenPartView]) {
    for written in files {
        ui.line(&written.file);
    }
    if !files.is_empty() {
        ui.say(&msg("bundle-written").count("files", files.len() as u64));
    }
}

impl From<PartError> for Failure {
    fn from(error: PartError) -> Self {
        let (kind, message) = match error {
            PartError::File { path, source } => return Self::file(&path, source),
            PartError::Differs { ref path } => {
                (FailureKind::System, msg("stick-differs").with("path", path.display()))
            }
            PartError::NotAPart { ref path } => {
                (FailureKind::Usage, msg("not-a-part").with("path", path.display()))
            }
            PartError::TooManyEntries { ref path } => {
                (FailureKind::Usage, msg("too-many-entries").with("path", path.display()))
            }
        };
        Self::new(kind, message).hint(msg("hint-no-parts")).because(error)
    }
}
