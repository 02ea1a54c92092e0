//! `relay push`

use std::path::{Path, PathBuf};
use std::time::Duration;

use bundle_files::{find_parts, read_part, write_part};
use collector_core::{
    BundleExport, BundleImport, Collector, MAX_RELAY_PARTS, PartOffer, RELAY_PART_BYTES, RelayPush,
    RelayPushEffect, RelayPushEvent, RelayWords,
};
use data_encoding::BASE32_NOPAD;

use super::super::bundle::{add, print_received};
use super::super::sync::reasons;
use crate::app::App;
use crate::clock;
use crate::failure::{Failure, Kind};
use crate::frames::Frames;
use crate::messages::Text;
use crate::platform;
use crate::shapes::RelayPushShape;

/// How long a relay may take for one frame: it writes, and reads back, before it answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Hands everything that head office has not confirmed to a colleague's computer, sealed, and takes what waits there.
/// Nothing counts as sent before the answer of head office comes back.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The address that the colleague's computer shows.
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// The words that the colleague reads aloud; asked for otherwise.
    #[arg(long, value_name = "WORDS")]
    words: Option<String>,
}

/// What one meeting brought.
#[derive(Default)]
struct Met {
    handed_over: u64,
    already_there: u64,
    replies: u64,
    replies_left: u64,
    brought: BundleImport,
    /// Why the first reply could not be used, when one could not.
    first_refusal: Option<Failure>,
}

pub(crate) fn run(args: &Args, app: &mut App) -> Result<(), Failure> {
    let words = words(args, app)?;
    let mut collector = app.unlock()?;
    clock::confirm(app, &mut collector)?;
    let export = collector.export_bundle(RELAY_PART_BYTES)?;
    let parts = kept(collector.home().root(), &export)?;
    let mut frames = Frames::connect(&args.address).map_err(|error| {
        let text = Text::new("error-relay-none").with("address", args.address.trim());
        Failure::new(Kind::NoServer, text.with("reason", error.to_string()))
            .hint(Text::new("hint-relay-address"))
            .source(error)
    })?;
    let mut met = Met::default();
    let ended = meet(&mut frames, words, &parts, &mut collector, app, &mut met);
    app.learn_zone(&mut collector)?;
    let left = collector.status()?.deltas.to_send.deltas;
    if let Err(failure) = ended {
        let done = met.handed_over + met.already_there;
        let so_far = Text::new("relay-so-far").with("parts", done).with("replies", met.replies);
        return Err(failure.details([so_far, Text::new("sync-nothing-lost").with("left", left)]));
    }
    print(app, &export, &met, left);
    Ok(())
}

/// As told, else asked for. Words that are not of the list are not tried: a try counts.
fn words(args: &Args, app: &mut App) -> Result<RelayWords, Failure> {
    let typed = match &args.words {
        Some(told) => Some(told.clone()),
        None if app.ui.is_interactive() => {
            let prompt = format!("{} ", app.ui.text(&Text::new("ask-relay-words")));
            app.ui.ask(&prompt)?
        }
        None => None,
    };
    typed.unwrap_or_default().parse().map_err(|error| {
        Failure::new(Kind::Usage, Text::new("error-relay-no-words"))
            .hint(Text::new("hint-relay-words"))
            .source(error)
    })
}

/// The files of this bundle. One that says the same as the last is that one: what a relay has of it is not sent twice.
fn kept(home: &Path, export: &BundleExport) -> Result<Vec<(PathBuf, PartOffer)>, Failure> {
    let all = home.join("handing-over");
    let own = all.join(BASE32_NOPAD.encode(&export.content[..10]));
    let older = std::fs::read_dir(&all).into_iter().flatten().flatten();
    for entry in older.filter(|entry| entry.path() != own) {
        let path = entry.path();
        // Only what was packed here, and is packed again as long as no receipt covers it.
        std::fs::remove_dir_all(&path).map_err(|error| Failure::file(&path, error))?;
    }
    let lying = if own.is_dir() { find_parts(std::slice::from_ref(&own))?.parts } else { Vec::new() };
    let paths = if lying.len() == export.files.len() {
        lying
    } else {
        if own.is_dir() {
            std::fs::remove_dir_all(&own).map_err(|error| Failure::file(&own, error))?;
        }
        let written = export.files.iter().map(|file| write_part(&own, &file.name, &file.bytes));
        written.collect::<Result<Vec<_>, _>>()?
    };
    let offered = |path: PathBuf| {
        let offer = PartOffer::of(&read_part(&path)?);
        Ok((path, offer))
    };
    // What one meeting cannot offer is left for the next: its receipts make room.
    paths.into_iter().take(MAX_RELAY_PARTS).map(offered).collect()
}

