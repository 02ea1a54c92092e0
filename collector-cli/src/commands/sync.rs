//! `sync`

use bundle_files::{CarriedFolder, CarriedPart, Keeping, PartError, read_part};
use collector_core::{Collector, HandedIn, SyncProgress, SyncReport, Traffic, Transport};
use record_model::ReasonCode;

use crate::app::App;
use crate::clock;
use crate::failure::{Failure, Kind};
use crate::messages::Text;
use crate::shapes::{CarriedShape, ReasonCount, SyncShape};

/// Sends what waits to head office and fetches what is new. What was sent before the line breaks stays sent.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(Args {}: Args, app: &mut App) -> Result<(), Failure> {
    let mut collector = app.unlock()?;
    let mut transport = app.connect_home(collector.home())?;
    clock::confirm(app, &mut collector)?;
    let waiting = collector.status()?.deltas.to_send.deltas;
    let bar = app.ui.progress(waiting, &Text::new("sync-sending"));
    let (sending, receiving, files) = (
        app.ui.text(&Text::new("sync-sending")),
        app.ui.text(&Text::new("sync-receiving")),
        app.ui.text(&Text::new("sync-files")),
    );
    let outcome = collector.sync(transport.as_mut(), &mut |progress| match progress {
        SyncProgress::Sending { waiting } => {
            bar.set_length(bar.position() + waiting);
            bar.set_message(sending.clone());
        }
        SyncProgress::Delivered { delivered } => bar.set_position(delivered),
        SyncProgress::Received { pulled } => {
            bar.set_message(receiving.clone());
            bar.set_length(pulled);
            bar.set_position(pulled);
        }
        SyncProgress::Fetching { .. } => bar.set_message(files.clone()),
        _ => {}
    });
    bar.finish_and_clear();
    let report = match outcome {
        Ok(report) => report,
        Err(error) => {
            let left = collector.status()?.deltas.to_send.deltas;
            let failure = Failure::from(error);
            // A seat that may not send or see any more can carry what it cannot read.
            if failure.kind != Kind::NoServer
                && let Some(carried) = carry(app, &mut collector, transport.as_mut())?
                && !app.ui.json
            {
                print_carried(app, &carried);
            }
            return Err(failure.details([Text::new("sync-nothing-lost").with("left", left)]));
        }
    };
    app.learn_zone(&mut collector)?;
    let left = collector.status()?.deltas.to_send.deltas;
    let carried = carry(app, &mut collector, transport.as_mut())?;
    print(app, &report, left, carried);
    Ok(())
}

