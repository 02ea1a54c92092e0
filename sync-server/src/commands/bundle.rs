//! `bundle`: takes what laptops without a network sent by stick, mail or messenger, and answers them the same way.

use std::path::{Path, PathBuf};

use bundle_files::{PartError, find_parts, read_part, shown, write_part};
use record_model::SeatId;
use registry_core::{BundleAnswer, BundleFile, Registry, RegistryError, TakenPart};
use sync_protocol::{DEFAULT_PART_BYTES, FileKind};

use super::{App, unique_prefix};
use crate::failure::{Failure, FailureKind};
use crate::views::{BundleExportView, BundleImportView, BundlePartView, WrittenPartView};
use crate::words::msg;

/// Take bundles from laptops without a network, and answer them.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Take what came on a stick: each batch as if it had come over the network, and requests to be enrolled.
    Import(ImportArgs),
    /// Write everything a seat may see, from the beginning, and the files of its forms.
    Export(ExportArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// Files, or the folders they are in; anything else there is passed over.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Where to write the answers: certificates, receipts, and what is new for each laptop.
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
    let (mut taken, mut enrolled, mut parts, mut first_failure) = (Vec::new(), Vec::new(), Vec::new(), None);
    let mut passed_over = found.passed_over;
    for path in &found.parts {
        match take(&open.registry, path) {
            Ok(Taken::Part(part)) => {
                parts.push(BundlePartView::taken(path, &part));
                taken.push(part);
            }
            Ok(Taken::Request(seat, answer)) => {
                parts.push(BundlePartView::enrolled(path, seat));
                enrolled.push((seat, answer));
            }
            Ok(Taken::Nothing) => passed_over += 1,
            // One part that cannot be used keeps no other from being used.
            Err(failure) => {
                parts.push(BundlePartView::refused(path, app.ui.text(&failure.message)));
                first_failure.get_or_insert(failure);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    for part in &parts {
        if part.unread > 0 {
            app.ui.note(&msg("bundle-part-unread").with("file", &part.file).count("items", part.unread));
        }
        if let Some(reason) = &part.reason {
            app.ui.note(&msg("bundle-part-refused").with("file", &part.file).with("reason", reason));
        }
    }
    if taken.is_empty()
        && enrolled.is_empty()
        && let Some(failure) = first_failure
    {
        return Err(failure);
    }
    // What became of the work belongs into the answer.
    open.registry.merge_all()?;
    let mut replies = Vec::new();
    if let Some(folder) = &args.reply {
        let mut answers = Vec::new();
        for (seat, answer) in enrolled {
            replies.push(write_file(&answer, seat, folder)?);
            answers.push(BundleAnswer::from_nothing(seat));
        }
        answers.extend(BundleAnswer::to(taken));
        for answer in answers {
            let seat = answer.seat;
            match write(&open.registry, answer, folder, &args.size) {
                Ok(written) => replies.extend(written),
                // A full stick ends it; one seat's trouble keeps no other from its answer.
                Err(failure) if matches!(failure.kind, FailureKind::System | FailureKind::DiskFull) => {
                    return Err(failure);
                }
                Err(failure) => {
                    let reason = app.ui.text(&failure.message);
                    app.ui.note(&msg("bundle-no-answer").with("seat", seat).with("reason", reason));
                }
            }
        }
    }
    let total = |count: fn(&BundlePartView) -> u64| parts.iter().map(count).sum::<u64>();
    let (deltas, refused) = (total(|part| part.deltas), total(|part| part.refused));
    let view = BundleImportView { parts, passed_over, deltas, refused, replies };
    app.ui.result(&view, |ui| {
        ui.say(&msg("bundle-taken").count("deltas", view.deltas).count("refused", view.refused));
        show_written(ui, &view.replies);
    });
    if args.reply.is_none() {
        app.ui.note(&msg("bundle-no-reply"));
    }
    Ok(())
}

/// What a file brought.
enum Taken {
    Part(TakenPart),
    Request(SeatId, BundleFile),
    /// What we wrote ourselves, still on the stick.
    Nothing,
}

fn take(registry: &Registry, path: &Path) -> Result<Taken, Failure> {
    let file = read_part(path)?;
    Ok(match FileKind::of(&file) {
        FileKind::Part => match registry.take_bundle_part(&file) {
            Err(RegistryError::BundleForDevice) => Taken::Nothing,
            taken => Taken::Part(taken?),
        },
        FileKind::Request => {
            let (seat, answer) = registry.take_enrolment_request(&file)?;
            Taken::Request(seat, answer)
        }
        FileKind::Answer => Taken::Nothing,
    })
}

fn export(app: &App, args: &ExportArgs) -> Result<(), Failure> {
    let open = app.open()?;
    let seats: Vec<SeatId> = open.registry.seats()?.iter().map(|row| row.seat).collect();
    let ids: Vec<String> = seats.iter().map(ToString::to_string).collect();
    let at = unique_prefix(&ids, &args.seat)?.ok_or_else(|| {
        Failure::new(FailureKind::NotFound, msg("seat-unknown").with("seat", &args.seat))
            .hint(msg("hint-device-list"))
    })?;
    if open.registry.seats()?[at].revocation_index.is_some() {
        return Err(Failure::from(RegistryError::Revoked { seat: seats[at] }));
    }
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
    let files = registry.pack_answer(answer, size.bytes())?;
    files.iter().map(|file| write_file(file, seat, folder)).collect()
}

fn write_file(file: &BundleFile, seat: SeatId, folder: &Path) -> Result<WrittenPartView, Failure> {
    let path = write_part(folder, &file.name, &file.bytes)?;
    let size_bytes = file.bytes.len() as u64;
    Ok(WrittenPartView { file: shown(&path), seat, size_bytes })
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
                (FailureKind::System, msg("stick-differs").with("path", shown(path)))
            }
            PartError::NotAPart { ref path } => {
                (FailureKind::Usage, msg("not-a-part").with("path", shown(path)))
            }
            PartError::TooManyEntries { ref path } => {
                (FailureKind::Usage, msg("too-many-entries").with("path", shown(path)))
            }
        };
        Self::new(kind, message).hint(msg("hint-no-parts")).because(error)
    }
}