fn meet(
    frames: &mut Frames,
    words: RelayWords,
    parts: &[(PathBuf, PartOffer)],
    collector: &mut Collector,
    app: &mut App,
    met: &mut Met,
) -> Result<(), Failure> {
    let mut seed = [0; collector_core::RELAY_SEED_BYTES];
    app.randomness().fill(&mut seed);
    let mut session = RelayPush::new(words, seed, parts.iter().map(|(_, offer)| *offer).collect());
    let bar = app.ui.progress(parts.len() as u64, &Text::new("relay-handing-over"));
    let mut effects = session.handle(RelayPushEvent::Connected);
    loop {
        let mut next = Vec::new();
        for effect in effects {
            let event = match effect {
                RelayPushEffect::Send(frame) => {
                    match frames.send(&frame, platform::stopwatch() + ANSWER_TIMEOUT) {
                        Ok(()) => continue,
                        Err(_) => RelayPushEvent::Disconnected,
                    }
                }
                RelayPushEffect::Sign { binding } => RelayPushEvent::Signed(collector.prove_seat(&binding)),
                RelayPushEffect::Load { place } => RelayPushEvent::Loaded(
                    parts.get(place).map_or(Ok(Vec::new()), |(path, _)| read_part(path))?,
                ),
                RelayPushEffect::HandedOver { already, .. } => {
                    *if already { &mut met.already_there } else { &mut met.handed_over } += 1;
                    bar.inc(1);
                    continue;
                }
                RelayPushEffect::Use { part } => RelayPushEvent::Used(import(collector, &part, met)),
                RelayPushEffect::Finish => {
                    bar.finish_and_clear();
                    return Ok(());
                }
                RelayPushEffect::Fail(failure) => {
                    bar.finish_and_clear();
                    return Err(failure.into());
                }
            };
            next.extend(session.handle(event));
        }
        if next.is_empty() {
            let event = match frames.receive(platform::stopwatch() + ANSWER_TIMEOUT) {
                Ok(frame) => RelayPushEvent::Received(frame),
                Err(_) => RelayPushEvent::Disconnected,
            };
            next = session.handle(event);
        }
        effects = next;
    }
}

/// True when the reply was used. One that cannot be stays with the relay.
fn import(collector: &mut Collector, part: &[u8], met: &mut Met) -> bool {
    match collector.import_bundle_part(part) {
        Ok(brought) => {
            met.replies += 1;
            add(&mut met.brought, brought);
            true
        }
        Err(error) => {
            met.replies_left += 1;
            met.first_refusal.get_or_insert_with(|| error.into());
            false
        }
    }
}

fn print(app: &mut App, export: &BundleExport, met: &Met, left: u64) {
    let brought = &met.brought;
    let shape = RelayPushShape {
        signed: export.cut,
        deltas: export.deltas,
        handed_over: met.handed_over,
        already_there: met.already_there,
        replies: met.replies,
        replies_left: met.replies_left,
        delivered: brought.delivered,
        refused: reasons(&brought.refused),
        received: brought.pulled,
        applied: brought.applied.applied,
        held: brought.applied.held,
        set_aside: brought.applied.quarantined,
        files: brought.files,
        waiting_pages: brought.waiting,
        still_to_send: left,
    };
    if let Some(failure) = &met.first_refusal {
        let reason = app.ui.text(&failure.message);
        app.ui.say(&Text::new("relay-reply-left").with("count", met.replies_left).with("reason", reason));
    }
    if app.ui.json(&shape) {
        return;
    }
    let handed = Text::new("relay-handed-over").with("deltas", shape.deltas).with("parts", shape.handed_over);
    app.ui.result_text(&handed.with("already", shape.already_there));
    app.ui.result_text(&Text::new("relay-replies").with("parts", shape.replies));
    print_received(app, brought, left);
    if left > 0 {
        app.ui.say(&Text::new("relay-not-delivered"));
    }
}