/// Hands in what this computer carries for others, and keeps the replies for them. A part is deleted once the server has
/// it and its replies are on the disk here. None: it carries nothing.
fn carry(
    app: &mut App,
    collector: &mut Collector,
    transport: &mut dyn Transport,
) -> Result<Option<CarriedShape>, Failure> {
    let folder = CarriedFolder::in_home(collector.home().root());
    let mut carried = CarriedShape { handed_in: 0, replies: 0, refused: 0, left: 0, dropped: 0 };
    carried.dropped = folder.drop_old_replies(collector.visit_now().at)?;
    let up: Vec<_> = folder.list()?.into_iter().filter(CarriedPart::is_for_registry).collect();
    let bar = app.ui.progress(up.len() as u64, &Text::new("sync-carrying"));
    let mut stopped = None;
    for part in &up {
        // What a person put there and no part can be.
        let Ok(bytes) = read_part(&part.path) else {
            carried.refused += 1;
            continue;
        };
        match collector.hand_in(transport, &bytes, &mut Traffic::default()) {
            Ok(HandedIn::Taken { replies }) => {
                if let Err(error) = settle(&folder, part, &replies, &mut carried) {
                    stopped = Some(error.into());
                    break;
                }
            }
            // Others may fare better.
            Ok(refused) if refused.is_about_the_part() => carried.refused += 1,
            Ok(HandedIn::Refused { status, code }) => {
                stopped = Some(Failure::refused_by_server(status, &code));
                break;
            }
            Err(error) => {
                stopped = Some(error.into());
                break;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    carried.left = up.len() as u64 - carried.handed_in;
    if let Some(failure) = stopped {
        let reason = app.ui.text(&failure.message);
        app.ui.say(&Text::new("sync-carrying-stopped").with("left", carried.left).with("reason", reason));
    }
    Ok((!up.is_empty() || carried.dropped > 0).then_some(carried))
}

/// The replies first: whoever finds the part gone finds them.
fn settle(
    folder: &CarriedFolder,
    part: &CarriedPart,
    replies: &[Vec<u8>],
    carried: &mut CarriedShape,
) -> Result<(), PartError> {
    for reply in replies {
        // Without room for a reply the owner is answered again when they send again.
        if let Keeping::Kept { dropped } = folder.keep(reply)? {
            carried.replies += 1;
            carried.dropped += dropped;
        }
    }
    folder.forget(&part.path)?;
    carried.handed_in += 1;
    Ok(())
}

fn print_carried(app: &mut App, carried: &CarriedShape) {
    let text = Text::new("sync-carried").with("parts", carried.handed_in).with("replies", carried.replies);
    app.ui.result_text(&text);
    let counted = [
        ("sync-carried-refused", carried.refused),
        ("sync-carried-left", carried.left - carried.refused),
        ("relay-dropped", carried.dropped),
    ];
    for (key, count) in counted.into_iter().filter(|(_, count)| *count > 0) {
        app.ui.result_text(&Text::new(key).with("count", count));
    }
}

fn print(app: &mut App, report: &SyncReport, left: u64, carried: Option<CarriedShape>) {
    let shape = SyncShape {
        signed: report.cut,
        delivered: report.delivered,
        refused: reasons(&report.refused),
        received: report.pulled,
        applied: report.applied.applied,
        held: report.applied.held,
        set_aside: report.applied.quarantined,
        files: report.files,
        requests: report.traffic.requests,
        bytes_up: report.traffic.bytes_up,
        bytes_down: report.traffic.bytes_down,
        still_to_send: left,
        sent_again: report.sent_again,
        carried,
    };
    if app.ui.json(&shape) {
        return;
    }
    if let Some(count) = shape.sent_again {
        app.ui.result_text(&Text::new("sync-restored").with("count", count));
    }
    app.ui.result_text(&Text::new("sync-delivered").with("count", shape.delivered));
    app.ui.result_text(&Text::new("sync-received").with("count", shape.received));
    if shape.files > 0 {
        app.ui.result_text(&Text::new("sync-fetched").with("count", shape.files));
    }
    if shape.held > 0 {
        app.ui.result_text(&Text::new("sync-held").with("count", shape.held));
    }
    if shape.set_aside > 0 {
        app.ui.result_text(&Text::new("sync-set-aside").with("count", shape.set_aside));
    }
    for (reason, count) in &report.refused {
        app.ui.result_text(
            &Text::new("sync-refused").with("count", *count).with("reason", reason_text(*reason)),
        );
    }
    app.ui.result_text(
        &Text::new("sync-traffic")
            .with("up", shape.bytes_up)
            .with("down", shape.bytes_down)
            .with("requests", shape.requests),
    );
    if let Some(carried) = &shape.carried {
        print_carried(app, carried);
    }
}

/// By the stable word.
pub(super) fn reasons(counts: &[(ReasonCode, u64)]) -> Vec<ReasonCount> {
    counts.iter().map(|(reason, count)| ReasonCount { reason: reason.as_str(), count: *count }).collect()
}

/// For a person.
pub(crate) fn reason_text(reason: ReasonCode) -> Text {
    Text::new(format!("reason-{}", reason.as_str().replace('_', "-")))
}

/// What a person does about work that was set aside for this reason. Nothing is lost meanwhile.
pub(crate) fn todo_text(reason: ReasonCode) -> Text {
    Text::new(match reason {
        ReasonCode::Revoked | ReasonCode::UnknownSeat | ReasonCode::BadSignature => "todo-enrol-again",
        ReasonCode::AreaOutsideCertificate
        | ReasonCode::LineageOutsideCertificate
        | ReasonCode::RoleNotAllowed
        | ReasonCode::ClassNotAllowed => "todo-ask-for-rights",
        ReasonCode::UnknownForm | ReasonCode::UnsupportedKind => "todo-form-or-version",
        ReasonCode::Fork
        | ReasonCode::BadChain
        | ReasonCode::UnknownEpoch
        | ReasonCode::MissingChange
        | ReasonCode::UnknownRecord
        | ReasonCode::OtherGeneration => "todo-sync-then-tell",
        _ => "todo-tell",
    })
}
